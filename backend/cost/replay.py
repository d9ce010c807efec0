"""When each instruction starts and ends: the queues run beside each other, each in order.

An instruction starts when its queue is free, when what it reads has been written, and when what it
overwrites has been read. So the same walk gives what a frame takes and, of several frames one
after the other, what each further one does: a frame's first transfers begin while the last layers
of the frame before still run, as far as memory allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import SymbolRefAttr

from recog.backend.cost.instructions import InstructionCost
from recog.dialects.chip import BufferOp, InstructionOp, Queue, Scope, TensorOp
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.instructions import tensor_roles
from recog.dialects.chip.records import layout
from recog.dialects.errors import RecogError

MAX_ROWS, MAX_PAIRS = 1 << 24, 1 << 20
"""A program comes from anyone, and could ask for hours here."""

FRAMES = 4
"""Frames until the time between two of them has settled; measured: two do for all networks."""


@dataclass(frozen=True)
class Slice:
    """An instruction in time, in cycles from the start of the first frame."""

    cost: InstructionCost
    start: int
    end: int


@dataclass(frozen=True)
class Access:
    """Rows that an instruction reads or writes, of a tensor or of what is put aside in DRAM."""

    tensor: TensorOp | BufferOp
    rows: range
    written: bool


@dataclass(frozen=True)
class Replay:
    """The instructions of one frame in time, and the cycles from one frame to the next."""

    slices: tuple[Slice, ...]
    period: int

    @property
    def latency(self) -> int:
        """Cycles from the first start to the last end of a frame alone."""
        return max((each.end for each in self.slices), default=0)


def accesses(op: InstructionOp, scope: Scope) -> Iterator[Access]:
    """What an instruction reads and writes in activation memory and in buffers."""
    boxes, tensors = op.touched(scope), op.tensor_fields(scope)
    for name, role in tensor_roles(type(op)).items():
        yield Access(tensors[name], boxes[name].rows, role == "output")
    for field, _ in layout(type(op)):
        if isinstance(field, ReferenceField) and field.target == BufferOp.name:
            reference = op.properties[field.name]
            if isinstance(reference, SymbolRefAttr):
                (box,) = boxes.values()
                yield Access(scope.buffer(reference), box.rows, field.role == "output")


def replay(costs: Sequence[InstructionCost], scope: Scope) -> Replay:
    """Run the instructions of a frame through the queues, several times over.

    Args:
        costs: of all instructions that run for each frame, in program order.
    """
    moves = [list(accesses(each.op, scope)) for each in costs]
    memory = _Memory([access.tensor for each in moves for access in each])
    free = dict.fromkeys(Queue, 0)
    first: list[Slice] = []
    ends: list[int] = []
    for frame in range(FRAMES):
        end = 0
        for cost, touched in zip(costs, moves):
            start = max(free[cost.queue], memory.ready(touched))
            done = start + cost.duration
            if cost.queue is not Queue.CONTROL:
                free[cost.queue] = done
                memory.use(touched, done)
                end = max(end, done)
            if frame == 0:
                first.append(Slice(cost, start, done))
        ends.append(end)
    return Replay(tuple(first), ends[-1] - ends[-2])


class _Rows:
    """When the rows of a tensor were last written and last read, by the places that they take."""

    def __init__(self, tensor: TensorOp | BufferOp):
        self.tensor = tensor
        start = tensor.address.value.data
        self.bytes = range(start, start + tensor.extent)
        self.places = tensor.held_shape[1]
        self.written = np.zeros(self.places, np.int64)
        self.read = np.zeros(self.places, np.int64)
        self.last_written = self.last_read = 0
        self.others: list[_Rows] = []
        """Tensors with bytes in common, of which any row may be meant."""
        self.rings: list[_Rows] = []
        """Tensors of the same ring: a row lies in the same place."""

    def select(self, rows: range) -> slice | np.ndarray:
        """The places of some rows."""
        if rows.stop <= self.places:
            return slice(rows.start, rows.stop)
        return np.arange(rows.start, rows.stop) % self.places

    def meet(self, other: _Rows) -> None:
        """Note that both have bytes in common."""
        ours, theirs = self.tensor, other.tensor
        if isinstance(ours, BufferOp) or isinstance(theirs, BufferOp):
            return  # elsewhere, and buffers overlap nothing
        ring = ours.ring.value.data
        same = ring and ring == theirs.ring.value.data
        (self.rings if same else self.others).append(other)
        (other.rings if same else other.others).append(self)


def _check_size(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise RecogError(f"the program has more than {limit:,} {what}, too many to follow in time")


class _Memory:
    """Activation memory and buffers: which bytes of them are waited for until when."""

    def __init__(self, tensors: Sequence[TensorOp | BufferOp]):
        distinct = dict.fromkeys(tensors)
        _check_size(sum(each.held_shape[1] for each in distinct), MAX_ROWS, "rows of tensors")
        self._rows = {tensor: _Rows(tensor) for tensor in distinct}
        known = sorted(self._rows.values(), key=lambda each: each.bytes.start)
        pairs = 0
        for place, rows in enumerate(known):
            for other in known[place + 1 :]:
                if other.bytes.start >= rows.bytes.stop:
                    break
                rows.meet(other)
                pairs += 1
            _check_size(pairs, MAX_PAIRS, "pairs of tensors that share bytes")

    def ready(self, accesses: Sequence[Access]) -> int:
        """When all that these accesses wait for has ended."""
        return max((self._ready(each) for each in accesses), default=0)

    def _ready(self, access: Access) -> int:
        own = self._rows[access.tensor]
        part = own.select(access.rows)
        ring = (own, *own.rings)
        waits = [int(each.written[part].max(initial=0)) for each in ring]
        waits += [other.last_written for other in own.others]
        if access.written:
            waits += [int(each.read[part].max(initial=0)) for each in ring]
            waits += [other.last_read for other in own.others]
        return max(waits)

    def use(self, accesses: Sequence[Access], end: int) -> None:
        """Note that an instruction with these accesses ends then."""
        for access in accesses:
            rows = self._rows[access.tensor]
            part = rows.select(access.rows)
            if access.written:
                rows.written[part] = np.maximum(rows.written[part], end)
                rows.last_written = max(rows.last_written, end)
            else:
                rows.read[part] = np.maximum(rows.read[part], end)
                rows.last_read = max(rows.last_read, end)
