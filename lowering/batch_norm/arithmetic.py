"""Multiplications and additions of constants that follow a layer, into its weights and bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects.data import constant_array
from recog.dialects.nn import AddOp, BinaryOp, DivOp, MulOp, SubOp, WeightedOp, shape_of
from recog.lowering.batch_norm.affine import Affine, Constants, NotFoldable
from recog.lowering.batch_norm.edits import carry_out
from recog.lowering.batch_norm.plan import channel_axis, edit_layer
from recog.lowering.common.rewriting import only_user


@dataclass
class FoldArithmeticPattern(RewritePattern):
    """layer(x) · scale + shift → layer'(x), one operation at a time, for constants by channel.

    Not where other layers share the weight: each would get one of its own. Nor into sums, of whose
    weights all are 1, or -1: every format holds these, and what follows is part of a table.
    """

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BinaryOp, rewriter: PatternRewriter, /) -> None:
        index = _computed_operand(op)
        if index is None:
            return
        value, constant = op.operands[index], op.operands[1 - index]
        layer = value.owner
        if not isinstance(layer, WeightedOp) or only_user(value) is not op:
            return
        try:
            affine = _affine_of(op, value, self.constants.read(constant, "an operand"))
            axis = channel_axis(layer, value)
            by_channel = affine.along(axis, shape_of(value)[axis])
            if by_channel is None:
                return
            scale, shift = by_channel
            if (scale != 1).any() and not layer.weight.has_one_use():
                return
            weights = self.constants.weights_of(layer)
            if (np.abs(weights.stored) == 1).all():
                return
            weights = weights.followed_by(scale, shift)
            edit = edit_layer(layer, weights, scale, 0, list(value.uses))
        except NotFoldable:
            return
        carry_out(op, index, [edit], self.constants, rewriter, bias=constant)


def _computed_operand(op: BinaryOp) -> int | None:
    """The number of the operand that is computed, where the other is constant and spreads to it."""
    computed = [i for i, value in enumerate(op.operands) if constant_array(value) is None]
    if len(computed) != 1 or shape_of(op.operands[computed[0]]) != shape_of(op.output):
        return None
    return computed[0]


def _affine_of(op: BinaryOp, value: SSAValue, constant: np.ndarray) -> Affine:
    """What an operation does to the operand that is computed. Raises NotFoldable."""
    rank = len(shape_of(value))
    array = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    ones, zeros = np.ones_like(array), np.zeros_like(array)
    match op:
        case AddOp():
            return Affine.of(ones, array)
        case SubOp() if value is op.lhs:
            return Affine.of(ones, -array)
        case SubOp():
            return Affine.of(-ones, array)
        case MulOp():
            return Affine.of(array, zeros)
        case DivOp() if value is op.lhs and array.all():
            return Affine.of(1.0 / array, zeros)
        case _:
            raise NotFoldable("no affine map")
