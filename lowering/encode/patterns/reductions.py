"""Patterns of encode-lns for sums, means and maxima over any axes, and for repetition.

The chip reduces windows of images and sums over their channels. A tensor of any rank is such an
image, seen otherwise: with the product A of the sizes before the axes that go, R of theirs, and B
of those after,

    (N, A, R, B)       a window of R rows: one mean or maximum of each column
    (N, A · R, 1, B)   A groups of R channels: sums with weights 1, which every format holds

Nothing is computed to see it so, and each result is encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.backend.arithmetic.reference.definition import encode
from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp
from recog.dialects.lns import NumberType, format_of, number_tensor
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.patterns.means import mean_of_window, one_stride
from recog.lowering.encode.values import (
    Encoding,
    inserted,
    output_format,
    replace_with_codes,
)

MOST_IN_WINDOW = 1023
"""Rows or columns of the window of one instruction (docs/isa.md, `pool`)."""
MOST_ALONG = 65535
"""Rows or columns of a tensor (docs/isa.md, `tensor`)."""
MOST_ONES = 1 << 16
"""Weights 1 of a sum; of more a mean is taken and scaled."""
FEW_COPIES = 4
"""Up to here what is repeated is copied, beyond it is resized."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class EncodeMeanPattern(RewritePattern):
    """nn.mean over axes but the batch's → an average pool, or a sum scaled by a table."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MeanOp, rewriter: PatternRewriter, /) -> None:
        builder = _Builder(self.encoding, op, rewriter)
        builder.replace_by(builder.mean(builder.seen(op.input), output_format(op)))


@dataclass(frozen=True)
class EncodeMaxPattern(RewritePattern):
    """nn.max over axes but the batch's → max pools, in the operand's format."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MaxOp, rewriter: PatternRewriter, /) -> None:
        builder = _Builder(self.encoding, op, rewriter)
        builder.replace_by(builder.maximum(builder.seen(op.input)))


@dataclass(frozen=True)
class EncodeSumPattern(RewritePattern):
    """nn.sum over axes but the batch's → a convolution, or a mean scaled by a table."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SumOp, rewriter: PatternRewriter, /) -> None:
        builder = _Builder(self.encoding, op, rewriter)
        builder.replace_by(builder.total(builder.seen(op.input), output_format(op)))


@dataclass(frozen=True)
class _Seen:
    """Codes whose elements are (A, R, B), R those that become one; `sizes` are the axes of R."""

    codes: SSAValue
    before: Shape
    sizes: Shape
    after: Shape

    @property
    def is_image(self) -> bool:
        """Whether it is an image (C, H, W), of which rows or columns become one."""
        shape = (*self.before, *self.sizes, *self.after)
        return len(shape) == 3 and len(self.before) > 0 and max(shape[1:]) <= MOST_ALONG


class _Builder:
    """Inserts the ops on codes of one reduction."""

    def __init__(self, encoding: Encoding, op: nn.ReduceOp | nn.MeanOp, rewriter: PatternRewriter):
        self.encoding, self.op, self.rewriter = encoding, op, rewriter
        self.batch = nn.shape_of(op.input)[0]

    def add(self, op: Operation) -> SSAValue:
        return inserted(self.rewriter, op, self.op)

    def reshaped(self, op: Operation, *shape: int) -> Operation:
        """An op that gives what `op` gives under another shape, if it is another."""
        if nn.shape_of(op.results[0]) == (self.batch, *shape):
            return op
        return lns.ReshapeOp(self.add(op), (self.batch, *shape))

    def replace_by(self, reduced: Operation | None) -> None:
        """Replace the op by what gives its elements, if there is such an op."""
        if reduced is not None:
            last = self.reshaped(reduced, *nn.shape_of(self.op.output)[1:])
            replace_with_codes(self.rewriter, self.op, last)

    def seen(self, operand: SSAValue) -> _Seen:
        """The operand with the reduced axes side by side: at the end, where they were not."""
        codes = self.encoding.encoded(operand, self.rewriter, self.op)
        _, *shape = nn.shape_of(self.op.input)
        axes = sorted(axis - 1 for axis in self.op.axes.get_values())
        first, last = axes[0], axes[-1]
        if last - first + 1 != len(axes):
            kept = [axis for axis in range(len(shape)) if axis not in axes]
            order = [*kept, *axes]
            codes = self.add(lns.PermuteOp(codes, (0, *(axis + 1 for axis in order))))
            shape = [shape[axis] for axis in order]
            first, last = len(kept), len(shape) - 1
        return _Seen(codes, (*shape[:first],), (*shape[first : last + 1],), (*shape[last + 1 :],))

    def image(self, x: SSAValue, *shape: int) -> SSAValue:
        same = nn.shape_of(x) == (self.batch, *shape)
        return x if same else self.add(lns.ReshapeOp(x, (self.batch, *shape)))

    def window(
        self, x: _Seen, most: int = MOST_IN_WINDOW
    ) -> tuple[SSAValue, tuple[int, int]] | None:
        """The codes as an image, and the window of it that becomes one; None if it is too large."""
        if x.is_image:
            # As it is: a schedule takes its rows one after the other, whatever their number.
            rows, columns = (*x.before[1:], *x.sizes, *x.after)
            kernel = (rows if len(x.before) == 1 else 1, 1 if x.after else columns)
            return self.image(x.codes, x.before[0], rows, columns), kernel
        before, count, after = prod(x.before), prod(x.sizes), prod(x.after)
        if after == 1 and len(x.sizes) > 1:
            *more, columns = x.sizes
            kernel = (prod(more), columns)
        else:
            kernel, columns = (count, 1), after
        if max(kernel) > most:
            return None
        if columns <= MOST_ALONG:
            return self.image(x.codes, before, kernel[0], columns), kernel
        *rows, columns = x.after
        if before > 1 or columns > MOST_ALONG:
            return None
        image = self.image(x.codes, count, prod(rows), columns)
        return self.add(lns.PermuteOp(image, (0, 2, 1, 3))), kernel

    def maximum(self, x: _Seen) -> Operation | None:
        """The largest, in the operand's format."""
        found = self.window(x)
        if found is not None:
            return lns.MaxPool2dOp(*found, one_stride(found[1]))
        count = prod(x.sizes)
        divisors = range(min(count, MOST_IN_WINDOW), 1, -1)
        at_once = next((size for size in divisors if count % size == 0), None)
        if at_once is None or max(x.after, default=1) > MOST_ALONG:
            large = self.window(x, MOST_ALONG)
            return large and lns.MaxPool2dOp(*large, one_stride(large[1]))
        rest = count // at_once
        first = self.maximum(_Seen(x.codes, x.before, (at_once,), (rest, *x.after)))
        return first and self.maximum(_Seen(self.add(first), x.before, (rest,), x.after))

    def mean(self, x: _Seen, output: LnsFormat) -> Operation | None:
        """The mean: of a window, or the sum scaled, or of a window of several instructions."""
        found = self.window(x)
        if found is None:
            bias = output.biases[0] - round(np.log2(prod(x.sizes)) * 2**output.frac)
            total = self._in_accumulator(x, output.with_bias(bias))
            if total is not None:
                return self._scaled(total, 1 / prod(x.sizes), output)
            found = self.window(x, MOST_ALONG)
            if found is None:
                return None
        image, kernel = found
        arithmetic = self.encoding.arithmetic
        return mean_of_window(self.rewriter, self.op, image, output, kernel, arithmetic)

    def total(self, x: _Seen, output: LnsFormat) -> Operation | None:
        """The sum: in one accumulator, or the mean scaled where that takes too many weights."""
        total = self._in_accumulator(x, output)
        if total is not None or self.window(x, MOST_ALONG) is None:
            return total
        bias = output.biases[0] + round(np.log2(prod(x.sizes)) * 2**output.frac)
        mean = self.mean(x, output.with_bias(bias))
        return mean and self._scaled(mean, prod(x.sizes), output)

    def _in_accumulator(self, x: _Seen, output: LnsFormat) -> Operation | None:
        """The sum as a convolution; None where it takes too many weights."""
        groups, count = prod(x.before), prod(x.sizes)
        *rows, columns = (1, 1, *x.after)
        if groups * count > MOST_ONES or max(prod(rows), columns) > MOST_ALONG:
            return None
        return lns.Conv2dOp(
            self.image(x.codes, groups * count, prod(rows), columns),
            self._ones((groups, count, 1, 1)),
            None,
            output,
            groups=groups,
            relu=output.unsigned,
            arithmetic=self.encoding.arithmetic,
        )

    def _ones(self, shape: Shape) -> SSAValue:
        """Weights 1 as the smallest code, which makes the smallest sums."""
        format = self.encoding.constants.format
        return self.add(_ones(shape, format.with_bias((1,) * shape[0], 0)))

    def _scaled(self, op: Operation, factor: float, output: LnsFormat) -> Operation:
        from recog.lowering.encode.function_tables import scale_table

        x = self.add(op)
        return lns.TableOp(x, self.add(scale_table(format_of(x), factor, output)))


@dataclass(frozen=True)
class EncodeBroadcastPattern(RewritePattern):
    """nn.broadcast of any axes but the batch's → copies of a few, a resize, or a product with ones.

    What an image is repeated to is an image, whose rows a schedule can take one after the other.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BroadcastOp, rewriter: PatternRewriter, /) -> None:
        repeater = _Repeater(op, rewriter)
        x = self.encoding.encoded(op.input, rewriter, op)
        source, target = nn.shape_of(op.input), nn.shape_of(op.output)
        for first, last in _repeated_runs(source, target):
            x = repeater.repeated(x, first, target[first:last])
        replace_with_codes(rewriter, op, lns.ReshapeOp(x, target))


@dataclass(frozen=True)
class _Repeater:
    """Inserts the ops on codes that repeat axes of size 1, those from `first` on, to `sizes`."""

    op: nn.BroadcastOp
    rewriter: PatternRewriter

    def repeated(self, x: SSAValue, first: int, sizes: Shape) -> SSAValue:
        shape = nn.shape_of(x)
        wanted = (*shape[:first], *sizes, *shape[first + len(sizes) :])
        is_image = len(shape) == 4
        if prod(sizes) <= FEW_COPIES:
            return self._copied(x, first, sizes)
        if is_image and first > 1:
            fits = max(wanted[2:]) <= MOST_ALONG
            return self._resized(x, wanted) if fits else self._copied(x, first, sizes)
        if is_image and len(sizes) > 1 and max(wanted[2:]) <= MOST_ALONG:
            return self._resized(self.repeated(x, 1, sizes[:1]), wanted)
        after = prod(wanted[first + len(sizes) :])
        if first == 1 and len(sizes) == 1 and after > 1 and format_of(x).axis is None:
            return self._times_ones(x, (*wanted[:2], *(1 for _ in wanted[2:])))
        if max(prod(sizes), after) > MOST_ALONG:
            return self._copied(x, first, sizes)
        before = prod(shape[1:first])
        row = self._add(lns.ReshapeOp(x, (shape[0], before, 1, after)))
        rows = self._resized(row, (shape[0], before, prod(sizes), after))
        return self._add(lns.ReshapeOp(rows, wanted))

    def _copied(self, x: SSAValue, first: int, sizes: Shape) -> SSAValue:
        for axis, size in enumerate(sizes, first):
            x = self._add(lns.ConcatOp([x] * size, axis))
        return x

    def _resized(self, x: SSAValue, wanted: Shape) -> SSAValue:
        return self._add(lns.ResizeOp(x, number_tensor(wanted, format_of(x)), "nearest"))

    def _times_ones(self, x: SSAValue, ones: Shape) -> SSAValue:
        """Channels of one map, which a resize gives as rows alone: x · 1 has the code of x."""
        factor = self._add(_ones(ones, format_of(x).with_bias(1)))
        return self._add(lns.MulOp(x, factor, format_of(x)))

    def _add(self, op: Operation) -> SSAValue:
        return inserted(self.rewriter, op, self.op)


def _ones(shape: Shape, format: LnsFormat) -> Operation:
    """Ones of a format whose smallest number is 1."""
    ones = ConstantOp.from_array(encode(np.ones(shape), format), NumberType(format))
    ones.output.name_hint = "ones"
    return ones


def _repeated_runs(source: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """The axes, from the first up to the last but one, that are repeated side by side."""
    runs: list[tuple[int, int]] = []
    for axis, (size, wanted) in enumerate(zip(source, target)):
        if size == wanted:
            continue
        if runs and runs[-1][1] == axis:
            runs[-1] = (runs[-1][0], axis + 1)
        else:
            runs.append((axis, axis + 1))
    return runs


PATTERNS = (EncodeMeanPattern, EncodeMaxPattern, EncodeSumPattern, EncodeBroadcastPattern)
