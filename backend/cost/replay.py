"""When each instruction starts and ends: the queues run beside each other, each in order.

An instruction starts when its queue is free and what it waits for has ended (`dependences`). So the
same walk gives what a frame takes and, of several frames one after the other, what each further one
does: a frame's first transfers begin while the last layers of the frame before still run, as far as
memory allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recog.backend.cost.instructions import InstructionCost
from recog.backend.dependences import NONE, dependences
from recog.dialects.chip import Queue, Scope

FRAMES = 4
"""Frames until the time between two of them has settled; measured: two do for all networks."""


@dataclass(frozen=True)
class Slice:
    """An instruction in time, in cycles from the start of the first frame."""

    cost: InstructionCost
    start: int
    end: int


@dataclass(frozen=True)
class Replay:
    """The instructions of one frame in time, and the cycles from one frame to the next."""

    slices: tuple[Slice, ...]
    period: int

    @property
    def latency(self) -> int:
        """Cycles from the first start to the last end of a frame alone."""
        return max((each.end for each in self.slices), default=0)


def replay(costs: Sequence[InstructionCost], scope: Scope) -> Replay:
    """Run the instructions of a program through the queues, several frames one after the other.

    Args:
        costs: of all instructions, in program order. Those that run once have run before.
    """
    count = len(costs)
    first, later = _waits(costs, scope)
    free = dict.fromkeys(Queue, 0)
    slices: list[Slice] = []
    ended = [0] * (2 * count)
    """When the instructions of the frame before and of this one end."""
    ends: list[int] = []
    for frame in range(FRAMES):
        ended[:count] = ended[count:]
        for number, (cost, waits) in enumerate(zip(costs, later if frame else first)):
            if not cost.op.EVERY_FRAME:
                continue
            start = max(free[cost.queue], max((ended[each] for each in waits), default=0))
            free[cost.queue] = ended[count + number] = start + cost.duration
            if frame == 0:
                slices.append(Slice(cost, start, start + cost.duration))
        ends.append(max(ended[count:], default=0))
    return Replay(tuple(slices), ends[-1] - ends[-2])


def _waits(
    costs: Sequence[InstructionCost], scope: Scope
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """What each instruction waits for, in the first frame and in all others: numbers that count
    from the first instruction of the frame before."""
    count, found = len(costs), list[tuple[int, ...]]()
    for number, waits in enumerate(dependences([each.op for each in costs], scope, frames=2)):
        last = np.maximum.reduce(list(waits.values()))
        last = last[last != NONE] + (count if number < count else 0)
        found.append(tuple(last.tolist()))
    return found[:count], found[count:]
