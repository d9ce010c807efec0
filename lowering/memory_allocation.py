"""Addresses for buffers that live for a while: offline packing by size.

Largest first, each buffer goes where it fits best between those that live at the same time
(greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net
inference", MLSys 2020, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 16
"""Buffers start at multiples of this many bytes."""


@dataclass(eq=False)
class Buffer:
    """Bytes that are needed from instruction `first` to instruction `last`, both included."""

    name: str
    size: int
    first: int = 0
    last: int = 0
    address: int = 0

    @property
    def end(self) -> int:
        return self.address + aligned(self.size)

    def meets(self, other: Buffer) -> bool:
        """Whether both are needed at one time."""
        return self.first <= other.last and other.first <= self.last


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def allocate(buffers: Sequence[Buffer]) -> int:
    """Give every buffer an address; returns the bytes that they take together.

    Buffers that are needed at one time never overlap. Equal inputs give equal addresses.
    """
    placed: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda each: (-aligned(each.size), each.first)):
        buffer.address = _best_fit(buffer, [each for each in placed if each.meets(buffer)])
        placed.append(buffer)
    return max((buffer.end for buffer in buffers), default=0)


def _best_fit(buffer: Buffer, neighbours: Sequence[Buffer]) -> int:
    """The address of the smallest gap that holds the buffer, else the end of the last one."""
    size = aligned(buffer.size)
    best: tuple[int, int] | None = None
    free = 0
    for neighbour in sorted(neighbours, key=lambda each: each.address):
        gap = neighbour.address - free
        if gap >= size and (best is None or gap < best[0]):
            best = (gap, free)
        free = max(free, neighbour.end)
    return free if best is None else best[1]


def live_at(buffers: Sequence[Buffer], time: int) -> list[Buffer]:
    """The buffers that are needed at instruction `time`, largest first."""
    live = [buffer for buffer in buffers if buffer.first <= time <= buffer.last]
    return sorted(live, key=lambda each: (-each.size, each.first))


def peak(buffers: Sequence[Buffer]) -> tuple[int, int]:
    """When most bytes are needed at one time, and how many: no allocation takes fewer."""
    times = sorted({buffer.first for buffer in buffers})
    loads = [sum(aligned(each.size) for each in live_at(buffers, time)) for time in times]
    most = max(loads, default=0)
    return (times[loads.index(most)] if times else 0, most)
