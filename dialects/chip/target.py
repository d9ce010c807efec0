"""The parameters of a chip: its memories and its multiply-accumulate datapath."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from recog.dialects.number_format import Arithmetic

__all__ = ["ChipTarget", "TargetAttr"]

MAX_MEMORY = 1 << 32
"""Addresses have 32 bits."""


@dataclass(frozen=True)
class ChipTarget:
    """What a program is made for; a program runs only on a machine of the same parameters.

    Attributes:
        name: letters, digits, dots and dashes.
        weight_memory: bytes for pointers, tables and biases.
        activation_memory: bytes for the tensors between layers.
        dram: bytes for inputs, outputs and the program's segments.
        antilog_bits: P, fraction bits of the antilog table.
        accumulator: bits of the accumulators.
        mitchell: Mitchell's antilog in place of the table.
    """

    name: str = "recog-1"
    weight_memory: int = 16 << 20
    activation_memory: int = 4 << 20
    dram: int = 1 << 30
    antilog_bits: int = 6
    accumulator: int = 32
    mitchell: bool = False

    def __post_init__(self):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}", self.name):
            raise ValueError(f"a target's name has letters, digits, '.' and '-', got {self.name!r}")
        for memory in ("weight_memory", "activation_memory", "dram"):
            size: int = getattr(self, memory)
            if not 16 <= size <= MAX_MEMORY:
                raise ValueError(f"{memory} must be in [16, {MAX_MEMORY}] bytes, got {size}")
        _ = self.arithmetic

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(self.antilog_bits, self.accumulator, self.mitchell)

    @classmethod
    def from_values(cls, values: dict[str, Any], default: ChipTarget | None = None) -> ChipTarget:
        """A target from named values, the others those of `default`.

        Raises:
            ValueError: naming the value that is unknown, of the wrong type or out of range.
        """
        types = {field.name: type(field.default) for field in fields(cls)}
        for name, value in values.items():
            if name not in types:
                raise ValueError(f"unknown parameter '{name}', expected: {', '.join(types)}")
            if type(value) is not types[name]:
                raise ValueError(f"{name} takes {types[name].__name__}, got {value!r}")
        return replace(default or cls(), **values)

    @classmethod
    def from_toml(cls, text: str, default: ChipTarget | None = None) -> ChipTarget:
        """A target from TOML text, `activation_memory = 65536`; raises ValueError."""
        try:
            return cls.from_values(tomllib.loads(text), default)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"not TOML: {error}") from None

    def to_toml(self) -> str:
        """All parameters as TOML text; equal targets give equal text."""
        return "".join(f"{name} = {text}\n" for name, text in self.texts())

    def texts(self) -> list[tuple[str, str]]:
        """Each parameter and its value as MLIR and TOML write it."""
        return [(field.name, _text(getattr(self, field.name))) for field in fields(self)]

    @property
    def digest(self) -> bytes:
        """The target hash of a program file, 16 bytes."""
        return sha256(self.to_toml().encode()).digest()[:16]


def _text(value: str | bool | int) -> str:
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


@irdl_attr_definition
class TargetAttr(Data[ChipTarget]):
    """A chip's parameters: `#chip.target<activation_memory = 65536>`, defaults left out."""

    name = "chip.target"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> ChipTarget:
        values: dict[str, Any] = {}

        def parse_value() -> None:
            start = parser.pos
            name = parser.parse_identifier()
            if name in values:
                parser.raise_error(f"parameter {name} is given twice", start, parser.pos)
            parser.parse_punctuation("=")
            text = parser.parse_optional_str_literal()
            boolean = parser.parse_optional_boolean() if text is None else None
            if text is not None or boolean is not None:
                values[name] = boolean if text is None else text
            else:
                values[name] = parser.parse_integer(allow_boolean=False)

        start = parser.pos
        parser.parse_comma_separated_list(parser.Delimiter.ANGLE, parse_value)
        try:
            return ChipTarget.from_values(values)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        defaults = dict(ChipTarget().texts())
        shown = [(name, text) for name, text in self.data.texts() if text != defaults[name]]
        with printer.in_angle_brackets():
            printer.print_list(shown, lambda pair: printer.print_string(f"{pair[0]} = {pair[1]}"))
