"""raise-expectation: a soft argmin written out as one op.

A stereo head turns logits over disparity bins into their expected value,

    sum over axis 1 of softmax(logits, axis 1) · bins, keeping the axis [+ residual]

in any order of the product's operands. The chip has an instruction for all of it, where it
has none for a softmax.
"""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
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
from recog.dialects.nn import element_type_of, shape_of
from recog.lowering.common.rewriting import fused_location, only_user


class RaiseExpectationPass(ModulePass):
    """Replace each softmax over channels, times bins and summed, by nn.expectation."""

    name = "raise-expectation"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(RaiseExpectationPattern()).rewrite_module(op)
        PatternRewriteWalker(AddResidualPattern()).rewrite_module(op)


class RaiseExpectationPattern(RewritePattern):
    """sum(softmax(logits) · bins) over axis 1 → expectation."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SumOp, rewriter: PatternRewriter, /) -> None:
        shape = shape_of(op.input)
        if len(shape) != 4 or op.axes.get_values() != (1,):
            return
        product = op.input.owner
        if not isinstance(product, nn.MulOp) or only_user(product.output) is not op:
            return
        softmax = next((v.owner for v in product.operands if _is_softmax(v, product)), None)
        if not isinstance(softmax, nn.SoftmaxOp):
            return
        factor = product.rhs if product.lhs is softmax.output else product.lhs
        bins = bins_of(factor, shape[1])
        if bins is None:
            return
        constant = ConstantOp.from_array(bins, element_type_of(factor))
        constant.output.name_hint = factor.name_hint
        expectation = nn.ExpectationOp(softmax.input, constant)
        location = fused_location(softmax, product, op)
        constant.location = expectation.location = location
        expectation.attributes |= op.attributes
        ops: list[Operation] = [constant, expectation]
        if op.keepdims is None:
            expectation.output.name_hint = op.output.name_hint
            ops.append(nn.ReshapeOp(expectation, shape_of(op.output)))
            ops[-1].location = location
        ops[-1].results[0].name_hint = op.output.name_hint
        rewriter.replace(op, ops)
        rewriter.erase(product)
        rewriter.erase(softmax)
        if isinstance(factor.owner, ConstantOp) and not factor.uses:
            rewriter.erase(factor.owner)


class AddResidualPattern(RewritePattern):
    """expectation + residual → expectation with a residual."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AddOp, rewriter: PatternRewriter, /) -> None:
        for value, residual in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            expectation = value.owner
            if (
                isinstance(expectation, nn.ExpectationOp)
                and expectation.residual is None
                and only_user(value) is op
                and shape_of(residual) == shape_of(value)
                and constant_array(residual) is None
            ):
                raised = nn.ExpectationOp(expectation.logits, expectation.bins, residual)
                raised.location = fused_location(expectation, op)
                raised.attributes |= op.attributes
                raised.output.name_hint = op.output.name_hint
                rewriter.replace(op, raised)
                rewriter.erase(expectation)
                return


def _is_softmax(value: SSAValue, user: Operation) -> bool:
    softmax = value.owner
    return (
        isinstance(softmax, nn.SoftmaxOp)
        and softmax.axis.value.data in (1, -3)
        and only_user(value) is user
    )


def bins_of(value: SSAValue, channels: int) -> np.ndarray | None:
    """The constant (D,) that broadcasts along axis 1 of four as `value` does, None if none."""
    array = constant_array(value)
    if array is None or array.ndim > 4:
        return None
    aligned = array.reshape((1,) * (4 - array.ndim) + array.shape)
    if aligned.shape != (1, channels, 1, 1):
        return None
    return np.ascontiguousarray(aligned.reshape(-1))
