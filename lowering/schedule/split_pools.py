"""split-pools: take long windows in steps, so that a cascade needs few rows of them at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from recog.backend.arithmetic.bounds import accumulator_limit, pool_bound
from recog.dialects import chip
from recog.dialects.chip.fields import integer_field, symbol_field
from recog.lowering.common.pool_steps import (
    Line,
    Step,
    alone,
    fields_of,
    lines_of,
    mean_count,
    sums_of,
)
from recog.lowering.schedule.in_steps import LEAST_GAIN, Steps
from recog.lowering.schedule.unplaced import unplaced_programs

MOST_BLOCKS = 3
"""Steps down the image before the last: blocks of rows, blocks of blocks."""
SMALL_BLOCK = 32
"""Rows of a block at most, where there are blocks of blocks."""
ANY = 1 << 62


@dataclass(frozen=True)
class SplitPoolsPass(ModulePass):
    """Take the long windows of programs without places in steps: along the rows, then down.

    A cascade holds as many rows of what a pool reads as its window has: of a pool over an image
    all. Where those take more than an eighth of activation memory, and the rows of steps half as
    much or less, each row is summed as it comes, or its largest elements found; then blocks of
    rows, where those are still many. Sums are exact and encoded in the last step, so no bit
    changes. Means of which some count fewer elements, as padding does not count, stay as they are.
    """

    name = "split-pools"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            split_pools(program)


def split_pools(program: chip.ProgramOp) -> None:
    """Take the long windows of a program without places in steps."""
    splitter = _Splitter(program)
    for op in program.instructions:
        if isinstance(op, chip.PoolOp):
            splitter.split(op)


class _Way(NamedTuple):
    """Steps of a pool, and what the rows that a cascade holds for them take, of one channel."""

    bytes: int
    steps: tuple[Step, ...]


class _Splitter(Steps):
    """Takes the pools of one program in steps."""

    def split(self, op: chip.PoolOp) -> None:
        """Take a pool in steps, if that is worth it."""
        x = self.scope.tensor(op.input)
        step, count = lines_of(op.window, *x.shape[1:]), op.count.value.data
        if op.mode.data == "avg" and x.summed is None:
            count = mean_count(step, op.count_padding is not None)
        if count is None or not self.has_rows(x):
            return
        way = self._best(op, x, step)
        elements = None if way is None else self._elements(op, x, way.steps[:-1])
        if way is not None and elements is not None:
            self._replace(op, x, way.steps, elements, count)

    def _elements(
        self, op: chip.PoolOp, x: chip.TensorOp, steps: Sequence[Step]
    ) -> list[Attribute] | None:
        """The element types of what steps give that are not the last; None where sums have none."""
        if op.mode.data == "max":
            return [x.element_type for _ in steps]
        terms, found = x.sums.value.data or 1, list[Attribute]()
        for rows, columns in steps:
            terms *= rows.kernel * columns.kernel
            sums = sums_of(x.summed or x.format, terms, self.target.arithmetic)
            if sums is None:
                return None
            found.append(sums)
        return found

    def _best(self, op: chip.PoolOp, x: chip.TensorOp, step: Step) -> _Way | None:
        """The fewest steps whose rows are no longer long, else those whose rows take least."""
        channels, whole = x.shape[0], not self.has_rows(self.scope.tensor(op.output))
        before = _held(step[0], whole) * x.shape[2] * x.element_bytes
        if before * channels <= self.room:
            return None
        best: _Way | None = None
        for blocks in range(MOST_BLOCKS + 1):
            for way in self._ways(op, x, step, blocks, whole):
                if len(way.steps) > 1 and (best is None or way.bytes < best.bytes):
                    best = way
            if best is not None and best.bytes * channels <= self.room:
                break
        return best if best is not None and LEAST_GAIN * best.bytes <= before else None

    def _ways(
        self, op: chip.PoolOp, x: chip.TensorOp, step: Step, blocks: int, whole: bool
    ) -> Iterator[_Way]:
        """Along the rows at first, and at last, with so many blocks between."""
        rows, columns = step
        sums = self._elements(op, x, (step,))
        if sums is None:
            return
        size = _bytes(sums[0]) or x.element_bytes
        most = ANY
        if op.mode.data != "max":
            arithmetic, terms = self.target.arithmetic, x.sums.value.data or 1
            one = pool_bound(x.summed or x.format, terms * columns.kernel, arithmetic)
            most = accumulator_limit(arithmetic) // one
        row = columns.size * x.element_bytes
        for first, beside, start in (
            ((), columns, (row, columns.size * size)),
            (((alone(rows), columns),), Line(columns.outputs), (columns.outputs * size,) * 2),
        ):
            down = _down(rows, *start, blocks, most, whole)
            if down is None or (first and columns.kernel == 1):
                continue
            held, lines = down
            between = [(line, alone(beside if first else columns)) for line in lines[:-1]]
            steps = (*first, *between, (lines[-1], beside))
            yield _Way(held + (row if first else 0), steps)

    def _replace(
        self,
        op: chip.PoolOp,
        x: chip.TensorOp,
        steps: Sequence[Step],
        elements: Sequence[Attribute],
        count: int,
    ) -> None:
        channels, source = x.shape[0], x.sym_name.data
        tensors, parts = list[chip.TensorOp](), list[chip.PoolOp]()
        mode = "max" if op.mode.data == "max" else "sum"
        for step, element in zip(steps, elements):
            size = (channels, step[0].outputs, step[1].outputs)
            tensor = self.tensor(f"{op.output.string_value()}.{mode}", size, element)
            name = tensor.sym_name.data
            parts.append(chip.PoolOp(output=name, input=source, mode=mode, **fields_of(step)))
            tensors.append(tensor)
            source = name
        if not self.insert(op, tensors, parts):
            return
        op.input = symbol_field(source)
        op.properties |= {k: integer_field(v) for k, v in fields_of(steps[-1]).items()}
        if op.mode.data == "avg":
            op.properties["count"] = integer_field(count)
            op.properties.pop("count_padding", None)


def _bytes(element: Attribute) -> int:
    return element.width.data // 8 if isinstance(element, chip.SumsType) else 0


def _held(line: Line, whole: bool) -> int:
    """Rows of its input that memory holds for a window: all where its output is made at once."""
    reach = line.dilation * (line.kernel - 1) + 1
    return line.size if whole else min(reach, line.size)


@lru_cache(maxsize=1 << 14)
def _down(
    line: Line, row: int, later: int, blocks: int, most: int, whole: bool
) -> tuple[int, tuple[Line, ...]] | None:
    """The windows down an image, taken in so many blocks, whose rows take least, and how much.

    Args:
        row, later: bytes of a row of what is read, and of what the blocks give.
        most: rows that an element may be the sum of, by the accumulators.
        whole: whether the output is made at once, of all rows.
    """
    if blocks == 0:
        return (_held(line, whole) * row, (line,)) if line.kernel <= most else None
    found: tuple[int, tuple[Line, ...]] | None = None
    for size, first, rest in line.divided():
        if blocks > 1 and size > SMALL_BLOCK:
            break
        way = _down(rest, later, later, blocks - 1, most // size, whole)
        if way is not None and (found is None or size * row + way[0] < found[0]):
            found = (size * row + way[0], (first, *way[1]))
    return found
