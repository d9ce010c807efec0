"""Overlaps of boxes: in the image, from above, and in space."""

from __future__ import annotations

import numpy as np


def iou_2d(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of x1, y1, x2, y2: (A, 4) and (B, 4) → (A, B)."""
    shared = _shared_2d(a, b)
    union = _area(a)[:, None] + _area(b)[None] - shared
    return _share(shared, union)


def covered_2d(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The share of each box of `a` that each of `b` covers: (A, 4) and (B, 4) → (A, B)."""
    shared = _shared_2d(a, b)
    return _share(shared, np.broadcast_to(_area(a)[:, None], shared.shape))


def _shared_2d(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    extent = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return extent.clip(min=0).prod(-1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).clip(min=0).prod(-1)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def iou_bev(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of yawed boxes seen from above.

    Args:
        a, b: (A, 7) and (B, 7): x, y, z of the centre, h, w, l, yaw.

    Returns:
        (A, B), float64
    """
    shared = _shared_from_above(a, b)
    base_a, base_b = a[:, 4] * a[:, 5], b[:, 4] * b[:, 5]
    return _share(shared, base_a[:, None] + base_b[None] - shared)


def iou_3d(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of the volumes of yawed boxes, as `iou_bev`."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    low = np.maximum((a[:, 1] - a[:, 3] / 2)[:, None], (b[:, 1] - b[:, 3] / 2)[None])
    high = np.minimum((a[:, 1] + a[:, 3] / 2)[:, None], (b[:, 1] + b[:, 3] / 2)[None])
    shared = _shared_from_above(a, b) * (high - low).clip(min=0)
    volume_a, volume_b = a[:, 3:6].prod(1), b[:, 3:6].prod(1)
    return _share(shared, volume_a[:, None] + volume_b[None] - shared)


def _shared_from_above(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Areas (A, B) of the intersections of base faces: each pair's first is clipped by the four
    edges of the second (Sutherland and Hodgman 1974), all pairs at once."""
    pairs = len(a), len(b)
    if 0 in pairs:
        return np.zeros(pairs)
    subject = np.repeat(base_corners(a), len(b), 0)
    window = np.tile(base_corners(b), (len(a), 1, 1))
    count = np.full(len(subject), 4)
    for i in range(4):
        subject, count = _clip(subject, count, window[:, i], window[:, (i + 1) % 4])
    return _polygon_area(subject, count).reshape(pairs)


def base_corners(boxes: np.ndarray) -> np.ndarray:
    """(N, 7) → (N, 4, 2): x, z of the corners, counterclockwise with z to the right of x."""
    boxes = boxes.astype(np.float64)
    along = np.array([1, -1, -1, 1]) / 2 * boxes[:, 5, None]
    across = np.array([1, 1, -1, -1]) / 2 * boxes[:, 4, None]
    c, s = np.cos(boxes[:, 6, None]), np.sin(boxes[:, 6, None])
    x = boxes[:, 0, None] + c * along + s * across
    z = boxes[:, 2, None] - s * along + c * across
    return np.stack([x, z], -1)


def _clip(
    polygons: np.ndarray, count: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cut polygons (P, V, 2), of `count` corners each, to the left of the lines start → end."""
    slots = polygons.shape[1]
    at = np.arange(slots)
    used = at < count[:, None]
    following = np.where(at + 1 < count[:, None], at + 1, 0)
    nxt = np.take_along_axis(polygons, following[..., None], 1)
    line = end - start
    normal = np.stack([-line[:, 1], line[:, 0]], -1)
    side = ((polygons - start[:, None]) * normal[:, None]).sum(-1)
    next_side = ((nxt - start[:, None]) * normal[:, None]).sum(-1)
    keep = used & (side >= 0)
    cross = used & ((side >= 0) != (next_side >= 0))
    t = np.where(cross, side / np.where(cross, side - next_side, 1), 0)
    cut = polygons + t[..., None] * (nxt - polygons)
    # Each corner gives itself, then the cut of the edge that it starts, where there are such.
    points = np.stack([polygons, cut], 2).reshape(len(polygons), 2 * slots, 2)
    present = np.stack([keep, cross], 2).reshape(len(polygons), 2 * slots)
    order = np.argsort(~present, axis=1, kind="stable")[:, : slots + 1]
    return np.take_along_axis(points, order[..., None], 1), present.sum(1)


def _polygon_area(polygons: np.ndarray, count: np.ndarray) -> np.ndarray:
    at = np.arange(polygons.shape[1])
    following = np.where(at + 1 < count[:, None], at + 1, 0)
    nxt = np.take_along_axis(polygons, following[..., None], 1)
    twice = polygons[..., 0] * nxt[..., 1] - polygons[..., 1] * nxt[..., 0]
    return np.abs(np.where(at < count[:, None], twice, 0).sum(1)) / 2
