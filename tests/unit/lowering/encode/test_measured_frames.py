"""What is looked at of large frames are parts, and what follows the heads as of whole frames."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.dialects.errors import RecogError
from recog.dialects.facts import is_parameter
from recog.dialects.functions import find_function, nn_ops
from recog.dialects.tensors import shape_of
from recog.frontend.functional import decode_boxes_2d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.balance.balance_ranges import balance_ranges
from recog.lowering.common import batches, smaller_frames
from recog.lowering.encode import measured_frames
from recog.lowering.encode.calibrate import ActivationFormats, calibrate
from recog.lowering.encode.example_inputs import ExampleInput
from recog.lowering.encode.measured_frames import MeasuredFrames, laid_beside
from recog.lowering.encode.values import calibrated_format
from recog.lowering.pipeline import fold_network

HEIGHT, WIDTH = 256, 512


class Detector(nn.Module):
    """Heat and boxes at stride 4, decoded."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.down = nn.Conv2d(3, 8, 3, stride=4, padding=1)
        self.heat, self.box = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.down(x))
        heat, box = self.heat(x), self.box(x)
        scores, indices = peaks(heat.sigmoid(), 8)
        boxes = decode_boxes_2d(indices, box[:, :2], box[:, 2:], 4)
        return suppress(boxes, scores, indices, heat.shape[2] * heat.shape[3], 0.5), boxes


class Segmenter(nn.Module):
    """The best class of each pixel."""

    def __init__(self):
        super().__init__()
        self.classes = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(x).argmax(1)


class OfOneSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Parameter(torch.rand(1, 3, HEIGHT, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.map)


def imported(model: nn.Module) -> ModuleOp:
    module = import_torch(model.eval(), (torch.rand(1, 3, HEIGHT, WIDTH),))
    fold_network(module)
    return module


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, 3, HEIGHT, WIDTH), np.float32)


def seen(module: ModuleOp, count: int) -> tuple[dict[SSAValue, list[Any]], int]:
    """What is looked at of each value, and in how many groups of frames that is said to be."""
    function = find_function(module, "main")
    measured = MeasuredFrames(module, function, [ExampleInput(frames(count))], count)
    found: dict[SSAValue, list[Any]] = {}
    shares: list[float] = []
    measured.measure(lambda v, x: found.setdefault(v, []).append(np.asarray(x)), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) == measured.groups
    return found, measured.groups


@pytest.fixture
def on_parts(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whole frames are more than memory holds."""
    monkeypatch.setattr(smaller_frames, "STEP_BYTES", 1 << 20)
    return monkeypatch


def test_whole_frames_where_they_fit():
    found, groups = seen(imported(Detector()), 2)
    assert groups == 1
    assert {x.shape[0] for each in found.values() for x in each} == {2}


@pytest.mark.parametrize("count,parts", [(1, 6), (6, 8)])
def test_parts_of_large_ones(count: int, parts: int, on_parts: pytest.MonkeyPatch):
    on_parts.setattr(batches, "BATCH_BYTES", 1 << 20)
    module = imported(Detector())
    function = find_function(module, "main")
    found, groups = seen(module, count)
    assert groups > 1
    variable = [op for op in nn_ops(function) if not is_parameter(op)]
    assert set(found) == {*function.args, *(x for op in variable for x in op.results)}
    rest = {"nn.peaks", "nn.decode_boxes_2d", "nn.suppress"}
    assert rest < {op.name for op in variable}
    for value, each in found.items():
        follows = getattr(value.owner, "name", "") in rest
        is_input = value in function.args
        assert sum(len(x) for x in each) == (count if is_input else 1 if follows else parts)
        sizes = {x.shape[1:] for x in each}
        if follows or is_input:
            assert sizes == {shape_of(value)[1:]}
        else:
            (size,) = sizes
            assert all(a < b for a, b in zip(size[1:], shape_of(value)[2:]))


def test_boxes_reach_as_far_as_whole_frames(on_parts: pytest.MonkeyPatch):
    """Positions are those of a map of the whole size."""
    found, _ = seen(imported(Detector()), 1)
    (boxes,) = [x for (x, *_) in found.values() if x.shape[1:] == (8, 4)]
    part = next(x.shape for (x, *_) in found.values() if x.shape[1] == 8 and x.ndim == 4)
    assert boxes.max() > 4 * max(part[2:])


def test_indices_alone_take_no_whole_maps(on_parts: pytest.MonkeyPatch):
    found, _ = seen(imported(Segmenter()), 1)
    assert [shape_of(value)[1] for value in found] == [3, 5]
    (classes,) = [each for value, each in found.items() if shape_of(value)[1] == 5]
    assert all(x.shape[2] < HEIGHT for x in classes)


def test_networks_of_one_size_run_whole(on_parts: pytest.MonkeyPatch):
    found, _ = seen(imported(OfOneSize()), 1)
    assert all(x.shape == (1, 3, HEIGHT, WIDTH) for each in found.values() for x in each)


@pytest.mark.parametrize("place", [(0, 0), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1), (100, 300)])
@pytest.mark.parametrize("value", [30.0, -30.0])
def test_the_farthest_values_of_all_frames_are_seen(
    place: tuple[int, int], value: float, on_parts: pytest.MonkeyPatch
):
    """At the input, and what a convolution makes of them."""
    module, inputs = imported(Segmenter()), frames(5)
    inputs[3, 1, *place] = value
    function = find_function(module, "main")
    found: dict[SSAValue, list[Any]] = {}
    measured = MeasuredFrames(module, function, [ExampleInput(inputs)], len(inputs))
    measured.measure(lambda v, x: found.setdefault(v, []).append(np.asarray(x)))
    (x,) = function.args
    assert max(each.max() if value > 0 else -each.min() for each in found[x]) == 30
    (classes,) = [each for known, each in found.items() if shape_of(known)[1] == 5]
    assert max(np.abs(each).max() for each in classes) > 3


def test_frames_of_no_multiple_of_the_step_are_seen_to_the_last_row():
    whole = [np.arange(100 * 150, dtype=np.float32).reshape(1, 1, 100, 150)]
    module = ModuleOp([])
    smaller = smaller_frames.SmallerFrames(module, func.FuncOp("f", ([], [])), {}, (64, 64))
    for row, column in ((0, 0), (40, 149), (99, 3), (99, 149), (63, 64)):
        (part,) = smaller.part_around(whole, (row, column))
        assert part.shape == (1, 1, 64, 64)
        assert whole[0][0, 0, row, column] in part


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_wherever_it_lies(value: float, on_parts: pytest.MonkeyPatch):
    for row in (0, 100, HEIGHT - 1):
        inputs = frames(3)
        inputs[2, 0, row, WIDTH - 1] = value
        with pytest.raises(RecogError, match="input 0: holds NaN or infinity in frame 2"):
            calibrate(imported(Segmenter()), [inputs], ActivationFormats())
        with pytest.raises(RecogError, match="input 0: holds NaN or infinity in frame 2"):
            balance_ranges(imported(Segmenter()), [inputs])


def test_frames_of_another_size_are_refused(on_parts: pytest.MonkeyPatch):
    with pytest.raises(RecogError, match="input 0: has shape"):
        calibrate(imported(Segmenter()), [frames(2)[:, :, :128]], ActivationFormats())


def test_an_input_has_a_sign_wherever_it_is_negative(on_parts: pytest.MonkeyPatch):
    inputs = frames(1)
    inputs[0, :, -1, -1] = -0.5
    module = imported(Segmenter())
    calibrate(module, [inputs], ActivationFormats())
    assert not calibrated_format(find_function(module, "main").args[0]).unsigned


def test_maps_laid_beside_each_other():
    parts = [np.full((1, 2, 3, 4), number) for number in range(3)]
    whole = laid_beside(parts, (1, 2, 5, 9))
    assert whole.shape == (1, 2, 5, 9)
    tiles = whole[0, 0, ::3, ::4]
    assert tiles.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert (laid_beside(parts, (1, 2, 3, 4)) == 0).all()
    assert Counter(whole[0, 1].ravel().tolist()) == {0: 20, 1: 20, 2: 5}


def test_formats_are_those_of_whole_frames(on_parts: pytest.MonkeyPatch):
    """Within half an octave, and nothing is balanced that these would not have balanced."""
    inputs = [frames(4)]

    def chosen() -> list[float]:
        module = imported(Detector())
        assert not balance_ranges(module, inputs).changed
        calibrate(module, inputs, ActivationFormats())
        ops = [op for op in nn_ops(find_function(module, "main")) if not is_parameter(op)]
        convs = [op.results[0] for op in ops if op.name in ("nn.conv2d", "nn.relu")]
        formats = [calibrated_format(value) for value in convs]
        return [format.biases[0] / 2**format.frac for format in formats]

    parts = chosen()
    on_parts.setattr(measured_frames, "_on_parts", lambda *_: None)
    whole = chosen()
    assert len(parts) == 4
    assert max(abs(a - b) for a, b in zip(parts, whole)) < 0.5
