"""Ops that are one fixed-size record of a program: instructions and descriptors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, Self, TypeVar

from xdsl.dialects.builtin import StringAttr, SymbolRefAttr
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, irdl_op_definition
from xdsl.parser import Parser
from xdsl.printer import Printer

from recog.dialects.chip.fields import Field, ReferenceField, symbol_of
from recog.dialects.words import counted

__all__ = ["RecordOp"]

OPCODE_BITS = 8


class RecordSize(NamedTuple):
    """How long records of a kind are.

    Attributes:
        bits: in instruction set 3.
        short: in instruction set 2, whose records are the lowest bits of these; None for records
            that it does not have.
    """

    bits: int
    short: int | None


class Place(NamedTuple):
    """A field and its lowest bit in the record."""

    field: Field
    low: int


class RecordOp(IRDLOperation):
    """An op that the assembler turns into one record: an opcode and the op's fields.

    The opcode takes the lowest eight bits, then come the fields in the order of their
    declaration; bits that no field claims are zero. In text, references stand first, what is
    written or defined on the left of `=`; the other fields follow in braces, without those
    that have their default value.
    """

    def __init__(self, **values: Any):
        """Make an op from Python values by field name: `ConvOp(output="y", stride_h=2, …)`."""
        fields = {place.field.name: place.field for place in layout(type(self))}
        properties: dict[str, Attribute | None] = {}
        for name, value in values.items():
            if name == "sym_name":
                properties[name] = StringAttr(value)
            else:
                properties[name] = fields[name].convert(value)
        super().__init__(properties=properties)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        properties: dict[str, Attribute] = {}
        fields = [place.field for place in layout(cls)]
        references = [field for field in fields if isinstance(field, ReferenceField)]
        inputs = [field for field in references if field.role == "input"]
        defined = "sym_name" in cls.get_irdl_definition().properties
        outputs = [field for field in references if field.role == "output"]
        if defined:
            properties["sym_name"] = parser.parse_symbol_name()
        for index, field in enumerate(outputs):
            if index:
                parser.parse_punctuation(",")
            properties[field.name] = field.parse(parser)
        if inputs and (defined or outputs):
            parser.parse_punctuation("=")
        for index, field in enumerate(inputs):
            if index:
                parser.parse_punctuation(",")
            properties[field.name] = field.parse(parser)
        rest = {field.name: field for field in fields if field not in references}
        _parse_braces(parser, rest, properties)
        op = cls.build(properties=properties)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        if attributes is not None:
            op.attributes |= attributes.data
        return op

    def print(self, printer: Printer) -> None:
        fields = [place.field for place in layout(type(self))]
        references = [field for field in fields if isinstance(field, ReferenceField)]
        inputs = [field for field in references if field.role == "input"]
        left = [self.properties[field.name] for field in references if field.role == "output"]
        name = self.properties.get("sym_name")
        if isinstance(name, StringAttr):
            left.insert(0, SymbolRefAttr(name))
        printer.print_string(" " if references or left else "")
        printer.print_list(left, _symbol_printer(printer))
        printer.print_string(" = " if left and inputs else "")
        printer.print_list(
            [self.properties[field.name] for field in inputs], _symbol_printer(printer)
        )
        self._print_braces(printer, [field for field in fields if field not in references])
        printer.print_op_attributes(self.attributes, print_keyword=True)

    def _print_braces(self, printer: Printer, fields: list[Field]) -> None:
        shown = [
            (field, attribute)
            for field in fields
            if (attribute := self.properties.get(field.name)) is not None
            and attribute != field.default
        ]
        if not shown:
            return

        def print_field(pair: tuple[Field, Attribute]) -> None:
            field, attribute = pair
            printer.print_string(field.name)
            field.print(printer, attribute)

        printer.print_string(" {")
        printer.print_list(shown, print_field)
        printer.print_string("}")


def _symbol_printer(printer: Printer) -> Callable[[Attribute], None]:
    """Prints references to symbols."""
    return lambda symbol: printer.print_symbol_name(symbol_of(symbol))


def _parse_braces(
    parser: Parser, fields: dict[str, Field], properties: dict[str, Attribute]
) -> None:
    def parse_field() -> None:
        start = parser.pos
        name = parser.parse_identifier(" for the name of a field")
        if name not in fields:
            parser.raise_error(
                f"unknown field {name}, expected one of: {', '.join(fields)}", start, parser.pos
            )
        if name in properties:
            parser.raise_error(f"field {name} is given twice", start, parser.pos)
        properties[name] = fields[name].parse(parser)

    start = parser.pos
    parser.parse_optional_comma_separated_list(parser.Delimiter.BRACES, parse_field)
    missing = [name for name, field in fields.items() if field.required and name not in properties]
    if missing:
        parser.raise_error(f"missing fields: {', '.join(missing)}", start, parser.pos)


_RecordT = TypeVar("_RecordT", bound=type[RecordOp])

_KINDS = dict[type[RecordOp], tuple[int, RecordSize]]()


def record(opcode: int, size: RecordSize) -> Callable[[_RecordT], _RecordT]:
    """Define an op that is a record of this size; checks that its fields fit."""

    def define(cls: _RecordT) -> _RecordT:
        defined = irdl_op_definition(cls)
        for name, definition in defined.get_irdl_definition().properties.items():
            if isinstance(definition.constr, Field):
                definition.constr = replace(definition.constr, name=name)
        _KINDS[defined] = (opcode, size)
        _check_layout(defined, size.bits)
        return defined

    return define


def opcode_of(cls: type[RecordOp]) -> int:
    """The number in the lowest bits of such records."""
    return _KINDS[cls][0]


def size_of(cls: type[RecordOp]) -> RecordSize:
    """The size of such records."""
    return _KINDS[cls][1]


def is_short(op: RecordOp) -> bool:
    """Whether instruction set 2 can say what the op says."""
    return _KINDS[type(op)][1].short is not None and all(
        op.properties.get(field.name) in (None, field.default) for field in _long_fields(type(op))
    )


@cache
def _long_fields(cls: type[RecordOp]) -> tuple[Field, ...]:
    """The fields that lie beyond the short record."""
    short = size_of(cls).short
    return tuple(place.field for place in layout(cls) if short is None or place.low >= short)


VARYING = ("first_row", "rows")
"""The fields in which alone most instructions of a schedule differ."""


@cache
def varying_fields(cls: type[RecordOp]) -> tuple[Place, ...]:
    """The fields of a record that its form leaves open."""
    return tuple(place for place in layout(cls) if place.field.name in VARYING)


def form_key(op: RecordOp) -> tuple[object, ...]:
    """Equal for records of one kind that have the same attributes in all fields but `VARYING`.

    Attributes count as the same only if they are one object: such a key takes a microsecond. It
    means something as long as the attributes of the record that it was made of live.
    """
    fields = op.properties.copy()
    for name in VARYING:
        fields.pop(name, None)
    return (type(op), *fields, *map(id, fields.values()))


@cache
def layout(cls: type[RecordOp]) -> tuple[Place, ...]:
    """The fields of a record, in the order of their bits."""
    fields = _declared_fields(cls)
    places = [Place(field, field.at) for field in fields if field.at is not None]
    low = OPCODE_BITS
    for field in fields:
        if field.at is None:
            places.append(Place(field, low))
            low += field.bits
    return tuple(sorted(places, key=lambda place: place.low))


def _declared_fields(cls: type[RecordOp]) -> list[Field]:
    """The fields of a record in the order of their declaration, a base class's first."""
    properties = cls.get_irdl_definition().properties
    bases = cls.mro()[::-1]

    def depth(name: str) -> int:
        return next(index for index, base in enumerate(bases) if name in vars(base))

    constraints = [properties[name].constr for name in sorted(properties, key=depth)]
    return [field for field in constraints if isinstance(field, Field)]


def _check_layout(cls: type[RecordOp], bits: int) -> None:
    end = OPCODE_BITS
    for field, low in layout(cls):
        if low < end or low + field.bits > bits:
            raise ValueError(f"{cls.name}: field {field.name} does not fit {counted(bits, 'bit')}")
        end = low + field.bits
