"""Converters of elementwise arithmetic that nn writes with several ops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import Constant, ConverterContext, Registry, Unsupported
from recog.frontend.torch.ops.elementwise import leaky_relu

OPS = Registry()


def number(c: ConverterContext, value: float) -> SSAValue:
    """A float32 scalar."""
    return c.typed(float(value), torch.float32)


def _where(
    c: ConverterContext, x: SSAValue, predicate: str, bound: float, then: SSAValue, other: SSAValue
) -> SSAValue:
    chosen = c.emit(nn.CompareOp(x, number(c, bound), predicate))
    return c.emit(nn.WhereOp(chosen, then, other))


def sign_of(c: ConverterContext, x: SSAValue) -> SSAValue:
    """1, 0 or -1; 0 where x is NaN, as in torch."""
    below = _where(c, x, "lt", 0, number(c, -1), number(c, 0))
    return _where(c, x, "gt", 0, number(c, 1), below)


def truncated(c: ConverterContext, x: SSAValue) -> SSAValue:
    """x without its fraction, toward zero."""
    up = c.emit(nn.NegOp(c.emit(nn.FloorOp(c.emit(nn.NegOp(x))))))
    return _where(c, x, "lt", 0, up, c.emit(nn.FloorOp(x)))


def _floats(c: ConverterContext, *handles: Any) -> list[SSAValue]:
    if c.result_dtype != torch.float32:
        raise Unsupported(f"gives {c.result_dtype}; only float32 is supported", "call .float()")
    return [c.typed(handle, torch.float32) for handle in handles]


_Unary = Callable[[ConverterContext, SSAValue], SSAValue]


def _unary(operator: str) -> Callable[[_Unary], _Unary]:
    """Register a converter of one float operand."""

    def register(function: _Unary) -> _Unary:
        def convert(c: ConverterContext, input: Any) -> SSAValue:
            (x,) = _floats(c, input)
            return function(c, x)

        OPS.add(f"aten.{operator}.default")(convert)
        return function

    return register


_unary("sign")(sign_of)
_unary("trunc")(truncated)


@_unary("ceil")
def ceil(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.NegOp(c.emit(nn.FloorOp(c.emit(nn.NegOp(x))))))


@_unary("round")
def round_to_even(c: ConverterContext, x: SSAValue) -> SSAValue:
    """Of two integers as near, the even one: the upper one less its remainder."""
    upper = c.emit(nn.FloorOp(c.emit(nn.AddOp(x, number(c, 0.5)))))
    gap = c.emit(nn.SubOp(upper, x))
    even = c.emit(nn.SubOp(upper, c.emit(nn.RemainderOp(upper, number(c, 2)))))
    return _where(c, gap, "eq", 0.5, even, upper)


@_unary("log2")
def log2(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.MulOp(c.emit(nn.LogOp(x)), number(c, 1 / math.log(2))))


@_unary("log10")
def log10(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.MulOp(c.emit(nn.LogOp(x)), number(c, 1 / math.log(10))))


@_unary("exp2")
def exp2(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.ExpOp(c.emit(nn.MulOp(x, number(c, math.log(2))))))


@_unary("tan")
def tan(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.DivOp(c.emit(nn.SinOp(x)), c.emit(nn.CosOp(x))))


@_unary("atan")
def atan(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.Atan2Op(x, number(c, 1)))


@_unary("asin")
def asin(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.Atan2Op(x, _leg(c, x)))


@_unary("acos")
def acos(c: ConverterContext, x: SSAValue) -> SSAValue:
    return c.emit(nn.Atan2Op(_leg(c, x), x))


def _leg(c: ConverterContext, x: SSAValue) -> SSAValue:
    """√((1 − x) · (1 + x)), which keeps its digits near 1."""
    one = number(c, 1)
    product = c.emit(nn.MulOp(c.emit(nn.SubOp(one, x)), c.emit(nn.AddOp(one, x))))
    return c.emit(nn.SqrtOp(product))


@_unary("sinh")
def sinh(c: ConverterContext, x: SSAValue) -> SSAValue:
    up, down = c.emit(nn.Expm1Op(x)), c.emit(nn.Expm1Op(c.emit(nn.NegOp(x))))
    return c.emit(nn.MulOp(c.emit(nn.SubOp(up, down)), number(c, 0.5)))


@_unary("cosh")
def cosh(c: ConverterContext, x: SSAValue) -> SSAValue:
    up, down = c.emit(nn.ExpOp(x)), c.emit(nn.ExpOp(c.emit(nn.NegOp(x))))
    return c.emit(nn.MulOp(c.emit(nn.AddOp(up, down)), number(c, 0.5)))


@_unary("atanh")
def atanh(c: ConverterContext, x: SSAValue) -> SSAValue:
    up, down = c.emit(nn.Log1pOp(x)), c.emit(nn.Log1pOp(c.emit(nn.NegOp(x))))
    return c.emit(nn.MulOp(c.emit(nn.SubOp(up, down)), number(c, 0.5)))


@OPS.add("aten.selu.default")
def selu(c: ConverterContext, input: Any) -> SSAValue:
    """Klambauer et al. 2017, equation 2."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return c.emit(nn.MulOp(c.emit(nn.EluOp(c.value(input), alpha)), number(c, scale)))


@OPS.add("aten.celu.default")
def celu(c: ConverterContext, input: Any, alpha: float = 1) -> SSAValue:
    scaled = c.emit(nn.MulOp(c.value(input), number(c, 1 / alpha)))
    return c.emit(nn.MulOp(c.emit(nn.EluOp(scaled)), number(c, alpha)))


@OPS.add("aten.rrelu.default")
def rrelu(
    c: ConverterContext,
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    generator: Any = None,
) -> SSAValue:
    if training:
        raise Unsupported("draws random slopes (training mode)", "call model.eval() first")
    return leaky_relu(c, input, (lower + upper) / 2)


@OPS.add("aten.rrelu_with_noise_functional.default")
def rrelu_with_noise(
    c: ConverterContext, input: Any, noise: Any, *parameters: Any, **keywords: Any
) -> tuple[SSAValue, Any]:
    """What torch's decompositions make of `rrelu`; `noise` is what the training mode fills."""
    return rrelu(c, input, *parameters, **keywords), noise


@OPS.add("aten.pow.Tensor_Tensor", "aten.pow.Scalar")
def power(c: ConverterContext, input: Any, exponent: Any) -> SSAValue:
    base, power = _floats(c, input, exponent)
    if isinstance(exponent, Constant) and len(exponent.tensor.unique()) == 1:
        return c.emit(nn.PowOp(base, float(exponent.tensor.reshape(-1)[0])))
    return c.emit(nn.PowerOp(base, power))


@OPS.add("aten.fmod.Tensor", "aten.fmod.Scalar")
def fmod(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    x, y = _floats(c, input, other)
    size, divisor = c.emit(nn.AbsOp(x)), c.emit(nn.AbsOp(y))
    if not isinstance(other, int | float) or abs(other) < 1:
        # x / y may pass the largest number, where the remainder is NaN: multiples of y come first.
        first = c.emit(nn.MulOp(divisor, number(c, 2.0**126)))
        for multiple in (c.emit(nn.MulOp(first, number(c, 2.0**126))), first):
            size = c.emit(nn.RemainderOp(size, multiple))
    size = c.emit(nn.RemainderOp(size, divisor))
    return _where(c, x, "lt", 0, c.emit(nn.NegOp(size)), size)


@OPS.add("aten.xlogy.Tensor", "aten.xlogy.Scalar_Self", "aten.xlogy.Scalar_Other")
def xlogy(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    """x · log(y), and 0 where x is 0 and y a number."""
    x, y = _floats(c, input, other)
    product = c.emit(nn.MulOp(x, c.emit(nn.LogOp(y))))
    zero = c.emit(nn.CompareOp(x, number(c, 0), "eq"))
    known = c.emit(nn.CompareOp(y, y, "eq"))
    return c.emit(nn.WhereOp(c.emit(nn.MinimumOp(zero, known)), number(c, 0), product))


@OPS.add("aten.hypot.default")
def hypot(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    """t · √((x / t)² + (y / t)²) with t between the two: x² and y² might be no numbers."""
    sides = _floats(c, input, other)
    halves = [c.emit(nn.MulOp(c.emit(nn.AbsOp(x)), number(c, 0.5))) for x in sides]
    known = np.finfo(np.float32)
    bounds = float(known.smallest_subnormal), float(known.max)
    between = c.emit(nn.ClampOp(c.emit(nn.AddOp(*halves)), *bounds))
    ratios = [c.emit(nn.DivOp(x, between)) for x in sides]
    squares = [c.emit(nn.MulOp(ratio, ratio)) for ratio in ratios]
    return c.emit(nn.MulOp(between, c.emit(nn.SqrtOp(c.emit(nn.AddOp(*squares))))))


def _ignoring_nan(op_type: type[nn.BinaryOp]) -> Callable[[ConverterContext, Any, Any], SSAValue]:
    def convert(c: ConverterContext, input: Any, other: Any) -> SSAValue:
        x, y = _floats(c, input, other)
        found = c.emit(op_type(x, y))
        for value, beside in ((x, y), (y, x)):
            nan = c.emit(nn.CompareOp(value, value, "ne"))
            found = c.emit(nn.WhereOp(nan, beside, found))
        return found

    return convert


OPS.add("aten.fmax.default")(_ignoring_nan(nn.MaximumOp))
OPS.add("aten.fmin.default")(_ignoring_nan(nn.MinimumOp))


@OPS.add("aten.clamp.Tensor")
def clamp_by_tensors(c: ConverterContext, input: Any, min: Any = None, max: Any = None) -> SSAValue:
    x = c.typed(input, c.result_dtype)
    if min is not None:
        x = c.emit(nn.MaximumOp(x, c.typed(min, c.result_dtype)))
    if max is not None:
        x = c.emit(nn.MinimumOp(x, c.typed(max, c.result_dtype)))
    return x


@OPS.add("aten.clamp_min.Tensor", "aten.clamp_max.Tensor")
def clamp_by_tensor(c: ConverterContext, input: Any, bound: Any) -> SSAValue:
    lower = "clamp_min" in str(c.node.target)
    return clamp_by_tensors(c, input, bound if lower else None, None if lower else bound)


@OPS.add("aten.nan_to_num.default")
def nan_to_num(
    c: ConverterContext,
    input: Any,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> SSAValue:
    (x,) = _floats(c, input)
    largest = float(np.finfo(np.float32).max)
    is_nan = c.emit(nn.CompareOp(x, x, "ne"))
    result = c.emit(nn.WhereOp(is_nan, number(c, nan or 0.0), x))
    result = _where(c, x, "eq", np.inf, number(c, largest if posinf is None else posinf), result)
    low = number(c, -largest if neginf is None else neginf)
    return _where(c, x, "eq", -np.inf, low, result)
