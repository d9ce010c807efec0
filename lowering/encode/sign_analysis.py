"""Which values of a network are never negative, whatever its input: those need no sign bit."""

from __future__ import annotations

from collections.abc import Container

from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array


def is_never_negative(value: SSAValue, lowest: float, known: Container[SSAValue]) -> bool:
    """Whether the network's structure says so; of its inputs the lowest value seen must tell.

    Args:
        known: values that are never negative and have unsigned formats; what follows from
            operands holds only with these.
    """

    def is_known(operand: SSAValue) -> bool:
        array = constant_array(operand)
        return operand in known if array is None else bool((array >= 0).all())

    op = value.owner
    if isinstance(op, nn.NnOp):
        return op.never_negative(is_known)
    return not isinstance(op, Operation) and lowest >= 0
