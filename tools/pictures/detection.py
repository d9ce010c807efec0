"""2D detection: boxes on the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recog.dialects.words import counted
from recog.frontend.scenes.sample import Objects
from recog.frontend.scenes.world import OBJECT_NAMES
from recog.frontend.tasks.targets import wanted
from recog.tools.pictures.canvas import Canvas, enlarged
from recog.tools.pictures.figure import Figure, Key, Panel
from recog.tools.pictures.frames import (
    SAME_IOU,
    SCORE,
    Detections,
    Frames,
    agreement,
    check_detections,
    common,
    detections,
    objects_of,
)
from recog.tools.pictures.palette import OBJECT_COLOURS, TRUTH, object_colour
from recog.tools.pictures.renderer import Fact

SCALE, MOVING_SCALE = 3, 2


def object_keys() -> list[Key]:
    """The legend of the classes of objects."""
    pairs = zip(OBJECT_NAMES, OBJECT_COLOURS)
    return [Key(name, colour, "box") for name, colour in pairs]


def detection_facts(frames: Frames, names: tuple[str, str]) -> list[Fact]:
    """How far the boxes of both agree, over all frames."""
    counts, shared = [0, 0], list[float]()
    for frame in range(len(frames)):
        found = [detections(outputs, frame, frames.shape) for outputs in frames.outputs]
        counts = [count + len(each) for count, each in zip(counts, found)]
        shared += common(*found)
    mean = f"{np.mean(shared):.3f}" if shared else "none"
    return [
        (f"{len(shared)} of {max(counts)}", f"boxes in both (IoU at least {SAME_IOU})"),
        (mean, "mean IoU in the image of the boxes in both"),
        (f"{counts[0]} / {counts[1]}", f"boxes of {names[0]} / {names[1]}"),
    ]


class DetectionPictures:
    """Float left, converted right."""

    def __init__(self, names: tuple[str, str]):
        self.names = names
        self.caption = (
            f"Boxes of {names[0]} (left) and {names[1]} (right) with scores of at least {SCORE}. "
            "Dashed: the true boxes of the objects that are to be found."
        )
        self.legend = [[*object_keys(), Key("truth", TRUTH, "dashed")]]

    def check(self, frames: Frames, where: str) -> None:
        check_detections(frames, (4,), where)
        for truth in frames.truths:
            objects_of(truth, where)

    def facts(self, frames: Frames) -> list[Fact]:
        return detection_facts(frames, self.names)

    def figures(self, frames: Frames, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frames, frame, SCALE) for frame in chosen]

    def moment(self, frames: Frames, frame: int) -> Figure:
        return self._figure(frames, frame, MOVING_SCALE)

    def _figure(self, frames: Frames, frame: int, scale: int) -> Figure:
        found = [detections(outputs, frame, frames.shape) for outputs in frames.outputs]
        truth = objects_of(frames.truths[frame], "truth")
        photo = frames.photo(frame)
        panels = list[Panel]()
        for name, each in zip(self.names, found):
            canvas = Canvas(enlarged(photo, scale))
            draw_true_boxes(canvas, truth, scale)
            draw_boxes(canvas, each, scale)
            panels.append(Panel(canvas.picture(), name, counted(len(each), "box")))
        return Figure(
            f"detection2d-{frame:04d}",
            f"2D detection, frame {frame}",
            agreement(*found),
            [panels],
        )


def draw_true_boxes(canvas: Canvas, truth: Objects, scale: int) -> None:
    """Thin dashed outlines of the objects that are to be found."""
    for box in truth.boxes_2d[wanted(truth)] * scale:
        # The middle of a pixel keeps a line of one pixel sharp.
        box = np.floor(box) + 0.5
        canvas.line(_corners(box), TRUTH, 1.0, closed=True, dash=4.0, halo=True)


def draw_boxes(canvas: Canvas, found: Detections, scale: int) -> None:
    """Outlines in the colours of their classes, with names and scores."""
    for label, score, box in zip(found.labels, found.scores, found.boxes_2d * scale):
        colour = object_colour(label)
        canvas.line(_corners(box), colour, 2.0, closed=True, halo=True)
        x1, y1, x2, y2 = (float(value) for value in box)
        text = f"{OBJECT_NAMES[label]} {score:.2f}"
        canvas.label(text, (x1 - 1, y1 - 1, x2 + 1, y2 + 1), colour, 4 * scale + 2)


def _corners(box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
