"""Whether a function computes image by image, so that it is valid at every batch size."""

from __future__ import annotations

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from recog.dialects.nn.base import NnOp

__all__ = ["batch_mixing_op"]


def batch_mixing_op(function: FuncOp) -> Operation | None:
    """The first op after which axis 0 is no longer the batch, None where it always is.

    A function without such an op gives for N images what it gives for each one. A module of
    one with such an op holds only at the batch size of its types.
    """
    with_batch: set[SSAValue] = set(function.body.block.args)
    for op in function.body.block.ops:
        carried = [operand in with_batch for operand in op.operands]
        if not isinstance(op, NnOp) or not any(carried):
            continue
        if not op.keeps_batch(carried):
            return op
        with_batch.update(op.results)
    return None
