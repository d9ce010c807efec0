"""Interpreter of nn's reductions, comparisons and selections on torch tensors."""

from __future__ import annotations

import torch
from xdsl.dialects.builtin import Float32Type, Float64Type, IntegerType
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Attribute, Operation

from recog.backend.interpreters.nn_tensors import as_tensor, tensors
from recog.dialects import nn
from recog.dialects.errors import RecogError, fail
from recog.dialects.nn import element_type_of, shape_of


def _check_positions(op: Operation, positions: torch.Tensor, first: int, end: int) -> None:
    outside = positions[(positions < first) | (positions >= end)]
    if outside.numel():
        fail(op, f"position {int(outside[0])} is outside an axis of {end}")


def torch_dtype(element_type: Attribute) -> torch.dtype:
    """The dtype that the interpreter keeps elements of this type in."""
    match element_type:
        case Float32Type():
            return torch.float32
        case Float64Type():
            return torch.float64
        case IntegerType() if element_type.width.data == 1:
            return torch.bool
        case nn.PIXEL_TYPE:
            return torch.uint8
        case IntegerType():
            return torch.int64
        case _:
            raise RecogError(f"elements of type {element_type} are no numbers")


@register_impls
class NnSelectionFunctions(InterpreterFunctions):
    """One implementation an op, each the torch operator of the same name."""

    @impl(nn.SumOp)
    def run_sum(self, _: Interpreter, op: nn.SumOp, args: PythonValues) -> PythonValues:
        axes, keep = tuple(op.axes.get_values()), op.keepdims is not None
        return (as_tensor(args[0]).sum(axes, keepdim=keep),)

    @impl(nn.MaxOp)
    def run_max(self, _: Interpreter, op: nn.MaxOp, args: PythonValues) -> PythonValues:
        axes, keep = tuple(op.axes.get_values()), op.keepdims is not None
        return (as_tensor(args[0]).amax(axes, keepdim=keep),)

    @impl(nn.ArgmaxOp)
    def run_argmax(self, _: Interpreter, op: nn.ArgmaxOp, args: PythonValues) -> PythonValues:
        axis, keep = op.axis.value.data, op.keepdims is not None
        x = as_tensor(args[0])
        # torch.argmax leaves open which of equal elements it gives; no number is larger than NaN.
        is_best = (x == x.amax(axis, keepdim=True)) | x.isnan()
        order = torch.arange(x.shape[axis], 0, -1).reshape(-1, *[1] * (x.ndim - 1 - axis))
        first = (is_best * order).amax(axis, keepdim=keep)
        return (x.shape[axis] - first,)

    @impl(nn.TopkIndicesOp)
    def run_topk_indices(
        self, _: Interpreter, op: nn.TopkIndicesOp, args: PythonValues
    ) -> PythonValues:
        axis, k = op.axis.value.data, op.k.value.data
        x = as_tensor(args[0]).detach()
        # A stable sort: torch.topk leaves open which of equal elements it gives.
        order = torch.argsort(x, dim=axis, descending=op.smallest is None, stable=True)
        return (order.narrow(axis, 0, k),)

    @impl(nn.GatherOp)
    def run_gather(self, _: Interpreter, op: nn.GatherOp, args: PythonValues) -> PythonValues:
        x, indices = tensors(args)
        axis = op.axis.value.data
        _check_positions(op, indices, 0, x.shape[axis])
        return (torch.gather(x, axis, indices),)

    @impl(nn.TakeOp)
    def run_take(self, _: Interpreter, op: nn.TakeOp, args: PythonValues) -> PythonValues:
        x, indices = tensors(args)
        size = x.shape[0]
        _check_positions(op, indices, -size, size)
        taken = x.index_select(0, torch.where(indices < 0, indices + size, indices).reshape(-1))
        return (taken.reshape(*indices.shape, *x.shape[1:]),)

    @impl(nn.CompareOp)
    def run_compare(self, _: Interpreter, op: nn.CompareOp, args: PythonValues) -> PythonValues:
        return (getattr(torch, op.predicate.data)(*tensors(args)),)

    @impl(nn.WhereOp)
    def run_where(self, _: Interpreter, op: nn.WhereOp, args: PythonValues) -> PythonValues:
        mask, lhs, rhs = tensors(args)
        return (torch.where(mask.bool(), lhs, rhs),)

    @impl(nn.ConvertOp)
    def run_convert(self, _: Interpreter, op: nn.ConvertOp, args: PythonValues) -> PythonValues:
        return (as_tensor(args[0]).to(torch_dtype(element_type_of(op.output))),)

    @impl(nn.BroadcastOp)
    def run_broadcast(self, _: Interpreter, op: nn.BroadcastOp, args: PythonValues) -> PythonValues:
        x = as_tensor(args[0])
        source, target = shape_of(op.input), shape_of(op.output)
        keeps_first = len(source) == len(target) and source[:1] == target[:1]
        return (x.expand(x.shape[0], *target[1:]) if keeps_first else x.expand(target),)
