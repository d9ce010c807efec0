"""Converters of truth values: connectives, counts, and what kind of number an element is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from xdsl.dialects.builtin import f32, f64, i64
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import ConverterContext, Registry, Unsupported
from recog.frontend.torch.ops.functions import axes_of

OPS = Registry()


def mask(c: ConverterContext, handle: Any) -> SSAValue:
    """A tensor argument as truth values: all but zero is true."""
    return c.typed(handle, torch.bool)


def negated(c: ConverterContext, handle: Any) -> SSAValue:
    """The mask that is true where a tensor is zero."""
    return c.emit(nn.CompareOp(mask(c, handle), c.typed(False, torch.bool), "eq"))


def _expect_masks(c: ConverterContext) -> None:
    if c.result_dtype != torch.bool:
        raise Unsupported("computes with the bits of integers", "use truth values")


@OPS.add("aten.logical_not.default")
def logical_not(c: ConverterContext, input: Any) -> SSAValue:
    return negated(c, input)


@OPS.add("aten.bitwise_not.default")
def bitwise_not(c: ConverterContext, input: Any) -> SSAValue:
    _expect_masks(c)
    return negated(c, input)


def _both(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    return c.emit(nn.MinimumOp(mask(c, input), mask(c, other)))


def _either(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    return c.emit(nn.MaximumOp(mask(c, input), mask(c, other)))


def _one_alone(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    return c.emit(nn.CompareOp(mask(c, input), mask(c, other), "ne"))


_Connective = Callable[[ConverterContext, Any, Any], SSAValue]


def _of_bits(connective: _Connective) -> _Connective:
    def convert(c: ConverterContext, input: Any, other: Any) -> SSAValue:
        _expect_masks(c)
        return connective(c, input, other)

    return convert


for _name, _connective in (("and", _both), ("or", _either), ("xor", _one_alone)):
    OPS.add(f"aten.logical_{_name}.default")(_connective)
    OPS.add(f"aten.bitwise_{_name}.Tensor", f"aten.bitwise_{_name}.Scalar")(_of_bits(_connective))


@OPS.add("aten.any.default", "aten.any.dim", "aten.any.dims")
def any_of(c: ConverterContext, input: Any, dim: Any = None, keepdim: bool = False) -> SSAValue:
    ones = c.emit(nn.ConvertOp(mask(c, input), f32))
    largest = c.emit(nn.MaxOp(ones, axes_of(c, input, dim), keepdims=keepdim))
    return c.typed(largest, torch.bool)


@OPS.add("aten.all.default", "aten.all.dim", "aten.all.dims")
def all_of(c: ConverterContext, input: Any, dim: Any = None, keepdim: bool = False) -> SSAValue:
    zeros = c.emit(nn.ConvertOp(negated(c, input), f32))
    largest = c.emit(nn.MaxOp(zeros, axes_of(c, input, dim), keepdims=keepdim))
    return negated(c, largest)


@OPS.add("aten.count_nonzero.default", "aten.count_nonzero.dim_IntList")
def count_nonzero(c: ConverterContext, input: Any, dim: Any = None) -> SSAValue:
    return whole_sum(c, mask(c, input), axes_of(c, input, dim), keepdim=False)


def whole_sum(c: ConverterContext, x: SSAValue, axes: list[int], *, keepdim: bool) -> SSAValue:
    """The sum of integers or truth values, int64; exact up to 2^53, as float64 is."""
    total = c.emit(nn.SumOp(c.emit(nn.ConvertOp(x, f64)), axes, keepdims=keepdim))
    return c.emit(nn.ConvertOp(total, i64))


@OPS.add("aten.isnan.default")
def isnan(c: ConverterContext, input: Any) -> SSAValue:
    x = c.value(input)
    return c.emit(nn.CompareOp(x, x, "ne"))


def _beside_infinity(predicate: str) -> Callable[[ConverterContext, Any], SSAValue]:
    def convert(c: ConverterContext, input: Any) -> SSAValue:
        size = c.emit(nn.AbsOp(c.value(input)))
        return c.emit(nn.CompareOp(size, c.typed(np.inf, torch.float32), predicate))

    return convert


OPS.add("aten.isinf.default")(_beside_infinity("eq"))
OPS.add("aten.isfinite.default")(_beside_infinity("lt"))


@OPS.add("aten.isposinf.default")
def isposinf(c: ConverterContext, input: Any) -> SSAValue:
    return c.emit(nn.CompareOp(c.value(input), c.typed(np.inf, torch.float32), "eq"))


@OPS.add("aten.isneginf.default")
def isneginf(c: ConverterContext, input: Any) -> SSAValue:
    return c.emit(nn.CompareOp(c.value(input), c.typed(-np.inf, torch.float32), "eq"))
