"""A selected program as schedules see it: steps that write and read units of memory.

A unit is what several tensors share: the values of a concatenation lie side by side in one, a
reshape shows another's bytes. Where all its tensors are channels of one image, rows of it can come
and go; of other units memory holds all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from recog.dialects import chip
from recog.dialects.chip.instructions import output_tensors
from recog.dialects.chip.spans import AxisMap


@dataclass(eq=False)
class Unit:
    """Bytes that tensors share, in a program whose tensors have no places yet.

    Attributes:
        number: its place among the units.
        start, stop: its bytes, in the addresses that the program has before its tensors are placed.
        tensors: all that lie in it.
        loads: the inputs that fill it, by the tensor that they go to.
        writers, readers: the steps that write and read it.
    """

    number: int
    start: int
    stop: int
    tensors: list[chip.TensorOp] = field(default_factory=list)
    loads: dict[chip.TensorOp, chip.DmaInOp] = field(default_factory=dict)
    writers: list[int] = field(default_factory=list)
    readers: list[int] = field(default_factory=list)
    _channels: dict[chip.TensorOp, range] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its first tensor's name stands for it."""
        return self.tensors[0].sym_name.data

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def has_rows(self) -> bool:
        """Whether all its tensors are channels of one image, so that rows can come and go."""
        first = self.tensors[0]
        _, height, width = first.shape
        packed = (height * width * first.element_bytes, width * first.element_bytes)
        return all(
            op.shape[1:] == (height, width)
            and op.element_bytes == first.element_bytes
            and op.strides[1:] == (packed[1], first.element_bytes)
            and (op.shape[0] == 1 or (op.strides[0] > 0 and op.strides[0] % packed[0] == 0))
            and (op.address.value.data - self.start) % packed[0] == 0
            for op in self.tensors
        )

    @cached_property
    def height(self) -> int:
        return self.tensors[0].shape[1]

    @cached_property
    def width(self) -> int:
        return self.tensors[0].shape[2]

    @property
    def column_bytes(self) -> int:
        """Bytes of all channels of one row and column, of a unit that has rows."""
        return self.size // (self.height * self.width)

    def channels(self, op: chip.TensorOp) -> range:
        """Which of the unit's channels a tensor is, every one or every so many, of a unit that has
        rows."""
        if op not in self._channels:
            channels, height, width = op.shape
            plane = height * width * op.element_bytes
            first = (op.address.value.data - self.start) // plane
            step = op.strides[0] // plane if channels > 1 else 1
            self._channels[op] = range(first, first + channels * step, step)
        return self._channels[op]


@dataclass(frozen=True)
class Read:
    """What a step reads: a tensor, and which of its rows and columns the step's output needs.

    Attributes:
        picked: of all of these it takes elements at indices alone.
    """

    unit: Unit
    tensor: chip.TensorOp
    rows: AxisMap
    columns: AxisMap
    picked: bool = False


@dataclass(frozen=True)
class Step:
    """An instruction between loads and halt.

    Attributes:
        main: the tensor whose rows its own count, what it computes or moves.
        writes: the tensors that it writes; none where it moves one to an output.
        height, width: of what it computes or moves.
        whole: it takes whole tensors, all at once.
        number: among the steps of the program as it was selected; None of those that a schedule
            added.
    """

    op: chip.InstructionOp
    main: chip.TensorOp
    writes: tuple[tuple[Unit, chip.TensorOp], ...]
    reads: tuple[Read, ...]
    height: int
    width: int
    whole: bool
    number: int | None

    @property
    def is_output(self) -> bool:
        return isinstance(self.op, chip.DmaOutOp)


class Network:
    """The steps and units of a program whose tensors have no places yet."""

    def __init__(self, program: chip.ProgramOp):
        self.scope, self.target = program.scope, program.target.data
        tensors = [op for op in program.descriptors if isinstance(op, chip.TensorOp)]
        self.units = units_of(tensors)
        self.unit_of = {op.sym_name.data: unit for unit in self.units for op in unit.tensors}
        self.with_rows = {unit for unit in self.units if unit.has_rows}
        self.steps: list[Step] = []
        self._selected = 0
        self.other: list[chip.InstructionOp] = []
        for op in program.instructions:
            tensors_of = op.tensor_fields(self.scope)
            if isinstance(op, chip.DmaInOp):
                ((_, tensor),) = tensors_of.items()
                self.unit_of[tensor.sym_name.data].loads[tensor] = op
            elif chip.is_step(op, self.scope):
                self._add(op, tensors_of)
            else:
                self.other.append(op)

    def _add(self, op: chip.InstructionOp, tensors: dict[str, chip.TensorOp]) -> None:
        place, outputs, maps = len(self.steps), output_tensors(type(op)), op.maps(self.scope)
        touched = [self.unit_of[each.sym_name.data] for each in tensors.values()]
        whole = maps is None or not all(unit in self.with_rows for unit in touched)
        writes, reads = list[tuple[Unit, chip.TensorOp]](), list[Read]()
        for (name, tensor), unit in zip(tensors.items(), touched):
            if name in outputs:
                writes.append((unit, tensor))
                unit.writers.append(place)
                continue
            _, height, width = tensor.shape
            same = (AxisMap(height), AxisMap(width))
            rows, columns = (maps or {}).get(name, same)
            if whole:
                rows, columns = AxisMap.all(height), AxisMap.all(width)
            picked = isinstance(op, chip.BoxdecOp) and name in op.map_fields()
            reads.append(Read(unit, tensor, rows, columns, picked))
            unit.readers.append(place)
        main = next(iter(tensors.values()))
        _, height, width = main.shape
        number = None if chip.PARTIAL in op.attributes else self._selected
        self._selected += number is not None
        step = Step(op, main, tuple(writes), tuple(reads), height, width, whole, number)
        self.steps.append(step)


def units_of(tensors: Sequence[chip.TensorOp]) -> list[Unit]:
    """The units of a program's tensors, in the order of their addresses: those that overlap or are
    of one ring."""
    units: list[Unit] = []
    for group in _rings(tensors):
        start = min(op.address.value.data for op in group)
        stop = max(op.address.value.data + op.extent for op in group)
        if units and start < units[-1].stop:
            units[-1].stop = max(units[-1].stop, stop)
        else:
            units.append(Unit(len(units), start, stop))
        units[-1].tensors += group
    return units


def _rings(tensors: Sequence[chip.TensorOp]) -> list[list[chip.TensorOp]]:
    """Tensors of one ring together, the others each for itself, by their addresses."""
    rings: dict[int, list[chip.TensorOp]] = {}
    groups: list[list[chip.TensorOp]] = []
    for op in sorted(tensors, key=lambda op: op.address.value.data):
        number = op.ring.value.data
        if number in rings:
            rings[number].append(op)
            continue
        groups.append([op])
        if number:
            rings[number] = groups[-1]
    return groups
