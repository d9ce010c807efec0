"""The functions of perception heads against loops that follow their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from recog.frontend import functional as R

CAMERA = [200.0, 128.0, 40.0, 0.5]
PRIORS = [1.5, 1.6, 3.9, 3.0, 2.5, 8.0]


def peaks_by_hand(heat: np.ndarray, k: int) -> list[tuple[float, int]]:
    classes, height, width = heat.shape
    found = list[tuple[float, int]]()
    for c in range(classes):
        for v in range(height):
            for u in range(width):
                around = heat[c, max(v - 1, 0) : v + 2, max(u - 1, 0) : u + 2]
                if heat[c, v, u] > 0 and heat[c, v, u] >= around.max():
                    found.append((float(heat[c, v, u]), (c * height + v) * width + u))
    found.sort(key=lambda row: (-row[0], row[1]))
    return (found + [(0.0, 0)] * k)[:k]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_peaks(data: st.DataObject):
    shape = [
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 6)),
        data.draw(st.integers(1, 6)),
    ]
    # Few levels: many ties, plateaus and zeros.
    levels = data.draw(st.sampled_from([2, 4, 1000]))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    heat = (generator.integers(0, levels, (2, *shape)) / levels).astype(np.float32)
    k = data.draw(st.integers(1, math.prod(shape)))
    scores, indices = R.peaks(torch.from_numpy(heat), k)
    for image in range(2):
        expected = peaks_by_hand(heat[image], k)
        assert scores[image].tolist() == [score for score, _ in expected]
        assert indices[image].tolist() == [index for _, index in expected]


def test_peaks_of_an_empty_scene_and_of_a_plateau():
    scores, indices = R.peaks(torch.zeros(1, 2, 3, 4), 5)
    assert not scores.any()
    assert not indices.any()
    scores, indices = R.peaks(torch.ones(1, 1, 2, 2), 3)
    assert indices.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("k", [0, 25])
def test_k_beyond_the_map(k: int):
    with pytest.raises(ValueError, match="from 1 to 24"):
        R.peaks(torch.zeros(1, 2, 3, 4), k)


def test_correlation():
    left, right = torch.randn(2, 3, 4, 7), torch.randn(2, 3, 4, 7)
    volume = R.correlation(left, right, 9)
    assert volume.shape == (2, 9, 4, 7)
    for d in range(9):
        for u in range(7):
            expected = (left[..., u] * right[..., u - d]).mean(1) if u >= d else torch.zeros(2, 4)
            torch.testing.assert_close(volume[:, d, :, u], expected)


def test_soft_argmin():
    logits, residual = torch.full((1, 4, 1, 1), -50.0), torch.tensor([[[[0.25]]]])
    logits[0, 2] = 50.0
    bins = torch.tensor([0.0, 8.0, 16.0, 24.0])
    assert R.soft_argmin(logits, bins, residual).item() == 16.25
    logits[0, 3] = 50.0
    assert R.soft_argmin(logits, bins).item() == 20.0


def test_decode_boxes_2d():
    offset, size = torch.rand(1, 2, 5, 6), torch.randn(1, 2, 5, 6)
    index = 30 + 3 * 6 + 4  # class 1, row 3, column 4
    box = R.decode_boxes_2d(torch.tensor([[index, 0]]), offset, size, 4)
    cu, cv = 4 * (4 + offset[0, 0, 3, 4]), 4 * (3 + offset[0, 1, 3, 4])
    w, h = 4 * size[0, 0, 3, 4].exp(), 4 * size[0, 1, 3, 4].exp()
    expected = torch.stack([cu - w / 2, cv - h / 2, cu + w / 2, cv + h / 2])
    torch.testing.assert_close(box[0, 0], expected)
    assert box.shape == (1, 2, 4)


def test_decode_boxes_3d():
    box, disparity = torch.randn(1, 7, 5, 6), torch.rand(1, 1, 5, 6) * 20 + 1
    index = 30 + 3 * 6 + 4
    found = R.decode_boxes_3d(torch.tensor([[index]]), disparity, box, 4, CAMERA, PRIORS)[0, 0]
    b = box[0, :, 3, 4].double()
    z = 200 * 0.5 / float(disparity[0, 0, 3, 4])
    x = ((4 + b[0]) * 4 - 128) * z / 200
    y = ((3 + b[1]) * 4 - 40) * z / 200
    yaw = math.atan2(b[5], b[6]) + math.atan2(x, z)
    torch.testing.assert_close(
        found[:3].double(), torch.tensor([x, y, z]).double(), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(
        found[3:6].double(), torch.tensor([3.0, 2.5, 8.0]) * b[2:5].exp(), rtol=1e-5, atol=0
    )
    assert math.cos(found[6] - yaw) > 1 - 1e-6


def test_depth_is_finite_at_any_disparity():
    disparity = torch.tensor([-3.0, 0.0]).view(1, 1, 1, 2)
    found = R.decode_boxes_3d(
        torch.tensor([[0, 1]]), disparity, torch.zeros(1, 7, 1, 2), 4, CAMERA, PRIORS
    )
    assert found.isfinite().all()
    assert found[0, :, 2].tolist() == [100 / R.MIN_DISPARITY] * 2


def test_wrap_angle():
    angles = torch.tensor([0.0, math.pi, -math.pi, 3.5, -3.5, 9.0])
    wrapped = R.wrap_angle(angles)
    assert (wrapped > -math.pi).all()
    assert (wrapped <= torch.tensor(math.pi)).all()
    torch.testing.assert_close(wrapped.cos(), angles.cos(), atol=1e-5, rtol=0)
    torch.testing.assert_close(wrapped.sin(), angles.sin(), atol=1e-5, rtol=0)


def suppressed_by_hand(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou: float):
    kept = list[int]()
    for row, (box, score) in enumerate(zip(boxes, scores)):
        if score > 0 and not any(
            classes[other] == classes[row] and overlap(box, boxes[other]) > iou for other in kept
        ):
            kept.append(row)
    return [float(score) if row in kept else 0.0 for row, score in enumerate(scores)]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [max(0.0, c[2] - c[0]) * max(0.0, c[3] - c[1]) for c in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_suppress(seed: int, k: int, iou: float):
    generator = np.random.default_rng(seed)
    # A coarse grid: equal, empty and exactly half-overlapping boxes occur.
    corner, extent = generator.integers(0, 4, (2, k, 2)), generator.integers(0, 4, (2, k, 2))
    boxes = np.concatenate([corner, corner + extent], -1).astype(np.float32)
    scores = -np.sort(-generator.integers(0, 4, (2, k)) / 4).astype(np.float32)
    indices = generator.integers(0, 30, (2, k))
    found = R.suppress(*map(torch.from_numpy, (boxes, scores, indices)), cells=10, iou=iou)
    for image in range(2):
        expected = suppressed_by_hand(boxes[image], scores[image], indices[image] // 10, iou)
        assert found[image].tolist() == expected


class Heads(nn.Module):
    """All functions in one network."""

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, ...]:
        volume = R.correlation(left, right, 4)
        disparity = R.soft_argmin(volume, torch.arange(4.0), left[:, :1])
        scores, indices = R.peaks(left[:, :2].sigmoid(), 5)
        boxes = R.decode_boxes_2d(indices, left[:, :2], right[:, :2], 4)
        boxes_3d = R.decode_boxes_3d(indices, disparity, left[:, :7], 4, CAMERA, PRIORS)
        return R.suppress(boxes, scores, indices, 24, 0.5), boxes, boxes_3d


def test_export_keeps_each_function_as_one_node():
    inputs = torch.randn(1, 8, 4, 6), torch.randn(1, 8, 4, 6)
    exported = torch.export.export(Heads().eval(), inputs)
    called = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    own = [name for name in called if name.startswith("recog.")]
    assert own == [
        "recog.peaks.default",
        "recog.decode_boxes_2d.default",
        "recog.decode_boxes_3d.default",
        "recog.suppress.default",
    ]
    for found, expected in zip(exported.module()(*inputs), Heads()(*inputs)):
        torch.testing.assert_close(found, expected)


def test_custom_ops_keep_torchs_rules():
    heat = torch.rand(1, 2, 3, 4)
    torch.library.opcheck(torch.ops.recog.peaks.default, (heat, 5))
    scores, indices = R.peaks(heat, 5)
    maps = torch.rand(1, 2, 3, 4), torch.rand(1, 2, 3, 4)
    torch.library.opcheck(torch.ops.recog.decode_boxes_2d.default, (indices, *maps, 4.0))
    boxes = R.decode_boxes_2d(indices, *maps, 4.0)
    torch.library.opcheck(torch.ops.recog.suppress.default, (boxes, scores, indices, 12, 0.5))
    arguments = (indices, maps[0][:, :1], torch.rand(1, 7, 3, 4), 4.0, CAMERA, PRIORS)
    torch.library.opcheck(torch.ops.recog.decode_boxes_3d.default, arguments)
