"""One HTML page with every picture in it: nothing is loaded from elsewhere."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

from recog.dialects.words import counted
from recog.tools.pictures.figure import Figure, Legend, png_bytes
from recog.tools.pictures.palette import css
from recog.tools.pictures.renderer import Fact


@dataclass(frozen=True)
class Tile:
    """A panel as an image file's bytes."""

    data: bytes
    width: int
    height: int
    label: str
    note: str


@dataclass(frozen=True)
class Section:
    """A figure as the page shows it."""

    title: str
    note: str
    rows: Sequence[Sequence[Tile]]

    @classmethod
    def of(cls, figure: Figure) -> Section:
        """A figure with its panels as PNG files."""
        rows = [
            [
                Tile(png_bytes(panel.picture), *panel.picture.size, panel.label, panel.note)
                for panel in row
            ]
            for row in figure.rows
        ]
        return cls(figure.title, figure.note, rows)


@dataclass(frozen=True)
class Page:
    """What the page says.

    Attributes:
        count: number of frames behind `facts`.
        scores: by level and name, percent.
        animation: an animated WebP and a still of it.
        moments: frames of the animation.
    """

    title: str
    task: str
    level_names: tuple[str, str]
    count: int
    facts: Sequence[Fact]
    metric_name: str
    scores: Mapping[str, Mapping[str, float]]
    caption: str
    legend: Legend
    sections: Sequence[Section]
    animation: tuple[bytes, bytes] | None
    moments: int


def html_page(page: Page) -> str:
    """The page as text; well-formed XML after its first line."""
    style = resources.files("recog.tools.page").joinpath("base.css").read_text("utf-8")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        '<meta name="color-scheme" content="light dark"/>',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"/>",
        f"<title>{_text(page.title)}</title>",
        f"<style>\n{style}</style>",
        "</head>",
        "<body>",
        "<main>",
        *_header(page),
        *_scores(page),
        *_animation(page),
        *_figures(page),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _text(text: str) -> str:
    """Untrusted text, escaped for elements and attributes; characters that XML forbids
    become question marks."""
    allowed = (c if c in "\t\n" or (c >= " " and not _unpaired(c)) else "?" for c in text)
    return escape("".join(allowed), quote=True)


def _unpaired(character: str) -> bool:
    return "\ud800" <= character <= "\udfff" or character in "\ufffe\uffff"


def _header(page: Page) -> Iterator[str]:
    ours, theirs = map(_text, page.level_names)
    yield "<header>"
    yield f'<p class="kicker">{_text(page.task)}</p>'
    yield f"<h1>{_text(page.title)}</h1>"
    yield (
        f"<p>What <b>{ours}</b> and <b>{theirs}</b> see, frame by frame. "
        f"The numbers below are of {counted(page.count, 'frame')}.</p>"
    )
    yield "</header>"
    yield '<dl class="facts">'
    for value, meaning in page.facts:
        yield f"<div><dt>{_text(meaning)}</dt><dd>{_text(value)}</dd></div>"
    yield "</dl>"


def _scores(page: Page) -> Iterator[str]:
    if not page.scores:
        return
    names = list(dict.fromkeys(name for each in page.scores.values() for name in each))
    names.sort(key=lambda name: name != page.metric_name)
    yield "<section>"
    yield "<h2>Scores</h2>"
    yield '<div class="scroll"><table>'
    heads = "".join(f'<th scope="col">{_text(name)}</th>' for name in names)
    yield f'<thead><tr><th scope="col">%</th>{heads}</tr></thead>'
    yield "<tbody>"
    rows = {
        level: [each.get(name, math.nan) for name in names] for level, each in page.scores.items()
    }
    for level, values in rows.items():
        yield _score_row(level, map(_number, values))
    yield "</tbody>"
    if len(rows) > 1:
        (first, *_, last), (_, *_, name) = rows.values(), rows
        gaps = (_number(b - a, signed=True) for a, b in zip(first, last))
        yield f"<tfoot>{_score_row(f'{name} less {next(iter(rows))}, points', gaps)}</tfoot>"
    yield "</table></div>"
    yield "</section>"


def _score_row(level: str, values: Iterable[str]) -> str:
    cells = "".join(f"<td>{value}</td>" for value in values)
    return f'<tr><th scope="row">{_text(level)}</th>{cells}</tr>'


def _number(value: float, *, signed: bool = False) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    # No -0.00.
    value = round(value, 2) + 0.0
    shown = f"{value:{'+' if signed and value else ''}.2f}"
    return shown.replace("-", "\N{MINUS SIGN}")


def _animation(page: Page) -> Iterator[str]:
    if page.animation is None:
        return
    moving, still = (_uri(data, "webp") for data in page.animation)
    yield "<section>"
    yield "<h2>A drive</h2>"
    yield '<figure class="plate"><picture>'
    yield f'<source srcset="{still}" media="(prefers-reduced-motion: reduce)"/>'
    yield (
        f'<img src="{moving}" alt="{counted(page.moments, "frame")} of a drive, '
        f'{_text(page.task)}"/>'
    )
    yield "</picture></figure>"
    count = f"{page.moments} frames, ten a second" if page.moments > 1 else "One frame"
    yield f"<p>{count}; arranged and coloured as the figures below.</p>"
    yield "</section>"


def _figures(page: Page) -> Iterator[str]:
    yield "<section>"
    yield "<h2>Frames</h2>"
    yield f"<p>{_text(page.caption)}</p>"
    yield '<div class="legend">'
    for keys in page.legend:
        yield "<ul>"
        for key in keys:
            swatch = f'<i class="{key.style}" style="--colour: {css(key.colour)}"></i>'
            yield f"<li>{swatch}{_text(key.label)}</li>"
        yield "</ul>"
    yield "</div>"
    for section in page.sections:
        yield "<article>"
        yield f"<h3>{_text(section.title)} <small>{_text(section.note)}</small></h3>"
        for row in section.rows:
            yield from _row(row)
        yield "</article>"
    yield "</section>"


def _row(row: Sequence[Tile]) -> Iterator[str]:
    """Panels whose widths keep their proportions, so that all have one height."""
    yield '<div class="row">'
    for tile in row:
        label, note = _text(tile.label), _text(tile.note)
        share = f"--share: {tile.width / tile.height:.4f}; max-width: {tile.width}px"
        yield f'<figure style="{share}">'
        yield f"<figcaption><b>{label}</b><span>{note}</span></figcaption>"
        size = f'width="{tile.width}" height="{tile.height}"'
        yield f'<img src="{_uri(tile.data, "png")}" {size} alt="{label}"/>'
        yield "</figure>"
    yield "</div>"


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
