"""What the heads of the detectors should give for true objects."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from recog.frontend.scenes.geometry import Camera, project, wrap
from recog.frontend.scenes.sample import Objects
from recog.frontend.scenes.world import OBJECT_CLASSES
from recog.frontend.tasks.base import Targets

STRIDE = 4
"""Pixels a cell of the heads' maps."""
PRIORS = (1.54, 1.75, 4.2, 3.3, 2.4, 7.5, 1.72, 0.59, 0.48)
"""h, w, l in metres of a mean car, truck, pedestrian."""
MIN_VISIBILITY, MAX_TRUNCATION, MIN_HEIGHT = 0.3, 0.5, 7.0
"""Objects less visible, more cut off or lower (pixels) are neither wanted nor unwanted."""


def wanted(objects: Objects) -> np.ndarray:
    """(M,) which objects a detector is to find."""
    height = objects.boxes_2d[:, 3] - objects.boxes_2d[:, 1]
    return (
        (objects.visibility >= MIN_VISIBILITY)
        & (objects.truncation <= MAX_TRUNCATION)
        & (height >= MIN_HEIGHT)
    )


def encode_2d(truths: Sequence[Objects], camera: Camera) -> Targets:
    """Targets of the 2D detector, centred on the boxes in the image."""
    return _encode(truths, camera, None)


def encode_3d(truths: Sequence[Objects], camera: Camera) -> Targets:
    """Targets of the stereo detector, centred on the projected centres of the 3D boxes."""
    return _encode(truths, camera, camera)


def _encode(truths: Sequence[Objects], frame: Camera, camera: Camera | None) -> Targets:
    """heat (N, classes, H, W) Gaussians with 1 at centres; counted (N, 1, H, W), 0 where heat does
    not matter; and for each of the M wanted objects: frame, label, cell, and what decoding
    takes."""
    height, width = frame.height // STRIDE, frame.width // STRIDE
    heat = np.zeros((len(truths), len(OBJECT_CLASSES), height, width), np.float32)
    counted = np.ones((len(truths), 1, height, width), np.float32)
    rows = list[tuple[int, int, int, list[float]]]()
    for n, objects in enumerate(truths):
        centres = _centres(objects, camera)
        take = wanted(objects)
        for i in range(len(objects)):
            box = objects.boxes_2d[i] / STRIDE
            u, v = (int(math.floor(c)) for c in centres[i])
            if not take[i] or not (0 <= u < width and 0 <= v < height):
                x1, y1, x2, y2 = np.round(box).astype(int)
                counted[n, 0, y1:y2, x1:x2] = 0
                continue
            _splat(heat[n, objects.labels[i]], u, v, box)
            values = _values(objects, i, centres[i], (u, v), camera)
            rows.append((n, int(objects.labels[i]), v * width + u, values))
    counted = np.maximum(counted, heat.max(1, keepdims=True))
    numbers = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)
    wide = 4 if camera is None else 12
    values = np.array([row[3] for row in rows], np.float32).reshape(-1, wide)
    found: Targets = {
        "heat": torch.from_numpy(heat),
        "counted": torch.from_numpy(counted),
        "frame": torch.from_numpy(numbers[:, 0]),
        "label": torch.from_numpy(numbers[:, 1]),
        "cell": torch.from_numpy(numbers[:, 2]),
        "box_2d": torch.from_numpy(values[:, :4]),
    }
    if camera is not None:
        found["disparity"] = torch.from_numpy(values[:, 4])
        found["box_3d"] = torch.from_numpy(values[:, 5:])
    return found


def _centres(objects: Objects, camera: Camera | None) -> np.ndarray:
    """(M, 2) in cells."""
    if camera is None:
        return (objects.boxes_2d[:, :2] + objects.boxes_2d[:, 2:]) / (2 * STRIDE)
    return project(objects.boxes_3d[:, :3].astype(np.float64), camera) / STRIDE


def _splat(heat: np.ndarray, u: int, v: int, box: np.ndarray) -> None:
    """A Gaussian as wide and high as the box allows (Liu et al. 2020, TTFNet, section 3.2)."""
    sigma_x, sigma_y = (max(0.6, 0.09 * extent) for extent in (box[2] - box[0], box[3] - box[1]))
    x = np.exp(-((np.arange(heat.shape[1]) - u) ** 2) / (2 * sigma_x**2))
    y = np.exp(-((np.arange(heat.shape[0]) - v) ** 2) / (2 * sigma_y**2))
    np.maximum(heat, y[:, None] * x[None], out=heat)


def _values(
    objects: Objects, i: int, centre: np.ndarray, cell: tuple[int, int], camera: Camera | None
) -> list[float]:
    x1, y1, x2, y2 = (float(each) / STRIDE for each in objects.boxes_2d[i])
    offset = [(x1 + x2) / 2 - cell[0], (y1 + y2) / 2 - cell[1]]
    size = [math.log(max(x2 - x1, 0.1)), math.log(max(y2 - y1, 0.1))]
    if camera is None:
        return [*offset, *size]
    x, _, z, *extent, yaw = (float(each) for each in objects.boxes_3d[i])
    prior = PRIORS[3 * objects.labels[i] :][:3]
    alpha = wrap(yaw - math.atan2(x, z))
    box = [
        float(centre[0]) - cell[0],
        float(centre[1]) - cell[1],
        *(math.log(a / b) for a, b in zip(extent, prior)),
        math.sin(alpha),
        math.cos(alpha),
    ]
    return [*offset, *size, camera.focal * camera.baseline / z, *box]
