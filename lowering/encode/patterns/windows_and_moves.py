"""Patterns of encode-lns for windows over images and for ops that move elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.backend.arithmetic.bounds import accumulator_limit, resize_bound
from recog.backend.arithmetic.reference.sampling import exact_steps
from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp
from recog.dialects.lns import format_of, number_tensor
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.common.rewriting import replace_op
from recog.lowering.encode.calibrate import covering_bias
from recog.lowering.encode.patterns.means import mean_of_window
from recog.lowering.encode.values import (
    Encoding,
    inserted,
    output_format,
    replace_with_codes,
)

MOST_STEPS = 256
"""Bilinear weights of more bits change less than codes of 8 bits resolve."""


@dataclass(frozen=True)
class EncodeAvgPool2dPattern(RewritePattern):
    """nn.avg_pool2d → lns.avg_pool2d; in ceil mode padding that counts is padded before."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AvgPool2dOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        padding, counted = tuple(op.padding.get_values()), op.count_include_pad is not None
        beyond = _beyond(op)
        if any(beyond):
            # What ceil mode adds is never counted.
            if counted and any(padding):
                x = inserted(rewriter, lns.PadOp(x, padding), op)
                padding = (0, 0, 0, 0)
            padding = (*padding[:2], padding[2] + beyond[0], padding[3] + beyond[1])
            counted = False
        rows, columns = op.kernel.get_values()
        if nn.shape_of(op.input)[2:] == (rows, columns) and not any((*padding, *beyond)):
            output, arithmetic = output_format(op), self.encoding.arithmetic
            mean = mean_of_window(rewriter, op, x, output, (rows, columns), arithmetic)
            replace_with_codes(rewriter, op, mean)
            return
        pool = lns.AvgPool2dOp(
            x,
            output_format(op),
            op.kernel.get_values(),
            op.strides.get_values(),
            padding,
            count_include_pad=counted,
            arithmetic=self.encoding.arithmetic,
        )
        replace_with_codes(rewriter, op, pool)


@dataclass(frozen=True)
class EncodeMaxPool2dPattern(RewritePattern):
    """nn.max_pool2d → lns.max_pool2d, in the operand's format; ceil mode is more padding."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MaxPool2dOp, rewriter: PatternRewriter, /) -> None:
        top, left, bottom, right = op.padding.get_values()
        down, across = _beyond(op)
        pool = lns.MaxPool2dOp(
            self.encoding.encoded(op.input, rewriter, op),
            op.kernel.get_values(),
            op.strides.get_values(),
            (top, left, bottom + down, right + across),
            dilation=op.dilation.get_values(),
        )
        replace_with_codes(rewriter, op, pool)


def _beyond(op: nn.AvgPool2dOp | nn.MaxPool2dOp) -> tuple[int, int]:
    """How far the last windows reach beyond the padded input, in rows and columns."""
    dilation = op.dilation.get_values() if isinstance(op, nn.MaxPool2dOp) else (1, 1)
    beyond = []
    for axis in (0, 1):
        padded = nn.shape_of(op.input)[2 + axis]
        padded += op.padding.get_values()[axis] + op.padding.get_values()[axis + 2]
        last = (nn.shape_of(op.output)[2 + axis] - 1) * op.strides.get_values()[axis]
        reach = dilation[axis] * (op.kernel.get_values()[axis] - 1) + 1
        beyond.append(max(0, last + reach - padded))
    return beyond[0], beyond[1]


@dataclass(frozen=True)
class EncodeResizePattern(RewritePattern):
    """nn.resize → lns.resize, with interpolation weights that round nothing where they can."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ResizeOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        shape = nn.shape_of(op.output)
        if op.mode.data == "nearest":
            resized = lns.ResizeOp(x, number_tensor(shape, format_of(x)), "nearest")
        else:
            align_corners = op.align_corners is not None
            resized = lns.ResizeOp(
                x,
                number_tensor(shape, output_format(op)),
                "bilinear",
                align_corners=align_corners,
                steps=_steps(op, format_of(x), self.encoding.arithmetic),
                arithmetic=self.encoding.arithmetic,
            )
        replace_with_codes(rewriter, op, resized)


def _steps(op: nn.ResizeOp, format: LnsFormat, arithmetic: Arithmetic) -> list[int]:
    """Exact steps for both axes, or powers of two where those are too many."""
    most = MOST_STEPS
    exact = [
        exact_steps(given, wanted, op.align_corners is not None)
        for given, wanted in zip(nn.shape_of(op.input)[2:], op.size.get_values())
    ]
    while True:
        steps = [min(each, most) for each in exact]
        if most == 1 or resize_bound(format, steps, arithmetic) <= accumulator_limit(arithmetic):
            return steps
        most //= 2


@dataclass(frozen=True)
class EncodeReshapePattern(RewritePattern):
    """nn.reshape → lns.reshape."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        replace_with_codes(rewriter, op, lns.ReshapeOp(x, nn.shape_of(op.output)))


@dataclass(frozen=True)
class EncodeConcatPattern(RewritePattern):
    """nn.concat → lns.concat of inputs in one format: constants encoded, the others converted."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        common = output_format(op)
        codes = [
            self.encoding.constants.encode_operand(op, value, common, rewriter)
            if isinstance(value.owner, ConstantOp)
            else self.encoding.encoded(value, rewriter, op)
            for value in op.inputs
        ]
        for i, value in enumerate(codes):
            if format_of(value) != common:
                codes[i] = inserted(rewriter, lns.ConvertOp(value, common), op)
        replace_with_codes(rewriter, op, lns.ConcatOp(codes, op.axis.value.data))


@dataclass(frozen=True)
class EncodeSlicePattern(RewritePattern):
    """nn.slice → lns.slice."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SliceOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        bounds = (each.get_values() for each in (op.starts, op.stops, op.steps))
        replace_with_codes(rewriter, op, lns.SliceOp(x, *bounds))


@dataclass(frozen=True)
class EncodePadPattern(RewritePattern):
    """nn.pad → lns.pad with zeros, else lns.concat with rows and columns of the value's code."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PadOp, rewriter: PatternRewriter, /) -> None:
        x, value = self.encoding.encoded(op.input, rewriter, op), op.value.value.data
        padding = op.padding.get_values()
        if value == 0:
            replace_with_codes(rewriter, op, lns.PadOp(x, padding))
            return
        if not _holds(format_of(x), value):
            x = inserted(rewriter, lns.ConvertOp(x, output_format(op)), op)
        for axis, before, after in ((3, *padding[1::2]), (2, *padding[::2])):
            parts = [
                x if size is None else self._filled(op, x, axis, size, rewriter)
                for size in (before, None, after)
                if size != 0
            ]
            x = x if len(parts) == 1 else inserted(rewriter, lns.ConcatOp(parts, axis), op)
        replace_with_codes(rewriter, op, lns.ReshapeOp(x, nn.shape_of(op.output)))

    def _filled(
        self, op: nn.PadOp, x: SSAValue, axis: int, size: int, rewriter: PatternRewriter
    ) -> SSAValue:
        """Codes of the value beside `x` along an axis, for one frame."""
        shape = [1, *nn.shape_of(x)[1:]]
        shape[axis] = size
        constant = ConstantOp.from_array(np.full(shape, op.value.value.data, np.float32), f32)
        constant.output.name_hint = "padding"
        filled = inserted(rewriter, constant, op)
        return self.encoding.constants.encode_operand(op, filled, format_of(x), rewriter)


def _holds(format: LnsFormat, value: float) -> bool:
    """Whether a value is within a format's range."""
    covers = format.biases[0] <= covering_bias(format, abs(value))
    return covers and (value >= 0 or not format.unsigned)


@dataclass(frozen=True)
class EncodePermutePattern(RewritePattern):
    """nn.permute → lns.permute."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PermuteOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        replace_with_codes(rewriter, op, lns.PermuteOp(x, op.permutation.get_values()))


@dataclass(frozen=True)
class EncodeArgmaxPattern(RewritePattern):
    """nn.argmax → lns.argmax: indices stay indices."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ArgmaxOp, rewriter: PatternRewriter, /) -> None:
        x = self.encoding.encoded(op.input, rewriter, op)
        keepdims = op.keepdims is not None
        argmax = lns.ArgmaxOp(x, op.axis.value.data, nn.INDEX_TYPE, keepdims=keepdims)
        replace_op(rewriter, op, [argmax])


PATTERNS = (
    EncodeAvgPool2dPattern,
    EncodeMaxPool2dPattern,
    EncodeResizePattern,
    EncodeReshapePattern,
    EncodeConcatPattern,
    EncodeSlicePattern,
    EncodePadPattern,
    EncodePermutePattern,
    EncodeArgmaxPattern,
)
