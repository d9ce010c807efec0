"""Source locations of instructions in the debug segment of a program file.

The segment holds a table of locations, each made of earlier entries only, then the number of
each instruction's location; number 0 is the unknown location.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute

from recog.backend.assembly.strings import Reader, pack_string, printable
from recog.dialects.errors import RecogError

MAX_DEPTH = 16
MAX_PARTS = 256
"""A location is a tree; deeper or larger ones are not worth their bytes."""

_FILE, _NAME, _FUSED, _CALL = range(4)
_UNKNOWN = (UnknownLoc(), NoneAttr())


def _inner(location: Attribute) -> list[Attribute]:
    """What a location is made of."""
    match location:
        case NameLoc():
            return [location.location]
        case FusedLoc():
            return list(location.locations)  # pyright: ignore
        case CallSiteLoc():
            return [location.callee, location.caller]
        case _:
            return []


def _fits(location: Attribute) -> bool:
    """Whether a location is small enough, found without walking a large one."""
    level, count = [location], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_PARTS:
            return False
        level = [part for each in level for part in _inner(each)]
    return not level


def pack_locations(locations: Sequence[Attribute]) -> bytes:
    """The debug segment of instructions with these locations, b"" where none is known."""
    numbers: dict[Attribute, int] = dict.fromkeys(_UNKNOWN, 0)
    entries: list[bytes] = []

    def number(location: Attribute) -> int:
        if location not in numbers:
            entry = _entry(location, [number(part) for part in _inner(location)])
            if entry is not None:
                entries.append(entry)
            numbers[location] = 0 if entry is None else len(entries)
        return numbers[location]

    # By identity: instructions of one layer share its location, and comparing trees takes long.
    places = {id(location): location for location in locations}
    found = {key: number(each) if _fits(each) else 0 for key, each in places.items()}
    uses = [found[id(location)] for location in locations]
    if not any(uses):
        return b""
    return b"".join([_u32(len(entries)), *entries, *(_u32(use) for use in uses)])


def _u32(number: int) -> bytes:
    return min(number, (1 << 32) - 1).to_bytes(4, "little")


def _entry(location: Attribute, parts: Sequence[int]) -> bytes | None:
    children = b"".join(_u32(number) for number in parts)
    match location:
        case FileLineColLoc():
            text = pack_string(printable(location.filename.data), "debug")
            return bytes([_FILE]) + text + _u32(location.line.data) + _u32(location.column.data)
        case NameLoc():
            return bytes([_NAME]) + pack_string(printable(location.desc.data), "debug") + children
        case FusedLoc() if parts:
            return bytes([_FUSED]) + _u32(len(parts)) + children
        case CallSiteLoc():
            return bytes([_CALL]) + children
        case _:
            return None


def unpack_locations(content: bytes, count: int) -> list[Attribute]:
    """The locations of `count` instructions; raises RecogError on a misformed segment."""
    reader = Reader(content, "debug")
    table: list[Attribute] = [UnknownLoc()]
    for _ in range(reader.number(4)):
        location = _read_entry(reader, table)
        if not _fits(location):
            raise RecogError("the debug segment holds a location of too many parts")
        table.append(location)
    locations = [_read_part(reader, table) for _ in range(count)]
    reader.finish()
    return locations


def _read_part(reader: Reader, table: Sequence[Attribute]) -> Attribute:
    number = reader.number(4)
    if number >= len(table):
        raise RecogError(f"the debug segment refers to location {number} of {len(table)}")
    return table[number]


def _read_entry(reader: Reader, table: Sequence[Attribute]) -> Attribute:
    match reader.number(1):
        case 0:
            name = StringAttr(reader.string())
            return FileLineColLoc(name, IntAttr(reader.number(4)), IntAttr(reader.number(4)))
        case 1:
            text, part = StringAttr(reader.string()), _read_part(reader, table)
            return NameLoc(text, NoneAttr() if isinstance(part, UnknownLoc) else part)
        case 2:
            parts = [_read_part(reader, table) for _ in range(reader.number(4))]
            return FusedLoc(tuple(parts), NoneAttr())
        case 3:
            return CallSiteLoc(_read_part(reader, table), _read_part(reader, table))
        case kind:
            raise RecogError(f"the debug segment holds a location of unknown kind {kind}")
