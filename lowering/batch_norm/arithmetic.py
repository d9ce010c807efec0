"""Multiplications and additions of constants that follow a layer, into its weights and bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects.data import constant_array
from recog.dialects.nn import BinaryOp, WeightedOp, shape_of
from recog.lowering.batch_norm.affine import Constants, NotFoldable
from recog.lowering.batch_norm.edits import carry_out
from recog.lowering.batch_norm.plan import channel_axis, edit_layer
from recog.lowering.common.constant_arithmetic import scale_and_shift
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
        index = computed_operand(op)
        if index is None:
            return
        value, constant = op.operands[index], op.operands[1 - index]
        layer = value.owner
        if not isinstance(layer, WeightedOp) or only_user(value) is not op:
            return
        if not layer.weight.has_one_use():
            return
        try:
            scale, shift = by_channel(op, index, channel_axis(layer, value), self.constants)
            weights = self.constants.weights_of(layer)
            if (np.abs(weights.values()) == 1).all():
                return
            weights = weights.followed_by(scale, shift)
            edit = edit_layer(layer, weights, scale, 0, list(value.uses))
        except NotFoldable:
            return
        carry_out(op, index, [edit], self.constants, rewriter, bias=constant)


def computed_operand(op: BinaryOp) -> int | None:
    """The number of the operand that is computed, where the other is constant and spreads to it."""
    computed = [i for i, value in enumerate(op.operands) if constant_array(value) is None]
    if len(computed) != 1 or shape_of(op.operands[computed[0]]) != shape_of(op.output):
        return None
    return computed[0]


def by_channel(
    op: BinaryOp, index: int, axis: int, constants: Constants
) -> tuple[np.ndarray, np.ndarray]:
    """The scale and the shift that a constant is to the operand of a number, float64, one of each
    for all that lies along an axis. Raises NotFoldable where there are none."""
    shape, constant = shape_of(op.output), op.operands[1 - index]
    rank = len(shape_of(constant))
    if any(n > 1 for i, n in enumerate(shape_of(constant), len(shape) - rank) if i != axis):
        raise NotFoldable("a constant differs along other axes than the channels'")
    values = constants.read(constant, "an operand").reshape(-1)
    found = scale_and_shift(op, index, np.broadcast_to(values, shape[axis]))
    if found is None:
        raise NotFoldable("no affine map")
    return found
