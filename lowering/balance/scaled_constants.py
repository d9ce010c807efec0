"""Factors of channels, powers of two, taken into the constants of a network."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import Block, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import fail
from recog.lowering.balance.channel_factors import ChannelClasses


def scale_channels(classes: ChannelClasses, exponents: np.ndarray) -> None:
    """Multiply the channels of each class by 2^exponent, int64 (classes); results stay the same.

    The factors go into the constants of layers, or into products after values of one factor.
    """
    constants = _Constants()
    for op in classes.layers:
        taken, given = (exponents[classes.of[v]] for v in (classes.source(op), op.output))
        if taken.any() or given.any():
            _rescale(op, taken, given, constants)
    for value in classes.uniform:
        exponent = int(exponents[classes.of[value][0]])
        if exponent:
            _multiply_after(value, np.array([exponent]))
    for value in classes.outputs:
        given = exponents[classes.of[value]]
        if given.any():
            _multiply_after(value, -given)


class _Constants:
    """Scaled constants; what layers share, they share scaled alike."""

    def __init__(self):
        self._known: dict[tuple[SSAValue, bytes], SSAValue] = {}

    def scaled(self, op: nn.NnOp, index: int, exponents: np.ndarray) -> None:
        """Multiply a constant operand of an op by powers of two that broadcast with it."""
        old = op.operands[index]
        array = constant_array(old)
        if array is None:
            fail(op, "an operand is computed, not constant")
        key = old, exponents.astype(np.int64).tobytes()
        if key not in self._known:
            values = np.ldexp(array.astype(np.float32), exponents.astype(np.int32))
            new = ConstantOp.from_array(values, f32)
            new.location = old.owner.location  # pyright: ignore[reportAttributeAccessIssue]
            new.output.name_hint = old.name_hint
            Rewriter.insert_op(new, InsertPoint.after(old.owner))  # pyright: ignore
            self._known[key] = new.output
        op.operands[index] = self._known[key]


def _rescale(op: nn.NnOp, taken: np.ndarray, given: np.ndarray, constants: _Constants) -> None:
    match op:
        case nn.LayerOp():
            shape, groups = nn.shape_of(op.weight), op.group_count
            group = np.arange(shape[0]) // (shape[0] // groups)
            inverse = taken.reshape(groups, -1)[group]
            exponents = given[:, None] - inverse
            constants.scaled(op, 1, exponents.reshape(*exponents.shape, *[1] * (len(shape) - 2)))
            if op.bias is not None:
                constants.scaled(op, 2, given)
        case nn.BatchNormOp():
            scale, bias, mean, _ = range(1, 5)
            for index, exponents in ((scale, given - taken), (bias, given), (mean, taken)):
                constants.scaled(op, index, exponents)
        case nn.AddOp() | nn.SubOp():
            index = next(i for i, v in enumerate(op.operands) if isinstance(v.owner, ConstantOp))
            constants.scaled(op, index, _aligned(op, given))
        case nn.DivOp():
            constants.scaled(op, 1, _aligned(op, taken - given))
        case _:
            constants.scaled(op, 1, _aligned(op, given - taken))


def _aligned(op: nn.NnOp, exponents: np.ndarray) -> np.ndarray:
    """Exponents of channels as an operand that broadcasts with the result; one where all agree."""
    if (exponents == exponents[0]).all():
        return exponents[0]
    return exponents.reshape(-1, *[1] * (len(nn.shape_of(op.output)) - 2))


def _multiply_after(value: SSAValue, exponents: np.ndarray) -> None:
    """Let all users of a value have it times powers of two, one for all channels or one each."""
    factors = np.ldexp(np.float32(1), exponents.astype(np.int32))
    ones = [1] * (len(nn.shape_of(value)) - 2)
    constant = ConstantOp.from_array(factors.reshape(1, -1, *ones), f32)
    product = nn.MulOp(value, constant)
    owner = value.owner
    if isinstance(owner, Block):
        where = InsertPoint.at_start(owner)
        location = owner.parent_op().location  # pyright: ignore[reportOptionalMemberAccess]
    else:
        where, location = InsertPoint.after(owner), owner.location
    constant.location = product.location = location
    value.replace_uses_with_if(product.output, lambda use: use.operation is not product)
    Rewriter.insert_op([constant, product], where)
