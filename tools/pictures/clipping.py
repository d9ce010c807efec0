"""Lines and polygons cut to what can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recog.frontend.scenes.geometry import Camera, project

NEAR = 0.5
"""Metres in front of the camera where boxes are cut off."""
Bounds = tuple[float, float, float, float]


def clip_segment(start: np.ndarray, end: np.ndarray, bounds: Bounds) -> np.ndarray | None:
    """The part of start → end within x1, y1, x2, y2 as (2, 2), or None (Liang and Barsky 1984)."""
    delta = end - start
    first, last = 0.0, 1.0
    for axis in (0, 1):
        for sign, limit in ((-1.0, bounds[axis]), (1.0, bounds[axis + 2])):
            step, room = sign * delta[axis], sign * (limit - start[axis])
            if step == 0:
                if room < 0:
                    return None
            elif step < 0:
                first = max(first, room / step)
            else:
                last = min(last, room / step)
    if first > last:
        return None
    return np.stack([start + first * delta, start + last * delta])


def clip_polygon(points: np.ndarray, axis: int, limit: float, sign: float) -> np.ndarray:
    """The part of a polygon (V, D) where sign · (coordinate − limit) ≥ 0 (Sutherland and Hodgman
    1974)."""
    side = sign * (points[:, axis] - limit)
    kept = list[np.ndarray]()
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if side[i] >= 0:
            kept.append(points[i])
        if (side[i] >= 0) != (side[j] >= 0):
            kept.append(points[i] + side[i] / (side[i] - side[j]) * (points[j] - points[i]))
    return np.array(kept).reshape(-1, points.shape[1])


def clip_polygon_to(points: np.ndarray, bounds: Bounds) -> np.ndarray:
    """The part of a polygon (V, 2) within x1, y1, x2, y2."""
    for axis, limit, sign in ((0, bounds[0], 1), (0, bounds[2], -1), (1, bounds[1], 1)):
        points = clip_polygon(points, axis, limit, sign)
    return clip_polygon(points, 1, bounds[3], -1)


def project_segments(
    corners: np.ndarray, edges: Sequence[tuple[int, int]], camera: Camera
) -> list[np.ndarray]:
    """Edges between corners (V, 3) in camera coordinates → (2, 2) pixels each, of those that reach
    beyond NEAR."""
    segments = list[np.ndarray]()
    for edge in edges:
        ends = clip_polygon(corners[list(edge)], 2, NEAR, 1)
        if len(ends) >= 2:
            segments.append(project(ends[:2], camera))
    return segments


def project_face(corners: np.ndarray, camera: Camera) -> np.ndarray:
    """A face (V, 3) in camera coordinates → its visible outline in pixels (U, 2), perhaps empty."""
    return project(clip_polygon(corners, 2, NEAR, 1), camera)
