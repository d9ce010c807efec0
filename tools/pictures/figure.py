"""Figures: panels in rows with labels above and a legend below, as one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

from recog.tools.pictures.canvas import clipped_text, font
from recog.tools.pictures.palette import FAINT_INK, GROUND, INK, PAPER, RULE, Colour


@dataclass(frozen=True)
class Panel:
    """One picture of a figure, what it shows, and a number about it."""

    picture: Image.Image
    label: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """Panels in rows. `name` is the file's, without ending; `note` a sentence about the frame."""

    name: str
    title: str
    note: str
    rows: Sequence[Sequence[Panel]]


@dataclass(frozen=True)
class Key:
    """One entry of a legend."""

    label: str
    colour: Colour
    style: Literal["area", "box", "dashed"] = "area"


Legend = Sequence[Sequence[Key]]
"""Entries in groups, each on lines of its own."""


@dataclass(frozen=True)
class Style:
    """The typography of a figure; lengths in pixels."""

    paper: Colour = PAPER
    ink: Colour = INK
    faint: Colour = FAINT_INK
    rule: Colour = RULE
    size: int = 18
    gap: int = 16
    margin: int = 24
    heading: bool = True


PRINT = Style()
SCREEN = Style(
    paper=(13, 16, 22),
    ink=(236, 240, 246),
    faint=(150, 160, 176),
    rule=(50, 58, 71),
    size=14,
    gap=8,
    margin=10,
    heading=False,
)


def compose(
    figure: Figure, legend: Legend = (), style: Style = PRINT, *, width: int | None = None
) -> Image.Image:
    """A figure as one RGB picture.

    Args:
        legend: set below.
        width: the least width of what is within the margins.
    """
    strip = round(style.size * 1.7)
    widths = [_row_width(row, style) for row in figure.rows]
    inner = max(*widths, width or 0, 1)
    lines = [line for keys in legend for line in _legend_lines(keys, inner, style)]
    head = round(style.size * 2.2) if style.heading else 0
    heights = [strip + max(panel.picture.height for panel in row) for row in figure.rows]
    total = head + sum(heights) + style.gap * (len(heights) - 1) + strip * len(lines)
    total += style.gap if lines else 0
    page = Image.new("RGB", (inner + 2 * style.margin, total + 2 * style.margin), style.paper)
    draw = ImageDraw.Draw(page)
    y = style.margin
    if style.heading:
        _heading(draw, figure, y, inner, style)
        y += head
    for row, height in zip(figure.rows, heights):
        _draw_row(page, draw, row, y, strip, style)
        y += height + style.gap
    for entries in lines:
        _draw_legend(draw, entries, y, strip, style)
        y += strip
    return page


def _row_width(row: Sequence[Panel], style: Style) -> int:
    return sum(panel.picture.width for panel in row) + style.gap * (len(row) - 1)


def _heading(draw: ImageDraw.ImageDraw, figure: Figure, y: int, inner: int, style: Style) -> None:
    size = round(style.size * 1.1)
    title = clipped_text(figure.title, inner, size)
    draw.text((style.margin, y), title, fill=style.ink, font=font(size))
    room = inner - draw.textlength(title, font=font(size)) - style.gap
    note = clipped_text(figure.note, max(room, 0), style.size)
    right = style.margin + inner
    baseline = y + (size - style.size) / 2 + 0.5
    draw.text((right, baseline), note, fill=style.faint, font=font(style.size), anchor="ra")
    line = y + round(style.size * 1.75)
    draw.line((style.margin, line, right, line), fill=style.rule)


def _draw_row(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    row: Sequence[Panel],
    y: int,
    strip: int,
    style: Style,
) -> None:
    x = style.margin
    for panel in row:
        at = y + strip / 2 - 1
        room = panel.picture.width
        label = clipped_text(panel.label, room, style.size)
        draw.text((x, at), label, fill=style.ink, font=font(style.size), anchor="lm")
        room -= draw.textlength(label, font=font(style.size)) + style.size
        note = clipped_text(panel.note, room, style.size) if room > 4 * style.size else ""
        end = (x + panel.picture.width, at)
        draw.text(end, note, fill=style.faint, font=font(style.size), anchor="rm")
        page.paste(panel.picture.convert("RGB"), (x, y + strip))
        x += panel.picture.width + style.gap


def _legend_lines(keys: Sequence[Key], inner: int, style: Style) -> list[list[tuple[Key, float]]]:
    """Entries with the x of each, as many in a line as fit."""
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    lines, x = list[list[tuple[Key, float]]](), 0.0
    for key in keys:
        width = style.size * 3 + draw.textlength(key.label, font=font(style.size))
        if not lines or x + width > inner + style.size:
            lines.append([])
            x = 0.0
        lines[-1].append((key, x))
        x += width
    return lines


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    entries: Sequence[tuple[Key, float]],
    y: int,
    strip: int,
    style: Style,
) -> None:
    for key, offset in entries:
        x, middle, size = style.margin + offset, y + strip / 2, style.size
        swatch = (x, middle - size * 0.4, x + size * 1.2, middle + size * 0.4)
        if key.style == "area":
            draw.rectangle(swatch, fill=key.colour, outline=style.rule)
        else:
            # As on the pictures, which are dark where these are drawn.
            draw.rectangle(swatch, fill=GROUND)
            _swatch_outline(draw, swatch, key)
        draw.text((x + size * 1.7, middle), key.label, fill=style.ink, font=font(size), anchor="lm")


def _swatch_outline(
    draw: ImageDraw.ImageDraw, swatch: tuple[float, float, float, float], key: Key
) -> None:
    x1, y1, x2, y2 = (round(value) for value in swatch)
    x1, y1, x2, y2 = x1 + 3, y1 + 3, x2 - 3, y2 - 3
    if key.style == "box":
        draw.rectangle((x1, y1, x2, y2), outline=key.colour, width=2)
        return
    for x in range(x1, x2 + 1, 6):
        for y in (y1, y2):
            draw.line((x, y, min(x + 2, x2), y), fill=key.colour)
    for x in (x1, x2):
        for y in (y1, y2 - 1):
            draw.line((x, y, x, y + 1), fill=key.colour)


def png_bytes(picture: Image.Image) -> bytes:
    """A picture as a PNG file, without time or text: equal pictures give equal bytes."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
