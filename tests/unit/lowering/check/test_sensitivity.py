"""What a layer alone on codes costs in a metric, on networks whose numbers can be predicted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from middle_networks import apply, images, ops_of, parse, residual

from recog.backend.arithmetic.reference.definition import decode
from recog.backend.interpreters.lns import run_lns
from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import lns
from recog.dialects.errors import RecogError
from recog.lowering.check.compare_layers import compare_layers
from recog.lowering.check.float_network import FloatNetwork
from recog.lowering.check.metrics import Accuracy, Agreement, UserMetric
from recog.lowering.check.sensitivity import MetricCosts, Sensitivity
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass

POWERS = """
!v = tensor<1x2xf32>
!w = tensor<2x2xf32>
!p = !lns.number<5, 0, bias = 8>
func.func @main(%x: !v {lns.format = !p}) -> !v {
  %w = data.constant dense<[[1.0, 1.0], [0.0, 1.0]]> : !w
  %v = data.constant dense<[[1.0, 0.0], [0.0, 2.0]]> : !w
  %0 = nn.linear %x, %w {layer = "first", lns.format = !p} : (!v, !w) -> !v
  %1 = nn.linear %0, %v {layer = "second", lns.format = !p} : (!v, !w) -> !v
  func.return %1 : !v
}
"""
"""(a, b) gives (a + b, b), and that (a + b, 2 b). Codes are powers of two, which all weights are.

(2, 1): float (3, 1), (3, 2): class 0. The first on codes (4, 1), so (4, 2): class 0. The second
on codes of (3, 1), (4, 1): (4, 2): class 0.
(0.25, 1): float (1.25, 1), (1.25, 2): class 1 whatever is on codes.
(1.5, 1.25): 1.5 is 2 in codes, 1.25 is 1. Float (2.75, 1.25), (2.75, 2.5): class 0. The first on
codes gives 3, which is 4, and 1: (4, 2), class 0. The second (2.75, 1.25), that is (2, 1) or
(4, 1) by the nearer logarithm, 2.83 being the border: (2, 2), a tie, class 0.
(1.25, 1.5): 1.25 is 1 in codes, 1.5 is 2. Float (2.75, 1.5), (2.75, 3): class 1. The first on
codes (1, 2) gives 3, which is 4, and 2: (4, 4), a tie, so class 0: it loses. The second on (2, 2):
(2, 4), class 1.
"""
FRAMES = np.array([[2, 1], [0.25, 1], [1.5, 1.25], [1.25, 1.5]], np.float32)
CLASSES = np.array([0, 1, 0, 1])


def costs(metric, inputs=FRAMES, text=POWERS, resamples=1000) -> MetricCosts:
    sensitivity = Sensitivity(metric, resamples)
    compare_layers(parse(text), apply(parse(text), EncodeLnsPass()), [inputs], outputs=sensitivity)
    return sensitivity.costs()


def test_the_layer_that_changes_a_decision_pays():
    found = costs(Agreement())
    assert (found.metric, found.float_metric) == ("agreement %", 100)
    assert list(found.layers) == ["first", "second"]
    first, second = found.layers.values()
    assert (first.metric, first.loss) == (75, 25)
    assert (second.metric, second.loss) == (100, 0)
    # One frame of four loses: a draw of four has it not at all, once, … with (3/4)^4 = 0.32, ….
    assert (first.low, first.high) == (0, 75)
    assert (second.low, second.high) == (0, 0)


def test_accuracy_against_labels():
    found = costs(Accuracy(CLASSES, "data"))
    assert (found.metric, found.float_metric) == ("accuracy %", 100)
    assert [each.loss for each in found.layers.values()] == [25, 0]
    # The layer's mistake is right by these labels: it gains what it lost above.
    found = costs(Accuracy(np.array([0, 1, 0, 0]), "data"))
    assert found.float_metric == 75
    assert [each.loss for each in found.layers.values()] == [-25, 0]


def distances(outputs, targets):
    return -np.abs(outputs - targets).sum(axis=1)


def test_a_function_a_frame_or_of_all_frames():
    """The same metric, of both kinds; the losses follow from the docstring above."""
    targets = np.array([[3, 2], [1.25, 2], [2.75, 2.5], [2.75, 3]], np.float32)
    by_frame = costs(UserMetric(distances, "f.py:f", targets))
    assert by_frame.float_metric == 0
    # First: (4, 2), (1, 2), (4, 2), (4, 4). Second: (4, 2), (1, 2), (2, 2), (2, 4).
    assert by_frame.layers["first"].loss == (1 + 0.25 + 1.75 + 2.25) / 4
    assert by_frame.layers["second"].loss == (1 + 0.25 + 1.25 + 1.75) / 4
    of_all = costs(UserMetric(lambda y, t: float(distances(y, t).mean()), "f.py:g", targets))
    for name, one in by_frame.layers.items():
        all_frames = of_all.layers[name]
        assert all_frames.loss == pytest.approx(one.loss)
        # The same draws, so the same intervals.
        assert (all_frames.low, all_frames.high) == pytest.approx((one.low, one.high))
        assert one.low is not None
        assert one.high is not None
        assert 0.25 <= one.low < one.loss < one.high <= 2.25


class ShareOfFrames:
    """What `Agreement` measures, of parts: whether each frame is decided as in float."""

    name = "share"

    def parts(self, outputs, frames):
        wanted = np.array([0, 1, 0, 1])[frames]
        return [float(each) for each in outputs[0].argmax(1) == wanted]

    def of(self, parts):
        return 100 * float(np.mean(parts))


def test_a_metric_of_parts(monkeypatch: pytest.MonkeyPatch):
    """It has the losses and intervals of the same metric a frame, however frames are divided."""
    wanted = costs(Agreement())
    for frames in (64, 3):
        monkeypatch.setattr("recog.lowering.check.float_network.FRAMES", frames)
        found = costs(ShareOfFrames())
        assert (found.metric, found.float_metric) == ("share", 100)
        assert found.layers == wanted.layers
    assert costs(ShareOfFrames(), resamples=0).layers["first"].low is None


def test_no_intervals():
    found = costs(Agreement(), resamples=0)
    assert [(each.low, each.high) for each in found.layers.values()] == [(None, None)] * 2


def encoded_residual():
    module, x = residual(), images(10)
    calibrate(module, [x], ActivationFormats())
    return module, apply(module.clone(), EncodeLnsPass()), x


def test_only_what_follows_runs_anew(monkeypatch: pytest.MonkeyPatch):
    """And gives what the whole network gives when it runs with the layer's values in place."""
    module, _, x = encoded_residual()
    network = FloatNetwork(module)
    values = network.values([x])
    before = {value: array.copy() for value, array in values.items()}
    convolutions: list[int] = []
    conv2d = F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *a, **k: convolutions.append(1) or conv2d(*a, **k))
    ran: dict[str, int] = {}
    for label, op in network.layers.items():
        changed = (values[op.output] * 1.5 + 0.1).astype(np.float32)
        convolutions.clear()
        found = network.outputs_with(values, label, [changed])
        ran[label] = len(convolutions)
        wanted = run_nn(module, x, constants={op.output: torch.from_numpy(changed)})
        assert len(found) == len(wanted)
        assert all(np.allclose(a, b.numpy(), atol=1e-6) for a, b in zip(found, wanted))
    assert ran["stem.conv"] == 2
    assert ran["block.depthwise"] == 1
    assert ran["block.pointwise"] == ran["fc"] == 0
    assert all(np.array_equal(values[value], array) for value, array in before.items())


def test_the_last_layer_alone_gives_the_outputs_of_its_codes():
    """Its inputs are the float network's in codes, its outputs codes: against the interpreter."""
    module, encoded, x = encoded_residual()
    seen: dict[str, np.ndarray] = {}

    class Seen:
        def begin(self, outputs):
            seen["float"] = outputs[0]

        def add(self, layer, frames, outputs):
            seen[layer] = outputs[0]

    compare_layers(module, encoded, [x], outputs=Seen())
    assert np.array_equal(seen["float"], run_nn(module, x)[0].numpy())
    # One layer alone is nearer to float than all of them together.
    (everything,) = run_lns(encoded, x)
    distance = {name: np.abs(y - seen["float"]).mean() for name, y in seen.items()}
    assert max(distance.values()) < np.abs(everything - seen["float"]).mean()
    (last,) = ops_of(encoded, lns.DecodeOp)
    grid = decode(np.arange(2**last.format.width, dtype=last.format.dtype), last.format)
    assert np.isin(seen["fc"], grid.astype("f4")).all()


def test_any_number_of_frames_at_once(monkeypatch: pytest.MonkeyPatch):
    module, encoded, x = encoded_residual()

    def found(metric):
        sensitivity = Sensitivity(metric, 50)
        layers = compare_layers(module, encoded, [x], outputs=sensitivity)
        return layers, sensitivity.costs()

    at_once = [found(Agreement()), found(UserMetric(lambda y, t: y.mean(), "f", None))]
    monkeypatch.setattr("recog.lowering.check.float_network.FRAMES", 3)
    in_parts = [found(Agreement()), found(UserMetric(lambda y, t: y.mean(), "f", None))]
    for (layers, costs), (layers_in_parts, costs_in_parts) in zip(at_once, in_parts):
        assert costs.layers.keys() == costs_in_parts.layers.keys() == {x.layer for x in layers}
        for one, other in zip(layers, layers_in_parts, strict=True):
            assert one.alone_db == pytest.approx(other.alone_db, rel=1e-3)
            assert one.cumulative_db == pytest.approx(other.cumulative_db, rel=1e-3)
        for name, cost in costs.layers.items():
            assert cost.loss == pytest.approx(costs_in_parts.layers[name].loss, abs=1e-5)


def test_progress_reaches_the_end():
    module, encoded, x = encoded_residual()
    shares: list[float] = []
    compare_layers(module, encoded, [x], outputs=Sensitivity(Agreement()), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) == 9


def two_targets(y, t):
    return np.stack([y, y])


def of_other_frames(y, t):
    return y[:, 0] - y.mean()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda y, t: None, "returned NoneType"),
        (lambda y, t: "good", "returned str"),
        (lambda y, t: y, r"returned numbers of shape \[4, 2\]"),
        (lambda y, t: [[1], [2, 3]], "returned list"),
        (lambda y, t: 1j, "returned complex"),
        (lambda y, t: float("nan"), "returned NaN or infinity"),
        (lambda y, t: y[:, 0] / 0, "returned NaN or infinity"),
        (two_targets, r"returned numbers of shape \[2, 4, 2\]"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_functions_that_return_no_score(function, message):
    with pytest.raises(RecogError, match=rf"f\.py:f: {message}.*float network"):
        costs(UserMetric(function, "f.py:f", None))


def test_a_function_that_fails_for_a_layer_names_it():
    def fails(outputs, targets):
        return float("inf") if outputs[0, 0] == 4 else 1.0

    with pytest.raises(RecogError, match='NaN or infinity.*with layer "first" on codes'):
        costs(UserMetric(fails, "f.py:f", None))


def test_a_number_a_frame_is_of_that_frame(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recog.lowering.check.float_network.FRAMES", 3)
    with pytest.raises(RecogError, match="other numbers for the first 3 frames alone than among"):
        costs(UserMetric(of_other_frames, "f.py:f", None))


def test_outputs_of_all_frames_that_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recog.lowering.check.sensitivity.HELD_BYTES", 40)
    with pytest.raises(RecogError, match="wants all frames at once") as error:
        costs(UserMetric(lambda y, t: y.mean(), "f.py:f", None))
    assert "one number a frame" in str(error.value)


def test_a_function_may_write_on_what_it_gets():
    def writes(outputs, targets):
        result = outputs.sum(axis=1)
        outputs[:] = np.nan
        targets[:] = -1
        return result + targets

    targets = np.arange(4)
    found = costs(UserMetric(writes, "f.py:f", targets))
    assert np.isfinite(found.float_metric)
    assert targets.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0.0, 1, 0, 1]), "targets of float64, accuracy wants integers"),
        (np.array([0, 1, 2, 1]), "label 2, the network has classes 0 to 1"),
        (np.array([0, 1, -1, 1]), "label -1"),
        (np.zeros((4, 2), int), r"targets of shape \[N, 2\], the network decides \[N\]"),
    ],
)
def test_labels_that_are_none(labels, message):
    with pytest.raises(RecogError, match=f"data x.npz: has .*{message}"):
        costs(Accuracy(labels, "data x.npz"))


def test_outputs_that_decide_nothing():
    for output in (np.zeros(3, "f4"), np.zeros((3, 1, 2), "f4")):
        with pytest.raises(RecogError, match="no choice between classes"):
            Agreement().scores((output,), (output,), np.arange(3))
    broken = np.full((3, 2), np.nan, "f4")
    with pytest.raises(RecogError, match="NaN or infinity"):
        Agreement().scores((broken,), (broken,), np.arange(3))


def test_a_class_a_pixel():
    scores = np.zeros((2, 3, 1, 2), "f4")
    scores[0, 2, 0, 1] = 1
    found = Accuracy(np.array([[[0, 2]], [[0, 1]]]), "data").scores(
        (scores,), (scores,), np.arange(2)
    )
    assert found.tolist() == [100, 50]
    # A network that decides itself gives integers.
    decided = scores.argmax(axis=1)
    assert Agreement().scores((decided,), (1 - decided,), np.arange(2)).tolist() == [0, 0]
