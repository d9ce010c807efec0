"""Pictures of what a program costs: layers under a roofline, and activation memory in time.

The roofline (Williams et al. 2009): a layer of so many products a byte of on-chip memory traffic
reaches at most what that memory gives, or what the array does.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, dist, floor, log10

import numpy as np
from PIL import Image

from recog.backend.cost import LayerCost, ProgramCost
from recog.backend.cost.live import live_bytes, stays
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.figure import Figure, Key, Panel, compose
from recog.tools.pictures.palette import FAINT_INK, INK, PAPER, RULE, Colour

WIDTH, HEIGHT = 1200, 640
MARGINS = (90, 24, 24, 56)
"""Of the plot: left, top, right, bottom."""
SIZE = 14
ROOF: Colour = (196, 60, 60)
BOUNDS: dict[str, Colour] = {
    "array": (33, 102, 172),
    "activation_memory": (230, 145, 0),
    "weight_memory": (120, 60, 150),
    "vector": (27, 137, 88),
    "dram": (214, 48, 49),
    "overhead": (108, 114, 126),
}
APART = 120.0
"""Pixels between layers that have a name in the roofline: of those nearer the longest."""


class _Axis:
    """Where values stand between two pixels."""

    def __init__(self, low: float, high: float, first: float, last: float, *, logarithmic: bool):
        self.low, self.high = low, high
        self._first, self._last, self._log = first, last, logarithmic

    def at(self, value: float) -> float:
        if self._log:
            share = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> list[float]:
        if self._log:
            return [10.0**k for k in range(ceil(log10(self.low)), floor(log10(self.high)) + 1)]
        step = 10.0 ** floor(log10((self.high - self.low) / 2))
        step *= next(k for k in (1, 2, 5, 10) if (self.high - self.low) / (step * k) <= 10)
        first = ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, floor(self.high / step + 1e-9) + 1)]


def roofline(cost: ProgramCost, name: str) -> Image.Image:
    """Each layer's products a cycle over its products a byte, under what array and memory do."""
    layers = [each for each in cost.layers if each.products and _bytes(each)]
    array, chip = cost.chip.array.size, cost.chip
    bandwidth = chip.memory(ACTIVATION_MEMORY).bandwidth
    intensities = [each.products / _bytes(each) for each in layers]
    rates = [each.products / each.cycles for each in layers]
    x = _x_axis(min([1.0, *intensities]) / 2, max([array / bandwidth, *intensities]) * 4, True)
    y = _y_axis(min([array / 100, *rates]) / 2, array * 2.0, True)
    canvas = _plot(x, y, "products a byte of activation memory", "products a cycle")
    knee = array / bandwidth
    roof = [(x.low, max(x.low * bandwidth, y.low)), (knee, array), (x.high, array)]
    if x.low * bandwidth < y.low:
        roof[0] = (y.low / bandwidth, y.low)
    canvas.line(np.array([(x.at(a), y.at(b)) for a, b in roof]), ROOF, 2.0)
    _note(canvas, f"{array:,} products a cycle", x.at(x.high) - 6, y.at(array) - 6, ROOF, "rs")
    most = max((each.cycles for each in layers), default=1)
    for each, intensity, rate in zip(layers, intensities, rates):
        radius = 3 + 11 * (each.cycles / most) ** 0.5
        _disc(canvas, x.at(intensity), y.at(rate), radius, _colour(each))
    places = [(x.at(a), y.at(b)) for a, b in zip(intensities, rates)]
    for index in _labelled([each.cycles for each in layers], places):
        at = places[index]
        box = (at[0] - 8, at[1] - 8, at[0] + 8, at[1] + 8)
        canvas.label(layers[index].layer, box, _colour(layers[index]), SIZE - 2)
    note = f"{100 * cost.utilisation:.1f} % of the array, {cost.frames_per_second:,.1f} frames/s"
    used = {each.bound for each in layers}
    keys = [Key(f"bound by {each}", colour) for each, colour in BOUNDS.items() if each in used]
    label = "each disc a layer, as large as the time it takes"
    return _figure(canvas, f"{name} on {chip.name}", note, label, keys)


def _labelled(cycles: Sequence[int], places: Sequence[tuple[float, float]]) -> list[int]:
    """The layers that take longest, none near another."""
    chosen = list[int]()
    for index in sorted(range(len(cycles)), key=lambda each: -cycles[each]):
        if all(dist(places[index], places[other]) > APART for other in chosen):
            chosen.append(index)
    return chosen


def _bytes(layer: LayerCost) -> int:
    return layer.moved(ACTIVATION_MEMORY)


def _colour(layer: LayerCost) -> Colour:
    return BOUNDS.get(layer.bound, FAINT_INK)


def memory_map(cost: ProgramCost, name: str) -> Image.Image:
    """What lies where in activation memory during a frame, and how much of it is needed."""
    found = stays(cost.replay, cost.scope)
    top = max([each.bytes.stop for each in found], default=1)
    x = _x_axis(0.0, cost.milliseconds(max(cost.latency, 1)), False)
    y = _y_axis(0.0, top / 1024, False)
    canvas = _plot(x, y, "milliseconds", "KiB of activation memory")
    colours = dict(zip((each.layer for each in found), _shades(len(found))))
    for each in found:
        left, right = (x.at(cost.milliseconds(time)) for time in (each.start, each.end))
        low, high = (y.at(edge / 1024) for edge in (each.bytes.start, each.bytes.stop))
        box = np.array([(left, low), (right, low), (right, high), (left, high)])
        canvas.fill(box, colours[each.layer], 0.85)
        canvas.line(box, PAPER, 1.0, closed=True)
        if right - left > 7 * len(each.layer) and low - high > SIZE + 4:
            middle = ((left + right) / 2, (low + high) / 2)
            _note(canvas, each.layer, *middle, INK, "mm")
    levels = live_bytes(found)
    steps = list[tuple[float, float]]()
    for (time, size), (after, _) in zip(levels, [*levels[1:], (cost.latency, 0)]):
        level = y.at(size / 1024)
        steps += [
            (x.at(cost.milliseconds(time)), level),
            (x.at(cost.milliseconds(after)), level),
        ]
    if steps:
        canvas.line(np.array(steps), ROOF, 2.0)
    peak = max((size for _, size in levels), default=0)
    room = cost.chip.size(ACTIVATION_MEMORY)
    keys = [Key("bytes that are needed", ROOF), Key("a tensor from writing to last use", _GREEN)]
    note = f"at most {peak:,} bytes at once, {room:,} there"
    return _figure(canvas, f"{name} on {cost.chip.name}", note, "activation memory", keys)


_GREEN: Colour = (150, 200, 165)


def _shades(count: int) -> list[Colour]:
    """Light colours, neighbours apart."""
    hues = [(150, 200, 165), (160, 190, 225), (235, 205, 150), (215, 175, 210), (190, 190, 190)]
    return [hues[index % len(hues)] for index in range(count)]


def _x_axis(low: float, high: float, logarithmic: bool) -> _Axis:
    return _Axis(low, high, MARGINS[0], WIDTH - MARGINS[2], logarithmic=logarithmic)


def _y_axis(low: float, high: float, logarithmic: bool) -> _Axis:
    return _Axis(low, high, HEIGHT - MARGINS[3], MARGINS[1], logarithmic=logarithmic)


def _plot(x: _Axis, y: _Axis, across: str, up: str) -> Canvas:
    """An empty plot with its axes."""
    canvas = Canvas(Image.new("RGB", (WIDTH, HEIGHT), PAPER))
    left, right, bottom, top = x.at(x.low), x.at(x.high), y.at(y.low), y.at(y.high)
    for value in x.ticks():
        canvas.line(np.array([(x.at(value), bottom), (x.at(value), top)]), RULE, 1.0)
        _note(canvas, f"{value:g}", x.at(value), bottom + 8, FAINT_INK, "ma")
    for value in y.ticks():
        canvas.line(np.array([(left, y.at(value)), (right, y.at(value))]), RULE, 1.0)
        _note(canvas, f"{value:,g}", left - 8, y.at(value), FAINT_INK, "rm")
    frame = np.array([(left, top), (left, bottom), (right, bottom)])
    canvas.line(frame, INK, 1.0)
    _note(canvas, across, right, bottom + 28, INK, "ra")
    _note(canvas, up, left - 80, top - 20, INK, "la")
    return canvas


def _note(canvas: Canvas, text: str, x: float, y: float, colour: Colour, anchor: str) -> None:
    canvas.note(text, x, y, colour, SIZE, anchor)


def _disc(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    canvas.fill(points, colour, 0.6)
    canvas.line(points, colour, 1.0, closed=True)


def _figure(canvas: Canvas, title: str, note: str, label: str, keys: Sequence[Key]) -> Image.Image:
    panel = Panel(canvas.picture(), label)
    return compose(Figure("cost", title, note, [[panel]]), [keys])
