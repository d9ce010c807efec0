"""Pointers that move while tuning: to the nearest centroid of points that gradients move."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from middle_networks import apply, images, ops_of, parse, residual
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.cluster import LookupOp, split_blocks
from recog.dialects.data import ConstantOp, DenseAttr, constant_array
from recog.dialects.verification import verify_module
from recog.lowering.cluster import pointer_reassignment as moving_pointers
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.pointer_reassignment import MovingPointers, can_move, weights_before
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import Tuner

LAYER = """
func.func @main(%x: tensor<1x32xf32>) -> tensor<1x48xf32> {
  %w = data.constant dense<0.0> : tensor<48x32xf32>
  %y = nn.linear %x, %w : (tensor<1x32xf32>, tensor<48x32xf32>) -> tensor<1x48xf32>
  func.return %y : tensor<1x48xf32>
}
"""
SHARED = """
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %p = data.constant dense<[[0, 1], [1, 0]]> : tensor<2x2xui1>
  %c = data.constant dense<[[0.5], [-1.0]]> : tensor<2x1xf32>
  %d = data.constant dense<[[2.0], [1.0]]> : tensor<2x1xf32>
  %v = cluster.lookup %p, %c {block = array<i64: 1, 1>}
    : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %w = cluster.lookup %p, %d {block = array<i64: 1, 1>}
    : (tensor<2x2xui1>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %0 = nn.linear %x, %v : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = nn.linear %0, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}
"""


def with_weight(weight: np.ndarray) -> ModuleOp:
    module = parse(LAYER)
    (constant,) = ops_of(module, ConstantOp)
    element_type = constant.value.type.element_type
    constant.properties["value"] = DenseAttr.from_array(weight, element_type)
    return module


def movers(module: ModuleOp, dense: ModuleOp | None = None) -> list[MovingPointers]:
    originals = {} if dense is None else weights_before(dense, module)
    found = []
    for lookup in ops_of(module, LookupOp):
        codebook = constant_array(lookup.codebook)
        assert codebook is not None
        tensor = torch.tensor(codebook.copy(), requires_grad=True)
        found.append(MovingPointers(lookup, tensor, originals.get(lookup.output)))
    return found


def clustered(module: ModuleOp) -> ModuleOp:
    return apply(module, ClusterWeightsPass(centroids=8, scalar_centroids=4, table_share=100))


def codebook_of(moving: MovingPointers) -> torch.Tensor:
    array = constant_array(moving.lookup.codebook)
    assert array is not None
    return torch.tensor(array.copy(), requires_grad=True)


def test_the_weight_is_the_lookups():
    module = clustered(residual())
    seen = {}
    run_nn(module, images(1), observe=lambda op, results: seen.update({op: results[0]}))
    for moving in movers(module, residual()):
        assert torch.equal(moving.weight(codebook_of(moving)), seen[moving.lookup])


def test_points_take_the_gradient_of_the_weights():
    """As if each point were its block of the weight over the channel's scale."""
    dense = residual()
    module = clustered(residual())
    for moving in movers(module, dense):
        weight = moving.weight(codebook_of(moving))
        gradient = torch.from_numpy(
            np.random.default_rng(0).normal(0, 1, weight.shape).astype(np.float32)
        )
        weight.backward(gradient)
        assert moving.points.grad is not None
        lookup = moving.lookup
        assert lookup.scales is not None
        scales = constant_array(lookup.scales)
        assert scales is not None
        scaled = gradient.numpy() * scales.reshape(-1, *[1] * (weight.ndim - 1))
        rows = split_blocks(scaled, lookup.block.get_values())
        np.testing.assert_allclose(moving.points.grad.numpy(), rows, rtol=1e-6)


def test_points_start_at_the_weights_before():
    dense, module = residual(), clustered(residual())
    before = weights_before(dense, module)
    assert len(before) == len(ops_of(module, LookupOp))
    for moving, apart in zip(movers(module, dense), movers(module)):
        # Each block points to the centroid nearest to its weights: k-means has ended.
        assert moving.reassign(codebook_of(moving)) == 0
        own = codebook_of(apart).detach()[apart.pointers]
        assert torch.equal(apart.points.detach(), own)
        assert not torch.equal(moving.points, apart.points)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 11])
def test_blocks_point_to_the_nearest_centroid(at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moving_pointers, "ROWS_AT_ONCE", at_once)
    module = clustered(residual())
    rng = np.random.default_rng(3)
    for moving in movers(module):
        with torch.no_grad():
            moving.points += torch.from_numpy(rng.normal(0, 2, moving.points.shape)).float()
        codebook = codebook_of(moving).detach()
        before = moving.pointers.numpy().copy()
        moved = moving.reassign(codebook)
        distances = np.linalg.norm(
            moving.points.detach().numpy()[:, None] - codebook.numpy(), axis=2
        )
        np.testing.assert_array_equal(moving.pointers.numpy(), distances.argmin(1))
        assert moved == (moving.pointers.numpy() != before).sum() > 0
        moving.store()
        np.testing.assert_array_equal(
            constant_array(moving.lookup.pointers),
            moving.pointers.reshape(
                constant_array(moving.lookup.pointers).shape  # pyright: ignore
            ),
        )
    verify_module(module)


@pytest.mark.parametrize("at_once", [3, 1 << 11])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.999])
def test_a_share_of_the_blocks_moves(at_once: int, share: float, monkeypatch: pytest.MonkeyPatch):
    """Those that come nearer to their points by most; the others as before."""
    monkeypatch.setattr(moving_pointers, "ROWS_AT_ONCE", at_once)
    rng = np.random.default_rng(3)
    for moving in movers(clustered(residual())):
        with torch.no_grad():
            moving.points += torch.from_numpy(rng.normal(0, 2, moving.points.shape)).float()
        codebook = codebook_of(moving).detach()
        before, points = moving.pointers.numpy().copy(), moving.points.detach().numpy()
        squares = (np.linalg.norm(points[:, None] - codebook.numpy(), axis=2)) ** 2
        gains = squares[np.arange(len(before)), before] - squares.min(1)
        moved = moving.reassign(codebook, share)
        after = moving.pointers.numpy()
        changed = after != before
        most = max(1, round(share * len(before)))
        assert moved == changed.sum() == min(most, (squares.argmin(1) != before).sum())
        np.testing.assert_array_equal(after[changed], squares.argmin(1)[changed])
        assert gains[changed].min() >= gains[~changed].max(initial=0) - 1e-3


def test_pointers_that_lookups_share_stay():
    module = parse(SHARED)
    assert not any(can_move(lookup) for lookup in ops_of(module, LookupOp))
    tuner = Tuner(module, TuneSettings(reassign=1), 1)
    tuner.step([np.ones((1, 2), np.float32)], lambda heads: (heads[0] ** 2).sum())
    before = [constant_array(lookup.pointers) for lookup in ops_of(module, LookupOp)]
    tuner.store()
    after = [constant_array(lookup.pointers) for lookup in ops_of(module, LookupOp)]
    np.testing.assert_array_equal(before, after)


def loss_after(reassign: int, steps: int = 120) -> tuple[float, ModuleOp]:
    """Of a layer of 4 scalar centroids, tuned towards another layer's outputs."""
    rng = np.random.default_rng(5)
    weight = rng.normal(0, 1, (48, 32)).astype(np.float32)
    wanted = weight + rng.normal(0, 1, weight.shape).astype(np.float32)
    dense = with_weight(weight)
    module = apply(dense.clone(), ClusterWeightsPass(centroids=4, linear_block=1))
    settings = TuneSettings(learning_rate=0.03, reassign=reassign)
    tuner = Tuner(module, settings, steps, weights_before(dense, module))
    x = rng.normal(0, 1, (steps, 64, 32)).astype(np.float32)
    for inputs in x:
        targets = torch.from_numpy(inputs @ wanted.T)
        tuner.step([inputs], lambda heads, targets=targets: ((heads[0] - targets) ** 2).mean())
    tuner.store()
    verify_module(module)
    with torch.no_grad():
        (y,) = run_nn(module, x[0])
    return float(((y.numpy() - x[0] @ wanted.T) ** 2).mean()), module


def test_moving_pointers_reach_what_centroids_alone_cannot():
    fixed, as_clustered = loss_after(0)
    moved, module = loss_after(5)
    assert moved < 0.5 * fixed
    pointers = [
        constant_array(lookup.pointers)
        for each in (as_clustered, module)
        for lookup in ops_of(each, LookupOp)
    ]
    assert np.mean(pointers[0] != pointers[1]) > 0.2
    assert ops_of(module, nn.LinearOp)


def test_the_same_in_every_run():
    assert str(loss_after(5, 20)[1]) == str(loss_after(5, 20)[1])
