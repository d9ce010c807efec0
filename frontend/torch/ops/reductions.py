"""Converters of reductions over axes, running sums and products, and norms."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
)
from recog.frontend.torch.ops.functions import axes_of, mean_over, variance
from recog.frontend.torch.ops.indexing import product_along
from recog.frontend.torch.ops.logic import whole_sum
from recog.frontend.torch.ops.sampling import permute, slice_axis

OPS = Registry()

MAX_STEPS = 256
"""Most elements that are multiplied, or added up, one after the other."""


@OPS.add("aten.sum.dim_IntList", "aten.sum.default")
def total(
    c: ConverterContext, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> SSAValue:
    axes = axes_of(c, input, dim)
    if c.result_dtype == torch.int64:
        return whole_sum(c, c.value(input), axes, keepdim=keepdim)
    x = c.typed(input, c.result_dtype)
    return c.emit(nn.SumOp(x, axes, keepdims=keepdim)) if axes else x


@OPS.add("aten.prod.default", "aten.prod.dim_int")
def product(
    c: ConverterContext,
    input: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> SSAValue:
    x = c.typed(input, c.result_dtype)
    if dim is None:
        x, dim = c.emit(nn.ReshapeOp(x, (prod(c.shape(x)),))), 0
    product = product_along(c, x, normalized_axis(dim, len(c.shape(x))))
    if c.shape(product) == c.result_shape:
        return product
    return c.emit(nn.ReshapeOp(product, c.result_shape))


@OPS.add("aten.cumsum.default")
def cumsum(c: ConverterContext, input: Any, dim: int, *, dtype: Any = None) -> SSAValue:
    """A product with a triangle of ones along the axis; of integers, or beside an infinity that the
    network holds, which a product would make NaN, sums of ever more elements."""
    x = c.typed(input, c.result_dtype)
    rank = len(c.shape(x))
    axis = normalized_axis(dim, rank)
    order = [i for i in range(rank) if i != axis] + [axis]
    size = c.shape(x)[axis]
    if not nn.is_float(nn.element_type_of(x)) or _is_made_of_infinities(x):
        return _doubled_sums(c, x, axis)
    ones = c.constant(np.triu(np.ones((size, size), np.float32)), "triangle")
    last = permute(c, x, order)
    if rank == 1:
        last = c.emit(nn.ReshapeOp(last, (1, size)))
    summed = c.emit(nn.MatmulOp(last, ones))
    if rank == 1:
        return c.emit(nn.ReshapeOp(summed, (size,)))
    return permute(c, summed, [int(i) for i in np.argsort(order)])


def _is_made_of_infinities(value: SSAValue) -> bool:
    """Whether some constant that a value is computed of is infinite."""
    seen, left = {value}, [value]
    while left:
        owner = left.pop().owner
        if isinstance(owner, ConstantOp) and bool(np.isinf(owner.value.to_array()).any()):
            return True
        new = [v for v in owner.operands if v not in seen] if isinstance(owner, Operation) else []
        seen.update(new)
        left += new
    return False


def _doubled_sums(c: ConverterContext, x: SSAValue, axis: int) -> SSAValue:
    """Sums of 2, 4, 8, … elements up to each: Hillis & Steele 1986."""
    shape, step = list(c.shape(x)), 1
    while step < shape[axis]:
        before = [*shape[:axis], step, *shape[axis + 1 :]]
        nothing = Constant(torch.zeros(before, dtype=c.result_dtype), "nothing", computed=True)
        earlier = slice_axis(c, x, axis, 0, shape[axis] - step, 1)
        moved = c.emit(nn.ConcatOp([c.value(nothing), earlier], axis))
        x, step = c.wrapped(c.emit(nn.AddOp(x, moved))), 2 * step
    return x


def _running(
    op_type: type[nn.BinaryOp],
) -> Callable[..., SSAValue]:
    def convert(c: ConverterContext, input: Any, dim: int, *, dtype: Any = None) -> SSAValue:
        x = c.typed(input, c.result_dtype)
        axis = normalized_axis(dim, len(c.shape(x)))
        size = c.shape(x)[axis]
        if size > MAX_STEPS:
            raise Unsupported(f"{size} running results, more than {MAX_STEPS}")
        parts = [slice_axis(c, x, axis, 0, 1, 1)]
        for i in range(1, size):
            parts.append(c.emit(op_type(parts[-1], slice_axis(c, x, axis, i, i + 1, 1))))
        return parts[0] if size == 1 else c.emit(nn.ConcatOp(parts, axis))

    return convert


OPS.add("aten.cumprod.default")(_running(nn.MulOp))


@OPS.add("aten.linalg_vector_norm.default")
def vector_norm(
    c: ConverterContext,
    input: Any,
    ord: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> SSAValue:
    x, axes = c.value(input), axes_of(c, input, dim)
    match float(ord):
        case 2.0:
            squares = c.emit(nn.SumOp(c.emit(nn.MulOp(x, x)), axes, keepdims=keepdim))
            return c.emit(nn.SqrtOp(squares))
        case 0.0:
            mask = c.emit(nn.CompareOp(x, c.typed(0, torch.float32), "ne"))
            return c.emit(nn.SumOp(c.typed(mask, torch.float32), axes, keepdims=keepdim))
        case order:
            size = c.emit(nn.AbsOp(x))
    if order == 1:
        return c.emit(nn.SumOp(size, axes, keepdims=keepdim))
    if order == np.inf:
        return c.emit(nn.MaxOp(size, axes, keepdims=keepdim))
    if order == -np.inf:
        negative = c.emit(nn.NegOp(size))
        return c.emit(nn.NegOp(c.emit(nn.MaxOp(negative, axes, keepdims=keepdim))))
    powers = c.emit(nn.SumOp(c.emit(nn.PowOp(size, order)), axes, keepdims=keepdim))
    return c.emit(nn.PowOp(powers, 1 / order))


@OPS.add("aten.var_mean.correction")
def var_mean(
    c: ConverterContext, input: Any, dim: Any = None, *, correction: Any = 1, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    spread = variance(c, input, dim, correction=correction, keepdim=keepdim)
    return spread, mean_over(c, input, dim, keepdim)


@OPS.add("aten.std_mean.correction")
def std_mean(
    c: ConverterContext, input: Any, dim: Any = None, *, correction: Any = 1, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    spread, mean = var_mean(c, input, dim, correction=correction, keepdim=keepdim)
    return c.emit(nn.SqrtOp(spread)), mean


@OPS.add("aten.median.dim", "aten.kthvalue.default")
def kth_smallest(
    c: ConverterContext, input: Any, *arguments: Any, **keywords: Any
) -> tuple[SSAValue, SSAValue]:
    """Of a median, the lower of the two in the middle."""
    x = c.value(input)
    is_median = "median" in str(c.node.target)
    names = ("dim", "keepdim") if is_median else ("k", "dim", "keepdim")
    given = {"dim": -1, "keepdim": False} | dict(zip(names, arguments)) | keywords
    axis = normalized_axis(given["dim"], len(c.shape(x)))
    size = c.shape(x)[axis]
    k = (size + 1) // 2 if is_median else given["k"]
    order = c.emit(nn.TopkIndicesOp(c.ordered(x), k, axis, smallest=True))
    index = slice_axis(c, order, axis, k - 1, k, 1)
    if is_median and nn.is_float(nn.element_type_of(x)):
        index = _of_nan_first(c, x, axis, index)
    value = c.emit(nn.GatherOp(x, index, axis))
    if given["keepdim"]:
        return value, index
    shape = c.shape(value)
    shape = (*shape[:axis], *shape[axis + 1 :])
    return c.emit(nn.ReshapeOp(value, shape)), c.emit(nn.ReshapeOp(index, shape))


def _of_nan_first(c: ConverterContext, x: SSAValue, axis: int, index: SSAValue) -> SSAValue:
    """The position of the first NaN along an axis, which torch gives where there is one, else
    `index`."""
    largest = c.emit(nn.ArgmaxOp(x, axis, keepdims=True))  # no number is larger than NaN
    value = c.emit(nn.GatherOp(x, largest, axis))
    return c.emit(nn.WhereOp(c.emit(nn.CompareOp(value, value, "ne")), largest, index))
