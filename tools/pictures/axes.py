"""Plots of two quantities against each other: axes with ticks, discs and notes on a canvas."""

from __future__ import annotations

from math import ceil, floor, log10

import numpy as np
from PIL import Image

from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.palette import FAINT_INK, INK, PAPER, RULE, Colour

WIDTH, HEIGHT = 1200, 640
MARGINS = (90, 24, 24, 56)
"""Of the plot: left, top, right, bottom."""
SIZE = 14


class Axis:
    """Where values stand between two pixels."""

    def __init__(self, low: float, high: float, first: float, last: float, *, logarithmic: bool):
        self.low, self.high = low, high
        self._first, self._last, self._log = first, last, logarithmic

    def at(self, value: float) -> float:
        """The pixel of a value."""
        if self._log:
            share = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> list[float]:
        """Round values; of a logarithmic axis 1, 2 and 5 of each decade where few decades show."""
        if self._log:
            exponents = range(floor(log10(self.low)), floor(log10(self.high)) + 1)
            steps = (1, 2, 5) if log10(self.high / self.low) < FEW_DECADES else (1,)
            found = [step * 10.0**k for k in exponents for step in steps]
            return [each for each in found if self.low <= each <= self.high]
        step = 10.0 ** floor(log10((self.high - self.low) / 2))
        step *= next(k for k in (1, 2, 5, 10) if (self.high - self.low) / (step * k) <= 10)
        first = ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, floor(self.high / step + 1e-9) + 1)]


FEW_DECADES = 2.0


def x_axis(low: float, high: float, logarithmic: bool, width: int = WIDTH) -> Axis:
    """The axis across a plot of so many pixels."""
    return Axis(low, high, MARGINS[0], width - MARGINS[2], logarithmic=logarithmic)


def y_axis(low: float, high: float, logarithmic: bool, height: int = HEIGHT) -> Axis:
    """The axis up a plot of so many pixels."""
    return Axis(low, high, height - MARGINS[3], MARGINS[1], logarithmic=logarithmic)


def empty_plot(
    x: Axis, y: Axis, across: str, up: str, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Canvas:
    """A canvas with both axes, their ticks and what they are of."""
    canvas = Canvas(Image.new("RGB", size, PAPER))
    left, right, bottom, top = x.at(x.low), x.at(x.high), y.at(y.low), y.at(y.high)
    for value in x.ticks():
        canvas.line(np.array([(x.at(value), bottom), (x.at(value), top)]), RULE, 1.0)
        note_at(canvas, f"{value:,g}", x.at(value), bottom + 8, FAINT_INK, "ma")
    for value in y.ticks():
        canvas.line(np.array([(left, y.at(value)), (right, y.at(value))]), RULE, 1.0)
        note_at(canvas, f"{value:,g}", left - 8, y.at(value), FAINT_INK, "rm")
    canvas.line(np.array([(left, top), (left, bottom), (right, bottom)]), INK, 1.0)
    note_at(canvas, across, right, bottom + 28, INK, "ra")
    note_at(canvas, up, left - 80, top - 20, INK, "la")
    return canvas


def note_at(canvas: Canvas, text: str, x: float, y: float, colour: Colour, anchor: str) -> None:
    """Text of a plot's size; `anchor` as Pillow takes it."""
    canvas.note(text, x, y, colour, SIZE, anchor)


def disc(
    canvas: Canvas, x: float, y: float, radius: float, colour: Colour, opacity: float = 0.6
) -> None:
    """A translucent disc with an edge."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    canvas.fill(points, colour, opacity)
    canvas.line(points, colour, 1.0, closed=True)
