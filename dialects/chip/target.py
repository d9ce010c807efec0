"""The parameters of a chip: its memories and its multiply-accumulate datapath."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from recog.dialects.number_format import Arithmetic

__all__ = ["ChipTarget", "Memory", "TargetAttr"]

MAX_MEMORY = 1 << 32
"""Addresses have 32 bits."""

WEIGHT_MEMORY, ACTIVATION_MEMORY, DRAM = "weight_memory", "activation_memory", "dram"
"""The memories that every chip has: of pointers, tables and biases; of the tensors between layers;
of inputs, outputs and the program's segments."""


@dataclass(frozen=True)
class Memory:
    """One memory of a chip.

    Attributes:
        name: letters, digits and underscores, for descriptions and errors.
        bytes: its size.
        banks: parts that are read and written side by side, None where that is not known.
        ports: accesses of a bank in a cycle, None where that is not known.
        energy: picojoules a byte, None where that is not known.
        holds: what it is for, for descriptions.

    Raises:
        ValueError: naming the memory and what is out of its range.
    """

    name: str
    bytes: int
    banks: int | None = None
    ports: int | None = None
    energy: float | None = None
    holds: str = field(default="", compare=False)

    def __post_init__(self):
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", self.name):
            raise ValueError(f"a memory's name has a-z, 0-9 and '_', got {self.name!r}")
        if not 16 <= self.bytes <= MAX_MEMORY:
            raise ValueError(f"{self.name} must be in [16, {MAX_MEMORY}] bytes, got {self.bytes}")
        for count in ("banks", "ports"):
            value = getattr(self, count)
            if value is not None and not 1 <= value <= 1024:
                raise ValueError(f"{self.name}: {count} must be in [1, 1024], got {value}")
        if self.energy is not None and not 0 <= self.energy < 1e6:
            raise ValueError(f"{self.name}: energy must be in [0, 1e6), got {self.energy}")

    def details(self) -> list[tuple[str, int | float]]:
        """What is known of it beside its size."""
        values = [(name, getattr(self, name)) for name in ("banks", "ports", "energy")]
        return [(name, value) for name, value in values if value is not None]


STANDARD_MEMORIES = (
    Memory(WEIGHT_MEMORY, 16 << 20, holds="pointers, tables and biases"),
    Memory(ACTIVATION_MEMORY, 4 << 20, holds="the tensors between layers"),
    Memory(DRAM, 1 << 30, holds="inputs, outputs and the program's segments"),
)


@dataclass(frozen=True)
class ChipTarget:
    """What a program is made for; a program runs only on a machine of the same parameters.

    As text (TOML, and the attribute `#chip.target`) each parameter is a name and a value. The size
    of a standard memory is `activation_memory = 65536`; what else is known of one, and other
    memories, are `memory.scratchpad.bytes = 4096` or a table `[memory.scratchpad]`.

    Attributes:
        name: letters, digits, dots and dashes.
        memories: the standard ones first, each name once.
        antilog_bits: P, fraction bits of the antilog table.
        accumulator: bits of the accumulators.
        mitchell: Mitchell's antilog in place of the table.
    """

    name: str = "recog-1"
    memories: tuple[Memory, ...] = STANDARD_MEMORIES
    antilog_bits: int = 6
    accumulator: int = 32
    mitchell: bool = False

    def __post_init__(self):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}", self.name):
            raise ValueError(f"a target's name has letters, digits, '.' and '-', got {self.name!r}")
        names = [memory.name for memory in self.memories]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the target has two memories named {twice}")
        standard = tuple(memory.name for memory in STANDARD_MEMORIES)
        if tuple(names[: len(standard)]) != standard:
            raise ValueError(f"a target's first memories are {', '.join(standard)}")
        _ = self.arithmetic

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(self.antilog_bits, self.accumulator, self.mitchell)

    def memory(self, name: str) -> Memory:
        """The memory of that name; raises ValueError where the chip has none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        known = ", ".join(memory.name for memory in self.memories)
        raise ValueError(f"target {self.name} has no memory {name}, it has {known}")

    def size(self, name: str) -> int:
        """The bytes of the memory of that name."""
        return self.memory(name).bytes

    @classmethod
    def from_values(
        cls, values: Mapping[str, Any], default: ChipTarget | None = None
    ) -> ChipTarget:
        """A target from named values, the others those of `default`.

        Args:
            values: by parameter; a memory's size by its name, its details by
                `memory.NAME.DETAIL`.

        Raises:
            ValueError: naming the value that is unknown, of the wrong type or out of range.
        """
        default = default or cls()
        plain: dict[str, Any] = {}
        details: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            memory, detail = _memory_and_detail(name)
            if memory is None:
                plain[name] = value
                continue
            given = details.setdefault(memory, {})
            if detail in given:
                raise ValueError(f"the {detail} of memory {memory} are given twice")
            given[detail] = value
        _check_types(plain, _PLAIN_TYPES, "unknown parameter", PARAMETERS)
        memories = {memory.name: memory for memory in default.memories}
        for name, given in details.items():
            memories[name] = _memory(name, given, memories.get(name))
        return replace(default, memories=tuple(memories.values()), **plain)

    @classmethod
    def from_toml(cls, text: str, default: ChipTarget | None = None) -> ChipTarget:
        """A target from TOML text, `activation_memory = 65536`; raises ValueError."""
        try:
            return cls.from_values(_flat(tomllib.loads(text)), default)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"not TOML: {error}") from None

    def to_toml(self) -> str:
        """All parameters as TOML text; equal targets give equal text."""
        return "".join(f"{name} = {text}\n" for name, text in self.texts())

    def texts(self) -> list[tuple[str, str]]:
        """Each parameter and its value as MLIR and TOML write it."""
        standard = {memory.name for memory in STANDARD_MEMORIES}
        values: list[tuple[str, Any]] = [("name", self.name)]
        values += [(each.name, each.bytes) for each in self.memories if each.name in standard]
        values += [(name, getattr(self, name)) for name in _PLAIN_TYPES if name != "name"]
        for each in self.memories:
            size = [] if each.name in standard else [("bytes", each.bytes)]
            values += [(f"memory.{each.name}.{k}", v) for k, v in (*size, *each.details())]
        return [(name, _text(value)) for name, value in values]

    @property
    def digest(self) -> bytes:
        """The target hash of a program file, 16 bytes."""
        return sha256(self.to_toml().encode()).digest()[:16]


_PLAIN_TYPES = {"name": str, "antilog_bits": int, "accumulator": int, "mitchell": bool}
PARAMETERS = ("name", *(memory.name for memory in STANDARD_MEMORIES), *list(_PLAIN_TYPES)[1:])
_MEMORY_TYPES = {"bytes": int, "banks": int, "ports": int, "energy": float}


def _memory_and_detail(parameter: str) -> tuple[str | None, str]:
    """The memory that a parameter is about, None if about none, and which detail it gives."""
    if any(memory.name == parameter for memory in STANDARD_MEMORIES):
        return parameter, "bytes"
    if not parameter.startswith("memory."):
        return None, ""
    _, name, *detail = parameter.split(".")
    if not detail:
        raise ValueError(f"{parameter} takes details, such as {parameter}.bytes = 65536")
    return name, ".".join(detail)


def _check_types(
    values: Mapping[str, Any], types: Mapping[str, type], unknown: str, expected: Iterable[str]
) -> None:
    for name, value in values.items():
        if name not in types:
            raise ValueError(f"{unknown} '{name}', expected: {', '.join(expected)}")
        if type(value) is not types[name]:
            raise ValueError(f"{name} takes {types[name].__name__}, got {value!r}")


def _memory(name: str, given: dict[str, Any], default: Memory | None) -> Memory:
    """A memory from its details, what they leave open as the default has it."""
    if type(given.get("energy")) is int:
        given["energy"] = float(given["energy"])
    if default is not None and "bytes" in given:
        _check_types({name: given["bytes"]}, {name: int}, "", ())
    _check_types(given, _MEMORY_TYPES, f"memory {name} has no", _MEMORY_TYPES)
    if default is not None:
        return replace(default, **given)
    if "bytes" not in given:
        raise ValueError(f"memory {name} needs its bytes")
    return Memory(name, **given)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Tables of TOML as dotted names."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            result |= _flat(value, f"{prefix}{name}.")
        else:
            result[prefix + name] = value
    return result


def _text(value: str | bool | int | float) -> str:
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
                values[name] = parser.parse_number()

        start = parser.pos
        parser.parse_comma_separated_list(parser.Delimiter.ANGLE, parse_value)
        try:
            return ChipTarget.from_values(values)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        defaults = dict(ChipTarget().texts())
        shown = [(name, text) for name, text in self.data.texts() if text != defaults.get(name)]
        with printer.in_angle_brackets():
            printer.print_list(shown, lambda pair: printer.print_string(f"{pair[0]} = {pair[1]}"))
