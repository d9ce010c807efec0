"""Pictures of what a program costs: layers under a roofline, and activation memory in time.

The roofline (Williams et al. 2009): a layer of so many products a byte of on-chip memory traffic
reaches at most what that memory gives, or what the array does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import dist

import numpy as np
from PIL import Image, ImageDraw

from recog.backend.cost import LayerCost, ProgramCost
from recog.backend.cost.live import live_bytes, stays
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.words import counted
from recog.tools.pictures.axes import SIZE, disc, empty_plot, note_at, x_axis, y_axis
from recog.tools.pictures.canvas import Canvas, font, shared
from recog.tools.pictures.clipping import Bounds
from recog.tools.pictures.figure import Figure, Key, Panel, compose
from recog.tools.pictures.palette import FAINT_INK, INK, PAPER, Colour

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


def roofline(cost: ProgramCost, name: str) -> Image.Image:
    """Each layer's products a cycle over its products a byte, under what array and memory do."""
    layers = [each for each in cost.layers if each.products and _bytes(each)]
    array, chip = cost.chip.array.size, cost.chip
    bandwidth = chip.memory(ACTIVATION_MEMORY).bandwidth
    intensities = [each.products / _bytes(each) for each in layers]
    rates = [each.products / each.cycles for each in layers]
    x = x_axis(min([1.0, *intensities]) / 2, max([array / bandwidth, *intensities]) * 4, True)
    y = y_axis(min([array / 100, *rates]) / 2, array * 2.0, True)
    canvas = empty_plot(x, y, "products a byte of activation memory", "products a cycle")
    knee = array / bandwidth
    roof = [(x.low, max(x.low * bandwidth, y.low)), (knee, array), (x.high, array)]
    if x.low * bandwidth < y.low:
        roof[0] = (y.low / bandwidth, y.low)
    canvas.line(np.array([(x.at(a), y.at(b)) for a, b in roof]), ROOF, 2.0)
    note_at(
        canvas,
        f"{counted(array, 'product')} a cycle",
        x.at(x.high) - 6,
        y.at(array) - 6,
        ROOF,
        "rs",
    )
    most = max((each.cycles for each in layers), default=1)
    for each, intensity, rate in zip(layers, intensities, rates):
        radius = 3 + 11 * (each.cycles / most) ** 0.5
        disc(canvas, x.at(intensity), y.at(rate), radius, _colour(each))
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
    x = x_axis(0.0, cost.milliseconds(max(cost.latency, 1)), False)
    y = y_axis(0.0, top / 1024, False)
    canvas = empty_plot(x, y, "milliseconds", "KiB of activation memory")
    slices = list[tuple[str, Bounds]]()
    colours = dict(zip((each.layer for each in found), _shades(len(found))))
    for each in found:
        left, right = (x.at(cost.milliseconds(time)) for time in (each.start, each.end))
        low, high = (y.at(edge / 1024) for edge in (each.bytes.start, each.bytes.stop))
        box = np.array([(left, low), (right, low), (right, high), (left, high)])
        canvas.fill(box, colours[each.layer], 0.85)
        canvas.line(box, PAPER, 1.0, closed=True)
        slices.append((each.layer, (left, high, right, low)))
    for layer, (left, high, right, low) in named_slices(slices):
        note_at(canvas, layer, (left + right) / 2, (low + high) / 2, INK, "mm")
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
    note = f"at most {counted(peak, 'byte')} at once, {room:,} there"
    return _figure(canvas, f"{name} on {cost.chip.name}", note, "activation memory", keys)


def named_slices(slices: Iterable[tuple[str, Bounds]]) -> list[tuple[str, Bounds]]:
    """The slices that have room for their names, the largest first, without those whose name would
    lie over that of a larger one: views of a ring lie over each other.

    Args:
        slices: name and left, top, right and bottom in pixels.
    """
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    found, taken = list[tuple[str, Bounds]](), list[Bounds]()
    for name, box in sorted(slices, key=lambda each: -_area(each[1])):
        left, top, right, bottom = box
        width, height = draw.textlength(name, font=font(SIZE)) + 6, SIZE + 4
        if right - left <= width or bottom - top <= height:
            continue
        x, y = (left + right) / 2, (top + bottom) / 2
        plate = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if any(shared(plate, other) for other in taken):
            continue
        taken.append(plate)
        found.append((name, box))
    return found


def _area(box: Bounds) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


_GREEN: Colour = (150, 200, 165)


def _shades(count: int) -> list[Colour]:
    """Light colours, neighbours apart."""
    hues = [(150, 200, 165), (160, 190, 225), (235, 205, 150), (215, 175, 210), (190, 190, 190)]
    return [hues[index % len(hues)] for index in range(count)]


def _figure(canvas: Canvas, title: str, note: str, label: str, keys: Sequence[Key]) -> Image.Image:
    panel = Panel(canvas.picture(), label)
    return compose(Figure("cost", title, note, [[panel]]), [keys])
