"""Which rows lie where while a program runs: every row read is the one meant, and there.

An instruction stalls until the rows that it reads are in their places. A program is a straight
line, so one walk through it finds every read for which the machine would wait in vain: a ring that
is one row short, a producer that is missing or late, a fill before its spill.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.descriptors import BufferOp, TensorDescriptorOp, TensorOp
from recog.dialects.chip.forms import Form
from recog.dialects.chip.instructions import InstructionOp, output_tensors
from recog.dialects.chip.rings import Cells, Part, Places, Ring, Rows, places_of, rings_of
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import Box
from recog.dialects.chip.transfers import FillOp, GatherOp, SpillOp

__all__ = ["RowTracker"]

MAX_PLACES = 1 << 22
"""Rows that are tracked in all rings, each as often as channels and columns part it."""


@dataclass(frozen=True)
class _Access:
    """What all instructions of a form do to one tensor.

    Attributes:
        outside: says that memory does not hold the columns, where that is so.
        ring: whose rows are followed, and where these are in `cells`; None for a tensor of none.
    """

    field: str
    tensor: TensorOp
    height: int
    written: bool
    outside: str | None
    ring: Ring | None
    cells: Cells


class RowTracker:
    """Walks through a program's instructions; raises VerifyException at the first that would wait
    for ever, and for descriptors of one ring that do not fit each other.

    Activation memory that is written through another ring, or through a tensor of none, is lost to
    every ring that reaches into the bytes between the first and the last of that ring or tensor. Of
    rings that begin at the same byte, with the same channels, rows and strides, only the row whose
    place is taken is lost.
    """

    def __init__(self, tensors: Sequence[TensorOp], buffers: Sequence[BufferOp], scope: Scope):
        self._scope = scope
        for op in tensors:
            if not op.ring.value.data and not op.is_whole:
                raise VerifyException(
                    f"@{op.sym_name.data} is not whole in memory: it needs a ring"
                )
        self._rings = rings_of(tensors)
        self._places = places_of(self._rings.values())
        self._buffers = {op.sym_name.data: op for op in buffers}
        self._spilled = dict[str, Rows]()
        self._limit([ring.rows for ring in self._rings.values()])
        # Places that hold rows: writing some empties those that they meet, so they are disjoint.
        self._live: list[Places] = []
        self._starts: list[int] = []
        self._accesses: dict[Form, Sequence[_Access]] = {}

    @property
    def needed(self) -> bool:
        """Whether anything is tracked."""
        return bool(self._rings or self._buffers)

    def _limit(self, rows: Sequence[Rows]) -> None:
        total = sum(each.size for each in rows)
        if total > MAX_PLACES:
            raise VerifyException(f"rings of {total} places in all, {MAX_PLACES} are the most")

    def prepare(self, instructions: Iterable[InstructionOp]) -> None:
        """Learn which columns of each buffer are written and read, and of each ring written."""
        parts, forms = dict[str, list[Part]](), set[Form]()
        for op in instructions:
            form = op.form(self._scope)
            if form not in forms:
                forms.add(form)
                self._divide_written(op, form)
            if isinstance(op, SpillOp | FillOp | GatherOp):
                moved = op.columns_in_dram(self._scope)
                parts.setdefault(_buffer(op), []).append(Part(range(0, 1), moved))
        for name, each in parts.items():
            height = self._buffers[name].shape[1]
            self._spilled[name] = Rows(f"@{name}", height, each)
        rings = [ring.rows for ring in self._rings.values()]
        self._limit([*rings, *self._spilled.values()])

    def _divide_written(self, op: InstructionOp, form: Form) -> None:
        boxes = form.touched(op.first_row.value.data, op.rows.value.data)
        for name, tensor in form.tensors.items():
            ring = self._rings.get(tensor.ring.value.data)
            if ring is not None and name in output_tensors(type(op)):
                ring.rows.divide([boxes[name].columns])

    def step(self, op: InstructionOp) -> None:
        """Check what an instruction reads, and note what it writes."""
        form = op.form(self._scope)
        if form.maps is None:
            _verify_takes_all(op, form.tensors.values())
        boxes = form.touched(op.first_row.value.data, op.rows.value.data)
        _verify_one_part(form, boxes)
        found = self._accesses.get(form)
        if found is None:
            found = self._accesses[form] = self._accesses_of(form, boxes, type(op))
        for access in found:
            rows = boxes[access.field].rows
            if access.outside is not None or rows.stop > access.height or not rows:
                _refuse_box(access, rows)
            if access.ring is not None and not access.written:
                self._places[access.ring].check(access.ring, access.cells, rows)
        if isinstance(op, SpillOp | FillOp | GatherOp):
            self._move(op)
        for access in found:
            if access.written:
                self._write(access, boxes[access.field].rows)

    def _accesses_of(
        self, form: Form, boxes: Mapping[str, Box], kind: type[InstructionOp]
    ) -> Sequence[_Access]:
        """What follows from a form for each of its tensors."""
        outputs, found = output_tensors(kind), list[_Access]()
        for name, tensor in form.tensors.items():
            held, columns = tensor.held_columns, boxes[name].columns
            outside = None
            if columns.start < held.start or columns.stop > held.stop:
                outside = (
                    f"{name} needs columns {columns.start} to {columns.stop}, memory holds "
                    f"{held.start} to {held.stop} of @{tensor.sym_name.data}"
                )
            ring, cells = self._rings.get(tensor.ring.value.data), list[list[int]]()
            if ring is not None and outside is None:
                cells = ring.rows.select(ring.part(tensor, columns))
            written, height = name in outputs, tensor.shape[1]
            found.append(_Access(name, tensor, height, written, outside, ring, cells))
        return found

    def _move(self, op: SpillOp | FillOp | GatherOp) -> None:
        spilled, rows = self._spilled[_buffer(op)], op.rows_in_dram(self._scope)
        cells = spilled.select(Part(range(0, 1), op.columns_in_dram(self._scope)))
        if isinstance(op, SpillOp):
            spilled.write(cells, rows)
        else:
            spilled.check(cells, rows)

    def _write(self, access: _Access, rows: range) -> None:
        ring = access.ring
        if ring is None:
            start = access.tensor.address.value.data
            self._lose(start, start + access.tensor.extent)
            return
        places = self._places[ring]
        if not places.live:
            self._lose(places.start, places.stop)
            at = bisect_left(self._starts, places.start)
            self._starts.insert(at, places.start)
            self._live.insert(at, places)
            places.live = True
        places.write(ring, access.cells, rows)

    def _lose(self, start: int, stop: int) -> None:
        """Empty the rings that hold something in these bytes."""
        last = bisect_left(self._starts, stop)
        first = bisect_right(self._starts, start)
        if first and self._live[first - 1].stop > start:
            first -= 1
        for places in self._live[first:last]:
            places.clear()
        del self._starts[first:last], self._live[first:last]


def _buffer(op: SpillOp | FillOp | GatherOp) -> str:
    """What lies in DRAM that an instruction writes or reads."""
    return (op.output if isinstance(op, SpillOp) else op.input).string_value()


def _refuse_box(access: _Access, rows: range) -> NoReturn:
    """Say that an instruction reaches beyond a tensor, or beyond what memory holds of it."""
    if rows.stop > access.height or not rows:
        raise VerifyException(
            f"rows {rows.start} to {rows.stop} are not within the {access.height} of "
            f"@{access.tensor.sym_name.data}"
        )
    raise VerifyException(access.outside or "")


def _verify_takes_all(op: InstructionOp, tensors: Iterable[TensorOp]) -> None:
    if op.first_row.value.data or op.rows.value.data:
        raise VerifyException(f"{op.name} takes no rows: it works on whole tensors")
    for tensor in tensors:
        if not tensor.is_whole:
            raise VerifyException(f"{op.name} needs all of @{tensor.sym_name.data} in memory")


def _verify_one_part(form: Form, boxes: Mapping[str, Box]) -> None:
    """Refuse two parts of one tensor: rows that are read and others that are written over them."""
    for first, second in form.repeated:
        one, other = boxes[first], boxes[second]
        if one != other:
            axis = "rows" if one.rows != other.rows else "columns"
            taken, needed = getattr(one, axis), getattr(other, axis)
            raise VerifyException(
                f"{first} and {second} are both @{form.tensors[first].sym_name.data}, {axis} "
                f"{taken.start} to {taken.stop} and {needed.start} to {needed.stop}: an "
                f"instruction takes one part of a tensor"
            )


def verify_dram(ops: Sequence[TensorDescriptorOp]) -> None:
    """Raise VerifyException where a buffer overlaps what else is in DRAM."""
    placed = sorted(ops, key=lambda op: op.address.value.data)
    end, last = 0, None
    for op in placed:
        start = op.address.value.data
        if last is not None and start < end and BufferOp in (type(op), type(last)):
            raise VerifyException(f"@{op.sym_name.data} and @{last.sym_name.data} overlap in DRAM")
        if start + op.extent > end:
            end, last = start + op.extent, op
