"""Converters that read and write elements at places known at import.

Where an operator's indices are constants, what it does to the elements of its operands is a table
of positions; nn.take picks them. So diagonals, windows with strides, indexing by several tensors
and scattered writes need no op of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from recog.frontend.torch.ops.sampling import slice_axis
from recog.frontend.torch.ops.selection import take_along

OPS = Registry()

MAX_TABLE = 1 << 24
"""Most positions of a table."""


def positions(shape: Sequence[int]) -> np.ndarray:
    """The position of each element of a tensor in row-major order, of the tensor's shape."""
    return np.arange(prod(shape)).reshape(shape)


def picked(c: ConverterContext, x: SSAValue, table: np.ndarray) -> SSAValue:
    """The elements of `x` at row-major positions, of the table's shape.

    Where every image of a batch has its elements picked alike, the batch axis stays first.
    """
    if table.size > MAX_TABLE:
        raise Unsupported(f"a table of {table.size} positions")
    shape = c.shape(x)
    batch, each = shape[0], prod(shape[1:])
    if table.shape[:1] == (batch,) and table.ndim > 1:
        first = table[0]
        starts = np.arange(batch).reshape(-1, *[1] * first.ndim) * each
        if ((first >= 0) & (first < each)).all() and (table == first + starts).all():
            rows = c.emit(nn.ReshapeOp(x, (batch, each)))
            return take_along(c, rows, 1, _indices(c, first))
    return take_along(c, c.emit(nn.ReshapeOp(x, (prod(shape),))), 0, _indices(c, table))


def _indices(c: ConverterContext, table: np.ndarray) -> SSAValue:
    tensor = torch.from_numpy(np.ascontiguousarray(table, np.int64))
    return c.value(Constant(tensor, "positions", True))


def joined(c: ConverterContext, *parts: SSAValue) -> SSAValue:
    """All elements of several tensors, one after the other."""
    flat = [c.emit(nn.ReshapeOp(part, (prod(c.shape(part)),))) for part in parts]
    return c.emit(nn.ConcatOp(flat, 0))


def constant_index(handle: Any) -> np.ndarray:
    """An index tensor; raises Unsupported where the network computes it."""
    if isinstance(handle, Constant):
        return handle.tensor.detach().cpu().numpy()
    raise Unsupported(
        "writes at, or picks by several, positions that the network computes",
        "index one axis at a time, or use torch.where",
    )


@OPS.add("aten.as_strided.default")
def as_strided(
    c: ConverterContext,
    input: Any,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> SSAValue:
    x: torch.Tensor = c.node.args[0].meta["val"]  # pyright: ignore
    start = int(x.storage_offset())
    place = _places(x.shape, x.stride(), start)
    wanted = _places(size, stride, start if storage_offset is None else storage_offset)
    known = np.full(max(place.max(), wanted.max()) + 1, -1)
    known[place.reshape(-1)] = np.arange(place.size)
    table = known[wanted]
    if (table < 0).any():
        raise Unsupported("as_strided reads memory that is not the tensor's", "use the tensor")
    return picked(c, c.value(input), table)


def _places(shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray:
    """Where in memory each element of a tensor is."""
    place = np.full(tuple(shape), offset)
    for axis, (size, stride) in enumerate(zip(shape, strides)):
        place += np.arange(size).reshape(-1, *[1] * (len(shape) - 1 - axis)) * stride
    return place


def indexed(shape: Sequence[int], indices: Sequence[Any]) -> np.ndarray:
    """The positions that `x[indices]` reads, where x has this shape and None stands for `:`."""
    given = tuple(slice(None) if each is None else constant_index(each) for each in indices)
    try:
        return positions(shape)[given]
    except IndexError as error:
        raise Unsupported(str(error)) from None


@OPS.add("aten.index_put.default")
def index_put(
    c: ConverterContext, input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False
) -> SSAValue:
    x, source = c.typed(input, c.result_dtype), c.typed(values, c.result_dtype)
    written = indexed(c.shape(x), indices)
    index = np.broadcast_to(positions(c.shape(source)), written.shape)
    return written_to(c, x, source, written, index, "sum" if accumulate else None)


@OPS.add("aten.put.default")
def put(
    c: ConverterContext, input: Any, index: Any, source: Any, accumulate: bool = False
) -> SSAValue:
    x, values = c.value(input), c.value(source)
    written = constant_index(index) % prod(c.shape(x))
    index = positions(c.shape(values)).reshape(written.shape)
    return written_to(c, x, values, written, index, "sum" if accumulate else None)


def along(shape: Sequence[int], axis: int, index: np.ndarray) -> np.ndarray:
    """The positions in a tensor of `shape` of index[i][j] along an axis, i and j on the others."""
    others = np.indices(index.shape, sparse=True)
    grid = tuple(index if i == axis else each for i, each in enumerate(others))
    return positions(shape)[grid]


def _scattered(
    c: ConverterContext, input: Any, dim: int, index: Any, src: Any, reduce: str | None, own: bool
) -> SSAValue:
    x = c.value(input)
    shape, indices = c.shape(x), constant_index(index)
    written = along(shape, normalized_axis(dim, len(shape)), indices)
    if isinstance(src, (int, float)):
        source = c.typed(Constant(torch.full((1,), src), "value"), c.result_dtype)
        read = np.zeros(written.shape, np.int64)
    else:
        source = c.typed(src, c.result_dtype)
        part = tuple(slice(size) for size in indices.shape)
        read = positions(c.shape(source))[part]
    return written_to(c, x, source, written, read, reduce, own)


@OPS.add("aten.scatter.src", "aten.scatter.value")
def scatter(c: ConverterContext, input: Any, dim: int, index: Any, src: Any) -> SSAValue:
    return _scattered(c, input, dim, index, src, None, True)


OPS["aten.scatter.value"] = lambda c, input, dim, index, value: scatter(c, input, dim, index, value)
_REDUCED = {"add": "sum", "multiply": "prod"}


@OPS.add("aten.scatter.reduce")
def scatter_by(
    c: ConverterContext, input: Any, dim: int, index: Any, src: Any, *, reduce: str
) -> SSAValue:
    return _scattered(c, input, dim, index, src, _REDUCED[reduce], True)


@OPS.add("aten.scatter.value_reduce")
def scatter_value_by(
    c: ConverterContext, input: Any, dim: int, index: Any, value: Any, *, reduce: str
) -> SSAValue:
    return _scattered(c, input, dim, index, value, _REDUCED[reduce], True)


@OPS.add("aten.scatter_add.default")
def scatter_add(c: ConverterContext, input: Any, dim: int, index: Any, src: Any) -> SSAValue:
    return _scattered(c, input, dim, index, src, "sum", True)


@OPS.add("aten.scatter_reduce.two")
def scatter_reduce(
    c: ConverterContext,
    input: Any,
    dim: int,
    index: Any,
    src: Any,
    reduce: str,
    *,
    include_self: bool = True,
) -> SSAValue:
    return _scattered(c, input, dim, index, src, reduce, include_self)


@OPS.add("aten.index_reduce.default")
def index_reduce(
    c: ConverterContext,
    input: Any,
    dim: int,
    index: Any,
    source: Any,
    reduce: str,
    *,
    include_self: bool = True,
) -> SSAValue:
    x, values = c.value(input), c.value(source)
    axis = normalized_axis(dim, len(c.shape(x)))
    rows: list[Any] = [slice(None)] * len(c.shape(x))
    rows[axis] = constant_index(index).reshape(-1)
    written = positions(c.shape(x))[tuple(rows)]
    read = positions(c.shape(values))
    return written_to(c, x, values, written, read, reduce, include_self)


def written_to(
    c: ConverterContext,
    x: SSAValue,
    source: SSAValue,
    written: np.ndarray,
    read: np.ndarray,
    reduce: str | None,
    own: bool = True,
) -> SSAValue:
    """`x` with elements of `source` at positions, one after the other; `x` keeps its shape.

    Args:
        written: positions in `x`.
        read: for each of these the position in `source`.
        reduce: how what is written to one place meets: sum, prod, mean, amax or amin; None where
            the last one stays.
        own: whether the element of `x` itself counts as one of them.
    """
    shape, size = c.shape(x), prod(c.shape(x))
    places = written.reshape(-1)
    sources = size + read.reshape(-1)
    if reduce is None:
        table = np.arange(size)
        table[places] = sources
        return picked(c, joined(c, x, source), table.reshape(shape))
    counts = np.bincount(places, minlength=size)
    order = np.argsort(places, kind="stable")
    firsts = np.cumsum(counts) - counts
    rank = np.arange(len(places)) - firsts[places[order]]
    neutral = size + prod(c.shape(source))
    table = np.full((size, int(counts.max()) + 1), neutral)
    table[places[order], rank + 1] = sources[order]
    keeps = (counts == 0) | own
    table[keeps, 0] = np.arange(size)[keeps]
    pad = c.typed(Constant(torch.tensor([_NEUTRAL[reduce]]), "neutral", True), c.result_dtype)
    met = picked(c, joined(c, x, source, pad), table)
    result = _reduced(c, met, reduce)
    if reduce == "mean":
        total = np.maximum(counts + keeps, 1).astype(np.float32)
        result = c.emit(nn.DivOp(result, c.constant(total, "counts")))
    return c.emit(nn.ReshapeOp(result, shape))


_NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf}


def _reduced(c: ConverterContext, rows: SSAValue, reduce: str) -> SSAValue:
    """(n, m) → (n)."""
    match reduce:
        case "sum" | "mean":
            return c.emit(nn.SumOp(rows, [1]))
        case "amax":
            return c.emit(nn.MaxOp(rows, [1]))
        case "amin":
            largest = c.emit(nn.MaxOp(c.emit(nn.NegOp(rows)), [1]))
            return c.emit(nn.NegOp(largest))
        case _:
            return product_along(c, rows, 1)


def product_along(c: ConverterContext, x: SSAValue, axis: int) -> SSAValue:
    """The product of the elements of an axis, which goes: halves are multiplied."""
    while (size := c.shape(x)[axis]) > 1:
        half = size // 2
        low = slice_axis(c, x, axis, 0, half, 1)
        product = c.emit(nn.MulOp(low, slice_axis(c, x, axis, half, 2 * half, 1)))
        rest = [slice_axis(c, x, axis, size - 1, size, 1)] if size % 2 else []
        x = c.emit(nn.ConcatOp([product, *rest], axis)) if rest else product
    shape = c.shape(x)
    return c.emit(nn.ReshapeOp(x, (*shape[:axis], *shape[axis + 1 :])))
