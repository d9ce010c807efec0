"""Images of 8-bit pixels, and what a network computes of each pixel alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.facts import Kind

MAX_STEPS = 128
"""Ops in a row that are looked at: none normalizes pixels in as many, and a network of thousands
of elementwise ops is walked in its length, not in its square."""


@dataclass(frozen=True)
class PixelFunction:
    """A function of each pixel of `pixels`, another one for each index along `axis`.

    On the chip that is a table of 256 entries, or one for each index, whatever it computes.
    """

    pixels: SSAValue
    axis: int | None = None


def pixel_function(value: SSAValue) -> PixelFunction | None:
    """What of an image's pixels the elements of a value are, None where they are more than that.

    That is a conversion of pixels to float, and what makes other numbers of such numbers with
    constants that vary along one axis, such as the mean and deviation of each channel.
    """
    axes = set[int]()
    for _ in range(MAX_STEPS):
        op = value.owner
        if isinstance(op, nn.ConvertOp) and op.of_pixels:
            return None if len(axes) > 1 else PixelFunction(op.input, *axes)
        if not isinstance(op, nn.NnOp) or op.KIND is not Kind.ELEMENTWISE:
            return None
        shape = nn.shape_of(op.output)
        variables = [each for each in op.operands if constant_array(each) is None]
        if len(variables) != 1 or nn.shape_of(variables[0]) != shape:
            return None
        for operand in op.operands:
            if operand in variables:
                continue
            constant = aligned_constant(operand, len(shape))
            if constant is None:
                return None
            axes.update(varying_axes(constant))
        value = variables[0]
    return None


def aligned_constant(value: SSAValue, rank: int) -> np.ndarray | None:
    """A constant with axes of size 1 in front, `rank` axes in all."""
    array = constant_array(value)
    if array is None or array.ndim > rank:
        return None
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def varying_axes(array: np.ndarray) -> list[int]:
    """The axes along which an array has more than one number."""
    return [axis for axis, size in enumerate(array.shape) if size > 1]
