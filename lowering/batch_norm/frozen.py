"""Frozen batch norms: a scale and a shift of constants, written as multiply and add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects.data import constant_array
from recog.dialects.nn import (
    AddOp,
    BatchNormOp,
    BinaryOp,
    SubOp,
    element_type_of,
    shape_of,
)
from recog.lowering.batch_norm.affine import Affine, Constants, NotFoldable, round_to
from recog.lowering.batch_norm.arithmetic import by_channel, computed_operand
from recog.lowering.common.pixels import pixel_function
from recog.lowering.common.rewriting import fused_location, only_user


@dataclass
class RaiseFrozenBatchNormPattern(RewritePattern):
    """x · scale + shift → batch_norm(x), for constants by channel.

    Also (x - mean) / deviation, as networks normalize their images: a multiplication and an
    addition of images (N, C, H, W) in either order, where a constant is not the same for all
    channels. What is the same for all may be any arithmetic, and stays.
    """

    constants: Constants

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BinaryOp, rewriter: PatternRewriter, /) -> None:
        try:
            middle, second = affine_by_channel(op, self.constants)
            first_op = middle.owner
            if not isinstance(first_op, BinaryOp) or only_user(middle) is not op:
                return
            x, first = affine_by_channel(first_op, self.constants)
            if isinstance(op, AddOp | SubOp) == isinstance(first_op, AddOp | SubOp):
                return
            if not any(is_vector(value) for value in (*op.operands, *first_op.operands)):
                return
            values = [first.scale * second.scale, first.shift * second.scale + second.shift]
            element_type = element_type_of(x)
            rounded = [round_to(value, element_type) for value in values]
        except NotFoldable:
            return
        if pixel_function(op.output) is not None:
            return  # the table that encodes pixels holds it, exactly and for nothing
        zeros, ones = np.zeros_like(values[0]), np.ones_like(values[0])
        operands = [
            self.constants.make(x, array.astype(rounded[0].dtype), exact)
            for array, exact in zip([*rounded, zeros, ones], [*values, zeros, ones])
        ]
        for operand, name in zip(operands, ("scale", "bias", "mean", "variance")):
            operand.output.name_hint = name
            operand.location = op.location
        batch_norm = BatchNormOp(x, *operands, eps=0.0)
        batch_norm.location = fused_location(first_op, op)
        rewriter.replace(op, [*operands, batch_norm])
        rewriter.erase(first_op)


def affine_by_channel(op: BinaryOp, constants: Constants) -> tuple[SSAValue, Affine]:
    """The other operand of an op with a constant, and what is done to it by channel.

    The operand is (N, C, H, W); scale and shift are (C).

    Raises NotFoldable where neither operand is such a constant.
    """
    index = computed_operand(op) if len(shape_of(op.output)) == 4 else None
    if index is None:
        raise NotFoldable("no operand is a constant by channel")
    return op.operands[index], Affine(*by_channel(op, index, 1, constants))


def is_vector(value: SSAValue) -> bool:
    """Whether a value is a constant of several elements."""
    array = constant_array(value)
    return array is not None and array.size > 1
