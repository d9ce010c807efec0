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
    DivOp,
    MulOp,
    SubOp,
    element_type_of,
    shape_of,
)
from recog.lowering.batch_norm.affine import Affine, Constants, NotFoldable, round_to
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
    sides = [(op.lhs, op.rhs)]
    if isinstance(op, AddOp | MulOp):
        sides.append((op.rhs, op.lhs))
    for x, other in sides:
        if len(shape_of(x)) != 4 or shape_of(x) != shape_of(op.output):
            continue
        if (values := _by_channel(constants, other, shape_of(x))) is not None:
            return x, _affine(op, values)
    raise NotFoldable("no operand is a constant by channel")


def _by_channel(constants: Constants, value: SSAValue, shape: tuple[int, ...]) -> np.ndarray | None:
    """The constant's elements for each channel of a tensor of `shape`, float64 (C)."""
    try:
        values = constants.read(value, "the operand")
    except NotFoldable:
        return None
    values = values.reshape((1,) * (len(shape) - values.ndim) + values.shape)
    if any(size > 1 for axis, size in enumerate(values.shape) if axis != 1):
        return None
    return np.broadcast_to(values.reshape(-1), shape[1])


def _affine(op: BinaryOp, values: np.ndarray) -> Affine:
    ones, zeros = np.ones_like(values), np.zeros_like(values)
    match op:
        case AddOp():
            return Affine(ones, values)
        case SubOp():
            return Affine(ones, -values)
        case MulOp():
            return Affine(values, zeros)
        case DivOp() if values.all():
            return Affine(1.0 / values, zeros)
        case _:
            raise NotFoldable("no affine map")


def is_vector(value: SSAValue) -> bool:
    """Whether a value is a constant of several elements."""
    array = constant_array(value)
    return array is not None and array.size > 1
