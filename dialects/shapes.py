"""Shape inference shared by the levels: what torch's operators of the same name give.

Shapes are NCHW tuples; every function raises ValueError with a sentence for the user.
Padding is (top, left, bottom, right), so that asymmetric padding needs no op of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from recog.dialects.words import counted

Shape = tuple[int, ...]

LARGEST = (1 << 31) - 1
"""The longest axis, padding included, and the largest stride or dilation: torch counts in 32 bits
along an axis, and its sums wrap beyond."""


def check_sizes(shape: Sequence[int]) -> None:
    """Raise ValueError unless every axis is one that can be counted along."""
    if any(size > LARGEST for size in shape):
        raise ValueError(f"an axis has at most {LARGEST} elements, got {list(shape)}")


def window_output_size(
    size: int, window: int, stride: int, pad: int, dilation: int = 1, *, ceil_mode: bool = False
) -> int:
    """Positions of a sliding window along one axis; `pad` is the sum over both ends."""
    check_sizes((size + pad,))
    reach = dilation * (window - 1) + 1
    free = size + pad - reach + (stride - 1 if ceil_mode else 0)
    if free < 0:
        raise ValueError(f"a window of {reach} does not fit an axis of {size} padded by {pad}")
    return free // stride + 1


def check_window(
    kernel: Sequence[int], strides: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> None:
    """Raise ValueError unless the attributes of a 2-D sliding window make sense."""
    for name, values, count, low in (
        ("kernel", kernel, 2, 1),
        ("strides", strides, 2, 1),
        ("padding", padding, 4, 0),
        ("dilation", dilation, 2, 1),
    ):
        if len(values) != count:
            raise ValueError(f"{name} takes {count} values, got {len(values)}")
        if any(value < low for value in values):
            raise ValueError(f"{name} must be at least {low}, got {list(values)}")
        if any(value > LARGEST for value in values):
            raise ValueError(f"{name} must be at most {LARGEST}, got {list(values)}")


def conv2d_shape(
    x: Shape,
    weight: Shape,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Shape:
    """(N, C, H, W) and (O, C / groups, kh, kw) → (N, O, H', W')."""
    if len(x) != 4 or len(weight) != 4:
        raise ValueError(f"input and weight must have 4 axes, got {len(x)} and {len(weight)}")
    check_window(weight[2:], strides, padding, dilation)
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
    top, left, bottom, right = padding
    height = window_output_size(x[2], weight[2], strides[0], top + bottom, dilation[0])
    width = window_output_size(x[3], weight[3], strides[1], left + right, dilation[1])
    return (x[0], weight[0], height, width)


def pool2d_shape(
    x: Shape,
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1, 1),
    *,
    ceil_mode: bool = False,
) -> Shape:
    """(N, C, H, W) → (N, C, H', W')."""
    if len(x) != 4:
        raise ValueError(f"the input must have 4 axes, got {len(x)}")
    check_window(kernel, strides, padding, dilation)
    sizes: list[int] = []
    for axis in (0, 1):
        before, after = padding[axis], padding[axis + 2]
        if max(before, after) * 2 > kernel[axis]:
            raise ValueError(f"padding {list(padding)} is more than half of kernel {list(kernel)}")
        size = window_output_size(
            x[2 + axis],
            kernel[axis],
            strides[axis],
            before + after,
            dilation[axis],
            ceil_mode=ceil_mode,
        )
        # torch: the last window of ceil mode must start inside the input or its left padding.
        if ceil_mode and (size - 1) * strides[axis] >= x[2 + axis] + before:
            size -= 1
        sizes.append(size)
    return (x[0], x[1], sizes[0], sizes[1])


def linear_shape(x: Shape, weight: Shape) -> Shape:
    """(..., I) and (O, I) → (..., O)."""
    if len(x) < 1 or len(weight) != 2:
        raise ValueError(f"the weight must have 2 axes, got {len(weight)}")
    if x[-1] != weight[1]:
        raise ValueError(f"the input has {counted(x[-1], 'feature')}, the weight wants {weight[1]}")
    return (*x[:-1], weight[0])


def concat_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    """Shapes equal but along `axis`, where they add up."""
    if not shapes:
        raise ValueError("a concatenation needs at least one input")
    first = shapes[0]
    if not 0 <= axis < len(first):
        raise ValueError(f"axis {axis} is outside of {counted(len(first), 'axis', 'axes')}")
    rests = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rests) > 1 or any(len(shape) != len(first) for shape in shapes):
        raise ValueError(f"inputs differ in more than axis {axis}: {[list(s) for s in shapes]}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def reshape_shape(x: Shape, target: Shape, *, keep_batch: bool = True) -> Shape:
    """`target`, which must hold as many elements and, with `keep_batch`, the batch axis."""
    if keep_batch and (not x or not target or x[0] != target[0]):
        raise ValueError(f"the batch axis must stay first, got {list(x)} and {list(target)}")
    if prod(x) != prod(target):
        raise ValueError(
            f"{list(x)} holds {counted(prod(x), 'element')}, {list(target)} {prod(target)}"
        )
    return target


def broadcast_shape(lhs: Shape, rhs: Shape) -> Shape:
    """NumPy's broadcasting of two shapes."""
    rank = max(len(lhs), len(rhs))
    left = (1,) * (rank - len(lhs)) + tuple(lhs)
    right = (1,) * (rank - len(rhs)) + tuple(rhs)
    if any(a != b and 1 not in (a, b) for a, b in zip(left, right)):
        raise ValueError(f"shapes {list(lhs)} and {list(rhs)} do not broadcast")
    return tuple(b if a == 1 else a for a, b in zip(left, right))


def check_axis(axis: int, rank: int) -> None:
    """Raise ValueError unless `axis` is one of `rank` axes."""
    if not 0 <= axis < rank:
        raise ValueError(f"axis must be from 0 to {rank - 1}, got {axis}")


def check_data_axis(axis: int, rank: int) -> None:
    """Raise ValueError unless `axis` is one of `rank` axes and not the batch axis."""
    if not 0 < axis < rank:
        raise ValueError(f"axis must be from 1 (0 is the batch) to {rank - 1}, got {axis}")


def reduced_shape(x: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """`x` without `axes`, or with 1 in their place."""
    if not axes or len(set(axes)) != len(axes):
        raise ValueError(f"axes must be named once each, got {list(axes)}")
    for axis in axes:
        check_axis(axis, len(x))
    if keepdims:
        return tuple(1 if axis in axes else dim for axis, dim in enumerate(x))
    return tuple(dim for axis, dim in enumerate(x) if axis not in axes)


def pad2d_shape(x: Shape, padding: Sequence[int]) -> Shape:
    """(N, C, H, W) padded by (top, left, bottom, right)."""
    if len(x) != 4:
        raise ValueError(f"the input must have 4 axes, got {len(x)}")
    if len(padding) != 4 or any(value < 0 for value in padding):
        raise ValueError(f"padding takes 4 values of at least 0, got {list(padding)}")
    top, left, bottom, right = padding
    return (x[0], x[1], x[2] + top + bottom, x[3] + left + right)
