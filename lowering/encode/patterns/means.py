"""The mean of a whole image, in one accumulator or, where its sum does not fit, in two steps."""

from __future__ import annotations

from math import prod

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.backend.arithmetic.bounds import accumulator_limit, pool_bound
from recog.dialects import lns
from recog.dialects.lns import format_of, shape_of
from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, Arithmetic, LnsFormat
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
    bound = pool_bound(format_of(x), prod(kernel), arithmetic)
    whole = tuple(shape_of(x)[2:]) == kernel and min(kernel) > 1
    if whole and bound > accumulator_limit(arithmetic):
        columns = mean_of_window(rewriter, at, x, _wide(format_of(x)), (kernel[0], 1), arithmetic)
        x, kernel = inserted(rewriter, columns, at), (1, kernel[1])
    return lns.AvgPool2dOp(x, output, kernel, one_stride(kernel), arithmetic=arithmetic)


def _wide(format: LnsFormat) -> LnsFormat:
    """The finest codes of the same octaves."""
    finer = min(MAX_FRAC - format.frac, MAX_WIDTH - format.width)
    width, frac = format.width + finer, format.frac + finer
    wide = LnsFormat(width, frac, unsigned=format.unsigned)
    top = (format.max_magnitude - format.biases[0]) << finer
    return wide.with_bias(wide.max_magnitude - top)
