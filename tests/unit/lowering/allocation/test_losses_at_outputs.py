"""What is predicted of a layer's clusters is what they do to the outputs, and to boxes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from middle_networks import ops_of
from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.functions import find_function
from recog.frontend.functional import decode_boxes_2d, peaks
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation.curves import decibels
from recog.lowering.allocation.decoded_heads import DecodedHeads
from recog.lowering.allocation.sensitivity import at_outputs, of_energy
from recog.lowering.cluster.clustered_weight import nearest_pointers
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.pipeline import fold_network

FRAMES = np.random.default_rng(3).normal(0, 1, (32, 2, 8, 8)).astype(np.float32)


@cache
def imported() -> ModuleOp:
    """A layer of 288 inputs, which are never negative, between two others."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        *(torch.nn.Conv2d(2, 32, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(32, 32, 3, padding=1), torch.nn.ReLU()),
        torch.nn.Conv2d(32, 8, 1),
    )
    return import_torch(layers.eval(), (torch.zeros(1, 2, 8, 8),))


def outputs_of(module: ModuleOp) -> np.ndarray:
    (found,) = module_outputs(module, [FRAMES])
    return np.asarray(found, np.float64).reshape(len(FRAMES), -1)


@pytest.mark.parametrize("centroids", [2, 8, 64])
@pytest.mark.parametrize("block", [(1, 1, 3, 3), (1, 1, 1, 3)])
def test_a_layer_alone_loses_what_is_predicted(block: tuple[int, ...], centroids: int):
    """Of weights drawn at random, whose errors are nearly independent."""
    module = imported().clone()
    value = ops_of(module, nn.LayerOp)[1].weight
    weight = constant_array(value)
    assert weight is not None
    sensitivity = at_outputs(module, "main", [value], [FRAMES])[value]
    before = outputs_of(module)
    layout = BlockLayout.of(weight.shape, block, centroids, 8)
    clustered = nearest_pointers(weight, layout, ClusterOptions()).values
    assert isinstance(value.owner, ConstantOp)
    value.owner.set_array(clustered)
    noise = ((outputs_of(module) - before) ** 2).sum(axis=1) / (before**2).sum(axis=1)
    errors = sensitivity.of_weights(weight - clustered)
    predicted = sensitivity.of_clusters(errors, sensitivity.of_weights(weight))
    assert decibels(predicted) == pytest.approx(decibels(float(noise.mean())), abs=2.5)


def test_a_layer_that_is_gone_counts_as_a_whole():
    weight = np.ones((4, 3, 3, 3), np.float32)
    sensitivity = of_energy(weight)
    assert sensitivity.of_weights(weight) == pytest.approx(1)
    assert sensitivity.of_clusters(1.0, 1.0) == sensitivity.weaker > 1
    assert sensitivity.of_clusters(1e-4, 1.0) == pytest.approx(1e-4, rel=1e-2)
    nothing = of_energy(np.zeros_like(weight))
    assert nothing.of_clusters(0.0, 0.0) == 0


class Detector(torch.nn.Module):
    """Boxes at peaks of a heat."""

    def __init__(self, sigmoid: bool) -> None:
        super().__init__()
        self.heat, self.boxes = torch.nn.Conv2d(2, 3, 1), torch.nn.Conv2d(2, 4, 1)
        self.sigmoid = sigmoid

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        heat = self.heat(x)
        scores, indices = peaks(heat.sigmoid() if self.sigmoid else heat, 4)
        boxes = self.boxes(x)
        return scores, decode_boxes_2d(indices, boxes[:, :2], boxes[:, 2:], 4.0)


@pytest.mark.parametrize("sigmoid", [True, False])
def test_heads_count_where_there_are_objects(sigmoid: bool):
    module = import_torch(Detector(sigmoid).eval(), (torch.zeros(1, 2, 8, 8),))
    fold_network(module)
    with returning_heads(module):
        heads = DecodedHeads(find_function(module, "main"))
    heat = torch.full((1, 3, 8, 8), -20.0)
    heat[0, 1, 2, 3] = 0.5
    ones = torch.ones(1, 2, 8, 8)
    scores, *boxes = heads.counted([heat, ones, ones])
    score = torch.sigmoid(torch.tensor(0.5)) if sigmoid else torch.tensor(0.5)
    for each in boxes:
        assert each[0, :, 2, 3].square().tolist() == pytest.approx([float(score)] * 2)
        assert each.square().sum() == pytest.approx(2 * float(score), abs=1e-3)
    wanted = score * (1 - score) if sigmoid else torch.tensor(1.0)
    counted = (scores / heat).square()
    assert counted[0, 1, 2, 3] == pytest.approx(float(wanted), rel=1e-5)
    assert counted.sum() == pytest.approx(float(wanted), abs=1e-3) or not sigmoid


def test_outputs_without_a_decoder_count_as_they_are():
    module = imported().clone()
    with returning_heads(module):
        heads = DecodedHeads(find_function(module, "main"))
    output = torch.randn(1, 8, 8, 8)
    assert heads.counts([output]) == [1.0]
