"""Converters of pools whose windows differ, have three axes, or give positions too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import ConverterContext, Registry, Unsupported, with_batch
from recog.frontend.torch.ops.layers import avg_pool2d, max_pool2d
from recog.frontend.torch.ops.sampling import slice_axis
from recog.frontend.torch.ops.volumes import triple

OPS = Registry()

Pool = type[nn.AvgPool2dOp] | type[nn.MaxPool2dOp]


def adaptive(c: ConverterContext, x: SSAValue, pool: Pool, sizes: Sequence[int]) -> SSAValue:
    """An image (N, C, H, W) pooled to these rows and columns.

    Output i of n takes the inputs from floor(i · size / n) to ceil((i + 1) · size / n). Where n
    divides the size those are the windows of one pool, else each has one of its own.
    """
    height, width = c.shape(x)[2:]
    if height % sizes[0] == 0 and width % sizes[1] == 0:
        kernel = (height // sizes[0], width // sizes[1])
        return x if kernel == (1, 1) else c.emit(pool(x, kernel, kernel))
    for axis, wanted in zip((2, 3), sizes):
        size = c.shape(x)[axis]
        parts: list[SSAValue] = []
        for i in range(wanted):
            start, stop = i * size // wanted, -(-(i + 1) * size // wanted)
            window = slice_axis(c, x, axis, start, stop, 1)
            kernel = (stop - start, 1) if axis == 2 else (1, stop - start)
            parts.append(window if stop - start == 1 else c.emit(pool(window, kernel, kernel)))
        x = parts[0] if len(parts) == 1 else c.emit(nn.ConcatOp(parts, axis))
    return x


def _adaptive_over(axes: int, pool: Pool) -> Callable[[ConverterContext, Any, Any], Any]:
    """A converter over one, two or three axes, of which missing ones have length 1."""

    @with_batch(axes + 2)
    def convert(c: ConverterContext, input: Any, output_size: Any) -> SSAValue:
        x = c.value(input)
        batch, channels, *sizes = c.shape(x)
        wanted = c.result_shape[-axes:]
        depth, height, width = (*[1] * (3 - axes), *sizes)
        new_depth, *new_sizes = (*[1] * (3 - axes), *wanted)
        planes = c.emit(nn.ReshapeOp(x, (batch, channels * depth, height, width)))
        pooled = adaptive(c, planes, pool, new_sizes)
        if axes == 3:
            columns = c.emit(nn.ReshapeOp(pooled, (batch, channels, depth, prod(new_sizes))))
            pooled = adaptive(c, columns, pool, (new_depth, prod(new_sizes)))
        shape = (batch, channels, *wanted)
        return pooled if c.shape(pooled) == shape else c.emit(nn.ReshapeOp(pooled, shape))

    return convert


def _with_positions(
    converter: Callable[..., Any],
) -> Callable[..., tuple[Any, None]]:
    """A pool that also gives where its elements were, for a network that does not look."""

    def convert(c: ConverterContext, *arguments: Any, **keywords: Any) -> tuple[Any, None]:
        if c.uses_result(1):
            raise Unsupported("the positions of the largest elements are used", "use torch.max")
        return converter(c, *arguments, **keywords), None

    return convert


for _axes in (1, 2, 3):
    _average = _adaptive_over(_axes, nn.AvgPool2dOp)
    OPS.add(f"aten.adaptive_avg_pool{_axes}d.default")(_average)
    OPS.add(f"aten._adaptive_avg_pool{_axes}d.default")(_average)
    _largest = _with_positions(_adaptive_over(_axes, nn.MaxPool2dOp))
    OPS.add(f"aten.adaptive_max_pool{_axes}d.default")(_largest)

OPS.add("aten.max_pool2d_with_indices.default")(_with_positions(max_pool2d))


def _over_volumes(
    c: ConverterContext, input: Any, pool: Callable[..., SSAValue], options: Sequence[Any]
) -> SSAValue:
    """A pool over rows and columns of every plane, then one over the planes.

    `options` are those of the pool, each one number or three, up to the first flag.
    """
    x = c.value(input)
    batch, channels, depth, height, width = c.shape(x)
    sizes = [triple(each) if not isinstance(each, bool) else each for each in options]

    def part(*axes: int) -> list[Any]:
        return [each if isinstance(each, bool) else [each[axis] for axis in axes] for each in sizes]

    planes = c.emit(nn.ReshapeOp(x, (batch, channels * depth, height, width)))
    pooled = pool(c, planes, *part(1, 2))
    *_, rows, columns = c.shape(pooled)
    across = c.emit(nn.ReshapeOp(pooled, (batch, channels, depth, rows * columns)))
    depths = [each for each in part(0) if isinstance(each, list)]
    neutral = [[*each, none] for each, none in zip(depths, _NEUTRAL)]
    flags = [each for each in sizes if isinstance(each, bool)]
    result = pool(c, across, *neutral, *flags)
    return c.emit(nn.ReshapeOp(result, (batch, channels, c.shape(result)[2], rows, columns)))


_NEUTRAL = (1, 1, 0, 1)
"""Of kernel, stride, padding and dilation: what leaves an axis as it is."""


@OPS.add("aten.max_pool3d.default")
@with_batch(5)
def max_pool3d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> SSAValue:
    options = (kernel_size, stride or kernel_size, padding, dilation, ceil_mode)
    return _over_volumes(c, input, max_pool2d, options)


OPS.add("aten.max_pool3d_with_indices.default")(_with_positions(max_pool3d))


@OPS.add("aten.avg_pool3d.default")
@with_batch(5)
def avg_pool3d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> SSAValue:
    if divisor_override is not None:
        raise Unsupported("divisor_override is not supported", "scale the result instead")
    options = (kernel_size, stride or kernel_size, padding, ceil_mode, count_include_pad)
    return _over_volumes(c, input, avg_pool2d, options)
