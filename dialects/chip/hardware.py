"""What a chip is built of, as far as time and bytes follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, NamedTuple

__all__ = ["Dma", "MacArray", "Memory", "VectorUnit"]

MAX_MEMORY = 1 << 32
"""Addresses have 32 bits."""

MEMORY_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Parameter(NamedTuple):
    """A number of a description: its default, its range and what it means."""

    name: str
    default: int
    low: int
    high: int
    meaning: str


def number(default: int, low: int, high: int, meaning: str) -> Any:
    """A field that holds a number in [low, high]."""
    data = {"default": default, "low": low, "high": high, "meaning": meaning}
    return field(default=default, metadata=data)


def parameter(of: Field[Any]) -> Parameter:
    """A field of `number` as a parameter."""
    data = of.metadata
    return Parameter(of.name, *(data[name] for name in Parameter._fields[1:]))


@cache
def parameters(kind: type) -> tuple[Parameter, ...]:
    """The numbers that a class describes, in order."""
    return tuple(parameter(each) for each in fields(kind) if "meaning" in each.metadata)


def check_ranges(of: object, prefix: str) -> None:
    """Raise ValueError, naming the parameter, for a number of `of` that is out of its range."""
    for name, _, low, high, _ in parameters(type(of)):
        value = getattr(of, name)
        if not low <= value <= high:
            raise ValueError(f"{prefix}{name} must be in [{low}, {high}], got {value}")


@dataclass(frozen=True)
class Memory:
    """One memory of a chip.

    Attributes:
        name: letters, digits and underscores, for descriptions and errors.
        bytes: its size.
        banks: parts that are read and written side by side.
        ports: accesses of a bank in a cycle, reads and writes together.
        width: bytes that an access moves.
        holds: what it is for, for descriptions.

    Raises:
        ValueError: naming the memory and what is out of its range.
    """

    name: str
    bytes: int
    banks: int = number(1, 1, 1024, "parts that are read and written side by side")
    ports: int = number(1, 1, 16, "accesses of a bank in a cycle, reads and writes together")
    width: int = number(16, 1, 4096, "bytes that an access moves")
    holds: str = field(default="", compare=False)

    def __post_init__(self):
        if not MEMORY_NAME.fullmatch(self.name):
            raise ValueError(f"a memory's name has a-z, 0-9 and '_', got {self.name!r}")
        if not 16 <= self.bytes <= MAX_MEMORY:
            raise ValueError(f"{self.name} must be in [16, {MAX_MEMORY}] bytes, got {self.bytes}")
        check_ranges(self, f"{self.name}: ")

    @property
    def bandwidth(self) -> int:
        """Bytes a cycle, read and written together."""
        return self.banks * self.ports * self.width

    def details(self) -> dict[str, int]:
        """What is known of it beside its size."""
        return {each.name: getattr(self, each.name) for each in parameters(Memory)}


@dataclass(frozen=True)
class MacArray:
    """The array of multiply-accumulate units: outputs x inputs x pixels of them.

    In a cycle it adds, for so many output channels and neighbouring outputs of a row, the products
    of so many input channels at one tap of the kernel. Weights stay in the array while the
    positions of a block stream by; their sums wait in accumulators. A codebook that fits is copied
    beside the array, where its codes are read.
    """

    outputs: int = number(32, 1, 4096, "output channels side by side")
    inputs: int = number(32, 1, 4096, "input channels whose products are added in a cycle")
    pixels: int = number(4, 1, 4096, "neighbouring outputs of a row side by side")
    accumulators: int = number(
        512, 1, 1 << 24, "sums an output channel of the array holds: positions of a block"
    )
    codebook: int = number(8192, 0, 1 << 24, "bytes of codebook beside the array")

    def __post_init__(self):
        check_ranges(self, "array.")

    @property
    def size(self) -> int:
        """Products a cycle."""
        return self.outputs * self.inputs * self.pixels


@dataclass(frozen=True)
class VectorUnit:
    """The unit of everything that is no product with a weight: pools, sums, tables, boxes."""

    lanes: int = number(128, 1, 1 << 16, "elementary steps a cycle")

    def __post_init__(self):
        check_ranges(self, "vector.")


@dataclass(frozen=True)
class Dma:
    """The engines that copy between DRAM and the memories of the chip: one in, one out."""

    width: int = number(32, 1, 4096, "bytes a cycle of each engine")
    latency: int = number(100, 0, 1 << 20, "cycles from a request to DRAM to its first byte")

    def __post_init__(self):
        check_ranges(self, "dma.")

    def alone(self, size: int) -> int:
        """Bytes that an element of so many moves which is an access to DRAM by itself."""
        return max(size, self.width)


SECTIONS: Mapping[str, type[MacArray] | type[VectorUnit] | type[Dma]] = {
    "array": MacArray,
    "vector": VectorUnit,
    "dma": Dma,
}
"""The parts of a description beside its memories, by their name in it."""
