"""What instructions wait for, where four queues run beside each other, each in program order.

An instruction starts when those before it have ended that wrote what it reads, or read or wrote
what it overwrites. What it touches it says itself; here that is followed by rows of tensors and the
places that these take in rings. Tensors that share bytes otherwise are taken to share all of them,
and so are rings, as the machine takes all rows of one for lost where another is written.

Of each queue an instruction waits for one, the last of those that it has to wait for: a queue's
others have ended before. All it waits for stands before it in the program. So the first instruction
of all that have not run can always run, and no order in which queues take their next instruction
gets stuck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from xdsl.dialects.builtin import SymbolRefAttr

from recog.dialects.chip import (
    BufferOp,
    HaltOp,
    InputOp,
    InstructionOp,
    LdwOp,
    OutputOp,
    PortOp,
    Queue,
    Scope,
    TensorDescriptorOp,
    TensorOp,
    TransferOp,
    bytes_taken,
)
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.instructions import tensor_roles
from recog.dialects.chip.records import layout
from recog.dialects.errors import RecogError

MAX_ROWS, MAX_PAIRS = 1 << 24, 1 << 20
"""A program comes from anyone, and could ask for hours here."""

QUEUES = {queue: place for place, queue in enumerate(Queue)}
NONE = -1
"""Where nothing is waited for, in place of an instruction's number."""


class Hazard(Enum):
    """Why an instruction waits for another."""

    RAW = "read after write"
    WAR = "write after read"
    WAW = "write after write"
    SIGNAL = "semaphore"
    LOAD = "weights are loaded before a frame begins"
    END = "the end of the program"


Waits = Mapping[Hazard, np.ndarray]
"""What an instruction waits for, by why: of each queue in the order of `Queue` the number of the
last instruction, or NONE."""


@dataclass(frozen=True)
class Access:
    """Rows that an instruction reads or writes, in activation memory or in DRAM."""

    tensor: TensorOp | BufferOp | PortOp
    rows: range
    written: bool


def accesses(op: InstructionOp, scope: Scope) -> Iterator[Access]:
    """What an instruction reads and writes in activation memory and, of transfers, in DRAM."""
    boxes, tensors = op.touched(scope), op.tensor_fields(scope)
    for name, role in tensor_roles(type(op)).items():
        yield Access(tensors[name], boxes[name].rows, role == "output")
    for field, _ in layout(type(op)):
        if isinstance(field, ReferenceField) and field.target in _IN_DRAM:
            reference = op.properties[field.name]
            if isinstance(reference, SymbolRefAttr):
                tensor = _IN_DRAM[field.target](scope, reference)
                rows = op.rows_in_dram(scope) if isinstance(op, TransferOp) else range(0)
                yield Access(tensor, rows, field.role == "output")


_IN_DRAM = {
    BufferOp.name: Scope.buffer,
    InputOp.name: Scope.port,
    OutputOp.name: Scope.port,
}


def dependences(
    instructions: Sequence[InstructionOp],
    scope: Scope,
    *,
    frames: int = 1,
    host_computes: bool = False,
) -> Iterator[Waits]:
    """What each instruction waits for.

    Args:
        instructions: of a verified program, in its order.
        frames: how often they run one after the other, each time with inputs and outputs of their
            own. Numbers go on from frame to frame.
        host_computes: whether the host may compute inputs of outputs that the program has stored,
            as in networks of which a part stays on the host. Then the first transfer of an input
            waits for all outputs that are stored before it in the program. Else inputs are there
            when a frame begins.

    Raises:
        RecogError: there are too many rows to follow, or tensors that share bytes.
    """
    moves = [list(accesses(op, scope)) for op in instructions]
    if host_computes:
        _add_host(moves)
    memory = _Memory([access.tensor for each in moves for access in each], scope)
    for frame in range(frames):
        order = _Order()
        memory.begin_frame()
        for number, (op, touched) in enumerate(zip(instructions, moves), frame * len(moves)):
            yield {**memory.waits(touched), **order.waits(op)}
            queue = QUEUES[op.QUEUE]
            memory.use(touched, queue, number)
            order.note(op, queue, number)


def _add_host(moves: Sequence[list[Access]]) -> None:
    """Let the first transfer of each input read the outputs before it, and write the input."""
    stored = dict[OutputOp, None]()
    known = set[InputOp]()
    for touched in moves:
        for access in list(touched):
            port = access.tensor
            if isinstance(port, OutputOp):
                stored[port] = None
            elif isinstance(port, InputOp) and port not in known:
                known.add(port)
                touched += [Access(each, range(1), False) for each in stored]
                touched.append(Access(port, range(1), True))


def _nothing() -> np.ndarray:
    return np.full(len(QUEUES), NONE, np.int64)


class _Order:
    """What is waited for in a frame that is not data: semaphores, weights, the end.

    The n-th wait for a semaphore takes what the n-th signal adds, both in program order.
    """

    def __init__(self):
        self._last, self._load = _nothing(), _nothing()
        self._signals: dict[int, list[tuple[int, int]]] = {}
        self._taken = Counter[int]()

    def waits(self, op: InstructionOp) -> dict[Hazard, np.ndarray]:
        found = {Hazard.LOAD: self._load.copy()}
        semaphore = op.wait.value.data
        given = self._signals.get(semaphore, [])
        if semaphore and self._taken[semaphore] < len(given):
            queue, number = given[self._taken[semaphore]]
            found[Hazard.SIGNAL] = _nothing()
            found[Hazard.SIGNAL][queue] = number
        if isinstance(op, HaltOp):
            found[Hazard.END] = self._last.copy()
        return found

    def note(self, op: InstructionOp, queue: int, number: int) -> None:
        self._last[queue] = number
        if isinstance(op, LdwOp):
            self._load[queue] = number
        self._taken[op.wait.value.data] += 1
        self._signals.setdefault(op.signal.value.data, []).append((queue, number))


class _Rows:
    """Which instruction of each queue wrote and read the rows of a tensor last, by the places that
    they take: (queues, places).

    Args:
        number: of the tensor, among all.
        taken: the bytes that count as written with it, see `bytes_taken`; None for its own.
    """

    def __init__(self, tensor: TensorOp | BufferOp | PortOp, number: int, taken: range | None):
        self.number = number
        start = tensor.address.value.data
        self.bytes = range(start, start + tensor.extent)
        self.taken = taken or self.bytes
        self.ring = tensor.ring.value.data if isinstance(tensor, TensorOp) else 0
        # Rows of ports are those of a tensor in activation memory, whose shape may be another.
        self.places = 1 if isinstance(tensor, PortOp) else tensor.held_shape[1]
        self.others: list[int] = []
        """The numbers of tensors that take bytes in common, of which any row may be meant."""
        self.rings: list[_Rows] = [self]
        """Tensors of the same ring, itself among them: a row lies in the same place."""
        self.clear()

    def clear(self) -> None:
        """Nothing has been written or read."""
        self.written = np.full((len(QUEUES), self.places), NONE, np.int64)
        self.read = self.written.copy()

    def select(self, rows: range) -> slice | np.ndarray:
        """The places of some rows."""
        if self.places == 1:
            return slice(0, 1)
        if rows.stop <= self.places:
            return slice(rows.start, rows.stop)
        return np.arange(rows.start, rows.stop) % self.places

    def meet(self, other: _Rows) -> None:
        """Note that what they take has bytes in common."""
        if self.ring and self.ring == other.ring:
            if self.bytes.start < other.bytes.stop and other.bytes.start < self.bytes.stop:
                self.rings.append(other)
                other.rings.append(self)
        else:
            self.others.append(other.number)
            other.others.append(self.number)


def _check_size(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise RecogError(f"the program has more than {limit:,} {what}, too many to follow in time")


class _Memory:
    """Activation memory and DRAM: which instructions used them last.

    Attributes:
        written, read: of any row of a tensor, (tensors, queues).
    """

    def __init__(self, tensors: Sequence[TensorOp | BufferOp | PortOp], scope: Scope):
        distinct = dict.fromkeys(tensors)
        _check_size(sum(each.held_shape[1] for each in distinct), MAX_ROWS, "rows of tensors")
        taken: Mapping[TensorDescriptorOp, range] = {**bytes_taken(scope.tensors)}
        self._rows = {op: _Rows(op, number, taken.get(op)) for number, op in enumerate(distinct)}
        self._pairs = 0
        self._meet([rows for op, rows in self._rows.items() if isinstance(op, TensorOp)])
        self._meet([rows for op, rows in self._rows.items() if not isinstance(op, TensorOp)])
        self._others = {rows: np.array(rows.others, np.intp) for rows in self._rows.values()}
        self.written = np.full((len(distinct), len(QUEUES)), NONE, np.int64)
        self.read = self.written.copy()

    def _meet(self, rows_of: Sequence[_Rows]) -> None:
        """Find the tensors of one memory that share bytes."""
        known = sorted(rows_of, key=lambda each: each.taken.start)
        for place, rows in enumerate(known):
            for other in known[place + 1 :]:
                if other.taken.start >= rows.taken.stop:
                    break
                rows.meet(other)
                self._pairs += 1
            _check_size(self._pairs, MAX_PAIRS, "pairs of tensors that share bytes")

    def begin_frame(self) -> None:
        """The host gives other inputs and takes other outputs."""
        for tensor, rows in self._rows.items():
            if isinstance(tensor, PortOp):
                rows.clear()
                self.written[rows.number] = self.read[rows.number] = NONE

    def waits(self, accesses: Sequence[Access]) -> dict[Hazard, np.ndarray]:
        """What an instruction with these accesses waits for."""
        found: dict[Hazard, np.ndarray] = {}
        for access in accesses:
            own = self._rows[access.tensor]
            part, others = own.select(access.rows), self._others[own]
            for ring in own.rings:
                _add(found, _after_write(access), ring.written[:, part].max(axis=1))
                if access.written:
                    _add(found, Hazard.WAR, ring.read[:, part].max(axis=1))
            if len(others):
                _add(found, _after_write(access), self.written[others].max(axis=0))
                if access.written:
                    _add(found, Hazard.WAR, self.read[others].max(axis=0))
        return found

    def use(self, accesses: Sequence[Access], queue: int, number: int) -> None:
        """Note that an instruction of a queue has these accesses."""
        for access in accesses:
            rows = self._rows[access.tensor]
            part = rows.select(access.rows)
            if access.written:
                rows.written[queue, part] = self.written[rows.number, queue] = number
            else:
                rows.read[queue, part] = self.read[rows.number, queue] = number


def _after_write(access: Access) -> Hazard:
    """Why an access waits for one before it that wrote."""
    return Hazard.WAW if access.written else Hazard.RAW


def _add(found: dict[Hazard, np.ndarray], why: Hazard, numbers: np.ndarray) -> None:
    found[why] = np.maximum(found[why], numbers) if why in found else numbers
