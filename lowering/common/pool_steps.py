"""Windows of pools taken in several steps, which give the same sums or maxima.

Along one axis a window of k · n positions is n blocks of k; along two it is rows first. Sums of
integers are exact in any order, and so are maxima, so that no step changes a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects.builtin import IntAttr

from recog.backend.arithmetic.bounds import pool_bound
from recog.dialects.chip.descriptors import MAX_SUMMED
from recog.dialects.chip.sums import SumsType
from recog.dialects.lns.types import NumberType
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

MOST_IN_WINDOW, MOST_STRIDE, MOST_PADDING = 1023, 255, 127
"""Positions of a window along an axis, from one window to the next, and before or after the input
(docs/isa.md, `pool`)."""

BLOCK = 16
"""About so many positions of a window that is too large for an instruction are taken first: few
sums are left, and a schedule can still take blocks of it."""


@dataclass(frozen=True)
class Line:
    """How the window of a pool moves along one axis.

    Attributes:
        size: positions of the input.
        kernel: taps of the window, `dilation` apart.
        stride: positions from a window to the next.
        before, after: positions of padding.
    """

    size: int
    kernel: int = 1
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def outputs(self) -> int:
        """How many windows there are."""
        reach = self.dilation * (self.kernel - 1) + 1
        return (self.size + self.before + self.after - reach) // self.stride + 1

    @property
    def covers(self) -> bool:
        """Whether there is one window, which meets every position."""
        return self.outputs == 1 and self.kernel - self.before >= self.size and self.dilation == 1

    @property
    def is_encodable(self) -> bool:
        """Whether one instruction moves a window so."""
        return (
            self.kernel <= MOST_IN_WINDOW
            and self.stride <= MOST_STRIDE
            and max(self.before, self.after) <= MOST_PADDING
        )

    def inside(self) -> set[int]:
        """How many positions of the input windows meet, all that there are."""
        starts = (each * self.stride - self.before for each in range(self.outputs))
        return {min(start + self.kernel, self.size) - max(start, 0) for start in starts}

    def blocks(self, size: int) -> tuple[Line, Line] | None:
        """Windows of blocks of so many positions: the blocks, and the window over those.

        None where windows do not consist of such blocks.
        """
        if self.covers:
            count = -(-self.size // size)
            first = Line(self.size, size, size, 0, count * size - self.size)
            return first, Line(count, count)
        if self.dilation > 1 or self.kernel % size or self.stride % size or self.before % size:
            return None
        kernel, stride, before = (each // size for each in (self.kernel, self.stride, self.before))
        needed = (self.outputs - 1) * stride + kernel - before
        count = self.size // size if needed * size <= self.size else -(-self.size // size)
        first = Line(self.size, size, size, 0, max(0, count * size - self.size))
        return first, Line(count, kernel, stride, before, max(0, needed - count))

    def divided(self) -> Iterator[tuple[int, Line, Line]]:
        """All blocks of which the windows consist, smallest first, that one instruction makes."""
        most = self.size if self.covers else self.kernel
        for size in range(2, min(most - 1, MOST_STRIDE) + 1):
            parts = self.blocks(size)
            if parts is not None and parts[0].is_encodable:
                yield size, *parts


Step = tuple[Line, Line]
"""Windows over rows and over columns."""


def lines_of(window: PoolWindow, height: int, width: int) -> Step:
    """The window of a pool along the rows and along the columns of its input."""
    top, left, bottom, right = window.padding
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.strides
    dilation_h, dilation_w = window.dilation
    return (
        Line(height, kernel_h, stride_h, top, bottom, dilation_h),
        Line(width, kernel_w, stride_w, left, right, dilation_w),
    )


def alone(line: Line) -> Line:
    """A window of one position, which leaves an axis as it is."""
    return Line(line.size)


def mean_count(step: Step, count_padding: bool) -> int | None:
    """Of how many elements the means of all windows are; None where that differs."""
    rows, columns = step
    if count_padding:
        return rows.kernel * columns.kernel
    counts = {height * width for height in rows.inside() for width in columns.inside()}
    (count,) = counts if len(counts) == 1 else (0,)
    return count if count > 0 else None


def encodable_steps(step: Step) -> list[Step] | None:
    """Steps of which each is an instruction; None where there are none such."""
    found = list[Step]()
    lines = list(step)
    for axis in (1, 0):
        line = lines[axis]
        if line.covers and not line.is_encodable:
            line = Line(line.size, line.size)
        if not line.is_encodable:
            parts = [each for each in line.divided() if each[2].is_encodable]
            if not parts:
                return None
            _, first, line = min(parts, key=lambda each: abs(each[0] - BLOCK))
            before = [alone(each) for each in lines]
            before[axis] = first
            found.append((before[0], before[1]))
        lines[axis] = line
    return [*found, (lines[0], lines[1])]


def fields_of(step: Step) -> dict[str, int]:
    """The fields of an instruction that takes a step."""
    rows, columns = step
    return {
        "kernel_h": rows.kernel,
        "kernel_w": columns.kernel,
        "stride_h": rows.stride,
        "stride_w": columns.stride,
        "pad_top": rows.before,
        "pad_left": columns.before,
        "pad_bottom": rows.after,
        "pad_right": columns.after,
        "dilation_h": rows.dilation,
        "dilation_w": columns.dilation,
    }


def sums_of(format: LnsFormat, count: int, arithmetic: Arithmetic) -> SumsType | None:
    """Integers that hold sums of so many codes; None where there are none."""
    bound = pool_bound(format, count, arithmetic)
    width = next((bits for bits in (32, 64) if bound < 1 << (bits - 1)), None)
    if width is None or count > MAX_SUMMED:
        return None
    return SumsType(IntAttr(count), NumberType(format), IntAttr(width))
