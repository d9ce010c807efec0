"""The description of a chip: its memories, its datapath, and what time and energy follow from."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from hashlib import sha256
from typing import Any

from xdsl.ir import Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from recog.dialects.chip.energy import STANDARD_ENERGY, EnergyTable
from recog.dialects.chip.hardware import (
    SECTIONS,
    Dma,
    MacArray,
    Memory,
    VectorUnit,
    check_ranges,
    number,
    parameters,
)
from recog.dialects.chip.target_values import (
    check_size,
    check_types,
    energy_of,
    flat,
    memory_of,
    section_of,
    text_of,
)
from recog.dialects.number_format import Arithmetic

__all__ = ["ChipTarget", "TargetAttr"]

MAX_DOTS = 200
"""In a line of TOML; names have three at most, texts up to 200 characters."""

WEIGHT_MEMORY, ACTIVATION_MEMORY, DRAM = "weight_memory", "activation_memory", "dram"
"""The memories that every chip has: of pointers, tables and biases; of the tensors between layers;
of inputs, outputs and the program's segments."""

STANDARD_MEMORIES = (
    Memory(WEIGHT_MEMORY, 16 << 20, 16, 1, 32, holds="pointers, tables and biases"),
    Memory(ACTIVATION_MEMORY, 4 << 20, 16, 1, 16, holds="the tensors between layers"),
    Memory(DRAM, 1 << 30, 1, 1, 32, holds="inputs, outputs and the program's segments"),
)

ARITHMETIC = ("antilog_bits", "fine_antilog_bits", "accumulator", "mitchell")
"""The parameters that `ChipTarget.arithmetic` is of."""

MAX_TARGET_BYTES = 1 << 16
"""Of a chip's parameters as text, which every program for it holds."""


@dataclass(frozen=True)
class ChipTarget:
    """What a program is made for; a program runs only on a machine of the same parameters.

    As text (TOML, and the attribute `#chip.target`) each parameter is a name and a value. The size
    of a standard memory is `activation_memory = 65536`; what else is known of one, and other
    memories, are `memory.scratchpad.bytes = 4096` or a table `[memory.scratchpad]`. So are the
    parts of the chip, `array.outputs = 16`, and rows of energy, `[energy.mine.mac]`. What decides
    no bit of a result is left out of a program where it is that of the default chip.

    Attributes:
        name: letters, digits, dots and dashes.
        memories: the standard ones first, each name once.
        antilog_bits: P, fraction bits of the antilog table.
        fine_antilog_bits: what P grows to for codes of more fraction bits, see `Arithmetic`.
        accumulator: bits of the accumulators.
        mitchell: Mitchell's antilog in place of the table.
        clock_mhz: the clock.
        overhead: cycles from the end of an instruction to the start of the next of its queue.
        array: the multiply-accumulate units.
        vector: the unit of pools, sums, tables and boxes.
        dma: the engines that copy from and to DRAM.
        energy: tables of what operations and accesses cost.

    Raises:
        ValueError: naming what is out of its range, or that the text has more than
            MAX_TARGET_BYTES.
    """

    name: str = "recog-1"
    memories: tuple[Memory, ...] = STANDARD_MEMORIES
    antilog_bits: int = 6
    fine_antilog_bits: int = 10
    accumulator: int = 32
    mitchell: bool = False
    clock_mhz: int = number(800, 1, 100_000, "the clock, in MHz")
    overhead: int = number(
        16, 0, 1 << 20, "cycles from the end of an instruction to the start of the next"
    )
    array: MacArray = MacArray()
    vector: VectorUnit = VectorUnit()
    dma: Dma = Dma()
    energy: tuple[EnergyTable, ...] = STANDARD_ENERGY

    def __post_init__(self):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}", self.name):
            raise ValueError(f"a target's name has letters, digits, '.' and '-', got {self.name!r}")
        names = [memory.name for memory in self.memories]
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"the target has two memories named {twice}")
        standard = tuple(memory.name for memory in STANDARD_MEMORIES)
        if tuple(names[: len(standard)]) != standard:
            raise ValueError(f"a target's first memories are {', '.join(standard)}")
        check_ranges(self, "")
        object.__setattr__(self, "fine_antilog_bits", self.arithmetic.fine_antilog_bits)
        if self.memories != STANDARD_MEMORIES or self.energy != STANDARD_ENERGY:
            size = len(self.to_toml().encode())
            if size > MAX_TARGET_BYTES:
                raise ValueError(
                    f"the description takes {size:,} bytes, a program has room for "
                    f"{MAX_TARGET_BYTES:,}: leave out tables of energy or memories"
                )

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(
            self.antilog_bits, self.accumulator, self.mitchell, self.fine_antilog_bits
        )

    def other_arithmetic(self, other: ChipTarget) -> str:
        """Where another's arithmetic differs: `antilog_bits 6, not 8`, "" where nowhere."""
        return ", ".join(
            f"{name} {text_of(getattr(self, name))}, not {text_of(getattr(other, name))}"
            for name in ARITHMETIC
            if getattr(self, name) != getattr(other, name)
        )

    def computing(self, arithmetic: Arithmetic) -> ChipTarget:
        """This chip with another arithmetic."""
        return replace(
            self,
            antilog_bits=arithmetic.antilog_bits,
            fine_antilog_bits=arithmetic.fine_antilog_bits,
            accumulator=arithmetic.accumulator_width,
            mitchell=arithmetic.mitchell,
        )

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
                `memory.NAME.DETAIL`, parts by `array.NAME` and the like, energy by
                `energy.TABLE.ROW.FIELD`.

        Raises:
            ValueError: naming the value that is unknown, of the wrong type or out of range.
        """
        default = default or cls()
        plain: dict[str, Any] = {}
        parts: dict[str, dict[str, dict[str, Any]]] = {"memory": {}, "energy": {}}
        sections: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            check_size(name, value)
            part, _, rest = name.partition(".")
            if value == {} and not rest and part in (*SECTIONS, *parts):
                continue  # a section of which all lines are left out
            if part in SECTIONS:
                sections.setdefault(part, {})[rest] = value
                continue
            if any(memory.name == name for memory in STANDARD_MEMORIES):
                part, rest = "memory", f"{name}.bytes"
            if part not in parts:
                plain[name] = value
                continue
            owner, _, detail = rest.partition(".")
            given = parts[part].setdefault(owner, {})
            if value == {} and not detail:
                continue
            if detail in given:
                raise ValueError(f"the {detail} of memory {owner} are given twice")
            given[detail] = value
        check_types(plain, _PLAIN_TYPES, "unknown parameter", PARAMETERS)
        memories = {memory.name: memory for memory in default.memories}
        for name, given in parts["memory"].items():
            memories[name] = memory_of(name, given, memories.get(name))
        built = {
            name: section_of(name, given, getattr(default, name))
            for name, given in sections.items()
        }
        tables = {table.name: table for table in default.energy}
        for name, given in parts["energy"].items():
            tables[name] = energy_of(name, given, tables.get(name), list(memories))
        return replace(
            default,
            memories=tuple(memories.values()),
            energy=tuple(tables.values()),
            **plain,
            **built,
        )

    @classmethod
    def from_toml(cls, text: str, default: ChipTarget | None = None) -> ChipTarget:
        """A target from TOML text, `activation_memory = 65536`; raises ValueError."""
        for place, line in enumerate(text.split("\n"), 1):
            # tomllib takes the square of a key's parts: minutes for a key of a hundred thousand.
            if line.count(".") > MAX_DOTS and not line.lstrip().startswith("#"):
                raise ValueError(f"not a target: line {place} has more than {MAX_DOTS} dots")
        try:
            values = flat(_loads(text))
        except RecursionError:
            raise ValueError("not a target: values are nested too deeply") from None
        return cls.from_values(values, default)

    def to_toml(self) -> str:
        """All parameters as TOML text; equal targets give equal text.

        As programs hold it: of a chip without fine_antilog_bits, as those before had none, it says
        nothing of them, so `from_toml` takes the default's. See `to_file`.
        """
        return "".join(f"{name} = {text}\n" for name, text in self.texts())

    def to_file(self) -> str:
        """All parameters as TOML text that `from_toml` reads as this chip."""
        none = "" if self.fine_antilog_bits else "fine_antilog_bits = 0\n"
        return none + self.to_toml()

    def texts(self) -> list[tuple[str, str]]:
        """Each parameter and its value as MLIR and TOML write it.

        Those that decide no bit of a result only where they are not the default chip's, so that
        programs for it stay the same when the cost model learns of more; fine_antilog_bits only
        where it decides one, as chips before it had none.
        """
        usual = _default_details()
        details = [(name, text_of(value)) for name, value in self.details()]
        # A row of energy stands whole, with its source.
        own = {_whole(name) for name, text in details if text != usual.get(name)}
        coarse = ("fine_antilog_bits", 0)
        bits = [(each[0], text_of(each[1])) for each in self.bits() if each != coarse]
        return bits + [(name, text) for name, text in details if _whole(name) in own]

    def bits(self) -> list[tuple[str, Any]]:
        """What decides whether a program runs, and to which bits: names and values."""
        standard = {memory.name for memory in STANDARD_MEMORIES}
        sizes = [(each.name, each.bytes) for each in self.memories if each.name in standard]
        numbers = [(name, getattr(self, name)) for name in ARITHMETIC]
        return [("name", self.name), *sizes, *numbers]

    def deciding_bits(self) -> ChipTarget:
        """The default chip with this one's memories and arithmetic: what results depend on, and
        which of them fit, but not when and at what cost they are there."""
        numbers = {name: getattr(self, name) for name in ARITHMETIC}
        return ChipTarget(memories=self.memories, **numbers)

    def details(self) -> list[tuple[str, Any]]:
        """The other parameters and their values: of further memories, time and energy."""
        values: list[tuple[str, Any]] = []
        standard = {memory.name for memory in STANDARD_MEMORIES}
        for each in self.memories:
            size = [] if each.name in standard else [("bytes", each.bytes)]
            pairs = (*size, *each.details().items())
            values += [(f"memory.{each.name}.{name}", value) for name, value in pairs]
        values += [(each.name, getattr(self, each.name)) for each in parameters(ChipTarget)]
        for name, kind in SECTIONS.items():
            part = getattr(self, name)
            values += [(f"{name}.{p.name}", getattr(part, p.name)) for p in parameters(kind)]
        for table in self.energy:
            for row in table.rows:
                prefix = f"energy.{table.name}.{row.what}"
                named = [(f.name, getattr(row, f.name)) for f in fields(row) if f.name != "what"]
                values += [(f"{prefix}.{name}", value) for name, value in named]
        return values

    @property
    def digest(self) -> bytes:
        """The target hash of a program file, 16 bytes."""
        return sha256(self.to_toml().encode()).digest()[:16]


def _loads(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    except ValueError:  # Python's, of numbers of thousands of digits
        raise ValueError("not a target: a number has too many digits") from None


_PLAIN_TYPES = {
    "name": str,
    "antilog_bits": int,
    "fine_antilog_bits": int,
    "accumulator": int,
    "mitchell": bool,
    **{each.name: int for each in parameters(ChipTarget)},
}
PARAMETERS = (
    "name",
    *(memory.name for memory in STANDARD_MEMORIES),
    *list(_PLAIN_TYPES)[1:],
    *(f"{name}.{each.name}" for name, kind in SECTIONS.items() for each in parameters(kind)),
    "memory.NAME.DETAIL",
    "energy.TABLE.ROW.FIELD",
)


def _whole(name: str) -> str:
    """What is given only as a whole with the parameter: a row of energy; else itself."""
    return name.rpartition(".")[0] if name.startswith("energy.") else name


@cache
def _default_details() -> dict[str, str]:
    return {name: text_of(value) for name, value in ChipTarget().details()}


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
        if not self.data.fine_antilog_bits:
            shown.append(("fine_antilog_bits", "0"))
        with printer.in_angle_brackets():
            printer.print_list(shown, lambda pair: printer.print_string(f"{pair[0]} = {pair[1]}"))
