"""Clusters chosen on example inputs: what they keep, what else changes, and what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from middle_networks import apply, images, ops_of, parse, residual
from xdsl.dialects.builtin import ModuleOp, f32

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, DenseAttr, constant_array
from recog.dialects.errors import RecogError
from recog.dialects.verification import verify_module
from recog.lowering.batch_norm.fold import FoldBatchNormPass
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass, cluster_weights
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import Tuner
from recog.lowering.encode.constants import looked_up

OPTIONS = ClusterOptions(centroids=4, scalar_centroids=4, table_share=100, channel_block=2)


def folded(seed: int = 0) -> ModuleOp:
    return apply(residual(seed), FoldBatchNormPass())


def sqnr(module: ModuleOp, x: np.ndarray, wanted: np.ndarray) -> float:
    found = np.asarray(run_nn(module, x)[0].detach())
    return 10 * float(np.log10((wanted**2).sum() / ((found - wanted) ** 2).sum()))


def test_outputs_come_closer():
    """On frames that were not clustered with; over several networks, as one may be lucky."""
    gains = []
    for seed in range(4):
        x, other = images(64, seed=seed), images(64, seed=seed + 100)
        wanted = np.asarray(run_nn(folded(seed), other)[0].detach())
        nearest, carried = folded(seed), folded(seed)
        cluster_weights(nearest, OPTIONS)
        assert cluster_weights(carried, OPTIONS, [x]) == []
        verify_module(carried)
        gains.append(sqnr(carried, other, wanted) - sqnr(nearest, other, wanted))
    assert np.mean(gains) > 2.0
    assert min(gains) > 0.0


def test_layouts_are_those_without_data():
    nearest, carried = folded(), folded()
    cluster_weights(nearest, OPTIONS)
    cluster_weights(carried, OPTIONS, [images(16)])
    blocks = [
        [(op.block.get_values(), op.output.type) for op in ops_of(module, LookupOp)]
        for module in (nearest, carried)
    ]
    assert blocks[0] == blocks[1]


def test_equal_inputs_give_equal_bytes():
    first, second = folded(), folded()
    for module in (first, second):
        cluster_weights(module, OPTIONS, [images(16)])
    assert str(first) == str(second)


def test_without_carrying_data_changes_nothing():
    options = ClusterOptions(centroids=4, table_share=100, carry_errors=False)
    first, second = folded(), folded()
    cluster_weights(first, options)
    cluster_weights(second, options, [images(16)])
    assert str(first) == str(second)


def test_progress_reaches_its_end():
    shares: list[float] = []
    cluster_weights(folded(), OPTIONS, [images(8)], progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) == len(ops_of(folded(), nn.LayerOp))


def test_the_pass_reads_a_file(tmp_path: Path):
    x, module, expected = images(16), folded(), folded()
    np.savez(tmp_path / "x.npz", inputs=x)
    apply(module, ClusterWeightsPass(centroids=4, table_share=100, data=str(tmp_path / "x.npz")))
    cluster_weights(expected, ClusterOptions(centroids=4, table_share=100), [x])
    assert str(module) == str(expected)


def test_tuning_starts_from_these_pointers():
    """Whose centroids are not the nearest: a step of no length moves none of them."""
    dense, module = folded(), folded()
    cluster_weights(module, OPTIONS, [images(32)])
    before = [constant_array(op.pointers) for op in ops_of(module, LookupOp)]
    tuner = Tuner(module, TuneSettings(learning_rate=0.0), 10, weights_before(dense, module))
    tuner.step([images(4)], lambda heads: heads[0].square().mean())
    tuner.store()
    after = [constant_array(op.pointers) for op in ops_of(module, LookupOp)]
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)


LINEAR = """
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x48xf32> {
  %w = data.constant dense<0.0> : tensor<64x64xf32>
  %b = data.constant dense<0.0> : tensor<64xf32>
  %v = data.constant dense<0.0> : tensor<48x64xf32>
  %c = data.constant dense<0.0> : tensor<48xf32>
  %0 = nn.linear %x, %w, %b : (tensor<1x64xf32>, tensor<64x64xf32>, tensor<64xf32>)
    -> tensor<1x64xf32>
  %1 = nn.linear %0, %v, %c : (tensor<1x64xf32>, tensor<48x64xf32>, tensor<48xf32>)
    -> tensor<1x48xf32>
  func.return %1 : tensor<1x48xf32>
}
"""


def linear(first: np.ndarray, second: np.ndarray) -> ModuleOp:
    module = parse(LINEAR)
    for constant, values in zip(ops_of(module, ConstantOp)[::2], (first, second)):
        constant.properties["value"] = DenseAttr.from_array(values.astype(np.float32), f32)
    return module


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def weights(module: ModuleOp) -> list[np.ndarray]:
    """What the lookups give."""
    found: list[np.ndarray] = []
    for op in ops_of(module, LookupOp):
        codebook = constant_array(op.codebook)
        assert codebook is not None
        values = looked_up(op, codebook)
        assert values is not None
        found.append(values)
    return found


def test_what_loses_nothing_changes_nothing():
    """More centroids than there are blocks, and a palette: no weight and no bias moves."""
    few = np.repeat(normal(16, 4, seed=1), 16, 0)[:64]
    palette = np.array([-1.0, 0.25, 0.5, 2.0])[np.random.default_rng(2).integers(0, 4, (48, 64))]
    module = linear(np.tile(few, (1, 16)), palette)
    cluster_weights(module, ClusterOptions(), [normal(128, 64)])
    first, second = weights(module)
    np.testing.assert_allclose(first, np.tile(few, (1, 16)), rtol=1e-6)
    np.testing.assert_array_equal(second, palette)
    for op in ops_of(module, nn.LinearOp):
        assert op.bias is not None
        bias = constant_array(op.bias)
        assert bias is not None
        assert float(np.abs(bias).max()) < 1e-5


@pytest.mark.parametrize(
    "x", [np.zeros((16, 64)), np.full((16, 64), 3.0), 1e30 * normal(64, 64)], ids=str
)
def test_inputs_that_say_little(x: np.ndarray):
    """Always 0, always the same, or so large that squares leave float32."""
    module = linear(normal(64, 64), normal(48, 64, seed=1))
    cluster_weights(module, ClusterOptions(), [x.astype(np.float32)])
    verify_module(module)
    assert all(np.isfinite(each).all() for each in weights(module))


def test_a_layer_of_zeros():
    module = linear(np.zeros((64, 64)), normal(48, 64))
    cluster_weights(module, ClusterOptions(), [normal(64, 64)])
    first, second = weights(module)
    assert not first.any()
    assert np.isfinite(second).all()


@pytest.mark.parametrize("frames", [1, 3])
def test_few_frames_are_said(frames: int):
    module = linear(normal(64, 64), normal(48, 64, seed=1))
    (note,) = cluster_weights(module, ClusterOptions(), [normal(frames, 64)])
    assert note.kind == "few-values"
    assert note.places == ("nn.linear", "nn.linear")


def test_inputs_that_the_network_does_not_take():
    with pytest.raises(RecogError, match="takes 1 input, got 2"):
        cluster_weights(folded(), OPTIONS, [images(4), images(4)])
    with pytest.raises(RecogError, match="clustering needs arrays of as many frames each"):
        cluster_weights(folded(), OPTIONS, [images(0)])
