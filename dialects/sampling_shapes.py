"""Shape inference of ops that scatter, interpolate, pick or reorder elements.

As in `shapes`: NCHW tuples, padding as (top, left, bottom, right), and a ValueError with a
sentence for the user where there is no shape. The batch axis stays first unless a caller
says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from recog.dialects.shapes import LARGEST, Shape, check_sizes, check_window, window_output_size
from recog.dialects.words import counted

RESIZE_MODES = ("nearest", "bilinear")


def conv_transpose2d_shape(
    x: Shape,
    weight: Shape,
    strides: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Shape:
    """(N, I, H, W) and (O, I / groups, kh, kw) → (N, O, H', W').

    H' = (H − 1) · stride + dilation · (kh − 1) + 1 + output_padding − top − bottom.
    """
    if len(x) != 4 or len(weight) != 4:
        raise ValueError(f"input and weight must have 4 axes, got {len(x)} and {len(weight)}")
    check_window(weight[2:], strides, padding, dilation)
    if len(output_padding) != 2 or min(output_padding) < 0:
        raise ValueError(f"output_padding takes 2 values of at least 0, got {list(output_padding)}")
    if groups < 1:
        raise ValueError(f"groups must be at least 1, got {groups}")
    if x[1] != weight[1] * groups:
        raise ValueError(
            f"the input has {counted(x[1], 'channel')}, the weight wants {weight[1]} for each of "
            f"{counted(groups, 'group')}"
        )
    if weight[0] % groups:
        raise ValueError(
            f"{counted(weight[0], 'output channel')} cannot be divided into "
            f"{counted(groups, 'group')}"
        )
    sizes: list[int] = []
    for axis in (0, 1):
        reach = dilation[axis] * (weight[2 + axis] - 1) + 1
        size = (x[2 + axis] - 1) * strides[axis] + reach + output_padding[axis]
        check_sizes((size,))
        size -= padding[axis] + padding[axis + 2]
        if size < 1:
            raise ValueError(f"padding {list(padding)} leaves nothing of the result")
        sizes.append(size)
    return (x[0], weight[0], *sizes)


def resize_shape(x: Shape, size: Sequence[int]) -> Shape:
    """(N, C, H, W) → (N, C, *size)."""
    if len(x) != 4:
        raise ValueError(f"the input must have 4 axes, got {len(x)}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size takes 2 values of at least 1, got {list(size)}")
    return (*x[:2], *size)


def slice_shape(
    x: Shape,
    starts: Sequence[int],
    stops: Sequence[int],
    steps: Sequence[int],
    *,
    keep_batch: bool = True,
) -> Shape:
    """The elements start, start + step, ... below stop, along every axis."""
    if not len(starts) == len(stops) == len(steps) == len(x):
        raise ValueError(
            f"starts, stops and steps take {counted(len(x), 'value')}, one an axis, "
            f"got {len(starts)}, {len(stops)} and {len(steps)}"
        )
    for axis, (size, start, stop, step) in enumerate(zip(x, starts, stops, steps)):
        if not 0 <= start < stop <= size or step < 1:
            raise ValueError(
                f"axis {axis} of size {size} has no slice from {start} to {stop} by {step}"
            )
        if step > LARGEST:
            raise ValueError(f"steps must be at most {LARGEST}, got {list(steps)}")
    if keep_batch and x and (starts[0], stops[0], steps[0]) != (0, x[0], 1):
        raise ValueError("the batch axis must stay whole")
    return tuple(-(-(stop - start) // step) for start, stop, step in zip(starts, stops, steps))


def permute_shape(x: Shape, permutation: Sequence[int], *, keep_batch: bool = True) -> Shape:
    """Axis i of the result is axis permutation[i] of x; with `keep_batch` the first stays."""
    if sorted(permutation) != list(range(len(x))):
        raise ValueError(
            f"{list(permutation)} is no permutation of {counted(len(x), 'axis', 'axes')}"
        )
    if keep_batch and x and permutation[0] != 0:
        raise ValueError("the batch axis must stay first")
    return tuple(x[axis] for axis in permutation)


def crop_shape(x: Shape, padding: Sequence[int]) -> Shape:
    """(N, C, H, W) padded by (top, left, bottom, right), or cropped where that is negative."""
    if len(x) != 4:
        raise ValueError(f"the input must have 4 axes, got {len(x)}")
    if len(padding) != 4:
        raise ValueError(f"padding takes 4 values, got {list(padding)}")
    sizes: list[int] = []
    for axis in (0, 1):
        before, after = padding[axis], padding[axis + 2]
        if x[2 + axis] + min(before, 0) + min(after, 0) < 1:
            raise ValueError(f"padding {list(padding)} crops all of {list(x[2:])}")
        sizes.append(x[2 + axis] + before + after)
    return (*x[:2], *sizes)


def window_shape(
    x: Shape,
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1, 1),
) -> Shape:
    """(N, C, H, W) → (N, C, H', W') under windows, none of which is wider than its padding.

    Looser than `shapes.pool2d_shape`: padding may make up more than half of a window.
    """
    if len(x) != 4:
        raise ValueError(f"the input must have 4 axes, got {len(x)}")
    check_window(kernel, strides, padding, dilation)
    sizes: list[int] = []
    for axis in (0, 1):
        before, after = padding[axis], padding[axis + 2]
        if max(before, after) > dilation[axis] * (kernel[axis] - 1):
            raise ValueError(f"padding {list(padding)} fills a whole kernel {list(kernel)}")
        args = x[2 + axis], kernel[axis], strides[axis], before + after, dilation[axis]
        sizes.append(window_output_size(*args))
    return (*x[:2], *sizes)


def elementwise_shape(lhs: Shape, rhs: Shape) -> Shape:
    """Shapes of one rank and one batch, whose axes of size 1 broadcast."""
    same = len(lhs) == len(rhs) and all(a == b or 1 in (a, b) for a, b in zip(lhs, rhs))
    if not same or lhs[:1] != rhs[:1]:
        raise ValueError(f"operands differ in shape: {list(lhs)} and {list(rhs)}")
    return tuple(map(max, lhs, rhs))
