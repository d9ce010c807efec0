"""The points of a sweep, two objectives at a time, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from recog.tools.pictures.axes import Axis, disc, empty_plot, x_axis, y_axis
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.figure import Figure, Key, Panel, compose
from recog.tools.pictures.palette import Colour

SIZES = {1: (1200, 640), 2: (840, 600)}
"""Pixels of a plot where so many stand side by side."""
SIDE_BY_SIDE = 2
FRONT: Colour = (33, 102, 172)
STEPS: Colour = (214, 48, 49)
OTHER: Colour = (150, 156, 168)
WIDE = 20.0
"""Times the smallest value that the largest is, from where on an axis is logarithmic."""
MARGIN = 0.06
LABELLED = 14
"""Points of the front with their numbers, at most."""


@dataclass(frozen=True)
class PlotPoint:
    """A point: its name, what was measured of it by objective, whether no other beats it."""

    name: str
    measured: Mapping[str, float]
    on_front: bool


def front_plot(
    points: Sequence[PlotPoint],
    pairs: Sequence[tuple[str, str]],
    units: Mapping[str, str],
    note: str,
) -> Image.Image:
    """A picture of points.

    Args:
        pairs: what is across and what is up in each plot, by objective.
        units: what axes say of them.
        note: a line about the points.
    """
    columns = min(SIDE_BY_SIDE, len(pairs))
    panels = [
        Panel(_plot(points, across, up, units, SIZES[columns]).picture(), f"{up} over {across}")
        for across, up in pairs
    ]
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    keys = [
        Key("no other is as good in all objectives and better in one", FRONT),
        Key("other points", OTHER),
        Key("the front of these two alone", STEPS),
    ]
    return compose(Figure("sweep", "Pareto front", note, rows), [keys])


def _plot(
    points: Sequence[PlotPoint],
    across: str,
    up: str,
    units: Mapping[str, str],
    size: tuple[int, int],
) -> Canvas:
    values = [(each.measured[across], each.measured[up]) for each in points]
    x_low, x_high, x_log = _span([x for x, _ in values])
    y_low, y_high, y_log = _span([y for _, y in values])
    x = x_axis(x_low, x_high, x_log, size[0])
    y = y_axis(y_low, y_high, y_log, size[1])
    canvas = empty_plot(x, y, units[across], units[up], size)
    steps = _steps(values)
    if len(steps) > 1:
        canvas.line(np.array([(x.at(a), y.at(b)) for a, b in steps]), STEPS, 1.5)
    for each, (a, b) in zip(points, values):
        if not each.on_front:
            disc(canvas, x.at(a), y.at(b), 5.0, OTHER)
    front = [(each, at) for each, at in zip(points, values) if each.on_front]
    for _, (a, b) in front:
        disc(canvas, x.at(a), y.at(b), 6.0, FRONT)
    corners = set(steps)
    named = sorted(front, key=lambda pair: pair[1] not in corners)[:LABELLED]
    for each, at in named:
        _name(canvas, each.name, x, y, at)
    return canvas


def _name(canvas: Canvas, name: str, x: Axis, y: Axis, at: tuple[float, float]) -> None:
    left, top = x.at(at[0]), y.at(at[1])
    canvas.label(name, (left - 8, top - 8, left + 8, top + 8), FRONT, 12)


def _span(values: Sequence[float]) -> tuple[float, float, bool]:
    """The ends of an axis with room beside the values, and whether it is logarithmic."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and high / low >= WIDE:
        room = (high / low) ** MARGIN
        return low / room, high * room, True
    room = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return low - room, high + room, False


def _steps(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A staircase through the points that are least in both of two values."""
    found = list[tuple[float, float]]()
    for a, b in sorted(values):
        if not found:
            found.append((a, b))
        elif b < found[-1][1]:
            found += [(a, found[-1][1]), (a, b)]
    return found
