"""What an instruction asks of a chip, whatever the chip: products, steps, bytes, and its queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["Products", "Queue", "WeightRead", "phases"]


class Queue(Enum):
    """The part of the chip that runs an instruction. The four run beside each other, each its
    instructions in program order."""

    DMA_IN = "dma-in"
    DMA_OUT = "dma-out"
    MAC = "mac"
    VECTOR = "vector"
    CONTROL = "control"
    """No part: it takes no time."""


@dataclass(frozen=True)
class Products:
    """Sums of products as nested loops: for each of `groups`, each output channel, row and column,
    a sum over the group's input channels and over taps.

    Attributes:
        outputs: output channels of a group.
        inputs: input channels of a group.
        bits: of the wider operand's codes.
        stationary: whether one operand is a weight, which can stay where it is used.
    """

    groups: int
    outputs: int
    inputs: int
    taps: int
    rows: int
    columns: int
    bits: int = 8
    stationary: bool = True

    @property
    def sums(self) -> int:
        return self.groups * self.outputs * self.rows * self.columns

    @property
    def count(self) -> int:
        """How many products there are, those with padding among them."""
        return self.sums * self.inputs * self.taps


@dataclass(frozen=True)
class WeightRead:
    """Bytes that an instruction takes from weight memory.

    Attributes:
        cause: what they are.
        bytes: how many, once through.
        again: whether they are read anew for each block of positions; else once an instruction.
        codes: of clustered weights: bytes of the codes that the pointers stand for.
        table: of clustered weights: bytes of the codebook that the codes are in.
    """

    cause: str
    bytes: int
    again: bool = False
    codes: int = 0
    table: int = 0


def phases(
    size: int, stride: int, taps: int, dilation: int, first: int
) -> Sequence[tuple[int, int]]:
    """Positions of a transposed convolution along an axis, by which taps reach them.

    Args:
        size: positions of the output.
        first: where its first one is among the sums: what is cropped before it.

    Returns:
        Pairs: how many positions, and how many taps reach each of these, borders aside.
    """
    found = list[tuple[int, int]]()
    for phase in range(min(stride, size)):
        count = len(range(phase, size, stride))
        reached = sum((phase + first - tap * dilation) % stride == 0 for tap in range(taps))
        found.append((count, reached))
    return found
