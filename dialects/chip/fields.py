"""Fields of the chip's binary records, declared on the ops that the records encode.

A field is an IRDL property with a width in bits: `stride_h = int_field(5, "…", minimum=1)`.
The constraint of the property carries everything that the encoder, the decoder, the assembly
format, the verifier and the ISA document (docs/isa.md) need, so none of them has a table of
its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from typing_extensions import TypeVar
from xdsl.dialects.builtin import I64, IntegerAttr, StringAttr, SymbolRefAttr, UnitAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import AttrConstraint, opt_prop_def, prop_def
from xdsl.irdl.constraints import IntConstraint, VerificationContext
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

Table = Literal["segments", "io", "descriptors"]
"""The tables of a program that a reference can point into, in the order of its text."""

TABLES: tuple[Table, ...] = get_args(Table)


@dataclass(frozen=True)
class Field(AttrConstraint[Attribute], ABC):
    """What a record holds in some of its bits.

    Attributes:
        bits: width in the record.
        doc: one sentence for the ISA document.
        name: the property's name; the op's definition fills it in.
        at: the lowest bit, for fields that have one place in every record; else None.
    """

    bits: int
    doc: str
    name: str = ""
    at: int | None = None

    @property
    def default(self) -> Attribute | None:
        """The property's value where none is given, None where one must be."""
        return None

    @property
    def required(self) -> bool:
        """Text without this field is an error."""
        return self.default is None

    @abstractmethod
    def encode(self, attribute: Attribute) -> int:
        """The field's bits as an unsigned integer."""

    @abstractmethod
    def decode(self, raw: int) -> Attribute | None:
        """The inverse of `encode`, None for an absent property; raises ValueError."""

    @abstractmethod
    def convert(self, value: Any) -> Attribute | None:
        """A Python value as the property's attribute; None leaves the property out."""

    @abstractmethod
    def parse(self, parser: Parser) -> Attribute:
        """Parse what follows the field's name in assembly text."""

    @abstractmethod
    def print(self, printer: Printer, attribute: Attribute) -> None:
        """Print what follows the field's name in assembly text."""

    @property
    @abstractmethod
    def values(self) -> str:
        """The values that the field takes, for messages and the ISA document."""

    def mapping_type_vars(
        self, type_var_mapping: Mapping[TypeVar, AttrConstraint | IntConstraint]
    ) -> Field:
        return self


@lru_cache(1 << 12)
def integer_field(value: int) -> IntegerAttr:
    """A number as the property of a field.

    Records have the same few numbers, words and symbols over and over: making one takes
    microseconds, and what is one object is known to be the same at once.
    """
    return IntegerAttr(value, i64)


@lru_cache(1 << 15)
def symbol_field(name: str) -> SymbolRefAttr:
    """A reference as the property of a field."""
    return SymbolRefAttr(name)


@lru_cache(1 << 10)
def _word(word: str) -> StringAttr:
    return StringAttr(word)


_FLAG = UnitAttr()


@dataclass(frozen=True)
class IntField(Field):
    """An integer, two's complement where `minimum` is negative.

    Attributes:
        minimum, maximum: the range, both inclusive.
        default_value: None where text must give the field.
        hex: assembly text shows it in hexadecimal, as addresses are.
    """

    minimum: int = 0
    maximum: int = 0
    default_value: int | None = None
    hex: bool = False

    @property
    def default(self) -> IntegerAttr | None:
        return None if self.default_value is None else integer_field(self.default_value)

    @property
    def values(self) -> str:
        return f"{self.minimum} to {self.maximum}"

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not isinstance(attr, IntegerAttr) or attr.type != i64:
            raise VerifyException(f"{self.name} must be a 64-bit integer, got {attr}")
        if not self.minimum <= attr.value.data <= self.maximum:
            raise VerifyException(
                f"{self.name} must be in [{self.minimum}, {self.maximum}], got {attr.value.data}"
            )

    def encode(self, attribute: Attribute) -> int:
        return integer_of(attribute) & ((1 << self.bits) - 1)

    def decode(self, raw: int) -> IntegerAttr:
        negative = self.minimum < 0 and raw >> (self.bits - 1)
        value = raw - (1 << self.bits) if negative else raw
        if not self.minimum <= value <= self.maximum:
            raise ValueError(
                f"{self.name} must be in [{self.minimum}, {self.maximum}], got {value}"
            )
        return integer_field(value)

    def convert(self, value: Any) -> IntegerAttr:
        return integer_field(int(value))

    def parse(self, parser: Parser) -> IntegerAttr:
        parser.parse_punctuation("=")
        start = parser.pos
        value = parser.parse_integer(allow_boolean=False)
        if not self.minimum <= value <= self.maximum:
            parser.raise_error(
                f"{self.name} must be in [{self.minimum}, {self.maximum}], got {value}",
                start,
                parser.pos,
            )
        return integer_field(value)

    def print(self, printer: Printer, attribute: Attribute) -> None:
        value = integer_of(attribute)
        printer.print_string(f" = {value:#x}" if self.hex else f" = {value}")


@dataclass(frozen=True)
class FlagField(Field):
    """One bit: a unit property, there or not."""

    @property
    def required(self) -> bool:
        return False

    @property
    def values(self) -> str:
        return "present or absent"

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not isinstance(attr, UnitAttr):
            raise VerifyException(f"{self.name} must be a unit attribute, got {attr}")

    def encode(self, attribute: Attribute) -> int:
        return 1

    def decode(self, raw: int) -> UnitAttr | None:
        return _FLAG if raw else None

    def convert(self, value: Any) -> UnitAttr | None:
        return _FLAG if value else None

    def parse(self, parser: Parser) -> UnitAttr:
        return _FLAG

    def print(self, printer: Printer, attribute: Attribute) -> None:
        return


@dataclass(frozen=True)
class ChoiceField(Field):
    """One of a few words; a word's number is its place in `choices`."""

    choices: tuple[str, ...] = ()

    @property
    def values(self) -> str:
        return ", ".join(f"{word} ({number})" for number, word in enumerate(self.choices))

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not isinstance(attr, StringAttr) or attr.data not in self.choices:
            raise VerifyException(f"{self.name} must be {' or '.join(self.choices)}, got {attr}")

    def encode(self, attribute: Attribute) -> int:
        return self.choices.index(word_of(attribute))

    def decode(self, raw: int) -> StringAttr:
        if raw >= len(self.choices):
            raise ValueError(f"{self.name} must be {self.values}, got {raw}")
        return _word(self.choices[raw])

    def convert(self, value: Any) -> StringAttr:
        return _word(str(value))

    def parse(self, parser: Parser) -> StringAttr:
        parser.parse_punctuation("=")
        start = parser.pos
        word = parser.parse_identifier()
        if word not in self.choices:
            parser.raise_error(
                f"{self.name} must be {' or '.join(self.choices)}, got {word}", start, parser.pos
            )
        return _word(word)

    def print(self, printer: Printer, attribute: Attribute) -> None:
        printer.print_string(f" = {word_of(attribute)}")


Role = Literal["output", "input"]
"""Whether an instruction writes or reads what a field names."""


@dataclass(frozen=True)
class ReferenceField(Field):
    """A symbol in the IR, the number of an entry of one of the program's tables in the binary.

    Attributes:
        table: the table that it points into.
        target: the name of the ops that it may point to.
        role: whether the instruction writes or reads what it points to.
    """

    table: Table = "descriptors"
    target: str = ""
    role: Role = "input"

    @property
    def values(self) -> str:
        return f"a {self.target}"

    def verify(self, attr: Attribute, constraint_context: VerificationContext) -> None:
        if not isinstance(attr, SymbolRefAttr) or attr.nested_references.data:
            raise VerifyException(f"{self.name} must be the symbol of a {self.target}, got {attr}")

    def encode(self, attribute: Attribute) -> int:
        raise ValueError("references are encoded by table")

    def decode(self, raw: int) -> Attribute | None:
        raise ValueError("references are decoded by table")

    def convert(self, value: Any) -> SymbolRefAttr:
        return value if isinstance(value, SymbolRefAttr) else symbol_field(str(value))

    def parse(self, parser: Parser) -> SymbolRefAttr:
        return symbol_field(parser.parse_symbol_name().data)

    def print(self, printer: Printer, attribute: Attribute) -> None:
        printer.print_symbol_name(symbol_of(attribute))


def integer_of(attribute: Attribute) -> int:
    """The value of an integer field; raises TypeError for other attributes."""
    if not isinstance(attribute, IntegerAttr):
        raise TypeError(f"expected an integer, got {attribute}")
    return attribute.value.data


def word_of(attribute: Attribute) -> str:
    """The value of a choice; raises TypeError for other attributes."""
    if not isinstance(attribute, StringAttr):
        raise TypeError(f"expected a word, got {attribute}")
    return attribute.data


def symbol_of(attribute: Attribute) -> str:
    """The symbol that a reference names; raises TypeError for other attributes."""
    if not isinstance(attribute, SymbolRefAttr):
        raise TypeError(f"expected the symbol of an op, got {attribute}")
    return attribute.string_value()


REFERENCE_BITS = 14


def int_field(
    bits: int,
    doc: str,
    *,
    minimum: int = 0,
    maximum: int | None = None,
    signed: bool = False,
    default: int | None = None,
    hex: bool = False,
    at: int | None = None,
) -> IntegerAttr[I64]:
    """Declare an integer field; from 0 (signed: -maximum) to all that the bits hold."""
    if maximum is None:
        maximum = (1 << (bits - 1 if signed else bits)) - 1
    field = IntField(
        bits,
        doc,
        at=at,
        minimum=-maximum if signed else minimum,
        maximum=maximum,
        default_value=default,
        hex=hex,
    )
    return prop_def(field, default_value=field.default)  # pyright: ignore[reportReturnType]


def address_field(doc: str, *, default: int | None = None) -> IntegerAttr[I64]:
    """Declare a byte address."""
    return int_field(32, doc, default=default, hex=True)


def flag_field(doc: str, *, at: int | None = None) -> UnitAttr | None:
    """Declare a one-bit field."""
    return opt_prop_def(FlagField(1, doc, at=at))  # pyright: ignore[reportReturnType]


def choice_field(bits: int, doc: str, *choices: str) -> StringAttr:
    """Declare a field that holds one of a few words."""
    return prop_def(ChoiceField(bits, doc, choices=choices))  # pyright: ignore[reportReturnType]


def reference_field(
    doc: str, target: str, *, table: Table = "descriptors", role: Role
) -> SymbolRefAttr:
    """Declare a reference to an op of the name `target`."""
    field = ReferenceField(REFERENCE_BITS, doc, table=table, target=target, role=role)
    return prop_def(field)  # pyright: ignore[reportReturnType]
