"""What instructions touch byte by byte, and which of them stand in a fixed order to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recog.backend.dependences import NONE, QUEUES, Hazard, Waits
from recog.backend.machine.memory import Place
from recog.dialects.chip import Box, InstructionOp


def bytes_of(place: Place, box: Box | None) -> np.ndarray:
    """The addresses of all bytes of some rows and columns of a tensor."""
    channels, places, width = place.held_shape
    rows = np.arange(places) if box is None else np.array(box.rows) % places
    columns = np.arange(width) if box is None else np.array(box.columns) - place.first_column
    addresses = np.full((1, 1, 1, 1), place.address)
    steps = (*place.strides, 1)
    axes = np.ix_(np.arange(channels), rows, columns, np.arange(place.dtype.itemsize))
    for positions, stride in zip(axes, steps):
        addresses = addresses + positions * stride
    return addresses.ravel()


def conflicts(read: np.ndarray, written: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of instructions of which one writes a byte that the other reads or writes.

    Args:
        read, written: whether an instruction does so with a byte, (instructions, bytes).
    """
    writes, reads = written.astype(np.float32), (read | written).astype(np.float32)
    both = writes @ reads.T
    found = np.argwhere(np.triu((both + both.T) > 0, 1))
    return [(int(first), int(second)) for first, second in found]


class Clocks:
    """Which instructions have ended, whatever the order, when an instruction begins: of each queue
    the last, (instructions, queues)."""

    def __init__(self, instructions: Sequence[InstructionOp], waits: Sequence[Waits]):
        self._queues = [QUEUES[op.QUEUE] for op in instructions]
        self.before = np.full((len(instructions), len(QUEUES)), NONE)
        self._same = list[int]()
        """The instruction before in its queue."""
        last = [NONE] * len(QUEUES)
        for number, queue in enumerate(self._queues):
            self._same.append(last[queue])
            self.before[number] = self.begin(number, waits[number])
            last[queue] = number

    def begin(self, number: int, waits: Mapping[Hazard, np.ndarray]) -> np.ndarray:
        """What has ended when an instruction begins that waits so."""
        ended = np.full(len(QUEUES), NONE)
        every = {self._same[number], *(int(n) for each in waits.values() for n in each)}
        for each in every - {NONE}:
            ended = np.maximum(ended, self.before[each])
            ended[self._queues[each]] = max(ended[self._queues[each]], each)
        return ended

    def ordered(self, first: int, second: int) -> bool:
        """Whether an instruction has always ended when another begins."""
        return bool(self.before[second, self._queues[first]] >= first)

    def with_early(self, number: int, ended: np.ndarray) -> list[int]:
        """An order in which an instruction runs as soon as these have ended."""
        first = [each for each, queue in enumerate(self._queues) if ended[queue] >= each]
        rest = set(range(len(self._queues))).difference(first, [number])
        return [*first, number, *sorted(rest)]
