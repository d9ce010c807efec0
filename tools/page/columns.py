"""The columns of the table of layers, which also colour the network's drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]
MICRO = 1e-6


class Column(NamedTuple):
    """A column.

    Attributes:
        key: what programs call it.
        title: what people read.
        value: of a row: a number, a text, or None.
        form: the format of a number; None for text.
        spread: whether values differ by powers of ten, so that colours are of their logarithm.
        help: what it is, in a line.
        always: whether it is there even where it is 0 everywhere.
    """

    key: str
    title: str
    value: Callable[[Row], Any]
    form: str | None
    spread: bool = False
    help: str = ""
    always: bool = False

    def text(self, row: Row) -> str:
        """A cell; "" for what is not known."""
        value = self.value(row)
        if value is None:
            return ""
        return str(value) if self.form is None else format(value, self.form)


def columns(layers: Sequence[Row], metric: str | None = None) -> list[Column]:
    """The columns that any of the layers has something in: a text, or a number other than 0.

    Args:
        metric: what the layers' costs are of.
    """
    tables = dict.fromkeys(name for row in layers for name in row["energy_pj"])
    found = [
        _text("ops", "op", lambda row: "+".join(row["ops"])),
        _text("shape", "shape", lambda row: _extents(row["shape"]), "channels, rows, columns"),
        _number("macs", "MACs", ",d", spread=True, help="multiplications, those with padding too"),
        _text("format", "format", _of("format"), "bits.fraction bits of codes; u: without sign"),
        _text("weight_shape", "weight", lambda row: _extents(row["weight_shape"])),
        _text("layout", "layout", _of("layout"), "entries of the table, and their block"),
        _text("weight_format", "weight format", _of("weight_format")),
        _number("weight_bytes", "weight bytes", ",d", spread=True),
        _number("pointers", "pointers", ",d", spread=True, help="bytes of pointers"),
        _number("codes", "dense codes", ",d", spread=True, help="bytes of a code for each weight"),
        _number("table", "table", ",d", spread=True, help="bytes of the table of centroids"),
        _number("biases", "biases", ",d", spread=True, help="bytes of biases"),
        _number("bits_a_weight", "bits/weight", ".2f", help="with its part of tables and biases"),
        _text("why_dense", "why dense", _of("why_dense")),
        _number("alone_db", "SQNR alone", ".1f", help="decibels, this layer alone converted"),
        _number("cumulative_db", "SQNR up to here", ".1f", help="decibels, all up to it converted"),
        Column("loss", "lost alone", _of("loss"), ".4g", False, _lost_help(metric), True),
        _text("between", "lost alone, 95 %", _between, "of as many frames, drawn again"),
        _number("cycles", "cycles", ",d", spread=True),
        _text("bound", "bound by", _of("bound")),
        Column("array", "array %", _percent, ".1f"),
        *(_energy(name) for name in tables),
        _number("sram_bytes", "SRAM bytes", ",d", spread=True, help="moved in a frame"),
        _number("dram_bytes", "DRAM bytes", ",d", spread=True, help="moved in a frame"),
        _text("source", "source", _of("source")),
    ]
    return [each for each in found if any(_shows(each, row) for row in layers)]


def _shows(column: Column, row: Row) -> bool:
    value = column.value(row)
    return value is not None if column.always else bool(value)


def _lost_help(metric: str | None) -> str:
    return f"{metric or 'the metric'}, by how much this layer alone converted is below float"


def _between(row: Row) -> str | None:
    if row["low"] is None or row["high"] is None:
        return None
    return f"{row['low']:.3g} to {row['high']:.3g}"


def _of(key: str) -> Callable[[Row], Any]:
    return lambda row: row[key]


def _text(key: str, title: str, value: Callable[[Row], Any], help: str = "") -> Column:
    return Column(key, title, value, None, help=help)


def _number(key: str, title: str, form: str, *, spread: bool = False, help: str = "") -> Column:
    return Column(key, title, _of(key), form, spread, help)


def _energy(table: str) -> Column:
    def value(row: Row) -> float | None:
        energy = row["energy_pj"].get(table)
        return None if energy is None else MICRO * energy

    return Column(f"energy:{table}", f"uJ {table}", value, ".3f", True, "energy of a frame")


def _percent(row: Row) -> float | None:
    return None if row["utilisation"] is None else 100 * row["utilisation"]


def _extents(shape: Sequence[int] | None) -> str | None:
    return "x".join(map(str, shape)) if shape else None
