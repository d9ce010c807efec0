"""Cameras, yawed boxes, and where they are seen.

Coordinates: x right, y down, z forward, metres. A yaw turns about y as KITTI's rotation_y does
(Geiger et al. 2012): 0 faces +x, -pi/2 faces +z. The ground is the plane y = camera height in
camera coordinates, y = 0 in the world.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera; the right one of a pair stands `baseline` metres to the right."""

    height: int = 96
    width: int = 256
    focal: float = 220.0
    cu: float = 128.0
    cv: float = 38.0
    baseline: float = 0.8

    @property
    def parameters(self) -> list[float]:
        """What `recog.frontend.functional.decode_boxes_3d` takes."""
        return [self.focal, self.cu, self.cv, self.baseline]


@dataclass(frozen=True)
class Pose:
    """Where a camera stands in the world and where it looks: heading 0 is +z, positive right."""

    x: float = 0.0
    z: float = 0.0
    heading: float = 0.0
    above_ground: float = 1.5

    @property
    def origin(self) -> np.ndarray:
        return np.array([self.x, -self.above_ground, self.z], np.float32)

    def moved_right(self, distance: float) -> Pose:
        """The pose `distance` metres along the camera's own x axis."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        x, z = self.x + c * distance, self.z - s * distance
        return Pose(x, z, self.heading, self.above_ground)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in camera coordinates."""
        x, y, z = np.moveaxis(points - self.origin, -1, 0)
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.stack([c * x - s * z, y, s * x + c * z], -1)


def wrap(angle: float) -> float:
    """An angle moved by turns into (-pi, pi]."""
    return math.pi - (math.pi - angle) % (2 * math.pi)


def box_axes(yaw: float) -> np.ndarray:
    """Rows: the unit vectors of a box's length, height and width."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32)


def box_corners(boxes: np.ndarray) -> np.ndarray:
    """(..., 7) boxes x, y, z, h, w, l, yaw → (..., 8, 3) corners.

    The first four are the bottom face, front right, front left, rear left, rear right as its driver
    sees them; the last four the top face in the same order.
    """
    boxes = np.asarray(boxes, np.float64)
    along = np.array([1, 1, -1, -1] * 2) / 2 * boxes[..., 5, None]
    up = np.array([1] * 4 + [-1] * 4) / 2 * boxes[..., 3, None]
    across = np.array([-1, 1, 1, -1] * 2) / 2 * boxes[..., 4, None]
    c, s = np.cos(boxes[..., 6, None]), np.sin(boxes[..., 6, None])
    offsets = np.stack([c * along + s * across, up, -s * along + c * across], -1)
    return boxes[..., None, :3] + offsets


def project(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Camera coordinates (..., 3) → pixels (..., 2); points behind count as 5 cm in front."""
    z = np.maximum(points[..., 2], 0.05)
    u = camera.focal * points[..., 0] / z + camera.cu
    v = camera.focal * points[..., 1] / z + camera.cv
    return np.stack([u, v], -1)
