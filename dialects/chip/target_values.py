"""Descriptions of chips as named values: `array.outputs = 16` and the like, checked one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from recog.dialects.chip.energy import REQUIRED, EnergyRow, EnergyTable
from recog.dialects.chip.hardware import Dma, MacArray, Memory, VectorUnit, parameters

_ROW_TYPES = {"value": float, "unit": str, "source": str, "node": str, "year": int}
_MEMORY_TYPES = {"bytes": int, **{each.name: int for each in parameters(Memory)}}
_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
_ROW = '{value = 1.5, unit = "pJ", source = "measured", node = "28 nm", year = 2020}'
LARGEST_BITS = 64
"""Whole numbers of TOML have fewer, with a sign."""
_PartT = TypeVar("_PartT", MacArray, VectorUnit, Dma)


def check_types(
    values: Mapping[str, Any],
    types: Mapping[str, type],
    unknown: str,
    expected: Iterable[str],
    prefix: str = "",
) -> None:
    """Raise ValueError for a value without a type in `types`, or of another."""
    for name, value in values.items():
        if name not in types:
            raise ValueError(f"{unknown} '{name}', expected: {', '.join(expected)}")
        if type(value) is not types[name]:
            kind = _KINDS[types[name]]
            raise ValueError(f"{prefix}{name} takes {kind}, got {_as_given(value)}")


def check_size(name: str, value: object) -> None:
    """Raise ValueError for a whole number that no TOML file needs to hold."""
    if type(value) is int and value.bit_length() >= LARGEST_BITS:
        raise ValueError(f"{name} must be a number of less than {LARGEST_BITS} bits")


def _as_given(value: object) -> str:
    """A value as a TOML file has it; of a list only that it is one."""
    match value:
        case dict():
            return "an empty table"
        case bool() | str():
            return json.dumps(value)
        case list():
            return "a list"
        case _:
            return str(value)


def memory_of(name: str, given: dict[str, Any], default: Memory | None) -> Memory:
    """A memory from its details, what they leave open as the default has it."""
    if "" in given:
        where = f"memory.{name}" if name else "memory"
        example = f"memory.{name or 'scratch'}.bytes = 65536"
        raise ValueError(f"{where} takes details, such as {example}")
    if default is not None and "bytes" in given:
        check_types({name: given["bytes"]}, {name: int}, "", ())
    prefix = f"memory.{name}."
    check_types(given, _MEMORY_TYPES, f"memory {name} has no", _MEMORY_TYPES, prefix)
    if default is not None:
        return replace(default, **given)
    if "bytes" not in given:
        raise ValueError(f"memory {name} needs its bytes")
    return Memory(name, **given)


def section_of(name: str, given: dict[str, Any], default: _PartT) -> _PartT:
    """A part of the chip from its parameters, what they leave open as the default has it."""
    types = {each.name: int for each in parameters(type(default))}
    if "" in given:
        first = next(iter(types))
        example = f"{name}.{first} = {getattr(default, first)}"
        raise ValueError(f"{name} takes details, such as {example}")
    check_types(given, types, f"{name} has no", types, f"{name}.")
    return replace(default, **given)


def energy_of(
    name: str, given: Mapping[str, Any], default: EnergyTable | None, memories: Sequence[str]
) -> EnergyTable:
    """A table of energy from fields of rows, the rows that they leave open those of the default.

    A row is given whole: a new value has a new source.
    """
    rows = {row.what: row for row in (() if default is None else default.rows)}
    fresh: dict[str, dict[str, Any]] = {}
    if "" in given:
        where = f"energy.{name}" if name else "energy"
        raise ValueError(f"{where} takes rows, such as energy.{name or 'mine'}.mac = {_ROW}")
    for path, value in given.items():
        what, _, detail = path.partition(".")
        fresh.setdefault(what, {})[detail] = value
    for what, row in fresh.items():
        where = f"energy.{name}.{what}"
        if what not in (*REQUIRED, *memories):
            known = ", ".join(dict.fromkeys((*REQUIRED, *memories)))
            raise ValueError(f"energy.{name} has no row '{what}', expected: {known}")
        if "" in row:
            raise ValueError(f"{where} takes a row, such as {_ROW}, got {_as_given(row[''])}")
        if type(row.get("value")) is int:
            row["value"] = float(row["value"])
        check_types(row, _ROW_TYPES, f"{where} has no", _ROW_TYPES, f"{where}.")
        missing = [each for each in _ROW_TYPES if each not in row]
        if missing:
            raise ValueError(f"{where} lacks {', '.join(missing)}: a row is given whole")
        try:
            rows[what] = EnergyRow(what, **row)
        except ValueError as error:
            raise ValueError(f"energy.{name}.{error}") from None
    return EnergyTable(name, tuple(rows.values()))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Tables of TOML as dotted names; empty ones stay, for what is there has to be known.

    Raises:
        ValueError: a name is there in quotes and as a table.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        inner = flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else None
        for each, content in ({prefix + name: value} if inner is None else inner).items():
            if each in result:
                raise ValueError(f"{each} is given twice")
            result[each] = content
    return result


def text_of(value: str | bool | int | float) -> str:
    """A value as MLIR and TOML both write it."""
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return "true" if value else "false"
        case float():
            # MLIR's and TOML's floats both have a dot: 1e-05 has none.
            digits, _, exponent = repr(value).partition("e")
            dotted = digits if "." in digits else f"{digits}.0"
            return f"{dotted}e{exponent}" if exponent else dotted
        case _:
            return str(value)
