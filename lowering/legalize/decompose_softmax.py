"""decompose-softmax: a softmax that weighs what layers see as ops that the chip has.

    d = x − max(x),    e = exp(d),    softmax(x) = e / sum(e),

over one axis: a pool, a table, and a convolution with weights 1, whatever the axis. Networks weigh
branches by it (Zhang et al. 2020, ResNeSt; Li et al. 2019, SKNet), and without it all that follows
would be the host's. A softmax that ends the network or decodes what ends it, and one that the host
would compute anyway, stays as it is: the host is as exact as float.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter

from recog.dialects import nn
from recog.dialects.functions import depends_on_inputs, nn_ops
from recog.lowering.common.rewriting import replace_op
from recog.lowering.legalize.where_on_chip import decompose_where_on_chip


class DecomposeSoftmaxPass(ModulePass):
    """Write softmaxes that weigh what layers see as a maximum, a table, a sum and a quotient.

    Only where that brings them to the chip.
    """

    name = "decompose-softmax"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        decompose_where_on_chip(op, _weighing, _decompose)


def _weighing(function: FuncOp) -> list[nn.SoftmaxOp]:
    """The softmaxes that scale what the network computes for a layer, in execution order."""
    variable = depends_on_inputs(function)
    found: list[nn.SoftmaxOp] = []
    layered: set[SSAValue] = set()
    factors: set[SSAValue] = set()
    for op in reversed(nn_ops(function)):
        if isinstance(op, nn.LayerOp) or op.output in layered:
            layered.update(op.operands)
        product = isinstance(op, nn.MulOp) and all(value in variable for value in op.operands)
        if (product and op.output in layered) or op.output in factors:
            factors.update(op.operands)
        if isinstance(op, nn.SoftmaxOp) and op.output in factors:
            found.append(op)
    return found[::-1]


def _decompose(op: nn.SoftmaxOp) -> Operation:
    """Replace a softmax; the op that gives its result."""
    axis = [op.axis.value.data]
    largest = nn.MaxOp(op.input, axis, keepdims=True)
    below = nn.SubOp(op.input, largest)
    powers = nn.ExpOp(below)
    total = nn.SumOp(powers, axis, keepdims=True)
    result = nn.DivOp(powers, total)
    replace_op(PatternRewriter(op), op, [largest, below, powers, total, result])
    return result
