"""Rounded weights: what they are in the IR, what encode-lns makes of them, what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from calibrated_networks import calibrated, sqnr
from middle_networks import apply, images, ops_of, parse, residual
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.arithmetic.reference.definition import decode
from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError
from recog.dialects.lns import NumberType, format_of
from recog.dialects.number_format import LnsFormat
from recog.frontend.torch.importer import import_torch
from recog.lowering.batch_norm.fold import FoldBatchNormPass
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.common import smaller_frames
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats, calibrate
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.pipeline import ConversionOptions, convert
from recog.lowering.precision import round_weights as under_test
from recog.lowering.precision.round_weights import RoundWeightsPass, round_weights


def array(value: SSAValue) -> np.ndarray:
    found = constant_array(value)
    assert found is not None
    return found


def test_outputs_come_closer():
    """On frames that were not rounded with; over several networks, as one may be lucky."""
    gains = []
    for seed in range(4):
        x, other = images(64, seed=seed), images(64, seed=seed + 100)
        module = calibrated(x, seed)
        wanted = np.asarray(run_nn(module, other)[0])
        before = sqnr(module, other, wanted)
        round_weights(module, [x], EncodeLnsPass().encoder())
        gains.append(sqnr(module, other, wanted) - before)
    assert np.mean(gains) > 1.0
    assert min(gains) > -0.5


def test_weights_are_their_codes():
    """What stands in the IR is what encode-lns stores, to the code."""
    x = images(16)
    module = calibrated(x)
    round_weights(module, [x], EncodeLnsPass().encoder())
    written = [array(op.weight) for op in ops_of(module, nn.LayerOp)]
    assert all(FORMAT in op.weight.owner.attributes for op in ops_of(module, nn.LayerOp))  # pyright: ignore
    apply(module, EncodeLnsPass())
    layers = list(ops_of(module, lns.MultiplyAccumulateOp))
    assert len(layers) == len(written)
    for op, values in zip(layers, written):
        stored = decode(array(op.weight), format_of(op.weight))
        np.testing.assert_allclose(stored, values, rtol=1e-6)


def test_equal_inputs_give_equal_weights():
    x = images(16)
    first, second = calibrated(x), calibrated(x)
    for module in (first, second):
        round_weights(module, [x], EncodeLnsPass().encoder())
    assert str(first) == str(second)


def pointers(module: ModuleOp) -> list[str]:
    return [str(op) for op in ops_of(module, ConstantOp) if "ui" in str(op.output.type)]


def test_clusters_stay_and_biases_move():
    x = images(32)
    module = calibrated(x)
    apply(module, ClusterWeightsPass(scalar_centroids=4, centroids=4))
    before = pointers(module)
    biases = [array(op.bias) for op in ops_of(module, nn.LayerOp) if op.bias is not None]
    round_weights(module, [x], EncodeLnsPass().encoder())
    assert before == pointers(module)
    after = [array(op.bias) for op in ops_of(module, nn.LayerOp) if op.bias is not None]
    assert any((a != b).any() for a, b in zip(biases, after))
    apply(module, EncodeLnsPass())


SHARED = """
func.func @main(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = data.constant dense<[[[[0.31]], [[0.7]]], [[[-0.43]], [[0.9]]]]> : tensor<2x2x1x1xf32>
  %b = data.constant dense<[0.1, -0.2]> : tensor<2xf32>
  %y = nn.conv2d %x, %w, %b : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>)
    -> tensor<1x2x4x4xf32>
  %z = nn.conv2d %y, %w, %b : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>)
    -> tensor<1x2x4x4xf32>
  func.return %z : tensor<1x2x4x4xf32>
}
"""


def test_what_layers_share_stays_shared():
    """One weight gets one set of codes; a bias of two layers cannot make up for each."""
    module = parse(SHARED)
    x = np.random.default_rng(0).normal(0, 1, (8, 2, 4, 4)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    round_weights(module, [x], EncodeLnsPass().encoder())
    first, second = ops_of(module, nn.Conv2dOp)
    assert first.weight is second.weight
    assert first.bias is not None
    np.testing.assert_array_equal(array(first.bias), np.array([0.1, -0.2], np.float32))
    apply(module, EncodeLnsPass())


@pytest.mark.parametrize("frames", [1, 3])
def test_few_frames_are_said(frames: int):
    """A linear layer of more inputs than were seen is rounded one by one, with a note."""
    module = parse(
        """
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<0.3> : tensor<2x64xf32>
  %a = nn.linear %x, %w : (tensor<1x64xf32>, tensor<2x64xf32>) -> tensor<1x2xf32> loc("head.fc")
  %y = nn.relu %a : (tensor<1x2xf32>) -> tensor<1x2xf32> loc("head.relu")
  func.return %y : tensor<1x2xf32>
}"""
    )
    x = np.random.default_rng(0).normal(0, 1, (frames, 64)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    (note,) = round_weights(module, [x], EncodeLnsPass().encoder())
    assert note.kind == "few-values"
    assert note.places == ("head.fc",)  # not its activation, which bears its label


def test_without_calibrated_formats():
    module = residual()
    apply(module, FoldBatchNormPass())
    with pytest.raises(RecogError, match="no calibrated format"):
        round_weights(module, [images(2)], EncodeLnsPass().encoder())


def test_a_wrong_format_on_a_weight():
    module = parse(SHARED)
    x = images(2)[:, :, :4, :4]
    calibrate(module, [x], ActivationFormats())
    weight = ops_of(module, nn.Conv2dOp)[0].weight.owner
    weight.attributes[FORMAT] = NumberType(LnsFormat(8, 4, (1, 2, 3), 0))  # pyright: ignore
    with pytest.raises(RecogError, match="one for each of 2 outputs"):
        apply(module, EncodeLnsPass())


def test_the_pass(tmp_path: object):
    path = f"{tmp_path}/x.npy"
    np.save(path, images(8))
    module = calibrated(images(8))
    apply(module, RoundWeightsPass(data=path))
    assert all(FORMAT in op.weight.owner.attributes for op in ops_of(module, nn.LayerOp))  # pyright: ignore


def large_network() -> ModuleOp:
    """Images (1, 3, 256, 256) to a class for each pixel."""
    torch.manual_seed(0)
    layers = [
        torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3, padding=1),
        torch.nn.ReLU(), torch.nn.Upsample(scale_factor=2), torch.nn.Conv2d(16, 5, 3, padding=1),
    ]  # fmt: skip
    return import_torch(torch.nn.Sequential(*layers).eval(), (torch.zeros(1, 3, 256, 256),))


def test_large_frames_are_rounded_on_parts(monkeypatch: pytest.MonkeyPatch):
    """With what whole ones would keep, nearly; formats and biases land on the module's own ops."""
    random = np.random.default_rng(0)
    x, other = (random.random((2, 3, 32, 32), np.float32).repeat(8, 2).repeat(8, 3) for _ in "ab")
    kept, seen = dict[str, float](), list[tuple[int, ...]]()
    wanted = np.asarray(run_nn(large_network(), other)[0])
    whole_run = under_test._Rounding.run

    def run(self: object, module: ModuleOp, frames: list[np.ndarray], *more: object, **kw: object):
        seen.append(frames[0].shape)
        whole_run(self, module, frames, *more, **kw)  # pyright: ignore

    monkeypatch.setattr(under_test._Rounding, "run", run)
    for name, limit in (("nearest", 0), ("whole", 2 << 30), ("parts", 16 << 20)):
        module = large_network()
        calibrate(module, [x], ActivationFormats())
        if limit:
            monkeypatch.setattr(smaller_frames, "STEP_BYTES", limit)
            round_weights(module, [x], EncodeLnsPass().encoder())
            assert all(FORMAT in op.weight.owner.attributes for op in ops_of(module, nn.LayerOp))  # pyright: ignore
        kept[name] = sqnr(module, other, wanted)
    assert seen == [(2, 3, 256, 256), (4, 3, 64, 64)]
    assert kept["parts"] > kept["whole"] - 0.3, kept
    assert kept["whole"] > kept["nearest"] + 1, kept


class Shared(torch.nn.Module):
    """One weight for inputs of a few octaves, and for others of many more."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(256, 4, bias=False)
        with torch.no_grad():
            self.layer.weight.abs_()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x), self.layer(torch.exp(2 * x))


def test_a_shared_weight_fits_the_accumulators_of_all_its_layers():
    """As a stereo network's, whose two images are read in other formats."""
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)
    module = import_torch(Shared().eval(), torch.zeros(1, 256))
    conversion = convert(module, [x], options=ConversionOptions(cluster=False))
    outputs = Machine(conversion.assemble()).run(x)
    assert isinstance(outputs, tuple)
    for wanted, found in zip(run_nn(module, x), outputs, strict=True):
        assert sqnr_db(np.asarray(wanted), found) > 20
