"""decompose-normalization: layer and group norms as ops that the chip has.

With the sums S over the n values of a group, a 1x1 convolution with weights 1 (which every
format holds exactly),

    mean = S(x) / n,    d = x − mean,    variance = S(d · d) / n,    y = d / √(variance + eps),

and then a scale and a shift per channel, which fold-batch-norm brings into a layer beside it.
S, a division, eps and the root are one table on codes. (Ba et al. 2016, equation 4; Wu & He
2018, equation 3.)
"""

from __future__ import annotations

from math import prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.lowering.common.rewriting import replace_op
from recog.lowering.legalize.where_on_chip import decompose_where_on_chip

MOST_SQUARES = 511
"""Squares reach over 16 octaves: of so many, accumulators of 32 bits hold the sum."""


class DecomposeNormalizationPass(ModulePass):
    """Write group norms of images as convolutions, products and a table.

    Layer norms of the last axis too, where that brings them to the chip.
    """

    name = "decompose-normalization"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(GroupNormPattern()).rewrite_module(op)
        decompose_where_on_chip(op, _token_norms, _decompose_token_norm)


def _token_norms(function: FuncOp) -> list[nn.LayerNormOp]:
    """The layer norms over the last axis, with constant parameters, of tokens (N, ..., C)."""
    return [
        op
        for op in function.walk()
        if isinstance(op, nn.LayerNormOp)
        and len(nn.shape_of(op.scale)) == 1
        and len(nn.shape_of(op.input)) > 1
        and _are_constant(op.scale, op.bias)
    ]


def _decompose_token_norm(op: nn.LayerNormOp) -> Operation:
    """Replace a layer norm by that of an image's channels; the op that gives its result."""
    batch, *places, channels = nn.shape_of(op.input)
    last = nn.ReshapeOp(op.input, (batch, 1, prod(places), channels))
    image = nn.PermuteOp(last, (0, 3, 1, 2))
    normalized = normalize_channels(image.output, op.scale, op.bias, op.eps.value.data)
    back = nn.PermuteOp(normalized[-1], (0, 2, 3, 1))
    result = nn.ReshapeOp(back, nn.shape_of(op.input))
    replace_op(PatternRewriter(op), op, [last, image, *normalized, back, result])
    return result


class GroupNormPattern(RewritePattern):
    """group_norm(x) of an image → d · rsqrt(variance + eps), scale and shift."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.GroupNormOp, rewriter: PatternRewriter, /) -> None:
        if len(nn.shape_of(op.input)) != 4 or not _are_constant(op.scale, op.bias):
            return
        group_norm = _Normalization(op.input, op.groups.value.data, pixels=True)
        replace_op(rewriter, op, group_norm.ops(op.scale, op.bias, op.eps.value.data))


def normalize_channels(
    image: SSAValue, scale: SSAValue, bias: SSAValue, eps: float
) -> list[Operation]:
    """The layer norm of each pixel's channels, (N, C, H, W); the last op gives the result.

    None at all where scale or bias (C) is computed.
    """
    if not _are_constant(scale, bias):
        return []
    return _Normalization(image, 1, pixels=False).ops(scale, bias, eps)


def _are_constant(*values: SSAValue) -> bool:
    return all(constant_array(value) is not None for value in values)


class _Normalization:
    """Builds the ops, in order; with `pixels` statistics run over height and width too."""

    def __init__(self, image: SSAValue, groups: int, *, pixels: bool):
        self.image, self.groups, self.pixels = image, groups, pixels
        self.channels = nn.shape_of(image)[1]
        self.element_type = nn.element_type_of(image)
        self.new_ops: list[Operation] = []

    def ops(self, scale: SSAValue, bias: SSAValue, eps: float) -> list[Operation]:
        """The whole normalization; the last op gives the result."""
        mean = self._spread(self._divided(self._sum(self.image)))
        centred = self._add(nn.SubOp(self.image, mean))
        squares = self._sum(self._add(nn.MulOp(centred, centred)), MOST_SQUARES)
        variance = self._divided(squares)
        root = self._add(nn.RsqrtOp(self._add(nn.AddOp(variance, self._constant(eps)))))
        unit = self._add(nn.MulOp(centred, self._spread(root)))
        scales, shifts = self._by_channel(scale), self._by_channel(bias)
        if (scales != 1).any():
            unit = self._add(nn.MulOp(unit, self._constant(scales)))
        if shifts.any():
            self._add(nn.AddOp(unit, self._constant(shifts)))
        return self.new_ops

    def _add(self, op: nn.NnOp | ConstantOp) -> SSAValue:
        self.new_ops.append(op)
        return op.results[0]

    def _constant(self, values: np.ndarray | float) -> SSAValue:
        array = np.asarray(values, np.float64)
        return self._add(ConstantOp.from_array(array, self.element_type))

    def _by_channel(self, vector: SSAValue) -> np.ndarray:
        array = constant_array(vector)
        if array is None:
            raise ValueError("scale and bias must be constants")
        return array.reshape(-1, 1, 1)

    def _sum(self, value: SSAValue, most: int | None = None) -> SSAValue:
        """Over a group's channels, (N, groups, ...); of the means over pixels, with `pixels`.

        Where that is more than `most` terms at once, parts are summed before: columns, or some of
        the channels.
        """
        if self.pixels:
            rows, columns = nn.shape_of(value)[2:]
            if rows * columns > (most or rows * columns):
                value, rows = self._add(nn.AvgPool2dOp(value, (rows, 1))), 1
            value = self._add(nn.AvgPool2dOp(value, (rows, columns)))
        each = self.channels // self.groups
        if each == 1:
            return value
        parts = next(n for n in range(1, each + 1) if each % n == 0 and each // n <= (most or each))
        if parts > 1:
            value = self._sum_of_each(value, self.groups * parts, each // parts)
        return self._sum_of_each(value, self.groups, parts if parts > 1 else each)

    def _sum_of_each(self, value: SSAValue, groups: int, each: int) -> SSAValue:
        ones = self._constant(np.ones((groups, each, 1, 1)))
        return self._add(nn.Conv2dOp(value, ones, groups=groups))

    def _divided(self, value: SSAValue) -> SSAValue:
        each = self.channels // self.groups
        return value if each == 1 else self._add(nn.MulOp(value, self._constant(1 / each)))

    def _spread(self, value: SSAValue) -> SSAValue:
        """One value a group → one a channel, where they are not one or all."""
        if self.groups in (1, self.channels):
            return value
        ones = self._constant(np.ones((self.channels, 1, 1, 1)))
        return self._add(nn.Conv2dOp(value, ones, groups=self.groups))
