"""Scores against the libraries that define them: scikit-learn, pycocotools, shapely."""

from __future__ import annotations

import contextlib
import io
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recog.frontend.tasks.boxes import base_corners, covered_2d, iou_2d, iou_3d, iou_bev
from recog.frontend.tasks.metrics import (
    FrameMatches,
    confusion,
    intersection_over_union,
    matched,
    mean_precision,
    precision_of,
)


def test_iou_of_classes_is_scikit_learns():
    from sklearn.metrics import confusion_matrix, jaccard_score

    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 5, (2, 3, 10, 12)).astype(np.uint8)
    matrix = confusion(truth, found, 6)
    np.testing.assert_array_equal(
        matrix[:5, :5], confusion_matrix(truth.ravel(), found.ravel(), labels=range(5))
    )
    each = intersection_over_union(matrix)
    each_class = cast(Any, None)  # what scikit-learn, which has no types, asks for
    expected = jaccard_score(truth.ravel(), found.ravel(), labels=range(5), average=each_class)
    np.testing.assert_allclose(each[:5], expected)
    assert np.isnan(each[5])
    with pytest.raises(ValueError, match="shapes differ"):
        confusion(truth, found[:1], 6)


def average_precision(frames: list[FrameMatches], threshold: float) -> float:
    return precision_of([matched(each, threshold) for each in frames])


def random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner, extent = rng.uniform(0, 60, (count, 2)), rng.uniform(16, 60, (count, 2))
    return np.concatenate([corner, corner + extent], 1)


def coco_average_precision(frames: list[dict]) -> float:
    """pycocotools at IoU 0.5, crowds as ignored objects."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations, results = list[dict](), list[dict]()
    for i, frame in enumerate(frames):
        for box, crowd in zip(frame["truth"], frame["crowd"]):
            x1, y1, x2, y2 = map(float, box)
            extent = [x1, y1, x2 - x1, y2 - y1]
            area = extent[2] * extent[3]
            row = {"image_id": i, "category_id": 1, "bbox": extent, "area": area}
            annotations.append({**row, "id": len(annotations) + 1, "iscrowd": int(crowd)})
        for box, score in zip(frame["boxes"], frame["scores"]):
            x1, y1, x2, y2 = map(float, box)
            row = {"image_id": i, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            results.append({**row, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = cast(Any, COCO())
        images = [{"id": i} for i in range(len(frames))]
        coco.dataset = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 1}],
            "info": {},
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    return float(evaluation.eval["precision"][0, :, 0, 0, 2].mean())


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_is_cocos(seed: int):
    rng = np.random.default_rng(seed)
    frames = list[dict]()
    for _ in range(12):
        truth = random_boxes(rng, int(rng.integers(1, 6)))
        # Found again, a little off, some twice; and false ones. Coarse scores tie.
        near = np.repeat(truth, 2, 0) + rng.uniform(-7, 7, (2 * len(truth), 4))
        boxes = np.concatenate([near, random_boxes(rng, 3)])
        keep = rng.random(len(boxes)) < 0.7
        scores = np.round(rng.random(len(boxes)), 1 if seed % 2 else 6)
        crowd = rng.random(len(truth)) < 0.3
        frames.append(
            {"truth": truth, "crowd": crowd, "boxes": boxes[keep], "scores": scores[keep]}
        )
    matches = [
        FrameMatches(
            frame["scores"],
            iou_2d(frame["boxes"], frame["truth"][~frame["crowd"]]),
            np.zeros(int((~frame["crowd"]).sum()), bool),
            np.any(covered_2d(frame["boxes"], frame["truth"][frame["crowd"]]) >= 0.5, axis=1),
        )
        for frame in frames
    ]
    assert average_precision(matches, 0.5) == pytest.approx(
        coco_average_precision(frames), abs=1e-9
    )


def test_average_precision_by_hand():
    def frame(scores: list[float], overlaps: list[list[float]], ignored: list[bool]):
        near = np.zeros(len(scores), bool)
        table = np.array(overlaps).reshape(len(scores), len(ignored))
        return FrameMatches(np.array(scores), table, np.array(ignored, bool), near)

    assert average_precision([frame([0.9], [[0.8]], [False])], 0.5) == 1.0
    assert average_precision([frame([0.9], [[0.4]], [False])], 0.5) == 0.0
    assert average_precision([frame([], [], [False])], 0.5) == 0.0
    assert np.isnan(average_precision([frame([0.9], [[]], [])], 0.5))
    # A false one first: precision 1/2 at every recall.
    assert average_precision([frame([0.9, 0.8], [[0.1], [0.8]], [False])], 0.5) == 0.5
    # The first matches an ignored object and does not count.
    two = frame([0.9, 0.8], [[0.7, 0.1], [0.1, 0.8]], [True, False])
    assert average_precision([two], 0.5) == 1.0
    assert np.isnan(mean_precision([float("nan")]))
    assert mean_precision([1.0, float("nan"), 0.5]) == 0.75


def yawed(rng: np.random.Generator, count: int, spread: float) -> np.ndarray:
    place = rng.uniform(-spread, spread, (count, 3))
    extent = rng.uniform(0.5, 4, (count, 3))
    return np.concatenate([place, extent, rng.uniform(-np.pi, np.pi, (count, 1))], 1)


def shapely_bev(a: np.ndarray, b: np.ndarray) -> float:
    geometry = pytest.importorskip("shapely.geometry")
    first, second = (geometry.Polygon(base_corners(box[None])[0]) for box in (a, b))
    return first.intersection(second).area / first.union(second).area


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 1.0, 4.0]))
def test_iou_from_above_is_shapelys(seed: int, spread: float):
    rng = np.random.default_rng(seed)
    a, b = yawed(rng, 3, spread), yawed(rng, 4, spread)
    found = iou_bev(a, b)
    for i in range(3):
        for j in range(4):
            assert found[i, j] == pytest.approx(shapely_bev(a[i], b[j]), abs=1e-9)


@pytest.mark.parametrize("yaw", [0.0, 0.3, np.pi / 4, np.pi / 2, np.pi, -2.0])
def test_equal_and_touching_boxes(yaw: float):
    box = np.array([[1.0, 0.5, 20.0, 1.5, 1.7, 4.2, yaw]])
    turned = box + [[0, 0, 0, 0, 0, 0, np.pi]]
    assert iou_bev(box, box)[0, 0] == pytest.approx(1, abs=1e-12)
    assert iou_3d(box, turned)[0, 0] == pytest.approx(1, abs=1e-9)
    beside = box.copy()
    beside[0, [0, 2]] += 1.7 * np.array([np.sin(yaw), np.cos(yaw)])
    assert iou_bev(box, beside)[0, 0] == pytest.approx(0, abs=1e-9)
    inner = box.copy()
    inner[0, 3:6] /= 2
    assert iou_bev(box, inner)[0, 0] == pytest.approx(1 / 4, abs=1e-9)
    assert iou_3d(box, inner)[0, 0] == pytest.approx(1 / 8, abs=1e-9)
    above = box + [[0, 1.5, 0, 0, 0, 0, 0]]
    assert iou_3d(box, above)[0, 0] == pytest.approx(0, abs=1e-12)
    lifted = box + [[0, 0.75, 0, 0, 0, 0, 0]]
    assert iou_3d(box, lifted)[0, 0] == pytest.approx(1 / 3, abs=1e-9)


def test_no_boxes():
    none, one = np.zeros((0, 7)), np.ones((1, 7))
    assert iou_bev(none, one).shape == (0, 1)
    assert iou_3d(one, none).shape == (1, 0)
    assert iou_2d(np.zeros((0, 4)), np.ones((2, 4))).shape == (0, 2)
    assert iou_2d(np.ones((1, 4)), np.ones((1, 4)))[0, 0] == 0
