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
from recog.frontend.functional import decode_boxes_2d, decode_boxes_3d, peaks, suppress
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass, choose_layouts
from recog.lowering.allocation.curves import decibels
from recog.lowering.allocation.sensitivity import at_outputs, of_energy
from recog.lowering.cluster.clustered_weight import nearest_pointers
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.common.decoded_heads import DecodedHeads, over_its_power
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


def heads_of(network: torch.nn.Module, *shapes: tuple[int, ...]) -> DecodedHeads:
    module = import_torch(network.eval(), tuple(torch.zeros(shape) for shape in shapes))
    fold_network(module)
    with returning_heads(module):
        return DecodedHeads(find_function(module, "main"))


@pytest.mark.parametrize("sigmoid", [True, False])
def test_heads_count_where_there_are_objects(sigmoid: bool):
    heads = heads_of(Detector(sigmoid), (1, 2, 8, 8))
    heat = torch.full((1, 3, 8, 8), -20.0)
    heat[0, 1, 2, 3] = 0.5
    log_size = torch.full((1, 2, 8, 8), 1.0)
    log_size[:, 1] = 0.2
    scores, offset, size = heads.counts([heat, torch.ones(1, 2, 8, 8), log_size])
    score = float(torch.sigmoid(torch.tensor(0.5))) if sigmoid else 0.5
    # A third of an object's width, or height, counts one, if it is there for sure.
    third = torch.exp(log_size)[0, :, 2, 3] / 3
    np.testing.assert_allclose((offset[0, :, 2, 3] * third).numpy(), [score**0.5] * 2, rtol=1e-5)
    moved = offset.expand(1, 2, 8, 8).square().sum() - offset[0, :, 2, 3].square().sum()
    assert float(moved) == pytest.approx(0, abs=1e-5)
    assert float(size.expand(1, 2, 8, 8).square().sum()) == pytest.approx(2 * 9 * score, rel=1e-4)
    if sigmoid:
        assert float(scores.square().sum()) == pytest.approx(score * (1 - score), rel=1e-4)
    else:
        assert float(scores.square()) == pytest.approx(4)


@pytest.mark.parametrize("sigmoid", [True, False])
def test_a_frame_without_objects_counts_little(sigmoid: bool):
    heads = heads_of(Detector(sigmoid), (1, 2, 8, 8))
    ones = torch.ones(1, 2, 8, 8)
    _, offset, size = heads.counts([torch.full((1, 3, 8, 8), -30.0), ones, ones])
    assert float(offset.square().sum()) < 1e-6
    assert float(size.square().sum()) < 1e-6
    # Two objects that are there for sure count as one: it is what is lost of an object.
    heat = torch.full((1, 3, 8, 8), -30.0)
    heat[0, 0, 1, 1] = 30.0
    _, one, _ = heads.counts([heat, ones, ones])
    heat[0, 0, 5, 5] = 30.0
    _, two, _ = heads.counts([heat, ones, ones])
    assert float(two.square().sum()) == pytest.approx(float(one.square().sum()), rel=1e-5)


PRIORS, CAMERA = [1.5, 1.8, 4.0, 3.0, 2.5, 7.0], [200.0, 16.0, 16.0, 0.5]


class StereoDetector(torch.nn.Module):
    """Boxes in space at peaks of a heat; the inputs are its heads."""

    def forward(
        self, heat: torch.Tensor, disparity: torch.Tensor, box: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        heat, disparity, box = heat + 0.5, disparity + 0.5, box + 0.5
        scores, indices = peaks(heat.sigmoid(), 4)
        return scores, decode_boxes_3d(indices, disparity, box, 4.0, CAMERA, PRIORS)


@pytest.mark.parametrize("disparity", [3.0, 8.0, 25.0])
@pytest.mark.parametrize("kind", [0, 1])
def test_what_a_box_is_decoded_from_counts_as_the_box_moves(disparity: float, kind: int):
    """Beside the decoder itself, a pixel of whose disparity is not known."""
    maps = [(1, 2, 8, 8), (1, 1, 8, 8), (1, 7, 8, 8)]
    heads = heads_of(StereoDetector(), *maps)
    heat, far, box = (torch.zeros(shape) for shape in maps)
    heat -= 20
    heat[0, kind, 2, 3], far[:], box[0, :, 2, 3] = 2.0, disparity, torch.full((7,), 0.1)
    box[0, 5:, 2, 3] = torch.tensor([0.6, 0.8])
    counts = heads.counts([heat, far, box])
    indices = torch.tensor([[kind * 64 + 2 * 8 + 3]])

    def decoded(far: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
        return decode_boxes_3d(indices, far, box, 4.0, CAMERA, PRIORS)[0, 0]

    before = decoded(far, box)
    size = float(before[3:6].prod()) ** (1 / 3)

    def moved(change: torch.Tensor, of_box: int | None) -> float:
        maps = (
            (far + change, box)
            if of_box is None
            else (far, box.index_add(1, torch.tensor([of_box]), change))
        )
        return float((decoded(*maps) - before)[:3].norm()) / size

    step = torch.full((1, 1, 8, 8), 1e-2)
    exact = moved(step, None) / 1e-2
    ray = float(before[:3].norm() / before[2])
    seen = 3 * float(torch.tensor(2.0).sigmoid().sqrt())
    expected = seen / (ray / exact + 1)
    assert float(counts[1][0, 0, 2, 3]) == pytest.approx(expected, rel=2e-2)
    for axis in (0, 1):
        found = float(counts[2][0, axis, 2, 3])
        assert found == pytest.approx(seen * moved(step, axis) / 1e-2, rel=2e-2)
    assert counts[2][0, 2:5, 2, 3].tolist() == pytest.approx([seen] * 3, rel=1e-5)
    assert float(counts[2][0, :, 5, 5].sum()) < 0.1


class Unlike(torch.nn.Module):
    """Boxes from maps of another size than the heat, and boxes that the network gives itself."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        self.heat, self.boxes = torch.nn.Conv2d(2, 3, 1), torch.nn.Conv2d(2, 4, 1, stride=2)
        self.own = own

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores, indices = peaks(self.heat(x).sigmoid(), 4)
        boxes = self.boxes(x)
        if self.own:
            corners = boxes.flatten(2)[:, :, :4].transpose(1, 2)
            return suppress(corners, scores, indices, 64, 0.5), indices
        return scores, decode_boxes_2d(indices, boxes[:, :2], boxes[:, 2:], 4.0)


@pytest.mark.parametrize("own", [True, False])
def test_heads_that_are_not_at_the_peaks_count_by_themselves(own: bool):
    module = import_torch(Unlike(own).eval(), (torch.zeros(1, 2, 8, 8),))
    fold_network(module)
    with returning_heads(module):
        function = find_function(module, "main")
        shapes = [value.type.get_shape() for value in function.body.block.last_op.operands]  # pyright: ignore
        heads = DecodedHeads(function)
    outputs = [torch.randn(shape) for shape in shapes]
    counts = heads.counts(outputs)
    by_themselves = [(y * c).square().sum() for y, c in zip(outputs[1:], counts[1:])]
    assert all(float(each) == pytest.approx(1.0) for each in by_themselves)
    assert (outputs[0] * counts[0]).shape == outputs[0].shape


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1e20, 1e30])
def test_outputs_of_any_size_count(scale: float):
    output = torch.full((1, 8, 8, 8), scale)
    count = over_its_power(output)
    assert 0 < float(count) < 1e16
    assert float((output.double() * count).square().sum()) == pytest.approx(float(scale > 0))


def test_a_detector_whose_frames_show_nothing_is_planned_by_energy():
    detector, last = Detector(True), torch.nn.Conv2d(64, 3, 1)
    torch.nn.init.constant_(last.bias, -150.0)  # pyright: ignore
    detector.heat = torch.nn.Sequential(torch.nn.Conv2d(2, 64, 3, padding=1), last)  # pyright: ignore
    module = import_torch(detector.eval(), (torch.zeros(1, 2, 8, 8),))
    fold_network(module)
    plan = choose_layouts(module, ChooseLayoutsPass(ratio=3.0, compare_recipes=False), [FRAMES])
    assert plan.loss > 0


def test_outputs_without_a_decoder_count_as_shares_of_their_power():
    module = imported().clone()
    with returning_heads(module):
        heads = DecodedHeads(find_function(module, "main"))
    output = torch.randn(1, 8, 8, 8)
    (count,) = heads.counts([output])
    assert float((output * count).square().sum()) == pytest.approx(1.0)
