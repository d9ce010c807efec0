"""What an operation with a constant does to its other operand."""

from __future__ import annotations

import numpy as np

from recog.dialects.nn import AddOp, BinaryOp, DivOp, MulOp, SubOp


def scale_and_shift(
    op: BinaryOp, index: int, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The scale and the shift of operand number `index`, of the shape of the constant's `values`;
    None where they are none."""
    ones, zeros = np.ones_like(values), np.zeros_like(values)
    match op:
        case AddOp():
            return ones, values
        case SubOp() if index == 0:
            return ones, -values
        case SubOp():
            return -ones, values
        case MulOp():
            return values, zeros
        case DivOp() if index == 0 and (values != 0).all():
            return 1 / values, zeros
        case _:
            return None
