"""How far each step of a cascade is when, and how many rows of each unit memory must hold for that.

A cascade is a run of steps that goes down the image together, a few rows at a time: its targets
(outputs, and what later cascades need) advance evenly, and every step before them computes, just in
time, what those ahead of it need. All times are computed at once, as vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recog.dialects import chip
from recog.dialects.chip.spans import AxisMap
from recog.lowering.schedule.network import Network, Read, Step, Unit

FAR = 1 << 40
NEVER = -FAR
"""Where a step is that only begins once another has."""
MOST_ROWS = 1 << 24


@dataclass
class Load:
    """A tensor that a cascade reads and does not write: an input, or what was put aside."""

    unit: Unit
    tensor: chip.TensorOp


@dataclass(frozen=True)
class Gathering:
    """Elements at indices that a step takes of a tensor which was put aside.

    Attributes:
        step: the number of the step.
        indices: the tensor that holds them.
        tensor: all channels of what was put aside.
    """

    step: int
    indices: chip.TensorOp
    tensor: chip.TensorOp

    @property
    def count(self) -> int:
        """How many elements there are of each channel."""
        return self.indices.shape[0]

    @property
    def elements(self) -> int:
        return self.tensor.shape[0] * self.count

    @property
    def bytes(self) -> int:
        """What they take in memory."""
        return self.elements * self.tensor.element_bytes


class Cascade:
    """Steps first to last of a network as one cascade.

    Attributes:
        numbers: the steps.
        outgoing: tensors written here that later steps read, by their step.
        loads: tensors read here that earlier steps or inputs gave.
    """

    def __init__(self, network: Network, first: int, last: int):
        self.network, self.numbers = network, range(first, last)
        steps = network.steps
        self.outgoing = {
            number: [
                (unit, tensor)
                for unit, tensor in steps[number].writes
                if any(reader >= last for reader in unit.readers)
            ]
            for number in self.numbers
        }
        self.readers: dict[Unit, list[tuple[int, Read]]] = {}
        self._meeting: dict[tuple[chip.TensorOp, int], list[tuple[int, Read]]] = {}
        for number in self.numbers:
            for read in steps[number].reads:
                self.readers.setdefault(read.unit, []).append((number, read))
        self.loads = [Load(*each) for unit in self.readers for each in self._loads(unit)]
        self.all_at_once = any(steps[number].whole for number in self.numbers)
        self.units = list(
            dict.fromkeys(unit for each in self.numbers for unit in _units(steps[each]))
        )

    @cached_property
    def tensors(self) -> dict[str, tuple[Unit, chip.TensorOp]]:
        """What is written or read from DRAM here, by name."""
        written = [each for n in self.numbers for each in self.network.steps[n].writes]
        loaded = [(load.unit, load.tensor) for load in self.loads]
        return {tensor.sym_name.data: (unit, tensor) for unit, tensor in (*loaded, *written)}

    @cached_property
    def gathered(self) -> dict[Unit, Gathering]:
        """The units of which memory needs elements at indices alone, unless they stay there whole:
        what earlier steps gave, and one step here picks from."""
        found = dict[Unit, Gathering]()
        for unit in dict.fromkeys(load.unit for load in self.loads):
            loads = [load.tensor for load in self.loads if load.unit is unit]
            readers = self.readers[unit]
            numbers = {number for number, _ in readers}
            if (
                unit in self.network.with_rows
                and len(loads) == len(numbers) == 1
                and all(read.picked for _, read in readers)
                and not unit.loads
                and not any(number in self.numbers for number in unit.writers)
            ):
                (number,) = numbers
                fields = self.network.steps[number].op.tensor_fields(self.network.scope)
                gathering = Gathering(number, fields["indices"], loads[0])
                if loads[0].shape[1:] != (1, gathering.count):
                    found[unit] = gathering
        return found

    @cached_property
    def with_edges(self) -> list[str]:
        """The tensors of which a strip can keep columns for the next one: rows of an image that are
        written once."""
        every = [(load.unit, load.tensor) for load in self.loads]
        every += [each for number in self.numbers for each in self.network.steps[number].writes]
        return [
            tensor.sym_name.data
            for place, (unit, tensor) in enumerate(every)
            if unit in self.network.with_rows
            and not any(
                other is unit and _meet(unit.channels(part), unit.channels(tensor))
                for other, part in (*every[:place], *every[place + 1 :])
            )
        ]

    def _loads(self, unit: Unit) -> list[tuple[Unit, chip.TensorOp]]:
        """The parts of a unit that readers here need and nothing here writes."""
        earlier = [
            tensor
            for number in unit.writers
            if number < self.numbers.start
            for _, tensor in self.network.steps[number].writes
            if self.network.unit_of[tensor.sym_name.data] is unit
        ]
        parts = dict.fromkeys([*unit.loads, *earlier])
        if unit not in self.network.with_rows:
            return [(unit, part) for part in parts]
        read = [unit.channels(each.tensor) for _, each in self.readers[unit]]
        return [
            (unit, part)
            for part in parts
            if any(_meet(unit.channels(part), channels) for channels in read)
        ]

    def is_target(self, number: int) -> bool:
        return self.network.steps[number].is_output or bool(self.outgoing[number])

    @cached_property
    def clock(self) -> int:
        """The height of the tallest target: what time is measured in."""
        steps = self.network.steps
        return max((steps[n].height for n in self.numbers if self.is_target(n)), default=1)

    @cached_property
    def columns(self) -> int:
        """The width of the widest target: more strips have none."""
        steps = self.network.steps
        return max((steps[n].width for n in self.numbers if self.is_target(n)), default=1)

    def meeting_readers(
        self, unit: Unit, tensor: chip.TensorOp, writer: int = -1
    ) -> list[tuple[int, Read]]:
        """The steps here that read some of a tensor, after the step that writes it."""
        if (tensor, writer) not in self._meeting:
            self._meeting[tensor, writer] = self._find_readers(unit, tensor, writer)
        return self._meeting[tensor, writer]

    def _find_readers(
        self, unit: Unit, tensor: chip.TensorOp, writer: int
    ) -> list[tuple[int, Read]]:
        readers = [each for each in self.readers.get(unit, []) if each[0] > writer]
        if unit not in self.network.with_rows:
            return readers
        ours = unit.channels(tensor)
        return [each for each in readers if _meet(ours, unit.channels(each[1].tensor))]


def _units(step: Step) -> list[Unit]:
    return [*(unit for unit, _ in step.writes), *(read.unit for read in step.reads)]


def _meet(one: range, other: range) -> bool:
    if one.start >= other.stop or other.start >= one.stop:
        return False
    return one.step == other.step == 1 or any(channel in other for channel in one)


class Progress:
    """How many rows of each step and load are done at some times, (n,) in rows of the tallest
    target."""

    def __init__(self, cascade: Cascade, at: np.ndarray):
        self._cascade, self._count = cascade, len(at)
        self._reached: dict[int, np.ndarray] = {}
        """Where each step is: what it has done or, below zero, how far it is from its first row."""
        steps = cascade.network.steps
        for number in reversed(cascade.numbers):
            step = steps[number]
            reached = np.full(self._count, NEVER, np.int64)
            if cascade.is_target(number):
                reached = -(-at * step.height // cascade.clock)
            for unit, tensor in step.writes:
                reached = np.maximum(reached, self._needed(unit, tensor, number))
            if step.whole:
                reached = np.where(reached > 0, step.height, NEVER)
            self._reached[number] = reached
        self.steps = {number: np.maximum(each, 0) for number, each in self._reached.items()}
        self.loads = {
            load.tensor.sym_name.data: np.maximum(self._needed(load.unit, load.tensor), 0)
            for load in cascade.loads
        }

    def _needed(self, unit: Unit, tensor: chip.TensorOp, writer: int = -1) -> np.ndarray:
        """How many rows of a tensor the steps that read it need, given where they are."""
        needed = np.full(self._count, NEVER, np.int64)
        for number, read in self._cascade.meeting_readers(unit, tensor, writer):
            needed = np.maximum(needed, _ahead(read.rows, self._reached[number]))
        if unit not in self._cascade.network.with_rows:
            return np.where(needed > 0, tensor.shape[1], NEVER)
        return needed


def rows_in_the_end(cascade: Cascade) -> Progress:
    """How many rows of each step and load are done with the last row of all targets, (1,)."""
    return Progress(cascade, np.array([cascade.clock]))


class Rows:
    """How many rows of each step and load are done at every time, (T + 1,) from none on.

    Time starts before the first row of a target: the steps that look furthest ahead begin first,
    and advance as evenly there as later. So no ring has to hold a burst of rows.

    Args:
        height: rows of the tallest target in one unit of time.
    """

    def __init__(self, cascade: Cascade, height: int):
        self.cascade, clock = cascade, cascade.clock
        early = self._before_all(height)
        ends = np.arange(-early, clock + height, height, dtype=np.int64)
        done = Progress(cascade, np.minimum(ends, clock))
        every = [*done.steps.values(), *done.loads.values()]
        # Begin with the time before the first row.
        first = max(min(int(np.count_nonzero(each == 0)) for each in every) - 1, 0) if every else 0
        self.steps = {number: each[first:] for number, each in done.steps.items()}
        self.loads = {name: each[first:] for name, each in done.loads.items()}
        self.times = len(ends) - first - 1

    def _before_all(self, height: int) -> int:
        """How long before the first row of the tallest target nothing is done yet: the first such
        of none, one, two, four times `height` and so on."""
        early = np.array([0, *(height << power for power in range(MOST_ROWS.bit_length()))])
        done = Progress(self.cascade, -early)
        begun = np.zeros(len(early), np.bool_)
        for each in (*done.steps.values(), *done.loads.values()):
            begun |= each > 0
        return int(early[np.argmin(begun)])

    def of(self, name: str) -> np.ndarray:
        """How many rows of a tensor are done that is written or read from DRAM here."""
        written = (
            self.steps[number]
            for number in self.cascade.numbers
            for _, tensor in self.cascade.network.steps[number].writes
            if tensor.sym_name.data == name
        )
        return self.loads[name] if name in self.loads else next(written)

    def held(self, unit: Unit) -> int:
        """The fewest rows of a unit that memory can hold."""
        written = [self.steps[n] for n in unit.writers if n in self.steps]
        written += [
            self.loads[load.tensor.sym_name.data]
            for load in self.cascade.loads
            if load.unit is unit
        ]
        if not written:
            return unit.height
        oldest = np.full(self.times, FAR, np.int64)
        for number, read in self.cascade.readers.get(unit, []):
            done = self.steps[number]
            oldest = np.minimum(
                oldest, np.where(done[:-1] < done[-1], read.rows.low(done[:-1]), FAR)
            )
        last = np.max(written, axis=0)
        most = max(int((each[1:] - each[:-1]).max()) for each in written)
        return min(max(most, int((last[1:] - np.minimum(oldest, last[1:])).max()), 1), unit.height)


def _ahead(rows: AxisMap, reached: np.ndarray) -> np.ndarray:
    """How many rows of an input a step needs; below zero while its own first row is far."""
    if rows.scale == 0:
        return np.where(reached > 0, rows.high(np.maximum(reached, 1)), NEVER)
    near = np.maximum(reached, -MOST_ROWS)
    before = ((near - 1) * rows.scale + rows.last) // rows.divisor + 1
    needed = np.where(reached > 0, rows.high(near), np.minimum(before, rows.size))
    return np.where(reached == NEVER, NEVER, needed)
