"""Addresses for buffers that live for a while: packing with all lifetimes known.

Largest first, each buffer goes where it fits best between those that live at the same time
(greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net
inference", MLSys 2020, section 5). While that takes more than is ever live at once, the buffers
at the top take an earlier turn, as long as it helps (after the hill climbing of Arm's Vela).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from recog.dialects.words import counted

ALIGNMENT = 16
"""Buffers start at multiples of this many bytes."""

MAX_TURNS = 300
MAX_PLACEMENTS = 20_000
"""How long to look for something better: orders tried, and buffers placed in all of them."""


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
    order = sorted(buffers, key=lambda each: (-aligned(each.size), each.first))
    neighbours = {each: [other for other in order if each.meets(other)] for each in order}
    bound = peak(buffers)[1]
    best = _place(order, neighbours)
    addresses = [each.address for each in order]
    choice = Random(0)
    for _ in range(min(MAX_TURNS, MAX_PLACEMENTS // max(1, len(order)))):
        if best == bound:
            break
        turns = _promoted(order, neighbours, best, choice)
        total = _place(turns, neighbours)
        if total <= best:
            best, order = total, turns
            addresses = [each.address for each in order]
        for buffer, address in zip(order, addresses):
            buffer.address = address
    return best


def _promoted(
    order: Sequence[Buffer],
    neighbours: Mapping[Buffer, Sequence[Buffer]],
    top: int,
    choice: Random,
) -> list[Buffer]:
    """The order with a buffer that ends at the top before one that is in its way."""
    turns = list(order)
    high = [each for each in turns if each.end == top]
    moved = choice.choice(high)
    earlier = [each for each in neighbours[moved] if each is not moved]
    before = choice.choice(earlier) if earlier else turns[0]
    turns.remove(moved)
    turns.insert(turns.index(before) if before is not moved else 0, moved)
    return turns


def _place(order: Sequence[Buffer], neighbours: Mapping[Buffer, Sequence[Buffer]]) -> int:
    """Give addresses in this order; returns the end of the last buffer."""
    placed: set[Buffer] = set()
    for buffer in order:
        buffer.address = _best_fit(buffer, [each for each in neighbours[buffer] if each in placed])
        placed.add(buffer)
    return max((buffer.end for buffer in order), default=0)


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


def memory_map(buffers: Sequence[Buffer], size: int, total: int) -> tuple[int, str]:
    """When most of a memory of `size` bytes is needed, and what takes how much of it then."""
    time, most = peak(buffers)
    live = live_at(buffers, time)
    listed = "\n".join(f"  {buffer.size:>12,} bytes  @{buffer.name}" for buffer in live[:8])
    rest = f"\n  and {len(live) - 8} more" if len(live) > 8 else ""
    text = (
        f"activation memory of {counted(size, 'byte')} is too small: {most:,} bytes are needed "
        f"here at once, {total:,} with gaps:\n{listed}{rest}"
    )
    return time, text


def peak(buffers: Sequence[Buffer]) -> tuple[int, int]:
    """When most bytes are needed at one time, and how many: no allocation takes fewer."""
    times = sorted({buffer.first for buffer in buffers})
    loads = [sum(aligned(each.size) for each in live_at(buffers, time)) for time in times]
    most = max(loads, default=0)
    return (times[loads.index(most)] if times else 0, most)
