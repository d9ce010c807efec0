"""Converters of activations and elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
)

OPS = Registry()


@OPS.add("aten.relu.default")
def relu(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    if nn.is_float(nn.element_type_of(x)):
        return c.emit(nn.ReluOp(x))
    return clamp(c, input, min=0)


_PLAIN: dict[str, type[nn.UnaryOp]] = {
    "sigmoid": nn.SigmoidOp,
    "tanh": nn.TanhOp,
    "silu": nn.SiluOp,
    "hardswish": nn.HardswishOp,
    "hardsigmoid": nn.HardsigmoidOp,
}


def _plain(op_type: type[nn.UnaryOp]) -> Callable[[ConverterContext, Any], SSAValue]:
    return lambda c, input: c.emit(op_type(c.value(input)))


for _name, _op_type in _PLAIN.items():
    OPS.add(f"aten.{_name}.default")(_plain(_op_type))


@OPS.add("aten.relu6.default")
def relu6(c: ConverterContext, input: Any) -> SSAValue:
    return c.emit(nn.ClampOp(c.value(input), 0.0, 6.0))


@OPS.add("aten.hardtanh.default")
def hardtanh(c: ConverterContext, input: Any, min_val: float = -1, max_val: float = 1) -> SSAValue:
    return c.emit(nn.ClampOp(c.value(input), float(min_val), float(max_val)))


@OPS.add("aten.clamp.default")
def clamp(
    c: ConverterContext, input: Any, min: float | None = None, max: float | None = None
) -> SSAValue:
    low = -np.inf if min is None else float(min)
    high = np.inf if max is None else float(max)
    # Where nothing is between the two, torch gives the upper end.
    low = low if low <= high else high
    x = c.typed(input, c.result_dtype)
    if nn.is_float(nn.element_type_of(x)):
        return c.emit(nn.ClampOp(x, low, high))
    if min is not None:
        x = c.emit(nn.MaximumOp(x, c.typed(int(low), c.result_dtype)))
    return x if max is None else c.emit(nn.MinimumOp(x, c.typed(int(high), c.result_dtype)))


@OPS.add("aten.clamp_min.default")
def clamp_min(c: ConverterContext, input: Any, min: float) -> SSAValue:
    return clamp(c, input, min=min)


@OPS.add("aten.clamp_max.default")
def clamp_max(c: ConverterContext, input: Any, max: float) -> SSAValue:
    return clamp(c, input, max=max)


@OPS.add("aten.leaky_relu.default")
def leaky_relu(c: ConverterContext, input: Any, negative_slope: float = 0.01) -> SSAValue:
    return c.emit(nn.LeakyReluOp(c.value(input), float(negative_slope)))


@OPS.add("aten.gelu.default")
def gelu(c: ConverterContext, input: Any, *, approximate: str = "none") -> SSAValue:
    return c.emit(nn.GeluOp(c.value(input), approximate))


@OPS.add("aten.softmax.int")
def softmax(c: ConverterContext, input: Any, dim: int, dtype: Any = None) -> SSAValue:
    return c.emit(nn.SoftmaxOp(c.value(input), normalized_axis(dim, len(c.shape(input)))))


@OPS.add("aten._softmax.default")
def plain_softmax(c: ConverterContext, input: Any, dim: int, half_to_float: bool) -> SSAValue:
    return softmax(c, input, dim)


def _plain_binary(op_type: type[nn.BinaryOp]) -> Callable[[ConverterContext, Any, Any], SSAValue]:
    """Both operands converted to the result's dtype, as torch promotes them."""

    def convert(c: ConverterContext, input: Any, other: Any) -> SSAValue:
        dtype = c.result_dtype
        return c.wrapped(c.emit(op_type(c.typed(input, dtype), c.typed(other, dtype))))

    return convert


_BINARY: dict[str, type[nn.BinaryOp]] = {
    "mul.Tensor": nn.MulOp,
    "mul.Scalar": nn.MulOp,
    "div.Tensor": nn.DivOp,
    "div.Scalar": nn.DivOp,
    "maximum.default": nn.MaximumOp,
    "max.other": nn.MaximumOp,
    "minimum.default": nn.MinimumOp,
    "min.other": nn.MinimumOp,
    "atan2.default": nn.Atan2Op,
    "floor_divide.default": nn.FloorDivideOp,
    "floor_divide.Scalar": nn.FloorDivideOp,
    "remainder.Tensor": nn.RemainderOp,
    "remainder.Scalar": nn.RemainderOp,
}

for _name, _binary_type in _BINARY.items():
    OPS.add(f"aten.{_name}")(_plain_binary(_binary_type))


def _scaled(c: ConverterContext, handle: Any, alpha: float) -> SSAValue:
    dtype = c.result_dtype
    if alpha == 1:
        return c.typed(handle, dtype)
    if isinstance(handle, Constant):
        return c.typed(Constant(handle.tensor * alpha, handle.name), dtype)
    return c.emit(nn.MulOp(c.typed(handle, dtype), c.typed(alpha, dtype)))


@OPS.add("aten.add.Tensor", "aten.add.Scalar")
def add(c: ConverterContext, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.wrapped(c.emit(nn.AddOp(_scaled(c, input, 1), _scaled(c, other, alpha))))


@OPS.add("aten.sub.Tensor", "aten.sub.Scalar")
def sub(c: ConverterContext, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.wrapped(c.emit(nn.SubOp(_scaled(c, input, 1), _scaled(c, other, alpha))))


@OPS.add("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(c: ConverterContext, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.wrapped(c.emit(nn.SubOp(_scaled(c, other, 1), _scaled(c, input, alpha))))


@OPS.add("aten.div.Tensor_mode", "aten.div.Scalar_mode")
def div_rounded(
    c: ConverterContext, input: Any, other: Any, *, rounding_mode: str | None
) -> SSAValue:
    if rounding_mode == "floor":
        return _plain_binary(nn.FloorDivideOp)(c, input, other)
    if rounding_mode is None:
        return _plain_binary(nn.DivOp)(c, input, other)
    raise Unsupported("division rounded toward zero is not supported", 'use rounding_mode="floor"')
