"""Multiplications and additions of constants that follow a layer, into its weights and bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
        try:
            index, affine = by_constant(op, self.constants)
            value, constant = op.operands[index], op.operands[1 - index]
            layer = value.owner
            if not isinstance(layer, WeightedOp) or only_user(value) is not op:
                return
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


def by_constant(op: BinaryOp, constants: Constants) -> tuple[int, Affine]:
    """The number of the operand that is computed, and what a constant does to its elements.

    Raises NotFoldable where no operand is constant or both are, where the other is spread, or where
    that is no affine map.
    """
    computed = [i for i, value in enumerate(op.operands) if constant_array(value) is None]
    if len(computed) != 1 or shape_of(op.operands[computed[0]]) != shape_of(op.output):
        raise NotFoldable("no operand is constant")
    (index,) = computed
    values = constants.read(op.operands[1 - index], "an operand")
    array = values.reshape((1,) * (len(shape_of(op.output)) - values.ndim) + values.shape)
    ones, zeros = np.ones_like(array), np.zeros_like(array)
    match op:
        case AddOp():
            return index, Affine.of(ones, array)
        case SubOp() if index == 0:
            return index, Affine.of(ones, -array)
        case SubOp():
            return index, Affine.of(-ones, array)
        case MulOp():
            return index, Affine.of(array, zeros)
        case DivOp() if index == 0 and array.all():
            return index, Affine.of(1.0 / array, zeros)
        case _:
            raise NotFoldable("no affine map")
