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

Known = dict[SSAValue, "tuple[SSAValue, frozenset[int]] | None"]
"""The image that a value is a function of, and the axes along which that function varies."""


@dataclass(frozen=True)
class PixelFunction:
    """A function of each pixel of `pixels`, another one for each index along `axis`.

    On the chip that is a table of 256 entries, or one for each index, whatever it computes.
    """

    pixels: SSAValue
    axis: int | None = None


def pixel_function(value: SSAValue, known: Known | None = None) -> PixelFunction | None:
    """What of an image's pixels the elements of a value are, None where they are more than that.

    That is a conversion of pixels to float, and what makes other numbers of such numbers with
    constants that vary along one axis, such as the mean and deviation of each channel.

    Args:
        known: what was found of other values of a function that does not change; it is added to.
    """
    known = {} if known is None else known
    path: list[tuple[SSAValue, list[int]]] = []
    while value not in known:
        op = value.owner
        step = _step(value) if len(path) < MAX_STEPS else None
        if step is None:
            image = op.input if isinstance(op, nn.ConvertOp) and op.of_pixels else None
            known[value] = None if image is None else (image, frozenset())
            break
        path.append((value, step[1]))
        value = step[0]
    found = known[value]
    for value, axes in reversed(path):
        found = None if found is None else (found[0], found[1].union(axes))
        known[value] = found
    return None if found is None or len(found[1]) > 1 else PixelFunction(found[0], *found[1])


def _step(value: SSAValue) -> tuple[SSAValue, list[int]] | None:
    """The operand of which an op on floats makes each element by itself, and the axes along which
    its constants vary."""
    op = value.owner
    if not isinstance(op, nn.NnOp) or op.KIND is not Kind.ELEMENTWISE:
        return None
    if isinstance(op, nn.ConvertOp) and op.of_pixels:
        return None
    shape = nn.shape_of(op.output)
    variables = [each for each in op.operands if constant_array(each) is None]
    if len(variables) != 1 or nn.shape_of(variables[0]) != shape:
        return None
    axes: list[int] = []
    for operand in op.operands:
        if operand in variables:
            continue
        constant = aligned_constant(operand, len(shape))
        if constant is None:
            return None
        axes += varying_axes(constant)
    return variables[0], axes


def aligned_constant(value: SSAValue, rank: int) -> np.ndarray | None:
    """A constant with axes of size 1 in front, `rank` axes in all."""
    array = constant_array(value)
    if array is None or array.ndim > rank:
        return None
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def varying_axes(array: np.ndarray) -> list[int]:
    """The axes along which an array has more than one number."""
    return [axis for axis, size in enumerate(array.shape) if size > 1]
