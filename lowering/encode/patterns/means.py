"""The mean of a whole image, in one accumulator or, where its sum does not fit, in two steps."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.backend.arithmetic.bounds import accumulator_limit, pool_bound
from recog.dialects import lns
from recog.dialects.lns import format_of, shape_of
from recog.dialects.number_format import MAX_FRAC, Arithmetic, LnsFormat
from recog.lowering.encode.values import inserted

MOST_STRIDE = 255
"""Rows or columns from one window to the next (docs/isa.md, `pool`)."""


def one_stride(kernel: tuple[int, int]) -> tuple[int, int]:
    """Strides of a window that covers an axis, and is not moved along it; else it has one row."""
    rows, columns = (size if size <= MOST_STRIDE else 1 for size in kernel)
    return rows, columns


def mean_of_window(
    rewriter: PatternRewriter,
    at: Operation,
    x: SSAValue,
    output: LnsFormat,
    kernel: tuple[int, int],
    arithmetic: Arithmetic,
) -> lns.AvgPool2dOp:
    """The mean over a window that covers the axes of an image along which it has more than 1.

    What takes more than an accumulator is first the mean of each column, in wide codes.
    """
    format, (rows, columns) = format_of(x), kernel
    wide = _wide(format)
    whole = tuple(shape_of(x)[2:]) == kernel and min(kernel) > 1

    def fits(given: LnsFormat, count: int) -> bool:
        return pool_bound(given, count, arithmetic) <= accumulator_limit(arithmetic)

    if whole and not fits(format, rows * columns) and fits(format, rows) and fits(wide, columns):
        means = mean_of_window(rewriter, at, x, wide, (rows, 1), arithmetic)
        x, kernel = inserted(rewriter, means, at), (1, columns)
    return lns.AvgPool2dOp(x, output, kernel, one_stride(kernel), arithmetic=arithmetic)


def _wide(format: LnsFormat) -> LnsFormat:
    """The finest codes of the same octaves."""
    wide = format.finer(MAX_FRAC)
    top = (format.max_magnitude - format.biases[0]) << (wide.frac - format.frac)
    return wide.with_bias(wide.max_magnitude - top)
