"""Outputs whose channels have units of their own: codes of one range, decoded by channel.

A product with powers of two, one a channel, at the end of a network costs nothing and rounds
nothing: the host decodes each channel's codes with a bias of its own.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array


def output_exponents(op: Operation) -> np.ndarray | None:
    """The exponents, int64 (C), of an op that only gives outputs their scales; else None.

    It is a product of a value of two axes or more, which nothing else uses, with positive powers of
    two along axis 1 that are not all equal, and nothing but the function's return uses it.
    """
    if not isinstance(op, nn.MulOp) or not op.lhs.has_one_use() or not op.output.uses:
        return None
    if not all(isinstance(use.operation, func.ReturnOp) for use in op.output.uses):
        return None
    shape, factors = nn.shape_of(op.output), constant_array(op.rhs)
    if factors is None or len(shape) < 2 or nn.shape_of(op.lhs) != shape:
        return None
    aligned = (1,) * (len(shape) - factors.ndim) + factors.shape
    if aligned != (1, shape[1], *[1] * (len(shape) - 2)):
        return None
    mantissas, exponents = np.frexp(factors.reshape(-1).astype(np.float64))
    if not (mantissas == 0.5).all() or (exponents == exponents[0]).all():
        return None
    return exponents.astype(np.int64) - 1


def coded_output(value: SSAValue) -> SSAValue:
    """The value whose codes a program gives for an output: before the scales of its channels."""
    owner = value.owner
    if isinstance(owner, nn.MulOp) and output_exponents(owner) is not None:
        return owner.lhs
    return value
