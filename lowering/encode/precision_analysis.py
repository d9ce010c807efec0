"""Which values of a network need codes of other widths or ranges than the rest.

Wide are those whose errors the decoders of heads amplify: a disparity of 30 pixels in codes of 8
bits is off by half a pixel. Ops that decode say which operands and results of theirs are to be
wide (`NnOp.WIDE`); so are those that only ops which keep the digits lie between.

Inputs of rsqrt need range more than precision: a small variance scales its channel most. Half the
error of the variance's logarithm remains in the scale.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.facts import Kind


def wide_values(function: func.FuncOp) -> set[SSAValue]:
    """The values of a function of nn ops that calibrate gives wide formats."""
    ops = [op for op in function.body.block.ops if isinstance(op, nn.NnOp)]
    wide = {value for op in ops for value in op.wide_values}
    for op in reversed(ops):
        if op.output in wide and op.keeps_digits():
            wide.update(op.operands)
    for op in ops:
        if isinstance(op, nn.ConcatOp) or not op.keeps_digits():
            continue
        fed = any(operand in wide for operand in op.operands)
        if fed and not any(isinstance(use.operation, nn.LayerOp) for use in op.output.uses):
            wide.add(op.output)
    return wide


def ranged_values(function: func.FuncOp) -> set[SSAValue]:
    """The values under reciprocal roots, and what is only scaled and summed to give them."""
    ranged: set[SSAValue] = set()
    for op in reversed(function.body.block.ops):
        match op:
            case nn.RsqrtOp():
                ranged.add(op.input)
            case nn.NnOp() if op.output in ranged and op.KIND is Kind.SUMS:
                ranged.update(op.operands)
            case nn.AddOp() | nn.MulOp() if op.output in ranged:
                arrays = [constant_array(value) for value in op.operands]
                if any(array is not None and array.size == 1 for array in arrays):
                    ranged.update(op.operands)
            case _:
                pass
    return ranged
