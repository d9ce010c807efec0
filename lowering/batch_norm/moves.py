"""How an affine map moves past one op, from its result to its operands or the other way.

`BEFORE[op type](op, A)` gives the maps of the operands for which f(A₀ x₀, A₁ x₁, ...) =
A f(x₀, x₁, ...); `AFTER[op type](op, maps)` gives the map of the result for which
A f(x₀, x₁, ...) = f(A₀ x₀, A₁ x₁, ...), None standing for an operand that has none. Each is
exact, and raises NotFoldable where there is no such map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.ir import Operation

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.nn import shape_of
from recog.lowering.batch_norm.affine import Affine, NotFoldable, reshaped

Maps = Sequence[Affine | None]


def past_relu(op: nn.ReluOp | nn.LeakyReluOp, affine: Affine) -> Affine:
    """relu(s x) = s relu(x) for s ≥ 0; a shift cannot pass."""
    if affine.shifts:
        raise NotFoldable(f"a shift cannot pass {op.name}")
    if not affine.keeps_order:
        raise NotFoldable(f"a negative scale cannot pass {op.name}")
    return affine


def past_max_pool(op: nn.MaxPool2dOp, affine: Affine) -> Affine:
    """max(s x + t) = s max(x) + t for s ≥ 0: padding never wins."""
    if not affine.keeps_order:
        raise NotFoldable(f"a negative scale cannot pass {op.name}")
    return _same_for_all_pixels(op, affine)


def past_avg_pool(op: nn.AvgPool2dOp, affine: Affine) -> Affine:
    """A mean of s x + t is s mean(x) + t, where it does not count zeros of the padding."""
    counts_padding = any(op.padding.get_values()) and op.count_include_pad is not None
    if counts_padding and affine.shifts:
        raise NotFoldable(f"a shift cannot pass {op.name}, which counts its padding")
    return _same_for_all_pixels(op, affine)


def past_resize(op: nn.ResizeOp, affine: Affine) -> Affine:
    """Interpolation, nearest or bilinear, weighs pixels by weights whose sum is 1."""
    return _same_for_all_pixels(op, affine)


def _same_for_all_pixels(op: Operation, affine: Affine) -> Affine:
    if any(size > 1 for array in (affine.scale, affine.shift) for size in array.shape[2:]):
        raise NotFoldable(f"a scale that differs from pixel to pixel cannot pass {op.name}")
    return affine


def before_mean(op: nn.MeanOp, affine: Affine) -> Maps:
    """The mean over axes along which nothing varies."""
    axes = tuple(op.axes.get_values())
    if op.keepdims is not None:
        return [affine]
    return [affine.map(lambda array: np.expand_dims(array, axes))]


def after_mean(op: nn.MeanOp, maps: Maps) -> Affine:
    (affine,) = _known(maps)
    axes = tuple(op.axes.get_values())
    if any(array.shape[axis] > 1 for array in (affine.scale, affine.shift) for axis in axes):
        raise NotFoldable(f"{op.name} averages elements that are scaled differently")
    if op.keepdims is not None:
        return affine
    return affine.map(lambda array: np.squeeze(array, axes))


def before_reshape(op: nn.ReshapeOp, affine: Affine) -> Maps:
    source, target = shape_of(op.input), shape_of(op.output)
    return [affine.map(lambda array: reshaped(array, target, source))]


def after_reshape(op: nn.ReshapeOp, maps: Maps) -> Affine:
    (affine,) = _known(maps)
    source, target = shape_of(op.input), shape_of(op.output)
    return affine.map(lambda array: reshaped(array, source, target))


def before_permute(op: nn.PermuteOp, affine: Affine) -> Maps:
    order = np.argsort(op.permutation.get_values())
    return [affine.map(lambda array: array.transpose(order))]


def after_permute(op: nn.PermuteOp, maps: Maps) -> Affine:
    (affine,) = _known(maps)
    return affine.map(lambda array: array.transpose(op.permutation.get_values()))


def before_slice(op: nn.SliceOp, affine: Affine) -> Maps:
    """The elements that are left out may become anything: they stay."""
    shape, result, index = shape_of(op.input), shape_of(op.output), _index(op)

    def around(array: np.ndarray, fill: float) -> np.ndarray:
        varying = [axis for axis, size in enumerate(array.shape) if size > 1]
        sizes = [n if axis in varying else 1 for axis, n in enumerate(shape)]
        whole = np.full(sizes, fill)
        part = tuple(index[axis] if axis in varying else slice(None) for axis in range(len(shape)))
        kept = [n if axis in varying else 1 for axis, n in enumerate(result)]
        whole[part] = np.broadcast_to(array, kept)
        return whole

    return [Affine.of(around(affine.scale, 1.0), around(affine.shift, 0.0))]


def after_slice(op: nn.SliceOp, maps: Maps) -> Affine:
    (affine,) = _known(maps)
    index = _index(op)

    def picked(array: np.ndarray) -> np.ndarray:
        return array[tuple(i if n > 1 else slice(None) for i, n in zip(index, array.shape))]

    return affine.map(picked)


def _index(op: nn.SliceOp) -> list[slice]:
    bounds = zip(op.starts.get_values(), op.stops.get_values(), op.steps.get_values())
    return [slice(*bound) for bound in bounds]


def before_concat(op: nn.ConcatOp, affine: Affine) -> Maps:
    """To each part its own stretch of the scales."""
    axis, first = op.axis.value.data, 0
    maps: list[Affine] = []
    for value in op.inputs:
        stretch = slice(first, first + shape_of(value)[axis])
        first = stretch.stop

        def part(array: np.ndarray, stretch: slice = stretch) -> np.ndarray:
            return array if array.shape[axis] == 1 else array[(slice(None),) * axis + (stretch,)]

        maps.append(affine.map(part))
    return maps


def after_concat(op: nn.ConcatOp, maps: Maps) -> Affine:
    axis = op.axis.value.data
    parts = [m or Affine.identity(len(shape_of(op.output))) for m in maps]

    def joined(arrays: list[np.ndarray]) -> np.ndarray:
        sizes = np.broadcast_shapes(*((*a.shape[:axis], 1, *a.shape[axis + 1 :]) for a in arrays))
        spread = [
            np.broadcast_to(a, (*sizes[:axis], shape_of(v)[axis], *sizes[axis + 1 :]))
            for a, v in zip(arrays, op.inputs)
        ]
        return np.concatenate(spread, axis)

    return Affine.of(joined([p.scale for p in parts]), joined([p.shift for p in parts]))


def before_sum(op: nn.AddOp | nn.SubOp, affine: Affine) -> Maps:
    """s (x ± y) + t = (s x + t) ± (s y): one takes the shift, both the scale."""
    unshifted = affine.scale_only()
    whole = shape_of(op.output)
    for value in op.operands:
        if shape_of(value) != whole and constant_array(value) is None:
            raise NotFoldable(f"{op.name} spreads one of its operands")
    if shape_of(op.lhs) == whole:
        return [affine, unshifted]
    sign = -1.0 if isinstance(op, nn.SubOp) else 1.0
    return [unshifted, Affine.of(affine.scale, sign * affine.shift)]


def after_sum(op: nn.AddOp | nn.SubOp, maps: Maps) -> Affine:
    """Shifts add up; scales pass only where both operands have the same."""
    rank = len(shape_of(op.output))
    if any(shape_of(value) != shape_of(op.output) for value in op.operands):
        raise NotFoldable(f"{op.name} spreads one of its operands")
    left, right = (m or Affine.identity(rank) for m in maps)
    if not np.array_equal(left.scale, right.scale):
        raise NotFoldable(f"a scale of one operand cannot pass {op.name}")
    sign = -1.0 if isinstance(op, nn.SubOp) else 1.0
    return Affine.of(left.scale, left.shift + sign * right.shift)


def pad_value_before(op: nn.PadOp, affine: Affine) -> float:
    """What a pad of (x) holds where s pad(x) + t holds s v + t."""
    _same_for_all_pixels(op, affine)
    value = np.unique(affine.scale * op.value.value.data + affine.shift)
    if len(value) > 1:
        raise NotFoldable(f"{op.name} would need a value for each channel")
    return float(value[0])


def pad_value_after(op: nn.PadOp, affine: Affine) -> float:
    """What a pad of x holds where one of s x + t holds v: (v - t) / s."""
    _same_for_all_pixels(op, affine)
    with np.errstate(all="ignore"):
        value = np.unique((op.value.value.data - affine.shift) / affine.scale)
    if len(value) > 1 or not np.isfinite(value.astype(np.float32)).all():
        raise NotFoldable(f"{op.name} would need a value for each channel")
    return float(value[0])


def _known(maps: Maps) -> list[Affine]:
    return [affine for affine in maps if affine is not None]


def _both(past: Callable[..., Affine]) -> tuple[Callable[..., Maps], Callable[..., Affine]]:
    """The two directions of an op of one operand that an affine map passes unchanged."""

    def before(op: Operation, affine: Affine) -> Maps:
        return [past(op, affine)]

    def after(op: Operation, maps: Maps) -> Affine:
        return past(op, *_known(maps))

    return before, after


MOVES: dict[type[Operation], tuple[Callable[..., Maps], Callable[..., Affine]]] = {
    nn.AddOp: (before_sum, after_sum),
    nn.AvgPool2dOp: _both(past_avg_pool),
    nn.ConcatOp: (before_concat, after_concat),
    nn.LeakyReluOp: _both(past_relu),
    nn.MaxPool2dOp: _both(past_max_pool),
    nn.MeanOp: (before_mean, after_mean),
    nn.PermuteOp: (before_permute, after_permute),
    nn.ReluOp: _both(past_relu),
    nn.ReshapeOp: (before_reshape, after_reshape),
    nn.ResizeOp: _both(past_resize),
    nn.SliceOp: (before_slice, after_slice),
    nn.SubOp: (before_sum, after_sum),
}
BEFORE = {op_type: before for op_type, (before, _) in MOVES.items()}
AFTER = {op_type: after for op_type, (_, after) in MOVES.items()}
