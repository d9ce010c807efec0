"""Frames with the outputs of both networks, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.frontend.scenes.sample import Objects
from recog.frontend.scenes.world import OBJECT_NAMES
from recog.frontend.tasks.base import Task
from recog.frontend.tasks.boxes import iou_2d
from recog.frontend.tasks.targets import STRIDE

SCORE = 0.3
"""Boxes of lower scores are not drawn or counted."""
SAME_IOU = 0.5
"""Boxes of one class with at least this overlap are the same object."""


@dataclass(frozen=True)
class Frames:
    """Frames of one task.

    Attributes:
        images: of each of the network's inputs, (N, C, H, W), uint8, or float in [0, 1].
        truths: what is true of each frame, as `Task.metric` takes it.
        float_outputs: the decoded outputs of the network, each stacked over the frames.
        converted_outputs: likewise those of the converted program.
    """

    images: tuple[np.ndarray, ...]
    truths: Sequence[Any]
    float_outputs: Sequence[np.ndarray]
    converted_outputs: Sequence[np.ndarray]

    def __len__(self) -> int:
        return len(self.truths)

    def photo(self, frame: int) -> np.ndarray:
        """The first input's image of one frame, uint8 (H, W, 3)."""
        image = self.images[0][frame]
        if image.dtype != np.uint8:
            image = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
        return np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.images[0].shape[2], self.images[0].shape[3]

    @property
    def outputs(self) -> tuple[Sequence[np.ndarray], Sequence[np.ndarray]]:
        """Those of float, those of the converted program."""
        return self.float_outputs, self.converted_outputs


def check_frames(task: Task, frames: Frames, where: str) -> None:
    """Raise RecogError unless images, truths and outputs belong together."""
    count = len(frames)
    inputs = len(task.example_inputs())
    if count == 0:
        raise RecogError("no frames to draw", where=where)
    if len(frames.images) != inputs:
        message = f"{counted(len(frames.images), 'image')} a frame, {task.title} takes {inputs}"
        raise RecogError(message, where=where)
    for image in frames.images:
        _check_image(image, count, frames.images[0].shape, where)
    for name, outputs in (("float", frames.float_outputs), ("converted", frames.converted_outputs)):
        if len(outputs) != len(task.output_names):
            message = (
                f"{counted(len(outputs), f'{name} output')}, expected "
                f"{', '.join(task.output_names)}"
            )
            raise RecogError(message, where=where)
        for output_name, output in zip(task.output_names, outputs):
            if np.ndim(output) == 0 or len(output) != count:
                message = f"{name} output {output_name!r} of shape {np.shape(output)}, "
                raise RecogError(f"{message}expected {counted(count, 'frame')}", where=where)


def _check_image(image: np.ndarray, count: int, first: tuple[int, ...], where: str) -> None:
    if image.ndim != 4 or len(image) != count or image.shape[1] not in (1, 3) or image.size == 0:
        message = f"images of shape {image.shape}, expected ({count}, 1 or 3, height, width)"
        raise RecogError(message, where=where)
    if image.shape != first:
        raise RecogError(f"images of shapes {first} and {image.shape} make no pair", where=where)
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        hint = "uint8, or floats in [0, 1]"
        raise RecogError(f"images of {image.dtype}", where=where, hint=hint)


def check_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...], where: str) -> None:
    """Raise RecogError unless an array has that shape; None stands for any size."""
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, found) for found, wanted in zip(array.shape, shape)
    )
    if not fits:
        wanted = ", ".join("K" if size is None else str(size) for size in shape)
        raise RecogError(f"{name} of shape {array.shape}, expected ({wanted})", where=where)


@dataclass(frozen=True)
class Detections:
    """What a detector finds in one frame: labels and scores (D,), boxes (D, 4) in pixels, and
    (D, 7) in metres of the stereo detector."""

    labels: np.ndarray
    scores: np.ndarray
    boxes_2d: np.ndarray
    boxes_3d: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)


def detections(outputs: Sequence[np.ndarray], frame: int, shape: tuple[int, int]) -> Detections:
    """Those of at least SCORE, the lowest first so that the best are drawn last.

    Args:
        outputs: scores, indices, boxes, and perhaps boxes in space, stacked over frames.
        shape: of the image: classes are index // cells.
    """
    scores, indices, *boxes = (output[frame] for output in outputs)
    rows = np.flatnonzero(scores >= SCORE)
    rows = rows[np.argsort(scores[rows], kind="stable")]
    labels = indices[rows].astype(np.int64) // (shape[0] * shape[1] // STRIDE**2)
    return Detections(labels, scores[rows], *(each[rows].astype(np.float64) for each in boxes))


def check_detections(frames: Frames, wide: Sequence[int], where: str) -> None:
    """Raise RecogError unless outputs are K scores, indices and boxes of `wide` numbers a frame,
    with classes that exist and finite boxes."""
    count, cells = len(frames), frames.shape[0] * frames.shape[1] // STRIDE**2
    for level, (scores, indices, *boxes) in zip(("float", "converted"), frames.outputs):
        check_shape(f"{level} scores", scores, (count, None), where)
        check_shape(f"{level} indices", indices, scores.shape, where)
        for each, numbers in zip(boxes, wide):
            check_shape(f"{level} boxes", each, (*scores.shape, numbers), where)
        if np.isnan(scores).any():
            raise RecogError(f"{level} scores are not all numbers", where=where)
        shown = scores >= SCORE
        if np.any((indices[shown] < 0) | (indices[shown] >= cells * len(OBJECT_NAMES))):
            message = f"{level} indices beyond {len(OBJECT_NAMES)} classes of {cells} cells"
            raise RecogError(message, where=where, hint="images of another size?")
        if not all(np.isfinite(each[shown]).all() for each in boxes):
            raise RecogError(f"{level} boxes are not finite", where=where)


def objects_of(truth: Any, where: str) -> Objects:
    """The objects of a frame's truth, which is or has them."""
    objects = truth if isinstance(truth, Objects) else getattr(truth, "objects", None)
    if not isinstance(objects, Objects):
        raise RecogError(f"a truth of type {type(truth).__name__} has no objects", where=where)
    return objects


def common(a: Detections, b: Detections) -> list[float]:
    """IoU in the image of each box that both networks found, matched one to one, best first."""
    overlaps = iou_2d(a.boxes_2d, b.boxes_2d)
    overlaps = np.where(a.labels[:, None] == b.labels[None], overlaps, 0.0)
    found = list[float]()
    while overlaps.size and overlaps.max() >= SAME_IOU:
        row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        found.append(float(overlaps[row, column]))
        overlaps[row], overlaps[:, column] = 0.0, 0.0
    return found


def agreement(a: Detections, b: Detections) -> str:
    """How many boxes both networks found, as text."""
    if not len(a) and not len(b):
        return "no boxes in either"
    shared = common(a, b)
    text = f"{len(a)} and {len(b)} boxes, {len(shared)} in common"
    return f"{text} (mean IoU {np.mean(shared):.3f})" if shared else text
