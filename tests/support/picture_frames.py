"""Small frames of each task with outputs, for the tests of pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from recog.frontend.scenes.sample import Objects
from recog.frontend.tasks import get_task
from recog.frontend.tasks.scene_data import CAMERA
from recog.tools.pictures import Frames, write_pictures
from recog.tools.pictures.figure import Panel
from recog.tools.pictures.palette import (
    OBJECT_COLOURS,
    Colour,
)

NAMES = ("float", "machine")
HEIGHT, WIDTH = CAMERA.height, CAMERA.width
CELLS = HEIGHT * WIDTH // 16
CAR, TRUCK, _ = OBJECT_COLOURS
NO_OBJECTS = Objects(
    np.empty(0, np.int64),
    np.empty((0, 4), np.float32),
    np.empty((0, 7), np.float32),
    np.empty(0, np.float32),
    np.empty(0, np.float32),
)
# 20 m ahead and 2 m to the right, seen from behind: it faces +z.
CAR_AHEAD = (2.0, 0.8, 20.0, 1.5, 1.8, 4.2, -math.pi / 2)


def texture(count: int, channels: int = 3) -> np.ndarray:
    """Pixels that differ from their neighbours, and from every line."""
    steps = np.arange(HEIGHT)[:, None] + 3 * np.arange(WIDTH)
    return np.broadcast_to((60 + steps % 30).astype(np.uint8), (count, channels, HEIGHT, WIDTH))


def one_object(label: int, box: tuple[float, ...], space: tuple[float, ...]) -> Objects:
    floats = ([box], [space], [1.0], [0.0])
    return Objects(np.array([label]), *(np.array(each, np.float32) for each in floats))


def found(*rows: tuple[int, float, tuple[float, ...], tuple[float, ...]], k: int = 5) -> list:
    """Outputs of one frame of the stereo detector from label, score, box, box in space."""
    scores, indices = np.zeros((1, k), np.float32), np.zeros((1, k), np.int64)
    boxes, spaces = np.zeros((1, k, 4), np.float32), np.zeros((1, k, 7), np.float32)
    for i, (label, score, box, space) in enumerate(rows):
        scores[0, i], indices[0, i] = score, label * CELLS + 7
        boxes[0, i], spaces[0, i] = box, space
    return [scores, indices, boxes, spaces]


def pixel(panel: Panel | Image.Image, x: float, y: float) -> Colour:
    picture = panel.picture if isinstance(panel, Panel) else panel
    return picture.convert("RGB").getpixel((math.floor(x), math.floor(y)))  # pyright: ignore


def near(a: Colour, b: Colour, by: int = 12) -> bool:
    return max(abs(x - y) for x, y in zip(a, b)) <= by


def segmentation_frames(count: int = 2) -> Frames:
    rows = (np.arange(HEIGHT)[:, None] + np.arange(WIDTH)) // 8 % 9
    truth = np.stack([rows.astype(np.uint8)] * count)
    ours, theirs = truth.astype(np.int64), truth.astype(np.int64)
    ours[:, 10, 5] = (truth[:, 10, 5] + 1) % 9
    theirs[:, 20, 250] = (truth[:, 20, 250] + 1) % 9
    ours[:, 95, 0], theirs[:, 95, 0] = (truth[:, 95, 0] + 1) % 9, (truth[:, 95, 0] + 2) % 9
    # Wrong, but alike: no difference.
    ours[:, 40, 40] = theirs[:, 40, 40] = (truth[:, 40, 40] + 3) % 9
    return Frames((texture(count),), cast(Any, truth), [ours], [theirs])


def classification_frames() -> Frames:
    images = np.linspace(0, 1, 4 * 64, dtype=np.float32).reshape(4, 1, 8, 8)
    labels = [3, 1, 4, 1]
    logits = np.eye(10, dtype=np.float32)
    return Frames((images,), labels, [logits[[3, 1, 5, 2]]], [logits[[3, 7, 5, 2]]])


def detection_frames(task: str = "detection2d") -> Frames:
    box = (40.0, 30.0, 80.0, 60.0)
    row = (0, 0.9, box, CAR_AHEAD)
    outputs = found(row, (2, 0.5, (100.0, 20.0, 110.0, 50.0), (-3.0, 0.6, 12.0, 1.7, 0.6, 0.5, 0)))
    truth: list[Any] = [one_object(0, box, CAR_AHEAD)]
    if task == "detection2d":
        return Frames((texture(1),), truth, outputs[:3], outputs[:3])
    return Frames((texture(1), texture(1)), truth, outputs, outputs)


def frames_of(task: str) -> Frames:
    if task == "segmentation":
        return segmentation_frames()
    return classification_frames() if task == "classification" else detection_frames(task)


def write(task: str, frames: Frames, folder: Path, **options: Any) -> Path:
    each = (frames.images, frames.truths, frames.float_outputs, frames.converted_outputs)
    return write_pictures(get_task(task), *each, folder, **options)
