"""Converters of elementary functions, reductions and normalizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
)
from recog.frontend.torch.ops.layers import batch_norm

OPS = Registry()

_PLAIN: dict[str, type[nn.UnaryOp]] = {
    "floor": nn.FloorOp,
    "exp": nn.ExpOp,
    "expm1": nn.Expm1Op,
    "log": nn.LogOp,
    "log1p": nn.Log1pOp,
    "sqrt": nn.SqrtOp,
    "rsqrt": nn.RsqrtOp,
    "sin": nn.SinOp,
    "cos": nn.CosOp,
    "erf": nn.ErfOp,
}


def _plain(op_type: type[nn.UnaryOp]) -> Callable[[ConverterContext, Any], SSAValue]:
    return lambda c, input: c.emit(op_type(c.typed(input, c.result_dtype)))


for _name, _op_type in _PLAIN.items():
    OPS.add(f"aten.{_name}.default")(_plain(_op_type))


@OPS.add("aten.neg.default")
def negative(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    if nn.is_float(nn.element_type_of(x)):
        return c.emit(nn.NegOp(x))
    return c.wrapped(c.emit(nn.SubOp(c.typed(0, c.result_dtype), x)))


@OPS.add("aten.abs.default")
def size(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    if nn.is_float(nn.element_type_of(x)):
        return c.emit(nn.AbsOp(x))
    return c.emit(nn.MaximumOp(x, negative(c, x)))


LEAST_THRESHOLD = 16
"""From here on log(1 + exp(x)) and x are the same float32."""


@OPS.add("aten.softplus.default")
def softplus(c: ConverterContext, input: Any, beta: float = 1, threshold: float = 20) -> SSAValue:
    if threshold < LEAST_THRESHOLD:
        raise Unsupported(
            f"softplus with threshold {threshold}, which makes a step there",
            "use the default threshold of 20",
        )
    return c.emit(nn.SoftplusOp(c.value(input), float(beta)))


@OPS.add("aten.mish.default")
def mish(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    return c.emit(nn.MulOp(x, c.emit(nn.TanhOp(c.emit(nn.SoftplusOp(x))))))


@OPS.add("aten.log_sigmoid.default")
def log_sigmoid(c: ConverterContext, input: Any) -> SSAValue:
    negative = c.emit(nn.NegOp(c.value(input)))
    return c.emit(nn.NegOp(c.emit(nn.SoftplusOp(negative))))


@OPS.add("aten.elu.default")
def elu(
    c: ConverterContext, input: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> SSAValue:
    if input_scale != 1:
        raise Unsupported("an ELU of a scaled input is not supported", "use ELU")
    result = c.emit(nn.EluOp(c.value(input), float(alpha)))
    return result if scale == 1 else c.emit(nn.MulOp(result, c.typed(scale, torch.float32)))


@OPS.add("aten.pow.Tensor_Scalar")
def power(c: ConverterContext, input: Any, exponent: float) -> SSAValue:
    x = c.typed(input, c.result_dtype)
    if exponent == 2:
        return c.wrapped(c.emit(nn.MulOp(x, x)))
    return c.emit(nn.PowOp(x, float(exponent)))


@OPS.add("aten.square.default")
def square(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    return c.wrapped(c.emit(nn.MulOp(x, x)))


@OPS.add("aten.reciprocal.default")
def reciprocal(c: ConverterContext, input: Any) -> SSAValue:
    return c.emit(nn.PowOp(c.typed(input, c.result_dtype), -1.0))


@OPS.add("aten.prelu.default")
def prelu(c: ConverterContext, input: Any, weight: Any) -> SSAValue:
    if isinstance(weight, Constant) and weight.tensor.numel() == 1:
        return c.emit(nn.LeakyReluOp(c.value(input), weight.tensor.item()))
    if not isinstance(weight, Constant):
        raise Unsupported("the slopes of PReLU are computed by the network", "use a parameter")
    x = c.value(input)
    trailing = [1] * (len(c.shape(x)) - 2)
    slopes = c.value(Constant(weight.tensor.reshape(1, -1, *trailing), weight.name))
    below = c.emit(nn.NegOp(c.emit(nn.ReluOp(c.emit(nn.NegOp(x))))))
    return c.emit(nn.AddOp(c.emit(nn.ReluOp(x)), c.emit(nn.MulOp(below, slopes))))


@OPS.add("aten.log_softmax.int")
def log_softmax(c: ConverterContext, input: Any, dim: int, dtype: Any = None) -> SSAValue:
    x = c.value(input)
    axis = normalized_axis(dim, len(c.shape(x)))
    shifted = c.emit(nn.SubOp(x, c.emit(nn.MaxOp(x, [axis], keepdims=True))))
    total = c.emit(nn.SumOp(c.emit(nn.ExpOp(shifted)), [axis], keepdims=True))
    return c.emit(nn.SubOp(shifted, c.emit(nn.LogOp(total))))


def axes_of(c: ConverterContext, input: Any, dim: Any) -> list[int]:
    """The axes that `dim` names, all where it names none."""
    rank = len(c.shape(input))
    given = [dim] if isinstance(dim, int) else list(dim or range(rank))
    return sorted(normalized_axis(axis, rank) for axis in given)


def mean_over(c: ConverterContext, input: Any, dim: Any, keepdim: bool) -> SSAValue:
    """The mean over the axes that `dim` names; that of one element is the element."""
    x, axes = c.value(input), axes_of(c, input, dim)
    return c.emit(nn.MeanOp(x, axes, keepdims=keepdim)) if axes else x


@OPS.add("aten.mean.default")
def mean_of_all(c: ConverterContext, input: Any, *, dtype: Any = None) -> SSAValue:
    return mean_over(c, input, None, False)


@OPS.add("aten.amax.default", "aten.max.default")
def largest(c: ConverterContext, input: Any, dim: Any = None, keepdim: bool = False) -> SSAValue:
    x = c.value(input)
    found = c.emit(nn.MaxOp(c.ordered(x), axes_of(c, input, dim), keepdims=keepdim))
    return c.typed(found, c.result_dtype)


@OPS.add("aten.amin.default", "aten.min.default")
def smallest(c: ConverterContext, input: Any, dim: Any = None, keepdim: bool = False) -> SSAValue:
    negative = c.emit(nn.NegOp(c.ordered(input)))
    found = c.emit(nn.MaxOp(negative, axes_of(c, input, dim), keepdims=keepdim))
    return c.typed(c.emit(nn.NegOp(found)), c.result_dtype)


@OPS.add("aten.var.correction")
def variance(
    c: ConverterContext, input: Any, dim: Any = None, *, correction: Any = 1, keepdim: bool = False
) -> SSAValue:
    x, axes = c.value(input), axes_of(c, input, dim)
    count = prod(c.shape(x)[axis] for axis in axes) - (1 if correction is None else correction)
    if count <= 0:
        raise Unsupported(f"a variance over {list(axes)} with nothing left to divide by")
    centred = c.emit(nn.SubOp(x, c.emit(nn.MeanOp(x, axes, keepdims=True))))
    squares = c.emit(nn.SumOp(c.emit(nn.MulOp(centred, centred)), axes, keepdims=keepdim))
    return c.emit(nn.MulOp(squares, c.typed(1 / count, torch.float32)))


@OPS.add("aten.var.dim")
def variance_of_dim(
    c: ConverterContext, input: Any, dim: Any, unbiased: bool = True, keepdim: bool = False
) -> SSAValue:
    return variance(c, input, dim, correction=int(unbiased), keepdim=keepdim)


@OPS.add("aten.std.correction")
def deviation(
    c: ConverterContext, input: Any, dim: Any = None, *, correction: Any = 1, keepdim: bool = False
) -> SSAValue:
    return c.emit(nn.SqrtOp(variance(c, input, dim, correction=correction, keepdim=keepdim)))


@OPS.add("aten.std.dim")
def deviation_of_dim(
    c: ConverterContext, input: Any, dim: Any, unbiased: bool = True, keepdim: bool = False
) -> SSAValue:
    return deviation(c, input, dim, correction=int(unbiased), keepdim=keepdim)


def _affine(
    c: ConverterContext, shape: Sequence[int], weight: Any, bias: Any
) -> tuple[SSAValue, ...]:
    ones, zeros = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    scale = c.constant(ones, "scale") if weight is None else c.value(weight)
    shift = c.constant(zeros, "bias") if bias is None else c.value(bias)
    return scale, shift


@OPS.add("aten.layer_norm.default")
def layer_norm(
    c: ConverterContext,
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> SSAValue:
    scale, shift = _affine(c, normalized_shape, weight, bias)
    return c.emit(nn.LayerNormOp(c.value(input), scale, shift, eps=eps))


@OPS.add("aten.native_layer_norm.default")
def native_layer_norm(
    c: ConverterContext,
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any,
    bias: Any,
    eps: float,
) -> tuple[SSAValue | None, ...]:
    result = layer_norm(c, input, normalized_shape, weight, bias, eps)
    rank = len(c.shape(input))
    axes = list(range(rank - len(normalized_shape), rank))
    return result, *_statistics(c, c.value(input), axes, eps, keepdim=True)


@OPS.add("aten.native_group_norm.default")
def native_group_norm(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[SSAValue | None, ...]:
    result = group_norm(c, input, group, weight, bias, eps)
    if not c.uses_result(1) and not c.uses_result(2):
        return result, None, None
    grouped = c.emit(nn.ReshapeOp(c.value(input), (N, group, C * HxW // group)))
    return result, *_statistics(c, grouped, [2], eps, keepdim=False)


def _statistics(
    c: ConverterContext, x: SSAValue, axes: list[int], eps: float, *, keepdim: bool
) -> tuple[SSAValue | None, SSAValue | None]:
    """The mean, and one over the deviation, that a norm also gives, where they are used."""
    mean = mean_over(c, x, axes, keepdim) if c.uses_result(1) else None
    if not c.uses_result(2):
        return mean, None
    spread = variance(c, x, axes, correction=0, keepdim=keepdim)
    return mean, c.emit(nn.RsqrtOp(c.emit(nn.AddOp(spread, c.typed(eps, torch.float32)))))


@OPS.add("aten.group_norm.default")
def group_norm(
    c: ConverterContext,
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> SSAValue:
    scale, shift = _affine(c, c.shape(input)[1:2], weight, bias)
    return c.emit(nn.GroupNormOp(c.value(input), scale, shift, num_groups, eps=eps))


@OPS.add("aten.instance_norm.default")
def instance_norm(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> SSAValue:
    if not use_input_stats:
        return batch_norm(c, input, weight, bias, running_mean, running_var, False, momentum, eps)
    return group_norm(c, input, c.shape(input)[1], weight, bias, eps)
