"""decompose-conv3d: convolutions of volumes as convolutions of images.

With the volume's planes one after the other, all channels of a plane together, output plane d
takes the channels of kd neighbouring planes,

    y[d] = conv2d(x[d · stride], ..., x[d · stride + kd − 1]; w),    w (O, kd · C, kh, kw),

with the weights of the 3-D layer in another order: one constant, which all planes share. On the
chip the planes are addresses, and each sum is exact and rounded once, as in one layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.nn import element_type_of, shape_of
from recog.dialects.nn.sampling import PermuteOfPermutePattern
from recog.dialects.nn.structure import ReshapeOfReshapePattern
from recog.lowering.common.rewriting import only_user

PLANES_FIRST = (0, 2, 1, 3, 4)

Add = Callable[[Operation], SSAValue]
"""Takes a new op and gives its result."""


class DecomposeConv3dPass(ModulePass):
    """Write convolutions of volumes, of one group, as one of images for each output plane."""

    name = "decompose-conv3d"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(DecomposeConv3dPattern()).rewrite_module(op)
        tidy = GreedyRewritePatternApplier(
            [PermuteOfPermutePattern(), NothingMovedPattern(), ReshapeOfReshapePattern()]
        )
        PatternRewriteWalker(tidy).rewrite_module(op)


class DecomposeConv3dPattern(RewritePattern):
    """conv3d [+ relu] → a conv2d [+ relu] for each output plane, and their concatenation."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.Conv3dOp, rewriter: PatternRewriter, /) -> None:
        constant = op.weight.owner
        if op.groups.value.data != 1 or not isinstance(constant, ConstantOp):
            return
        user = only_user(op.output)
        last = user if isinstance(user, nn.ReluOp) else op
        made: list[Operation] = []

        def add(new: Operation) -> SSAValue:
            new.location = op.location
            made.append(new)
            return new.results[0]

        weight = _planes_first(constant)
        made.append(weight)
        planes = _planes(op, add)
        outputs = [add(conv) for conv in _convolutions(op, planes, weight.output, add)]
        if last is not op:
            outputs = [add(nn.ReluOp(output)) for output in outputs]
        batch, channels, depth, height, width = shape_of(op.output)
        volume = add(nn.ConcatOp(outputs, 1))
        volume = add(nn.ReshapeOp(volume, (batch, depth, channels, height, width)))
        result = add(nn.PermuteOp(volume, PLANES_FIRST))
        result.name_hint = last.results[0].name_hint
        rewriter.insert(made)
        rewriter.replace(last, [], [result])
        if last is not op:
            rewriter.erase(op)


class NothingMovedPattern(RewritePattern):
    """permute(x) with all axes in place, and reshape(x) to its own shape → x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NnOp, rewriter: PatternRewriter, /) -> None:
        match op:
            case nn.PermuteOp():
                same = op.permutation.get_values() == tuple(range(len(shape_of(op.input))))
            case nn.ReshapeOp():
                same = op.input.type == op.output.type
            case _:
                return
        if same:
            rewriter.replace(op, [], [op.input])


def _planes_first(constant: ConstantOp) -> ConstantOp:
    """A weight (O, C, kd, kh, kw) as (O, kd · C, kh, kw)."""
    values = constant.value.to_array().swapaxes(1, 2)
    outputs, depth, channels, *kernel = values.shape
    values = np.ascontiguousarray(values).reshape(outputs, depth * channels, *kernel)
    weight = ConstantOp.from_array(values, element_type_of(constant.output))
    weight.location = constant.location
    weight.attributes |= constant.attributes
    weight.output.name_hint = constant.output.name_hint
    return weight


def _planes(op: nn.Conv3dOp, add: Add) -> SSAValue:
    """The input with its planes, and zero planes where the depth is padded, as channels."""
    batch, channels, depth, height, width = shape_of(op.input)
    value = add(nn.PermuteOp(op.input, PLANES_FIRST))
    ends = op.padding.get_values()[0]
    if ends:
        value = add(nn.ReshapeOp(value, (batch, 1, depth, channels * height * width)))
        value = add(nn.PadOp(value, (ends, 0, ends, 0)))
    return add(nn.ReshapeOp(value, (batch, (depth + 2 * ends) * channels, height, width)))


def _convolutions(op: nn.Conv3dOp, planes: SSAValue, weight: SSAValue, add: Add) -> list[Operation]:
    """The convolution of each output plane, not yet inserted."""
    channels, taps = shape_of(op.input)[1], shape_of(op.weight)[2]
    depth_stride, *strides = op.strides.get_values()
    depth_dilation, *dilation = op.dilation.get_values()
    _, *ends = op.padding.get_values()
    convolutions: list[Operation] = []
    for plane in range(shape_of(op.output)[2]):
        first = plane * depth_stride
        if depth_dilation == 1:
            seen = _slice(planes, first * channels, (first + taps) * channels, add)
        else:
            at = [(first + tap * depth_dilation) * channels for tap in range(taps)]
            seen = add(nn.ConcatOp([_slice(planes, i, i + channels, add) for i in at], 1))
        conv = nn.Conv2dOp(
            seen, weight, op.bias, strides=strides, padding=(*ends, *ends), dilation=dilation
        )
        conv.attributes |= op.attributes
        convolutions.append(conv)
    return convolutions


def _slice(value: SSAValue, start: int, stop: int, add: Add) -> SSAValue:
    """Channels of an image."""
    shape = shape_of(value)
    if (start, stop) == (0, shape[1]):
        return value
    starts: Sequence[int] = (0, start, 0, 0)
    return add(nn.SliceOp(value, starts, (shape[0], stop, *shape[2:]), (1, 1, 1, 1)))
