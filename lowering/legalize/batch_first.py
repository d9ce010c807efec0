"""batch-first: what is stacked in front of the batch is stacked behind it.

    sum(stack(a, b; axis 0); axis 0)   →   sum(stack(a, b; axis 1); axis 1)

The sum, mean or maximum of values that a network computes is the same either way; with the batch
in front it is one of each frame by itself.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.nn import shape_of
from recog.lowering.common.rewriting import replace_op


class BatchFirstPass(ModulePass):
    """Reduce what is stacked along a new first axis along a second one."""

    name = "batch-first"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(StackedReductionPattern()).rewrite_module(op)


class StackedReductionPattern(RewritePattern):
    """reduce(concat(reshapes to (1, ...); axis 0); axis 0) → the same along axis 1."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReduceOp | nn.MeanOp, rewriter: PatternRewriter, /) -> None:
        concat = op.input.owner
        if not isinstance(concat, nn.ConcatOp) or concat.axis.value.data != 0:
            return
        parts = [stacked(value) for value in concat.inputs]
        if op.axes.get_values() != (0,) or op.keepdims is not None or None in parts:
            return
        behind = [
            nn.ReshapeOp(part, (*shape_of(part)[:1], 1, *shape_of(part)[1:]))
            for part in parts
            if part is not None
        ]
        joined = nn.ConcatOp(behind, 1)
        in_front = [concat, *(value.owner for value in dict.fromkeys(concat.inputs))]
        replace_op(rewriter, op, [*behind, joined, type(op)(joined, (1,))])
        for each in in_front:
            if isinstance(each, nn.NnOp) and not each.output.uses:
                rewriter.erase(each)


def stacked(value: SSAValue) -> SSAValue | None:
    """What was given a first axis of size 1; None where it was something else."""
    reshape = value.owner
    if not isinstance(reshape, nn.ReshapeOp):
        return None
    shape = shape_of(reshape.input)
    return reshape.input if shape and shape_of(value) == (1, *shape) else None
