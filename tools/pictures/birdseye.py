"""The scene from above, in metres."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from PIL import Image

from recog.frontend.scenes.geometry import Camera, box_corners
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.frames import Detections
from recog.tools.pictures.palette import (
    EGO,
    GRID,
    GRID_TEXT,
    GROUND,
    TRUTH,
    VIEW,
    object_colour,
)

DEPTH, BEHIND, ASPECT = 40.5, 2.5, 0.8
"""Metres shown in front of the camera and behind; width over height of the picture."""
STEP = 10
"""Metres between the lines of the grid."""


class BirdsEye:
    """A view from above, `height` pixels high; z points up, x to the right."""

    def __init__(self, height: int, camera: Camera):
        self.height, self.width = height, round(height * ASPECT)
        self.camera = camera
        self.pixels_per_metre = height / (DEPTH + BEHIND)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """x, z in metres (..., 2) → pixels (..., 2)."""
        x = self.width / 2 + points[..., 0] * self.pixels_per_metre
        y = (DEPTH - points[..., 1]) * self.pixels_per_metre
        return np.stack([x, y], -1)

    def picture(self, found: Detections, truth: np.ndarray) -> Image.Image:
        """Found boxes, and the true ones (M, 7) dashed."""
        canvas = Canvas(self._ground)
        for box in truth:
            self._draw_true_box(canvas, box)
        boxes = np.empty((0, 7)) if found.boxes_3d is None else found.boxes_3d
        for label, box in zip(found.labels, boxes):
            self._draw_box(canvas, box, int(label))
        return canvas.picture()

    @cached_property
    def _ground(self) -> Image.Image:
        canvas = Canvas(Image.new("RGB", (self.width, self.height), GROUND))
        self._draw_grid(canvas)
        self._draw_camera(canvas)
        return canvas.picture()

    def _draw_grid(self, canvas: Canvas) -> None:
        across = self.width / 2 / self.pixels_per_metre
        reach = DEPTH + BEHIND
        sides = np.array([self.camera.cu, self.camera.cu - self.camera.width]) / self.camera.focal
        edges = [[0, 0], *([-side * reach, reach] for side in sides)]
        view = self.pixels(np.array(edges, np.float64))
        canvas.fill(view, VIEW, 1.0)
        for x in np.arange(-STEP * (across // STEP), across, STEP):
            ends = self.pixels(np.array([[x, -BEHIND], [x, DEPTH]]))
            canvas.line(ends, GRID, 1.0)
        size = max(9, self.height // 28)
        for z in range(0, int(DEPTH) + 1, STEP):
            ends = self.pixels(np.array([[-across, z], [across, z]], np.float64))
            canvas.line(ends, GRID, 1.0)
            if z:
                canvas.note(f"{z} m", self.width - 4, float(ends[0, 1]) - 2, GRID_TEXT, size, "rd")

    def _draw_camera(self, canvas: Canvas) -> None:
        arrow = np.array([[0, 0.9], [0.95, -1.6], [0, -0.9], [-0.95, -1.6]])
        canvas.fill(self.pixels(arrow), EGO, 1.0)

    def _draw_true_box(self, canvas: Canvas, box: np.ndarray) -> None:
        base = self.pixels(box_corners(box)[:4, [0, 2]])
        canvas.line(base, TRUTH, 1.0, closed=True, dash=3.0, opacity=0.9)

    def _draw_box(self, canvas: Canvas, box: np.ndarray, label: int) -> None:
        colour = object_colour(label)
        corners = box_corners(box)[:4, [0, 2]]
        base = self.pixels(corners)
        canvas.fill(base, colour, 0.3)
        canvas.line(base, colour, 1.6, closed=True)
        centre, front = corners.mean(0), corners[:2].mean(0)
        # From the middle through the front: at least half a metre beyond it.
        ahead = front - centre
        tip = front + ahead / max(float(np.linalg.norm(ahead)), 1e-6) * 0.6
        canvas.line(self.pixels(np.stack([centre, tip])), colour, 1.6)
