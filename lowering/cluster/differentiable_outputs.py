"""The heads of a network: the values that its decoders take, the last ones with a gradient.

Peaks, boxes and indices have no gradient, so a network that ends in them is tuned toward what
the float network gives them. For that its function returns the heads for a while.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops


def heads_of(function: FuncOp) -> list[SSAValue]:
    """What to tune a function by where its outputs have no gradient; empty where they have one.

    The float values that ops without a gradient take, and the outputs that depend on none.
    """
    variable = depends_on_inputs(function)
    without_gradient: set[SSAValue] = set()
    heads: dict[SSAValue, None] = {}
    for op in nn_ops(function):
        follows = any(operand in without_gradient for operand in op.operands)
        if not follows and not _has_no_gradient(op):
            continue
        without_gradient.update(op.results)
        taken = (value for value in op.operands if value not in without_gradient)
        heads.update(dict.fromkeys(v for v in taken if v in variable and v not in function.args))
    outputs = _return_op(function).operands
    if not any(value in without_gradient for value in outputs):
        return []
    heads.update(dict.fromkeys(value for value in outputs if value not in without_gradient))
    return [value for value in heads if nn.is_float(nn.element_type_of(value))]


def _has_no_gradient(op: nn.NnOp) -> bool:
    floats = all(nn.is_float(nn.element_type_of(value)) for value in op.results)
    return isinstance(op, nn.BoxOp) or not floats


@contextmanager
def returning_heads(
    module: ModuleOp, entry: str = "main", more: Sequence[SSAValue] = ()
) -> Generator[bool, None, None]:
    """Within the context a function with decoders returns its heads; whether it has any.

    Args:
        more: values that it returns within the context too, last.
    """
    function = find_function(module, entry)
    end, heads = _return_op(function), heads_of(function)
    outputs, type_ = list(end.operands), function.function_type
    _return(function, end, [*(heads or outputs), *more])
    try:
        yield bool(heads)
    finally:
        _return(function, end, outputs)
        function.properties["function_type"] = type_


def _return(function: FuncOp, end: ReturnOp, values: list[SSAValue]) -> None:
    end.operands = values
    function.properties["function_type"] = FunctionType.from_lists(
        list(function.body.block.arg_types), [value.type for value in values]
    )


def _return_op(function: FuncOp) -> ReturnOp:
    end = function.body.block.last_op
    if not isinstance(end, ReturnOp):
        raise ValueError("a function ends in func.return")
    return end
