"""What operations and accesses cost in picojoules: tables of rows, each with its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

__all__ = ["EnergyRow", "EnergyTable"]

OPERATION, BYTE = "pJ", "pJ/byte"
"""The units of rows."""

OPERATIONS = {
    "mac": "a product of LNS codes of up to 8 bits, and its accumulation",
    "mac_wide": "a product of LNS codes of 9 to 16 bits, and its accumulation",
    "mac_int8": "a product of 8-bit integers, and its accumulation in 32 bits",
    "mac_fp16": "a product of 16-bit floats, and its accumulation",
    "add": "a 32-bit addition",
    "vector": "an elementary step of the vector unit, or the encoding of a sum",
}
BUFFER = "buffer"
MEMORIES = (BUFFER, "weight_memory", "activation_memory", "dram")
"""Rows of bytes that every table has: `buffer` is of the small memories beside the array, of
accumulators and codebooks. A chip's further memories may have rows of their names."""

REQUIRED = (*OPERATIONS, *MEMORIES)

_TEXT = re.compile(r"[ !#-\[\]-~]{1,200}")
"""What MLIR and TOML both write between quotes as it is."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class EnergyRow:
    """What one operation, or one byte read or written, takes.

    Attributes:
        what: an operation of `OPERATIONS`, `buffer`, or a memory's name.
        value: picojoules.
        unit: "pJ" of operations, "pJ/byte" of memories.
        source: where the number is from.
        node: the process that it is of.
        year: of the source.

    Raises:
        ValueError: naming the row and what is wrong with it.
    """

    what: str
    value: float
    unit: str
    source: str
    node: str
    year: int

    def __post_init__(self):
        if not _NAME.fullmatch(self.what):
            raise ValueError(f"a row's name has a-z, 0-9 and '_', got {self.what!r}")
        if not (isfinite(self.value) and 0 <= self.value < 1e6):
            raise ValueError(f"{self.what}: value must be in [0, 1e6) pJ, got {self.value}")
        expected = OPERATION if self.what in OPERATIONS else BYTE
        if self.unit != expected:
            raise ValueError(f"{self.what}: unit must be {expected!r}, got {self.unit!r}")
        for name in ("source", "node"):
            if not _TEXT.fullmatch(getattr(self, name)):
                raise ValueError(
                    f"{self.what}: {name} takes up to 200 characters of ASCII without quotes and "
                    "backslashes"
                )
        if not 1900 <= self.year <= 2200:
            raise ValueError(f"{self.what}: year must be in [1900, 2200], got {self.year}")


@dataclass(frozen=True)
class EnergyTable:
    """Rows of one origin, so that they can be compared with each other.

    Raises:
        ValueError: a row is missing or there twice.
    """

    name: str
    rows: tuple[EnergyRow, ...]

    def __post_init__(self):
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"an energy table's name has a-z, 0-9 and '_', got {self.name!r}")
        names = [row.what for row in self.rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"energy.{self.name} has two rows {twice}")
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            rows = ", ".join(missing)
            raise ValueError(f"energy.{self.name} lacks the rows {rows}: a new table has all")

    def value(self, what: str) -> float:
        """Picojoules of a row; raises ValueError where the table has none."""
        for row in self.rows:
            if row.what == what:
                return row.value
        known = ", ".join(row.what for row in self.rows)
        raise ValueError(f"energy.{self.name} has no row {what}, it has {known}")


def _table(name: str, node: str, year: int, rows: Sequence[tuple[str, float, str]]) -> EnergyTable:
    units = {what: OPERATION if what in OPERATIONS else BYTE for what, _, _ in rows}
    return EnergyTable(
        name, tuple(EnergyRow(what, value, units[what], s, node, year) for what, value, s in rows)
    )


_ELMA = "Johnson, Rethinking floating point for deep learning (ELMA), 2018, 28 nm"
_HOROWITZ = "Horowitz, Computing's energy problem, ISSCC 2014"
_ZIGZAG = "ZigZag, inputs/hardware/tpu_like.yaml"

STANDARD_ENERGY = (
    _table(
        "horowitz_45nm",
        "45 nm, 0.9 V",
        2014,
        [
            ("mac", 0.288, f"0.96 of mac_int8: an 8/38-bit log MAC beside int8/32, {_ELMA}"),
            ("mac_wide", 0.885, f"0.59 of mac_fp16: a 16-bit log MAC beside FP16, {_ELMA}"),
            ("mac_int8", 0.3, f"8-bit multiply 0.2 and 32-bit add 0.1, {_HOROWITZ}"),
            ("mac_fp16", 1.5, f"FP16 multiply 1.1 and add 0.4, {_HOROWITZ}"),
            ("add", 0.1, f"32-bit add, {_HOROWITZ}"),
            ("vector", 0.3, "taken as mac_int8: a multiply or look-up, and an add"),
            ("buffer", 1.25, f"8 KB of SRAM, 10 pJ for 64 bits, {_HOROWITZ}"),
            ("weight_memory", 12.5, f"1 MB of SRAM, 100 pJ for 64 bits, {_HOROWITZ}"),
            ("activation_memory", 12.5, f"1 MB of SRAM, 100 pJ for 64 bits, {_HOROWITZ}"),
            ("dram", 162.5, f"the low end of 1.3 to 2.6 nJ for 64 bits, {_HOROWITZ}"),
        ],
    ),
    _table(
        "zigzag_tpu_like",
        "not stated",
        2024,
        [
            ("mac", 0.0384, f"0.96 of mac_int8: an 8/38-bit log MAC beside int8/32, {_ELMA}"),
            ("mac_wide", 0.118, f"0.59 of mac_fp16: a 16-bit log MAC beside FP16, {_ELMA}"),
            ("mac_int8", 0.04, f"unit_energy, {_ZIGZAG}"),
            ("mac_fp16", 0.2, f"5 times mac_int8, as in {_HOROWITZ}"),
            ("add", 0.0133, f"a third of mac_int8, as in {_HOROWITZ}"),
            ("vector", 0.04, "taken as mac_int8: a multiply or look-up, and an add"),
            ("buffer", 0.095, f"rf_128B, 0.095 pJ for 8 bits, {_ZIGZAG}"),
            ("weight_memory", 1.63, f"sram_2MB, 416.16 pJ for 2048 bits, {_ZIGZAG}"),
            ("activation_memory", 1.63, f"sram_2MB, 416.16 pJ for 2048 bits, {_ZIGZAG}"),
            ("dram", 87.5, f"dram, 700 pJ for 64 bits, {_ZIGZAG}"),
        ],
    ),
)
"""The tables of a chip whose description has no others. They differ by a factor of about eight in
on-chip energy and two in DRAM, so shares of a total differ too: look at both."""
