"""channels-first: what images with their channels last go through, on images with channels first.

Networks permute images to (N, H, W, C) for a layer norm or a linear layer over the channels, and
back. The chip's images have their channels first, where a linear layer is a 1x1 convolution and a
layer norm over the channels is one of every pixel by itself. Each pattern moves the
permutation behind the op; permutations that meet cancel.
"""

from __future__ import annotations

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
from recog.dialects.nn.sampling import PermuteOfPermutePattern
from recog.lowering.common.rewriting import replace_op
from recog.lowering.legalize.decompose_normalization import normalize_channels

CHANNELS_LAST = (0, 2, 3, 1)


class ChannelsFirstPass(ModulePass):
    """Move permutations to channels last behind linear layers, layer norms and functions."""

    name = "channels-first"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        patterns: list[RewritePattern] = [
            LinearPattern(),
            LayerNormPattern(),
            FunctionPattern(),
            PermuteOfPermutePattern(),
            NoPermutePattern(),
        ]
        PatternRewriteWalker(GreedyRewritePatternApplier(patterns)).rewrite_module(op)


def channels_first(value: SSAValue) -> SSAValue | None:
    """The image (N, C, H, W) that `value` (N, H, W, C) is a permutation of."""
    op = value.owner
    if not isinstance(op, nn.PermuteOp) or op.permutation.get_values() != CHANNELS_LAST:
        return None
    return op.input


def _replace(rewriter: PatternRewriter, op: nn.NnOp, *ops: Operation) -> None:
    """Replace `op` by ops of which the last gives its result with channels first."""
    last = ops[-1]
    last.attributes |= op.attributes
    last.results[0].name_hint = op.output.name_hint
    replace_op(rewriter, op, [*ops, nn.PermuteOp(last, CHANNELS_LAST)])


class LinearPattern(RewritePattern):
    """linear(permute(x)) → permute(conv2d 1x1(x))."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LinearOp, rewriter: PatternRewriter, /) -> None:
        image, constant = channels_first(op.input), op.weight.owner
        if image is None or not isinstance(constant, ConstantOp):
            return
        weight = constant.value.to_array()[:, :, None, None]
        kernel = ConstantOp.from_array(weight, nn.element_type_of(op.weight))
        kernel.attributes |= constant.attributes
        kernel.location = constant.location
        kernel.output.name_hint = op.weight.name_hint
        _replace(rewriter, op, kernel, nn.Conv2dOp(image, kernel.output, op.bias))


class LayerNormPattern(RewritePattern):
    """layer_norm(permute(x)) → permute(the formula over axis 1), Ba et al. 2016, equation 4."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LayerNormOp, rewriter: PatternRewriter, /) -> None:
        image = channels_first(op.input)
        if image is None or len(nn.shape_of(op.scale)) != 1:
            return
        ops = normalize_channels(image, op.scale, op.bias, op.eps.value.data)
        if ops:
            _replace(rewriter, op, *ops)


class FunctionPattern(RewritePattern):
    """function(permute(x)) → permute(function(x)), element by element."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.UnaryOp, rewriter: PatternRewriter, /) -> None:
        image = channels_first(op.input)
        if image is None:
            return
        moved = type(op).create(
            operands=[image], result_types=[image.type], properties=dict(op.properties)
        )
        _replace(rewriter, op, moved)


class NoPermutePattern(RewritePattern):
    """permute(x) with all axes in place → x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PermuteOp, rewriter: PatternRewriter, /) -> None:
        if folded := op.fold():
            rewriter.replace(op, [], [SSAValue.get(value) for value in folded])  # pyright: ignore
