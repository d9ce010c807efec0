"""What folding a batch norm computes with: affine maps of tensors, and layers' weights.

All of it is float64. The weights of a layer stay as they were stored, beside the scales that
they take on, so that a layer that absorbs several batch norms is rounded once, from the
original weights, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import Attribute, Operation, SSAValue

from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.nn import BatchNormOp, WeightedOp, element_type_of, shape_of
from recog.dialects.shapes import Shape


class NotFoldable(Exception):
    """Why a batch norm must stay, as a phrase."""


@dataclass(frozen=True, eq=False)
class Affine:
    """y = scale · x + shift for every element of a tensor x, float64.

    Both arrays have the rank of x, and size 1 along every axis on which they do not depend:
    equal maps have equal arrays.
    """

    scale: np.ndarray
    shift: np.ndarray

    @staticmethod
    def of(scale: np.ndarray, shift: np.ndarray) -> Affine:
        """The map of two arrays that broadcast to x."""
        return Affine(_shrunk(scale), _shrunk(shift))

    @staticmethod
    def of_channels(scale: np.ndarray, shift: np.ndarray, rank: int) -> Affine:
        """One scale and shift, both (C), for each element of axis 1."""
        shape = (1, -1, *[1] * (rank - 2))
        return Affine.of(scale.reshape(shape), shift.reshape(shape))

    @staticmethod
    def identity(rank: int) -> Affine:
        return Affine(np.ones((1,) * rank), np.zeros((1,) * rank))

    def map(self, move: Callable[[np.ndarray], np.ndarray]) -> Affine:
        """The affine map of a tensor whose elements `move` moves."""
        return Affine.of(move(self.scale), move(self.shift))

    def scale_only(self) -> Affine:
        return Affine.of(self.scale, np.zeros_like(self.shift))

    def shift_only(self) -> Affine:
        return Affine.of(np.ones_like(self.scale), self.shift)

    def along(self, axis: int, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Scale and shift, both (size), None where they vary along another axis."""
        for array in (self.scale, self.shift):
            if any(n > 1 for i, n in enumerate(array.shape) if i != axis):
                return None
        scale, shift = (np.broadcast_to(a.reshape(-1), size) for a in (self.scale, self.shift))
        return scale, shift

    def equals(self, other: Affine) -> bool:
        return np.array_equal(self.scale, other.scale) and np.array_equal(self.shift, other.shift)

    @property
    def shifts(self) -> bool:
        """Whether any shift is not 0."""
        return bool(self.shift.any())

    @property
    def keeps_order(self) -> bool:
        """Whether x ≤ x' gives y ≤ y' everywhere."""
        return bool((self.scale >= 0).all())


def _shrunk(array: np.ndarray) -> np.ndarray:
    """`array` with size 1 along every axis on which it does not depend."""
    for axis in range(array.ndim):
        first = array.take([0], axis)
        if array.shape[axis] > 1 and (array == first).all():
            array = first
    return array


def reshaped(array: np.ndarray, source: Shape, target: Shape) -> np.ndarray:
    """The elements of `array`, broadcast to `source`, in the shape `target`, which may shrink.

    Axes are merged and split group by group, so that what does not depend on the pixels of a
    frame is never spread over them.
    """
    spread, result = list(array.shape), list(target)
    for before, after in _axis_groups(source, target):
        if all(size == 1 for size in array.shape[before]):
            result[after] = [1] * (after.stop - after.start)
        else:
            spread[before] = source[before]
    return np.broadcast_to(array, spread).reshape(result)


def _axis_groups(source: Shape, target: Shape) -> Iterator[tuple[slice, slice]]:
    """The smallest runs of axes of two shapes that hold the same elements."""
    i = j = 0
    while i < len(source) or j < len(target):
        first_i, first_j, sizes = i, j, [1, 1]
        if i < len(source):
            sizes[0], i = source[i], i + 1
        if j < len(target):
            sizes[1], j = target[j], j + 1
        while sizes[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                sizes[0], i = sizes[0] * source[i], i + 1
            else:
                sizes[1], j = sizes[1] * target[j], j + 1
        yield slice(first_i, i), slice(first_j, j)


@dataclass(frozen=True, eq=False)
class Weights:
    """The parameters of a layer: stored · outputs · inputs by channel, and the bias, zero if none.

    stored (O, I / groups, ...), outputs and bias (O), inputs (I); float64 but for `stored`.
    """

    stored: np.ndarray
    outputs: np.ndarray
    inputs: np.ndarray
    bias: np.ndarray
    groups: int

    def values(self) -> np.ndarray:
        """The weight, float64, in the shape of `stored`."""
        outputs, inputs = self.stored.shape[:2]
        per_group = np.repeat(self.inputs.reshape(self.groups, inputs), outputs // self.groups, 0)
        ones = [1] * (self.stored.ndim - 2)
        # Scales first: rounded once where only one of them is not 1.
        scale = self.outputs[:, None] * per_group
        return self.stored.astype(np.float64) * scale.reshape(outputs, inputs, *ones)

    def followed_by(self, scale: np.ndarray, shift: np.ndarray) -> Weights:
        """Of the layer that also applies an affine map, both (O), to its result."""
        with np.errstate(all="ignore"):
            bias = self.bias * scale + shift
            return replace(self, outputs=self.outputs * scale, bias=bias)

    def preceded_by(self, scale: np.ndarray) -> Weights:
        """Of the layer that also scales its input, scale (I)."""
        with np.errstate(all="ignore"):
            return replace(self, inputs=self.inputs * scale)

    def response(self, shift: np.ndarray) -> np.ndarray:
        """What a constant input, shift (I), gives at each tap: (O, ...) as `stored`[2:]."""
        outputs, inputs = self.stored.shape[:2]
        weight = self.values().reshape(self.groups, outputs // self.groups, inputs, -1)
        with np.errstate(all="ignore"):
            taps = np.einsum("goit,gi->got", weight, shift.reshape(self.groups, inputs))
        return taps.reshape(outputs, *self.stored.shape[2:])


@dataclass
class Constants:
    """Reads and makes constants; remembers the float64 values of those it made."""

    exact: dict[SSAValue, np.ndarray | Weights] = field(
        default_factory=dict[SSAValue, "np.ndarray | Weights"]
    )

    def read(self, value: SSAValue, what: str) -> np.ndarray:
        """The elements in float64; raises NotFoldable if `what` is no constant."""
        exact = self.exact.get(value)
        if isinstance(exact, Weights):
            return exact.values()
        if exact is not None:
            return exact
        return self._stored(value, what).astype(np.float64)

    def _stored(self, value: SSAValue, what: str) -> np.ndarray:
        array = constant_array(value)
        if array is None:
            raise NotFoldable(f"{what} is not constant")
        return array

    def affine_of(self, op: BatchNormOp) -> Affine:
        """The scale and shift that a batch norm applies; raises NotFoldable."""
        names = ("scale", "bias", "mean", "variance")
        gamma, beta, mean, variance = (self.read(getattr(op, n), f"its {n}") for n in names)
        with np.errstate(all="ignore"):
            scale = gamma / np.sqrt(variance + op.eps.value.data)
            shift = beta - mean * scale
        if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
            raise NotFoldable("a channel's variance plus eps is not positive")
        return Affine.of_channels(scale, shift, len(shape_of(op.input)))

    def weights_of(self, layer: WeightedOp) -> Weights:
        """The constant weights of a layer; raises NotFoldable if they are computed."""
        what = f"the weight of {layer.name}"
        exact = self.exact.get(layer.weight)
        outputs = shape_of(layer.weight)[0]
        bias = np.zeros(outputs)
        if layer.bias is not None:
            bias = self.read(layer.bias, f"the bias of {layer.name}")
        if isinstance(exact, Weights):
            return replace(exact, bias=bias)
        stored = self._stored(layer.weight, what)
        ones = np.ones(stored.shape[1] * layer.group_count)
        return Weights(stored, np.ones(outputs), ones, bias, layer.group_count)

    def make(
        self, model: SSAValue, rounded: np.ndarray, exact: np.ndarray | Weights | None = None
    ) -> ConstantOp:
        """A constant with the element type, place and name of `model`."""
        op = ConstantOp.from_array(rounded, element_type_of(model))
        if isinstance(model.owner, Operation):
            op.location = model.owner.location
        op.output.name_hint = model.name_hint
        if exact is not None:
            self.exact[op.output] = exact
        return op


def round_to(values: np.ndarray, element_type: Attribute) -> np.ndarray:
    """Float64 values in the element type of a module; raises NotFoldable on overflow."""
    dtype = np.float32 if isinstance(element_type, Float32Type) else np.float64
    with np.errstate(over="ignore"):
        rounded = values.astype(dtype)
    if not np.isfinite(rounded).all():
        raise NotFoldable("the folded weights overflow float32")
    return rounded


def round_weight(weights: Weights, applied: np.ndarray, axis: int, like: SSAValue) -> np.ndarray:
    """The weight of a layer that took on the scales `applied` of its outputs (0) or inputs (1).

    Raises NotFoldable where it leaves the range of float32: where it overflows, or where all
    weights of a scaled channel fall below the normal numbers and lose digits that the batch
    norm on its own keeps. A scale that is itself below them has no digits to lose.
    """
    values = weights.values()
    rounded = round_to(values, element_type_of(like))
    tiny = np.finfo(rounded.dtype).tiny
    largest = _largest_by_channel(np.abs(values), weights.groups, axis)
    if ((largest > 0) & (largest < tiny) & (np.abs(applied) >= tiny)).any():
        raise NotFoldable("the folded weights underflow float32")
    return rounded


def _largest_by_channel(values: np.ndarray, groups: int, axis: int) -> np.ndarray:
    """The largest element of each output (axis 0) or input (axis 1) channel."""
    outputs, inputs = values.shape[:2]
    grouped = values.reshape(groups, outputs // groups, inputs, -1)
    others: Sequence[int] = (2, 3) if axis == 0 else (1, 3)
    return grouped.max(axis=tuple(others)).reshape(-1)
