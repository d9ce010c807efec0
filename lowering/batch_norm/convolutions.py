"""Sums of convolutions of one image as a single convolution.

A sum of convolutions with the same strides is a convolution whose kernel holds each of theirs at
its place, in float64; an identity and a batch norm are depthwise convolutions of one tap (Ding et
al. 2021, "RepVGG", section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from xdsl.ir import Operation, SSAValue

from recog.dialects.nn import Conv2dOp, shape_of
from recog.lowering.batch_norm.affine import Affine, Constants

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution of `source` (N, I, H, W) with a bias, in float64.

    weight (O, I / groups, kh, kw), bias (O). Tap k of an axis reads the input at
    position · stride + first + k · dilation; what lies outside is 0.
    """

    source: SSAValue
    weight: np.ndarray
    bias: np.ndarray
    groups: int
    strides: Pair
    dilation: Pair
    first: Pair
    layers: tuple[Operation, ...]
    """The ops that it stands for, the one with the most weights first; none for an identity."""

    @staticmethod
    def identity(source: SSAValue) -> Convolution:
        """What gives the source itself."""
        channels = shape_of(source)[1]
        ones, zeros = np.ones((channels, 1, 1, 1)), np.zeros(channels)
        return Convolution(source, ones, zeros, channels, (1, 1), (1, 1), (0, 0), ())

    @staticmethod
    def of(layer: Conv2dOp, constants: Constants) -> Convolution:
        """What a layer does; raises NotFoldable if its weights are computed."""
        weights = constants.weights_of(layer)
        top, left, _, _ = layer.padding.get_values()
        return Convolution(
            layer.input,
            weights.values(),
            weights.bias,
            weights.groups,
            _pair(layer.strides.get_values()),
            _pair(layer.dilation.get_values()),
            (-top, -left),
            (layer,),
        )

    @property
    def macs(self) -> int:
        """Multiply-adds for one pixel of the result."""
        return self.weight.size

    @property
    def kernel(self) -> Pair:
        return _pair(self.weight.shape[2:])

    def followed_by(self, affine: Affine) -> Convolution:
        """The convolution whose result also goes through an affine map of its channels."""
        outputs = len(self.bias)
        scale, shift = (
            np.broadcast_to(a.reshape(-1), outputs) for a in (affine.scale, affine.shift)
        )
        weight = self.weight * scale[:, None, None, None]
        return replace(self, weight=weight, bias=self.bias * scale + shift)

    def with_groups(self, groups: int) -> Convolution:
        """The same with fewer groups, a divisor of its own: zeros where there was no weight."""
        if groups == self.groups:
            return self
        outputs, inputs, height, width = self.weight.shape
        merged = self.groups // groups
        own = self.weight.reshape(groups, merged, outputs // self.groups, inputs, height, width)
        spread = np.zeros((*own.shape[:3], merged, *own.shape[3:]))
        for index in range(merged):
            spread[:, index, :, index] = own[:, index]
        weight = spread.reshape(outputs, merged * inputs, height, width)
        return replace(self, weight=weight, groups=groups)


def sum_of(one: Convolution, other: Convolution) -> Convolution | None:
    """The convolution that gives the sum of two, None where it takes more multiply-adds."""
    if one.source is not other.source or one.strides != other.strides:
        return None
    groups = min(one.groups, other.groups)
    if max(one.groups, other.groups) % groups:
        return None
    rows, columns = (_common_taps(one, other, axis) for axis in (0, 1))
    if rows is None or columns is None:
        return None
    outputs, inputs = one.weight.shape[0], one.weight.shape[1] * one.groups // groups
    if outputs * inputs * rows.count * columns.count > one.macs + other.macs:
        return None
    weight = np.zeros((outputs, inputs, rows.count, columns.count))
    for each in (one, other):
        part = each.with_groups(groups).weight
        index = (slice(None), slice(None), rows.of(each), columns.of(each))
        weight[index] += part
    larger, smaller = (one, other) if one.macs >= other.macs else (other, one)
    return replace(
        larger,
        weight=weight,
        bias=one.bias + other.bias,
        groups=groups,
        dilation=(rows.step, columns.step),
        first=(rows.first, columns.first),
        layers=larger.layers + smaller.layers,
    )


@dataclass(frozen=True)
class _Taps:
    """Places along an axis that hold the taps of two kernels."""

    axis: int
    first: int
    step: int
    count: int

    def of(self, convolution: Convolution) -> slice:
        """Which of them are a convolution's."""
        start = (convolution.first[self.axis] - self.first) // self.step
        taps = convolution.kernel[self.axis]
        own = convolution.dilation[self.axis] if taps > 1 else self.step
        step = own // self.step
        return slice(start, start + (taps - 1) * step + 1, step)


def _common_taps(one: Convolution, other: Convolution, axis: int) -> _Taps | None:
    """The fewest evenly spaced places that hold the taps of both."""
    first = min(one.first[axis], other.first[axis])
    places = {
        each.first[axis] - first + tap * each.dilation[axis]
        for each in (one, other)
        for tap in range(each.kernel[axis])
    }
    step = int(np.gcd.reduce(list(places))) or 1
    return _Taps(axis, first, step, max(places) // step + 1)


def _pair(values: tuple[int, ...]) -> Pair:
    first, second = values
    return first, second
