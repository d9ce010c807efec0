"""one-frame: a network imported with a batch of several images, as one of one image.

A module whose ops all keep the batch first gives for N images what it gives for each one. The chip
runs one frame at a time, and its programs are made for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.dialects.functions import check_body, depends_on_inputs, nn_ops
from recog.dialects.tensors import ints
from recog.dialects.verification import verify_module
from recog.lowering.common.shared_options import EntryOptions


@dataclass(frozen=True, kw_only=True)
class OneFramePass(EntryOptions, ModulePass):
    """Give functions that run any batch types of a batch of one."""

    name = "one-frame"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.sym_name.data == self.entry:
                check_body(function)
                one_frame(op, function)


def one_frame(module: ModuleOp, function: FuncOp) -> bool:
    """Let a function take one image where it takes a batch of them; whether it can."""
    batch = _batch(function)
    if batch is None or nn.batch_mixing_op(function) is not None:
        return False
    values = depends_on_inputs(function)
    shapes = [value.type.get_shape() for value in values if isinstance(value.type, TensorType)]
    if any(shape[:1] != (batch,) for shape in shapes):
        return False
    trial = module.clone()
    copy = next(
        each
        for each in trial.body.block.ops
        if isinstance(each, FuncOp) and each.sym_name == function.sym_name
    )
    _shrink(copy)
    try:
        verify_module(trial)
    except RecogError:
        return False  # an op spreads a constant over the batch, say
    _shrink(function)
    return True


def _batch(function: FuncOp) -> int | None:
    """The batch that all arguments have, None if that is 1, or they differ."""
    types = list(function.function_type.inputs)
    shapes = [each.get_shape() for each in types if isinstance(each, TensorType)]
    sizes = {shape[0] for shape in shapes if shape}
    if len(shapes) != len(types) or len(sizes) != 1 or not all(shapes):
        return None
    (batch,) = sizes
    return batch if batch > 1 else None


def _shrink(function: FuncOp) -> None:
    values = depends_on_inputs(function)
    for op in nn_ops(function):
        if isinstance(op, nn.SliceOp) and op.input in values:
            starts, stops = op.starts.get_values(), op.stops.get_values()
            if starts[0] == 0:
                op.properties["stops"] = ints((1, *stops[1:]))
    for value in list(values):
        Rewriter.replace_value_with_new_type(value, _of_one(value))
    function.properties["function_type"] = FunctionType.from_lists(
        [argument.type for argument in function.args], _result_types(function)
    )


def _of_one(value: SSAValue) -> Attribute:
    if not isinstance(value.type, TensorType):
        return value.type
    return TensorType(value.type.element_type, (1, *value.type.get_shape()[1:]))


def _result_types(function: FuncOp) -> Sequence[Attribute]:
    end = function.body.block.last_op
    return [] if end is None else [operand.type for operand in end.operands]
