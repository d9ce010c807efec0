"""Drawing on a picture: smooth lines, translucent faces, labels that keep apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from recog.tools.pictures.clipping import Bounds, clip_polygon_to, clip_segment
from recog.tools.pictures.palette import Colour, readable_on

SAMPLES = 3
"""Anti-aliasing: lines are drawn this many times larger, then averaged down."""
HALO = (8, 10, 14, 130)
HALO_WIDTH = 1.2


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that Pillow carries, `size` pixels high: the same on every machine."""
    return ImageFont.load_default(size)


def enlarged(pixels: np.ndarray, scale: int) -> Image.Image:
    """uint8 (H, W, 3) or (H, W) as a picture, each pixel a square of `scale` pixels."""
    return Image.fromarray(np.ascontiguousarray(pixels.repeat(scale, 0).repeat(scale, 1)))


class Canvas:
    """A picture to draw on. Coordinates are pixels of the picture; what lies outside is cut off."""

    def __init__(self, base: Image.Image):
        self._base = base.convert("RGB")
        self.width, self.height = base.size
        size = (self.width * SAMPLES, self.height * SAMPLES)
        self._fills = Image.new("RGBA", size)
        self._strokes = Image.new("RGBA", size)
        self._fill = ImageDraw.Draw(self._fills)
        self._stroke = ImageDraw.Draw(self._strokes)
        self._labels = list[tuple[str, Bounds, Colour, int]]()
        self._notes = list[tuple[str, tuple[float, float], Colour, int, str]]()

    @property
    def _bounds(self) -> Bounds:
        # Beyond the border by more than any line is wide.
        return (-16.0, -16.0, self.width + 16.0, self.height + 16.0)

    def fill(self, points: np.ndarray, colour: Colour, opacity: float) -> None:
        """Fill a polygon (V, 2). It replaces fills below it: give it at least their opacity."""
        if len(points) < 3:
            return
        inside = clip_polygon_to(np.asarray(points, np.float64), self._bounds)
        if len(inside) >= 3:
            self._fill.polygon(_flat(inside), fill=(*colour, round(255 * opacity)))

    def line(
        self,
        points: np.ndarray,
        colour: Colour,
        width: float,
        *,
        closed: bool = False,
        dash: float = 0.0,
        halo: bool = False,
        opacity: float = 1.0,
    ) -> None:
        """A line through points (V, 2).

        Args:
            dash: length of the dashes and of the gaps between; 0: none.
            halo: a dark edge on both sides, to be seen on any photograph.
        """
        points = np.asarray(points, np.float64)
        path = np.concatenate([points, points[:1]]) if closed else points
        pieces = list[np.ndarray]()
        for start, end in zip(path[:-1], path[1:]):
            segment = clip_segment(start, end, self._bounds)
            if segment is not None:
                pieces += _dashes(segment, dash) if dash else [segment]
        if halo:
            self._draw(pieces, HALO, width + 2 * HALO_WIDTH)
        self._draw(pieces, (*colour, round(255 * opacity)), width)

    def _draw(
        self, pieces: Sequence[np.ndarray], colour: tuple[int, int, int, int], width: float
    ) -> None:
        thick = max(1, round(width * SAMPLES))
        for piece in pieces:
            self._stroke.line(_flat(piece), fill=colour, width=thick)
            # Round ends close the corners.
            radius = (thick - 1) / 2
            for x, y in piece * SAMPLES:
                box = (x - radius, y - radius, x + radius, y + radius)
                self._stroke.ellipse(box, fill=colour)

    def label(self, text: str, box: Bounds, colour: Colour, size: int) -> None:
        """Text on a plate of that colour near a box x1, y1, x2, y2: where it covers the least of
        the labels before it."""
        self._labels.append((text, box, colour, size))

    def note(self, text: str, x: float, y: float, colour: Colour, size: int, anchor: str) -> None:
        """Plain text over faces and lines; `anchor` as Pillow takes it."""
        self._notes.append((text, (x, y), colour, size, anchor))

    def picture(self) -> Image.Image:
        """What has been drawn: faces under lines under labels."""
        found = self._base.convert("RGBA")
        for layer in (self._fills, self._strokes):
            found.alpha_composite(layer.reduce(SAMPLES))
        found = found.convert("RGB")
        draw = ImageDraw.Draw(found)
        for text, at, colour, size, anchor in self._notes:
            draw.text(at, text, fill=colour, font=font(size), anchor=anchor)
        taken = list[Bounds]()
        for text, box, colour, size in self._labels:
            plate = self._place(draw, text, box, size, taken)
            if plate is None:
                continue
            taken.append(plate)
            draw.rounded_rectangle(plate, radius=size / 4, fill=colour)
            middle = ((plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2 - 0.5)
            draw.text(middle, text, fill=readable_on(colour), font=font(size), anchor="mm")
        return found

    def _place(
        self,
        draw: ImageDraw.ImageDraw,
        text: str,
        box: Bounds,
        size: int,
        taken: Sequence[Bounds],
    ) -> Bounds | None:
        width = draw.textlength(text, font=font(size)) + size * 0.6
        height = size * 1.3
        x1, y1, x2, y2 = box
        if x2 < 0 or y2 < 0 or x1 > self.width or y1 > self.height:
            return None
        corners = [(x1, y1 - height - 1), (x2 - width, y1 - height - 1), (x1, y2 + 1)]
        corners += [(x1, y1 + 1), (x2 - width, y2 + 1), (x1, y1 - 2 * height - 2)]
        plates = list[Bounds]()
        for left, top in corners:
            left = min(max(left, 0), self.width - width - 1)
            top = min(max(top, 0), self.height - height - 1)
            plates.append((left, top, left + width, top + height))
        return min(plates, key=lambda plate: sum(shared(plate, other) for other in taken))


def _flat(points: np.ndarray) -> list[float]:
    return [float(value) for value in (points * SAMPLES).ravel()]


def _dashes(segment: np.ndarray, dash: float) -> list[np.ndarray]:
    """Pieces of a segment, a dash at both ends."""
    length = float(np.linalg.norm(segment[1] - segment[0]))
    gaps = round((length / dash - 1) / 2)
    if gaps < 1:
        return [segment]
    cuts = np.linspace(0, 1, 2 * gaps + 2)[:, None]
    points = segment[0] + cuts * (segment[1] - segment[0])
    return list(points.reshape(-1, 2, 2))


def shared(a: Bounds, b: Bounds) -> float:
    """The pixels that two boxes have in common."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def clipped_text(text: str, width: float, size: int) -> str:
    """Text that is at most `width` pixels wide, its end cut off where it is not."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    text = " ".join(text.split())
    if draw.textlength(text, font=font(size)) <= width:
        return text
    while text and draw.textlength(text + "...", font=font(size)) > width:
        text = text[:-1]
    return text + "..."
