"""Converters of comparisons, selection by position, repetition and rearrangement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    ELEMENT_TYPES,
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
)
from recog.frontend.torch.ops.sampling import slice_axis

OPS = Registry()

FEW_COPIES = 4
"""Up to here a repeated image is a concatenation, beyond it a resize."""


def _dtype(handle: Any) -> torch.dtype | None:
    """The dtype of a tensor argument, None for numbers."""
    match handle:
        case Constant():
            return handle.tensor.dtype
        case SSAValue():
            element_type = nn.element_type_of(handle)
            return next(each for each, known in ELEMENT_TYPES.items() if known == element_type)
        case _:
            return None


def _common_dtype(*handles: Any) -> torch.dtype:
    """What torch promotes these to, where tensors decide over numbers of their own kind."""
    examples = [
        handle if dtype is None else torch.empty(1, dtype=dtype)
        for handle in handles
        for dtype in [_dtype(handle)]
    ]
    result = examples[0]
    for example in examples[1:]:
        dtype = torch.result_type(result, example)
        result = torch.empty(1, dtype=dtype)
    dtype = torch.as_tensor(result).dtype
    return torch.float32 if dtype == torch.float64 else dtype


def _compare(predicate: str) -> Callable[[ConverterContext, Any, Any], SSAValue]:
    def convert(c: ConverterContext, input: Any, other: Any) -> SSAValue:
        dtype = _common_dtype(input, other)
        return c.emit(nn.CompareOp(c.typed(input, dtype), c.typed(other, dtype), predicate))

    return convert


for _predicate in ("eq", "ne", "lt", "le", "gt", "ge"):
    OPS.add(f"aten.{_predicate}.Tensor", f"aten.{_predicate}.Scalar")(_compare(_predicate))


@OPS.add("aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf", "aten.where.Scalar")
def where(c: ConverterContext, condition: Any, input: Any, other: Any) -> SSAValue:
    dtype = c.result_dtype
    mask = c.typed(condition, torch.bool)
    return c.emit(nn.WhereOp(mask, c.typed(input, dtype), c.typed(other, dtype)))


@OPS.add("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def masked_fill(c: ConverterContext, input: Any, mask: Any, value: Any) -> SSAValue:
    return where(c, mask, value, input)


@OPS.add("aten.topk.default")
def topk(
    c: ConverterContext,
    input: Any,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
) -> tuple[SSAValue, SSAValue]:
    x = c.value(input)
    axis = normalized_axis(dim, len(c.shape(x)))
    indices = c.emit(nn.TopkIndicesOp(c.ordered(x), k, axis, smallest=not largest))
    return c.emit(nn.GatherOp(x, indices, axis)), indices


@OPS.add("aten.sort.default", "aten.sort.stable")
def sort(
    c: ConverterContext, input: Any, dim: int = -1, descending: bool = False, *, stable: bool = True
) -> tuple[SSAValue, SSAValue]:
    return topk(c, input, c.shape(input)[dim], dim, largest=descending)


@OPS.add("aten.argsort.default", "aten.argsort.stable")
def argsort(
    c: ConverterContext, input: Any, dim: int = -1, descending: bool = False, *, stable: bool = True
) -> SSAValue:
    axis = normalized_axis(dim, len(c.shape(input)))
    k = c.shape(input)[axis]
    return c.emit(nn.TopkIndicesOp(c.ordered(input), k, axis, smallest=not descending))


@OPS.add("aten.max.dim")
def max_along(
    c: ConverterContext, input: Any, dim: int, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    x = c.value(input)
    largest, indices = _largest_along(c, c.ordered(x), dim, keepdim)
    return _of_type(c, largest, x), indices


def _largest_along(
    c: ConverterContext, x: SSAValue, dim: int, keepdim: bool
) -> tuple[SSAValue, SSAValue]:
    axis = normalized_axis(dim, len(c.shape(x)))
    indices = c.emit(nn.ArgmaxOp(x, axis, keepdims=keepdim))
    return c.emit(nn.MaxOp(x, [axis], keepdims=keepdim)), indices


def _of_type(c: ConverterContext, value: SSAValue, like: SSAValue) -> SSAValue:
    """A value of `ConverterContext.ordered` in the type that it came from."""
    element_type = nn.element_type_of(like)
    same = nn.element_type_of(value) == element_type
    return value if same else c.emit(nn.ConvertOp(value, element_type))


@OPS.add("aten.min.dim")
def min_along(
    c: ConverterContext, input: Any, dim: int, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    x = c.value(input)
    negative, indices = _largest_along(c, c.emit(nn.NegOp(c.ordered(x))), dim, keepdim)
    return _of_type(c, c.emit(nn.NegOp(negative)), x), indices


@OPS.add("aten.argmax.default")
def argmax(
    c: ConverterContext, input: Any, dim: int | None = None, keepdim: bool = False
) -> SSAValue:
    if dim is not None:
        return max_along(c, input, dim, keepdim)[1]
    flat = c.emit(nn.ReshapeOp(c.ordered(input), (prod(c.shape(input)),)))
    position = c.emit(nn.ArgmaxOp(flat, 0))
    return c.emit(nn.ReshapeOp(position, c.result_shape)) if c.result_shape else position


@OPS.add("aten.argmin.default")
def argmin(
    c: ConverterContext, input: Any, dim: int | None = None, keepdim: bool = False
) -> SSAValue:
    return argmax(c, c.emit(nn.NegOp(c.ordered(input))), dim, keepdim)


@OPS.add("aten.gather.default")
def gather(
    c: ConverterContext, input: Any, dim: int, index: Any, *, sparse_grad: bool = False
) -> SSAValue:
    axis = normalized_axis(dim, len(c.shape(input)))
    return c.emit(nn.GatherOp(c.value(input), c.typed(index, torch.int64), axis))


@OPS.add("aten.index_select.default")
def index_select(c: ConverterContext, input: Any, dim: int, index: Any) -> SSAValue:
    axis = normalized_axis(dim, len(c.shape(input)))
    return take_along(c, c.value(input), axis, c.typed(index, torch.int64))


def from_start(positions: Any, size: int) -> Any:
    """Constant positions along an axis of this size, counted from its start."""
    if not isinstance(positions, Constant):
        return positions
    tensor = positions.tensor
    return Constant(torch.where(tensor < 0, tensor + size, tensor), positions.name, True)


@OPS.add("aten.index.Tensor")
def index(c: ConverterContext, input: Any, indices: Sequence[Any]) -> SSAValue:
    given = [(axis, each) for axis, each in enumerate(indices) if each is not None]
    if any(_dtype(each) == torch.bool and not isinstance(each, Constant) for _, each in given):
        raise Unsupported(
            "indexing with a mask, which gives a size that depends on the data",
            "use torch.where, or topk for a fixed number",
        )
    ((axis, positions), *others) = given
    x = c.value(input)
    if not others and _dtype(positions) != torch.bool:
        positions = from_start(positions, c.shape(x)[axis])
        return take_along(c, x, axis, c.typed(positions, torch.int64))
    from recog.frontend.torch.ops.indexing import indexed, picked

    if all(isinstance(each, Constant) for _, each in given):
        return picked(c, x, indexed(c.shape(x), indices))
    return _at_computed_places(c, x, dict(given))


def _at_computed_places(c: ConverterContext, x: SSAValue, given: dict[int, Any]) -> SSAValue:
    """x[i, :, j]: the axes that are indexed become one, and i and j positions along it."""
    shape, axes = c.shape(x), list(given)
    rest = [axis for axis in range(len(shape)) if axis not in given]
    together = axes == list(range(axes[0], axes[-1] + 1))
    total: SSAValue | None = None
    for axis, each in given.items():
        positions = c.typed(from_start(each, shape[axis]), torch.int64)
        positions = c.emit(nn.RemainderOp(positions, c.typed(shape[axis], torch.int64)))
        if total is not None:
            scaled = c.emit(nn.MulOp(total, c.typed(shape[axis], torch.int64)))
            positions = c.emit(nn.AddOp(scaled, positions))
        total = positions
    if total is None:
        raise Unsupported("indexing with nothing")
    front = c.emit(nn.PermuteOp(x, [*axes, *rest]))
    size = prod(shape[axis] for axis in axes)
    flat = c.emit(nn.ReshapeOp(front, (size, *(shape[axis] for axis in rest))))
    taken = c.emit(nn.TakeOp(flat, total))
    if not together:
        return taken
    count, before = len(c.shape(total)), axes[0]
    order = [count + i for i in range(before)] + list(range(count))
    return c.emit(nn.PermuteOp(taken, [*order, *(count + i for i in range(before, len(rest)))]))


@OPS.add("aten.embedding.default")
def embedding(c: ConverterContext, weight: Any, indices: Any, *options: Any) -> SSAValue:
    return take_along(c, c.value(weight), 0, c.typed(indices, torch.int64))


def take_along(c: ConverterContext, x: SSAValue, axis: int, positions: SSAValue) -> SSAValue:
    """`x` at positions along an axis; where that is not the first, by way of the first."""
    if axis == 0:
        return c.emit(nn.TakeOp(x, positions))
    rank, count = len(c.shape(x)), len(c.shape(positions))
    to_front = [axis, *(i for i in range(rank) if i != axis)]
    taken = c.emit(nn.TakeOp(c.emit(nn.PermuteOp(x, to_front)), positions))
    # Axes are now: those of the positions, then those of x before and after the axis.
    before = [count + i for i in range(axis)]
    after = [count + i for i in range(axis, rank - 1)]
    return c.emit(nn.PermuteOp(taken, [*before, *range(count), *after]))


@OPS.add("aten.expand.default", "aten.expand_as.default", "aten.broadcast_to.default")
def expand(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> SSAValue:
    x = c.value(input)
    return x if c.shape(x) == c.result_shape else c.emit(nn.BroadcastOp(x, c.result_shape))


@OPS.add("aten.repeat.default")
def repeat(c: ConverterContext, input: Any, repeats: Sequence[int]) -> SSAValue:
    x = c.value(input)
    if len(repeats) > len(c.shape(x)):
        x = c.emit(nn.ReshapeOp(x, (*[1] * (len(repeats) - len(c.shape(x))), *c.shape(x))))
    rows_and_columns = list(zip(c.shape(x), repeats))[2:]
    to_image = len(repeats) == 4 and nn.is_float(nn.element_type_of(x))
    if to_image and all(1 in each for each in rows_and_columns) and prod(repeats[2:]) > FEW_COPIES:
        # One resize: a concatenation has an operand for every row.
        x = c.emit(nn.ResizeOp(x, [size * times for size, times in rows_and_columns], "nearest"))
        repeats = repeats[:2]
    for axis, times in enumerate(repeats):
        if times > 1:
            x = c.emit(nn.ConcatOp([x] * times, axis))
    return x


@OPS.add("aten.stack.default")
def stack(c: ConverterContext, tensors: list[Any], dim: int = 0) -> SSAValue:
    shape = c.result_shape
    axis = normalized_axis(dim, len(shape))
    one = (*shape[:axis], 1, *shape[axis + 1 :])
    parts = [c.emit(nn.ReshapeOp(c.typed(each, c.result_dtype), one)) for each in tensors]
    return c.emit(nn.ConcatOp(parts, axis))


@OPS.add("aten.unbind.int")
def unbind(c: ConverterContext, input: Any, dim: int = 0) -> tuple[SSAValue, ...]:
    x = c.value(input)
    shape = c.shape(x)
    axis = normalized_axis(dim, len(shape))
    rest = (*shape[:axis], *shape[axis + 1 :])
    parts = (slice_axis(c, x, axis, i, i + 1, 1) for i in range(shape[axis]))
    return tuple(c.emit(nn.ReshapeOp(part, rest)) for part in parts)


@OPS.add("aten.roll.default")
def roll(c: ConverterContext, input: Any, shifts: Any, dims: Any = ()) -> SSAValue:
    x = c.value(input)
    axes = [dims] if isinstance(dims, int) else list(dims)
    amounts = [shifts] if isinstance(shifts, int) else list(shifts)
    if not axes:
        raise Unsupported("a roll over all axes at once", "name the axes")
    for axis, amount in zip(axes, amounts):
        axis = normalized_axis(axis, len(c.shape(x)))
        size = c.shape(x)[axis]
        first = -amount % size
        if first:
            parts = [
                slice_axis(c, x, axis, first, size, 1),
                slice_axis(c, x, axis, 0, first, 1),
            ]
            x = c.emit(nn.ConcatOp(parts, axis))
    return x


@OPS.add("aten.flip.default")
def flip(c: ConverterContext, input: Any, dims: Sequence[int]) -> SSAValue:
    x = c.value(input)
    for dim in dims:
        axis = normalized_axis(dim, len(c.shape(x)))
        size = c.shape(x)[axis]
        if size > 1:
            backwards = Constant(torch.arange(size - 1, -1, -1), "backwards", True)
            x = take_along(c, x, axis, c.value(backwards))
    return x
