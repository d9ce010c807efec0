"""Which values of a network need codes of other widths or ranges than the rest.

Wide are those whose errors the decoders of heads amplify: a disparity of 30 pixels in codes of 8
bits is off by half a pixel. Ops that decode say which
operands and results of theirs are to be wide (`NnOp.WIDE`); so are those that only a move, an
interpolation or a constant factor lies between, or a quotient.

Inputs of rsqrt need range more than precision: a small variance scales its channel most. Half the
error of the variance's logarithm remains in the scale.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array

MOVING = nn.ReshapeOp | nn.PermuteOp | nn.SliceOp | nn.ConcatOp | nn.PadOp | nn.MaxPool2dOp
"""Ops whose results have the formats of their operands."""

LAYERS = nn.Conv2dOp | nn.ConvTranspose2dOp | nn.LinearOp
"""Ops whose accumulators grow with the bits of their operands."""


def wide_values(function: func.FuncOp) -> set[SSAValue]:
    """The values of a function of nn ops that calibrate gives wide formats."""
    ops = [op for op in function.body.block.ops if isinstance(op, nn.NnOp)]
    wide = {value for op in ops for value in op.wide_values}
    for op in reversed(ops):
        if op.output in wide and _keeps_digits(op):
            wide.update(op.operands)
    for op in ops:
        if isinstance(op, nn.ConcatOp) or not _keeps_digits(op):
            continue
        fed = any(operand in wide for operand in op.operands)
        if fed and not any(isinstance(use.operation, LAYERS) for use in op.output.uses):
            wide.add(op.output)
    return wide


def _keeps_digits(op: Operation) -> bool:
    """Whether an op moves, interpolates, scales or inverts its operand."""
    match op:
        case nn.MulOp() | nn.DivOp():
            arrays = [constant_array(value) for value in op.operands]
            return any(array is not None for array in arrays)
        case nn.PowOp():
            return op.exponent.value.data == -1
        case _:
            return isinstance(op, MOVING | nn.ResizeOp | nn.NegOp)


def ranged_values(function: func.FuncOp) -> set[SSAValue]:
    """The values under reciprocal roots, and what is only scaled and summed to give them."""
    ranged: set[SSAValue] = set()
    for op in reversed(function.body.block.ops):
        match op:
            case nn.RsqrtOp():
                ranged.add(op.input)
            case nn.AvgPool2dOp() | nn.Conv2dOp() if op.output in ranged:
                ranged.add(op.input)
            case nn.AddOp() | nn.MulOp() if op.output in ranged:
                arrays = [constant_array(value) for value in op.operands]
                if any(array is not None and array.size == 1 for array in arrays):
                    ranged.update(op.operands)
    return ranged
