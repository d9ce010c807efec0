"""Converters of activations and elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.conversion import (
    Constant,
    Conversion,
    Registry,
    Unsupported,
    normalized_axis,
)

OPS = Registry()

_PLAIN: dict[str, type[nn.UnaryOp]] = {
    "relu": nn.ReluOp,
    "sigmoid": nn.SigmoidOp,
    "tanh": nn.TanhOp,
    "silu": nn.SiluOp,
    "hardswish": nn.HardswishOp,
    "hardsigmoid": nn.HardsigmoidOp,
}


def _plain(op_type: type[nn.UnaryOp]) -> Callable[[Conversion, Any], SSAValue]:
    return lambda c, input: c.emit(op_type(c.value(input)))


for _name, _op_type in _PLAIN.items():
    OPS.add(f"aten.{_name}.default")(_plain(_op_type))


@OPS.add("aten.relu6.default")
def relu6(c: Conversion, input: Any) -> SSAValue:
    return c.emit(nn.ClampOp(c.value(input), 0.0, 6.0))


@OPS.add("aten.hardtanh.default")
def hardtanh(c: Conversion, input: Any, min_val: float = -1, max_val: float = 1) -> SSAValue:
    return c.emit(nn.ClampOp(c.value(input), float(min_val), float(max_val)))


@OPS.add("aten.clamp.default")
def clamp(
    c: Conversion, input: Any, min: float | None = None, max: float | None = None
) -> SSAValue:
    low = -np.inf if min is None else float(min)
    high = np.inf if max is None else float(max)
    if low > high:
        raise Unsupported(f"clamp from {low} to {high} is empty")
    return c.emit(nn.ClampOp(c.value(input), low, high))


@OPS.add("aten.clamp_min.default")
def clamp_min(c: Conversion, input: Any, min: float) -> SSAValue:
    return clamp(c, input, min=min)


@OPS.add("aten.leaky_relu.default")
def leaky_relu(c: Conversion, input: Any, negative_slope: float = 0.01) -> SSAValue:
    return c.emit(nn.LeakyReluOp(c.value(input), float(negative_slope)))


@OPS.add("aten.gelu.default")
def gelu(c: Conversion, input: Any, *, approximate: str = "none") -> SSAValue:
    return c.emit(nn.GeluOp(c.value(input), approximate))


@OPS.add("aten.softmax.int")
def softmax(c: Conversion, input: Any, dim: int, dtype: Any = None) -> SSAValue:
    return c.emit(nn.SoftmaxOp(c.value(input), normalized_axis(dim, len(c.shape(input)))))


@OPS.add("aten._softmax.default")
def plain_softmax(c: Conversion, input: Any, dim: int, half_to_float: bool) -> SSAValue:
    return softmax(c, input, dim)


def _scaled(c: Conversion, handle: Any, alpha: float) -> SSAValue:
    if alpha == 1:
        return c.value(handle)
    if isinstance(handle, Constant):
        return c.value(Constant(handle.tensor * alpha, handle.name))
    return c.emit(nn.MulOp(c.value(handle), c.constant(np.float32(alpha), "alpha")))


@OPS.add("aten.add.Tensor", "aten.add.Scalar")
def add(c: Conversion, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.emit(nn.AddOp(c.value(input), _scaled(c, other, alpha)))


@OPS.add("aten.sub.Tensor", "aten.sub.Scalar")
def sub(c: Conversion, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.emit(nn.SubOp(c.value(input), _scaled(c, other, alpha)))


@OPS.add("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(c: Conversion, input: Any, other: Any, alpha: float = 1) -> SSAValue:
    return c.emit(nn.SubOp(c.value(other), _scaled(c, input, alpha)))


@OPS.add("aten.mul.Tensor", "aten.mul.Scalar")
def mul(c: Conversion, input: Any, other: Any) -> SSAValue:
    return c.emit(nn.MulOp(c.value(input), c.value(other)))


@OPS.add("aten.div.Tensor", "aten.div.Scalar")
def div(c: Conversion, input: Any, other: Any) -> SSAValue:
    return c.emit(nn.DivOp(c.value(input), c.value(other)))
