"""Records to bytes and back, by the fields that the chip dialect's ops declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Attribute

from recog.dialects.chip import Chip, DescriptorOp, InstructionOp, PortOp
from recog.dialects.chip.fields import ReferenceField, Table, symbol_field
from recog.dialects.chip.records import (
    OPCODE_BITS,
    VARYING,
    RecordOp,
    form_key,
    layout,
    opcode_of,
    size_of,
    varying_fields,
)
from recog.dialects.errors import RecogError
from recog.dialects.words import counted

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


class RecordEncoder:
    """Makes records of ops that have been verified: those of one form are alike but for the rows.

    Args:
        short: as instruction set 2 has them.
    """

    def __init__(self, numbers: Numbers, *, short: bool = False):
        self._numbers, self._short = numbers, short
        self._words: dict[tuple[object, ...], tuple[int, int, tuple[Attribute, ...]]] = {}

    def encode(self, op: RecordOp) -> bytes:
        """The record of an op."""
        key, cls = form_key(op), type(op)
        if key not in self._words:
            # With its attributes, which the key is of.
            self._words[key] = (self._form(op), self._bytes(cls), tuple(op.properties.values()))
        word, size, _ = self._words[key]
        for field, low in varying_fields(cls):
            attribute = op.properties.get(field.name)
            word |= 0 if attribute is None else field.encode(attribute) << low
        return word.to_bytes(size, "little")

    def _bytes(self, cls: type[RecordOp]) -> int:
        size = size_of(cls)
        bits = size.short if self._short else size.bits
        if bits is None:
            raise ValueError(f"instruction set 2 has no {cls.name}")
        return bits // 8

    def _form(self, op: RecordOp) -> int:
        """The record without the fields that its form leaves open."""
        word = opcode_of(type(op))
        for field, low in layout(type(op)):
            attribute = op.properties.get(field.name)
            match field, attribute:
                case ReferenceField(), SymbolRefAttr():
                    raw = self._numbers[field.table, attribute.string_value()]
                    if raw >> field.bits:
                        most = 1 << field.bits
                        raise RecogError(f"the program has more than {most} {field.table}")
                case _, None:
                    raw = 0
                case _:
                    raw = 0 if field.name in VARYING else field.encode(attribute)
            word |= raw << low
        return word


class RecordDecoder(Generic[_RecordT]):
    """Makes ops of records, as their length says of instruction set 2 or 3.

    Args:
        classes: the ops by opcode.
        names: the entries of each table that a reference may be to.
    """

    def __init__(self, classes: Mapping[int, type[_RecordT]], names: Mapping[Table, Sequence[str]]):
        self._classes, self._names = classes, names
        self._forms: dict[tuple[int, int], dict[str, Attribute]] = {}

    def decode(self, content: bytes, sym_name: str | None = None) -> _RecordT:
        """The op of a record.

        Raises:
            ValueError: an unknown opcode, a bit that no field claims, a field out of its range, or
                a reference beyond its table.
        """
        word = int.from_bytes(content, "little")
        cls = self._class(word, len(content) * 8)
        form, open_fields = word, dict[str, Attribute]()
        for field, low in varying_fields(cls):
            raw = word >> low & ((1 << field.bits) - 1)
            form -= raw << low
            attribute = field.decode(raw)
            if attribute is not None:
                open_fields[field.name] = attribute
        key = (form, len(content))
        if key not in self._forms:
            self._forms[key] = self._decoded(cls, form)
        properties = self._forms[key] | open_fields
        if sym_name is not None:
            properties["sym_name"] = StringAttr(sym_name)
        return cls.create(properties=properties)

    def _class(self, word: int, bits: int) -> type[_RecordT]:
        opcode = word & ((1 << OPCODE_BITS) - 1)
        if opcode not in self._classes or bits not in size_of(self._classes[opcode]):
            raise ValueError(f"there is no opcode {opcode:#04x}")
        return self._classes[opcode]

    def _decoded(self, cls: type[_RecordT], word: int) -> dict[str, Attribute]:
        """The properties of a form; those that it leaves open are as for no bits."""
        rest = word - opcode_of(cls)
        properties: dict[str, Attribute] = {}
        for field, low in layout(cls):
            raw = word >> low & ((1 << field.bits) - 1)
            rest -= raw << low
            if isinstance(field, ReferenceField):
                attribute = symbol_field(_symbol(field, raw, self._names))
            else:
                attribute = field.decode(raw)
            if attribute is not None:
                properties[field.name] = attribute
        if rest:
            raise ValueError(f"{cls.name} has bits set that no field claims")
        return properties


def decode_record(
    content: bytes,
    classes: Mapping[int, type[_RecordT]],
    names: Mapping[Table, Sequence[str]],
    sym_name: str | None = None,
) -> _RecordT:
    """The op of one record; raises ValueError as `RecordDecoder.decode` does."""
    return RecordDecoder(classes, names).decode(content, sym_name)


def _symbol(field: ReferenceField, number: int, names: Mapping[Table, Sequence[str]]) -> str:
    known = names[field.table]
    if number >= len(known):
        raise ValueError(f"{field.name} is entry {number} of {len(known)} {field.table}")
    return known[number]


def split_records(content: bytes, size: int, limit: int, what: str) -> Iterable[bytes]:
    """The records of a segment; raises RecogError unless it holds whole ones, not too many."""
    count, rest = divmod(len(content), size)
    if rest:
        raise RecogError(
            f"the {what} segment of {counted(len(content), 'byte')} has a partial record"
        )
    if count > limit:
        raise RecogError(f"the {what} segment has {count} records, {limit} are the most")
    return (content[index * size : (index + 1) * size] for index in range(count))
