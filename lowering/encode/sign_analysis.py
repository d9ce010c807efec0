"""Which values of a network are never negative, whatever its input: those need no sign bit."""

from __future__ import annotations

from collections.abc import Container

from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array

PASSING = (
    nn.MaxPool2dOp
    | nn.AvgPool2dOp
    | nn.Conv2dOp
    | nn.MeanOp
    | nn.SumOp
    | nn.MaxOp
    | nn.ResizeOp
    | nn.ReshapeOp
    | nn.ConcatOp
    | nn.SliceOp
    | nn.PermuteOp
    | nn.BroadcastOp
    | nn.AddOp
    | nn.MulOp
    | nn.DivOp
    | nn.MinimumOp
    | nn.LeakyReluOp
    | nn.EluOp
    | nn.SiluOp
    | nn.HardswishOp
    | nn.GeluOp
    | nn.TanhOp
    | nn.ErfOp
    | nn.FloorOp
    | nn.CorrelationOp
)
"""What gives nothing negative where no operand is."""


def is_never_negative(value: SSAValue, lowest: float, known: Container[SSAValue]) -> bool:
    """Whether the network's structure says so; of its inputs the lowest value seen must tell.

    Args:
        known: values that are never negative and have unsigned formats; what follows from
            operands holds only with these.
    """

    def is_known(operand: SSAValue) -> bool:
        array = constant_array(operand)
        return operand in known if array is None else bool((array >= 0).all())

    match value.owner:
        case (
            nn.ReluOp()
            | nn.SigmoidOp()
            | nn.HardsigmoidOp()
            | nn.SoftmaxOp()
            | nn.SoftplusOp()
            | nn.ExpOp()
            | nn.AbsOp()
            | nn.SqrtOp()
            | nn.RsqrtOp()
            | nn.PeaksOp()
            | nn.SuppressOp()
        ):
            return True
        case nn.ClampOp() as op:
            low, high = op.min.value.data, op.max.value.data
            return low >= 0 or (high >= 0 and is_known(op.input))
        case nn.PowOp() as op:
            return op.exponent.value.data % 2 == 0 or is_known(op.input)
        case nn.ExpectationOp() as op:
            return is_known(op.bins) and (op.residual is None or is_known(op.residual))
        case nn.MulOp() as op if op.lhs == op.rhs:
            return True
        case nn.MaximumOp() as op:
            return is_known(op.lhs) or is_known(op.rhs)
        case nn.PadOp() as op:
            return op.value.value.data >= 0 and is_known(op.input)
        case Operation() as op:
            return isinstance(op, PASSING) and all(is_known(operand) for operand in op.operands)
        case _:
            return lowest >= 0
