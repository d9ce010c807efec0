"""Records to bytes and back, by the fields that the chip dialect's ops declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Attribute

from recog.dialects.chip import Chip, DescriptorOp, InstructionOp, PortOp
from recog.dialects.chip.fields import ReferenceField, Table, symbol_field
from recog.dialects.chip.records import OPCODE_BITS, RecordOp, layout, opcode_of, size_of
from recog.dialects.errors import RecogError

_RecordT = TypeVar("_RecordT", bound=RecordOp)


def _by_opcode(base: type[_RecordT]) -> dict[int, type[_RecordT]]:
    classes = [op for op in Chip.operations if issubclass(op, base)]
    found = {opcode_of(cls): cls for cls in classes}
    if len(found) != len(classes):
        raise ValueError(f"two records of {base.__name__} share an opcode")
    return found


INSTRUCTIONS = _by_opcode(InstructionOp)
PORTS = _by_opcode(PortOp)
DESCRIPTORS = {
    opcode: cls for opcode, cls in _by_opcode(DescriptorOp).items() if opcode not in PORTS
}

Numbers = Mapping[tuple[Table, str], int]
"""The number of every symbol in its table."""


def encode_record(op: RecordOp, numbers: Numbers, *, short: bool = False) -> bytes:
    """The record of an op that has been verified; `short` as instruction set 2 has it."""
    word = opcode_of(type(op))
    for field, low in layout(type(op)):
        attribute = op.properties.get(field.name)
        match field, attribute:
            case ReferenceField(), SymbolRefAttr():
                raw = numbers[field.table, attribute.string_value()]
                if raw >> field.bits:
                    raise RecogError(f"the program has more than {1 << field.bits} {field.table}")
            case _, None:
                raw = 0
            case _:
                raw = field.encode(attribute)
        word |= raw << low
    size = size_of(type(op))
    bits = size.short if short else size.bits
    if bits is None:
        raise ValueError(f"instruction set 2 has no {op.name}")
    return word.to_bytes(bits // 8, "little")


def decode_record(
    content: bytes,
    classes: Mapping[int, type[_RecordT]],
    names: Mapping[Table, Sequence[str]],
    sym_name: str | None = None,
) -> _RecordT:
    """The op of a record, as its length says of instruction set 2 or 3.

    Raises:
        ValueError: an unknown opcode, a bit that no field claims, a field out of its range, or
            a reference beyond its table.
    """
    word = int.from_bytes(content, "little")
    opcode = word & ((1 << OPCODE_BITS) - 1)
    if opcode not in classes:
        raise ValueError(f"there is no opcode {opcode:#04x}")
    cls = classes[opcode]
    size = size_of(cls)
    if len(content) * 8 not in size:
        raise ValueError(f"there is no opcode {opcode:#04x}")
    rest = word - opcode
    properties: dict[str, Attribute] = {}
    for field, low in layout(cls):
        raw = word >> low & ((1 << field.bits) - 1)
        rest -= raw << low
        if isinstance(field, ReferenceField):
            attribute = symbol_field(_symbol(field, raw, names))
        else:
            attribute = field.decode(raw)
        if attribute is not None:
            properties[field.name] = attribute
    if rest:
        raise ValueError(f"{cls.name} has bits set that no field claims")
    if sym_name is not None:
        properties["sym_name"] = StringAttr(sym_name)
    return cls.build(properties=properties)


def _symbol(field: ReferenceField, number: int, names: Mapping[Table, Sequence[str]]) -> str:
    known = names[field.table]
    if number >= len(known):
        raise ValueError(f"{field.name} is entry {number} of {len(known)} {field.table}")
    return known[number]


def split_records(content: bytes, size: int, limit: int, what: str) -> Iterable[bytes]:
    """The records of a segment; raises RecogError unless it holds whole ones, not too many."""
    count, rest = divmod(len(content), size)
    if rest:
        raise RecogError(f"the {what} segment of {len(content)} bytes has a partial record")
    if count > limit:
        raise RecogError(f"the {what} segment has {count} records, {limit} are the most")
    return (content[index * size : (index + 1) * size] for index in range(count))
