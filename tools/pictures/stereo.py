"""Stereo 3D detection: boxes in the camera's view and from above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from recog.dialects.words import counted
from recog.frontend.scenes.geometry import Camera, box_corners
from recog.frontend.tasks.scene_data import CAMERA
from recog.frontend.tasks.targets import wanted
from recog.tools.pictures.birdseye import BirdsEye
from recog.tools.pictures.canvas import Canvas, enlarged
from recog.tools.pictures.clipping import project_face, project_segments
from recog.tools.pictures.detection import detection_facts, object_keys
from recog.tools.pictures.figure import Figure, Key, Panel
from recog.tools.pictures.frames import (
    SCORE,
    Detections,
    Frames,
    agreement,
    check_detections,
    detections,
    objects_of,
)
from recog.tools.pictures.palette import TRUTH, object_colour
from recog.tools.pictures.renderer import Fact

SCALE, MOVING_SCALE = 4, 3
FRONT = [0, 1, 5, 4]
"""Indices, in `box_corners`, of the corners of a box's front."""
EDGES = [
    *((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4)),
    *((0, 4), (1, 5), (2, 6), (3, 7)),
]


class StereoPictures:
    """Float above, converted below; the camera's view left, from above right."""

    def __init__(self, names: tuple[str, str], camera: Camera = CAMERA):
        self.names = names
        self.camera = camera
        self.caption = (
            f"Boxes of {names[0]} (above) and {names[1]} (below) with scores of at least {SCORE}: "
            "in the left camera's view with the front filled and the distance in metres, and from "
            "above with the heading as a line; the camera stands at the bottom, between the limits "
            "of its view. Dashed: the true objects that are to be found."
        )
        self.legend = [[*object_keys(), Key("truth (from above)", TRUTH, "dashed")]]

    def check(self, frames: Frames, where: str) -> None:
        check_detections(frames, (4, 7), where)
        for truth in frames.truths:
            objects_of(truth, where)

    def facts(self, frames: Frames) -> list[Fact]:
        gaps = list[float]()
        for frame in range(len(frames)):
            gaps += centre_gaps(*(detections(each, frame, frames.shape) for each in frames.outputs))
        median = f"{100 * np.median(gaps):.0f} cm" if gaps else "none"
        facts = detection_facts(frames, self.names)
        return [*facts[:2], (median, "median distance of their centres in space"), *facts[2:]]

    def figures(self, frames: Frames, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frames, frame, SCALE) for frame in chosen]

    def moment(self, frames: Frames, frame: int) -> Figure:
        return self._figure(frames, frame, MOVING_SCALE)

    def _figure(self, frames: Frames, frame: int, scale: int) -> Figure:
        found = [detections(outputs, frame, frames.shape) for outputs in frames.outputs]
        truth = objects_of(frames.truths[frame], "truth")
        view = BirdsEye(frames.shape[0] * scale, self.camera)
        rows = list[list[Panel]]()
        for name, each in zip(self.names, found):
            count = counted(len(each), "box")
            camera = camera_view(frames.photo(frame), each, self.camera, scale)
            above = view.picture(each, truth.boxes_3d[wanted(truth)])
            rows.append([Panel(camera, name, count), Panel(above, "from above")])
        note = agreement(*found)
        return Figure(f"stereo3d-{frame:04d}", f"Stereo 3D detection, frame {frame}", note, rows)


def camera_view(photo: np.ndarray, found: Detections, camera: Camera, scale: int) -> Image.Image:
    """The image with the boxes in space on it, the far ones first."""
    canvas = Canvas(enlarged(photo, scale))
    boxes = _boxes_3d(found)
    for i in np.argsort(-boxes[:, 2], kind="stable"):
        colour, corners = object_colour(int(found.labels[i])), box_corners(boxes[i])
        canvas.fill(project_face(corners[FRONT], camera) * scale, colour, 0.35)
        segments = project_segments(corners, EDGES, camera)
        for segment in segments:
            canvas.line(segment * scale, colour, 2.0, halo=True)
        if segments:
            points = np.concatenate(segments) * scale
            around = (*points.min(0).tolist(), *points.max(0).tolist())
            canvas.label(f"{boxes[i, 2]:.1f} m", around, colour, 4 * scale)
    return canvas.picture()


def centre_gaps(a: Detections, b: Detections) -> list[float]:
    """Distances in metres between the centres of boxes that both networks found: those of one
    class, each matched with the nearest within 3 m."""
    ours, theirs = _boxes_3d(a), _boxes_3d(b)
    gaps = np.linalg.norm(ours[:, None, :3] - theirs[None, :, :3], axis=-1)
    gaps = np.where(a.labels[:, None] == b.labels[None], gaps, np.inf)
    if gaps.size == 0:
        return []
    nearest = gaps.min(1)
    return nearest[nearest < 3.0].tolist()


def _boxes_3d(found: Detections) -> np.ndarray:
    return np.empty((0, 7)) if found.boxes_3d is None else found.boxes_3d
