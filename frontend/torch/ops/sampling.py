"""Converters of transposed convolution, resizing, slices and permutations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
    pair,
    symmetric,
    with_batch,
)

OPS = Registry()


@OPS.add("aten.conv_transpose2d.input")
@with_batch(4)
def conv_transpose2d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> SSAValue:
    return c.emit(
        nn.ConvTranspose2dOp(
            c.value(input),
            c.value(outputs_first(transposed_weight(weight), groups)),
            c.optional(bias),
            strides=pair(stride),
            padding=symmetric(padding),
            output_padding=pair(output_padding),
            dilation=pair(dilation),
            groups=groups,
        )
    )


def transposed_weight(weight: Any) -> Constant:
    """A transposed convolution's weight; raises Unsupported where the network computes it."""
    if isinstance(weight, Constant):
        return weight
    raise Unsupported(
        "the weight of a transposed convolution is computed by the network", "use a parameter"
    )


def outputs_first(weight: Constant, groups: int) -> Constant:
    """A transposed convolution's weight, (I, O / groups, kh, kw) → (O, I / groups, kh, kw)."""
    inputs, outputs, *kernel = weight.tensor.shape
    by_group = weight.tensor.reshape(groups, inputs // groups, outputs, *kernel).transpose(1, 2)
    tensor = by_group.reshape(groups * outputs, inputs // groups, *kernel)
    return Constant(tensor, weight.name)


@OPS.add("aten.upsample_nearest2d.vec")
def upsample_nearest2d(
    c: ConverterContext, input: Any, output_size: Any, scale_factors: Any
) -> SSAValue:
    return _resize(c, input, "nearest", scale_factors, align_corners=False)


@OPS.add("aten.upsample_bilinear2d.vec")
def upsample_bilinear2d(
    c: ConverterContext, input: Any, output_size: Any, align_corners: bool, scale_factors: Any
) -> SSAValue:
    return _resize(c, input, "bilinear", scale_factors, align_corners=align_corners)


def _resize(
    c: ConverterContext, input: Any, mode: str, factors: Any, *, align_corners: bool
) -> SSAValue:
    source, target = c.shape(input)[2:], c.result_shape[2:]
    for factor, size, wanted in zip(factors or (), source, target):
        # torch then steps by 1 / factor, which is not size / wanted.
        if size * factor != wanted and not align_corners:
            raise Unsupported(
                f"resizing {list(source)} by {factor} gives no whole number of pixels",
                "give interpolate a size, or recompute_scale_factor=True",
            )
    return c.emit(nn.ResizeOp(c.value(input), target, mode, align_corners=align_corners))


@OPS.add("aten.slice.Tensor")
def slice_tensor(
    c: ConverterContext,
    input: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> SSAValue:
    shape = c.shape(input)
    axis = normalized_axis(dim, len(shape))
    first, last, _ = slice(start, end).indices(shape[axis])
    return slice_axis(c, input, axis, first, last, step)


@OPS.add("aten.narrow.default")
def narrow(c: ConverterContext, input: Any, dim: int, start: int, length: int) -> SSAValue:
    axis = normalized_axis(dim, len(c.shape(input)))
    first = normalized_axis(start, c.shape(input)[axis])
    return slice_axis(c, input, axis, first, first + length, 1)


@OPS.add("aten.select.int")
def select(c: ConverterContext, input: Any, dim: int, index: int) -> SSAValue:
    shape = c.shape(input)
    axis = normalized_axis(dim, len(shape))
    first = normalized_axis(index, shape[axis])
    picked = slice_axis(c, input, axis, first, first + 1, 1)
    return c.emit(nn.ReshapeOp(picked, (*shape[:axis], *shape[axis + 1 :])))


def slice_axis(
    c: ConverterContext, input: Any, axis: int, start: int, stop: int, step: int
) -> SSAValue:
    """Elements start, start + step, ... below stop of one axis, all of the others."""
    shape = c.shape(input)
    if (start, stop, step) == (0, shape[axis], 1):
        return c.value(input)
    if start >= stop:
        raise Unsupported(f"an empty slice of axis {axis}")
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return c.emit(nn.SliceOp(c.value(input), starts, stops, steps))


def replaced_slice(
    c: ConverterContext, input: Any, axis: int, start: int, stop: int, new: SSAValue
) -> SSAValue:
    """The elements from start to stop of one axis replaced by `new`."""
    size = c.shape(input)[axis]
    parts = [new]
    if start > 0:
        parts.insert(0, slice_axis(c, input, axis, 0, start, 1))
    if stop < size:
        parts.append(slice_axis(c, input, axis, stop, size, 1))
    return parts[0] if len(parts) == 1 else c.emit(nn.ConcatOp(parts, axis))


@OPS.add("aten.slice_scatter.default")
def slice_scatter(
    c: ConverterContext,
    input: Any,
    src: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> SSAValue:
    if step != 1:
        raise Unsupported("writing to every second element and the like", "use a step of 1")
    shape = c.shape(input)
    axis = normalized_axis(dim, len(shape))
    first, last, _ = slice(start, end).indices(shape[axis])
    return replaced_slice(c, input, axis, first, last, c.typed(src, c.result_dtype))


@OPS.add("aten.select_scatter.default")
def select_scatter(c: ConverterContext, input: Any, src: Any, dim: int, index: int) -> SSAValue:
    shape = c.shape(input)
    axis = normalized_axis(dim, len(shape))
    first = normalized_axis(index, shape[axis])
    one = (*shape[:axis], 1, *shape[axis + 1 :])
    new = c.emit(nn.ReshapeOp(c.typed(src, c.result_dtype), one))
    return replaced_slice(c, input, axis, first, first + 1, new)


@OPS.add("aten.copy.default")
def copy(c: ConverterContext, input: Any, src: Any, non_blocking: bool = False) -> SSAValue:
    if not isinstance(src, SSAValue):
        tensor = src.tensor if isinstance(src, Constant) else torch.tensor(src)
        filled = tensor.to(c.result_dtype).expand(c.result_shape)
        return c.value(Constant(filled, c.node.name, True))
    value = c.typed(src, c.result_dtype)
    if c.shape(value) == c.result_shape:
        return value
    return c.emit(nn.BroadcastOp(value, c.result_shape))


@OPS.add("aten.fill.Scalar", "aten.fill.Tensor")
def fill(c: ConverterContext, input: Any, value: Any) -> SSAValue:
    return copy(c, input, value)


@OPS.add("aten.split_with_sizes.default")
def split_with_sizes(
    c: ConverterContext, input: Any, split_sizes: Sequence[int], dim: int = 0
) -> tuple[SSAValue, ...]:
    axis = normalized_axis(dim, len(c.shape(input)))
    parts, first = [], 0
    for size in split_sizes:
        parts.append(slice_axis(c, input, axis, first, first + size, 1))
        first += size
    return tuple(parts)


@OPS.add("aten.split.Tensor")
def split(c: ConverterContext, input: Any, split_size: int, dim: int = 0) -> tuple[SSAValue, ...]:
    size = c.shape(input)[normalized_axis(dim, len(c.shape(input)))]
    sizes = [min(split_size, size - first) for first in range(0, size, split_size)]
    return split_with_sizes(c, input, sizes, dim)


@OPS.add("aten.chunk.default")
def chunk(c: ConverterContext, input: Any, chunks: int, dim: int = 0) -> tuple[SSAValue, ...]:
    size = c.shape(input)[normalized_axis(dim, len(c.shape(input)))]
    return split(c, input, -(-size // chunks), dim)


@OPS.add("aten.permute.default")
def permute(c: ConverterContext, input: Any, dims: Sequence[int]) -> SSAValue:
    permutation = [normalized_axis(axis, len(dims)) for axis in dims]
    if permutation == sorted(permutation):
        return c.value(input)
    return c.emit(nn.PermuteOp(c.value(input), permutation))


@OPS.add("aten.transpose.int")
def transpose(c: ConverterContext, input: Any, dim0: int, dim1: int) -> SSAValue:
    permutation = list(range(len(c.shape(input))))
    first, second = (normalized_axis(dim, len(permutation)) for dim in (dim0, dim1))
    permutation[first], permutation[second] = permutation[second], permutation[first]
    return permute(c, input, permutation)


@OPS.add("aten.t.default", "aten.mT.default")
def transposed(c: ConverterContext, input: Any) -> SSAValue:
    return transpose(c, input, -2, -1) if len(c.shape(input)) > 1 else c.value(input)


@OPS.add("aten.pixel_shuffle.default")
def pixel_shuffle(c: ConverterContext, input: Any, upscale_factor: int) -> SSAValue:
    batch, channels, height, width = _image_shape(c, input)
    r = upscale_factor
    split = (batch, channels // r**2, r, r, height, width)
    by_pixel = c.emit(nn.ReshapeOp(c.value(input), split))
    side_by_side = c.emit(nn.PermuteOp(by_pixel, (0, 1, 4, 2, 5, 3)))
    return c.emit(nn.ReshapeOp(side_by_side, c.result_shape))


@OPS.add("aten.channel_shuffle.default")
def channel_shuffle(c: ConverterContext, input: Any, groups: int) -> SSAValue:
    batch, channels, height, width = _image_shape(c, input)
    split = (batch, groups, channels // groups, height, width)
    by_group = c.emit(nn.ReshapeOp(c.value(input), split))
    mixed = c.emit(nn.PermuteOp(by_group, (0, 2, 1, 3, 4)))
    return c.emit(nn.ReshapeOp(mixed, c.result_shape))


def _image_shape(c: ConverterContext, input: Any) -> tuple[int, int, int, int]:
    match c.shape(input):
        case (batch, channels, height, width):
            return batch, channels, height, width
        case shape:
            raise Unsupported(f"needs images (N, C, H, W), got {list(shape)}")
