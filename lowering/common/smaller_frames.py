"""A function on smaller frames, parts of whole ones, where values and gradients of those are more
than memory holds.

Convolutional networks give at each position the same function of what lies around it, so parts say
of their rounding what whole frames do; only near the borders of a part zeros take the place of what
is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import prod, sqrt
from typing import NamedTuple, TypeVar

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue, SSAValues
from xdsl.utils.exceptions import VerifyException

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.shapes import Shape
from recog.dialects.tensors import ints, shape_of
from recog.lowering.common.batches import STEP_BYTES, step_bytes

STEP = 64
"""Rows and columns of parts, and where they begin, are multiples of it: of all strides."""

GRID, PIECES = 16, 4
"""Sizes that an op states may have been computed from the frame where they are more than an axis
over these: cells of a grid over all of it, and what is cut off or added. A part would have others.
"""

Shares = tuple[Fraction, Fraction]
"""Rows and columns of a part over those of a whole frame."""


_T = TypeVar("_T")


class SmallerFrames(NamedTuple):
    """A function on parts of frames.

    Attributes:
        module: has the function alone, under its name.
        values: what each value of the whole function is in it, where outputs depend on it.
        size: rows and columns of a part.
    """

    module: ModuleOp
    function: func.FuncOp
    values: Mapping[SSAValue, SSAValue]
    size: tuple[int, int]

    @property
    def own(self) -> dict[SSAValue, SSAValue]:
        """The values of the whole function, by what they are in it."""
        return {theirs: value for value, theirs in self.values.items()}

    def of_parts(self, found: Mapping[SSAValue, _T]) -> dict[SSAValue, _T]:
        """What is known of values of the whole function, of what they are in it."""
        return {self.values[value]: each for value, each in found.items() if value in self.values}

    def batch(self, inputs: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
        """So many parts of frames (N, ...) as inputs (count, ...)."""
        return [np.concatenate(each) for each in zip(*self.parts(inputs, count))]

    def parts(self, inputs: Sequence[np.ndarray], count: int) -> Iterator[list[np.ndarray]]:
        """So many parts of frames (N, ...), one frame after the other."""
        arrays = [np.asarray(x) for x in inputs]
        return self.parts_of([x[i % len(x)][None] for x in arrays] for i in range(count))

    def parts_of(self, frames: Iterable[Sequence[np.ndarray]]) -> Iterator[list[np.ndarray]]:
        """A part of each frame (1, ...), at random places that all images of it have in common."""
        random = np.random.default_rng(0)
        for frame in frames:
            corner = [
                STEP * int(random.integers((a - b) // STEP + 1))
                for a, b in zip(_image_size(frame), self.size)
            ]
            yield self._part(frame, corner)

    def part_around(self, frame: Sequence[np.ndarray], place: Sequence[int]) -> list[np.ndarray]:
        """The part of a frame (1, ...) in whose middle a row and column lie, or nearly: it begins
        at a multiple of `STEP`, but where only its end reaches them."""
        corner: list[int] = []
        for at, a, b in zip(place, _image_size(frame), self.size):
            nearest = (at - b // 2 + STEP // 2) // STEP
            first = STEP * max(0, min(nearest, (a - b) // STEP))
            corner.append(first if at < first + b else a - b)
        return self._part(frame, corner)

    def _part(self, frame: Sequence[np.ndarray], corner: Sequence[int]) -> list[np.ndarray]:
        rows, columns = (slice(a, a + b) for a, b in zip(corner, self.size))
        return [x[:, :, rows, columns] if x.ndim == 4 else x for x in frame]


def _image_size(frame: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The rows and columns that all images of a frame have."""
    (size,) = {x.shape[2:] for x in frame if x.ndim == 4}
    return size


def smaller_frames(function: func.FuncOp, count: int) -> SmallerFrames | None:
    """A function on parts of a frame, the largest of which so many fit in memory with all their
    values and gradients.

    Returns:
        None where a whole frame fits, and where the network holds for frames of its size only.
    """
    images = [shape_of(x)[2:] for x in function.args if len(shape_of(x)) == 4]
    needed = step_bytes(function)
    if needed <= STEP_BYTES or len(set(images)) != 1:
        return None
    share = sqrt(STEP_BYTES / count / needed)
    height, width = (max(STEP, int(share * each) // STEP * STEP) for each in images[0])
    shares = Fraction(height, images[0][0]), Fraction(width, images[0][1])
    if max(shares) >= 1:
        return None
    try:
        return _rebuilt(function, (height, width), shares)
    except (ValueError, VerifyException):
        return None


def _rebuilt(function: func.FuncOp, size: tuple[int, int], shares: Shares) -> SmallerFrames:
    """The function with other sizes; raises ValueError or VerifyException where an op has none."""
    shapes = map(shape_of, function.args)
    smaller = [(*x[:2], *size) if len(x) == 4 else x for x in shapes]
    types = [_type(x, shape) for x, shape in zip(function.args, smaller)]
    block = Block(arg_types=types)
    values: dict[SSAValue, SSAValue] = dict(zip(function.args, block.args))
    for op in _needed(function):
        copy = _resized(op, [values[operand] for operand in op.operands], shares)
        values.update(zip(op.results, copy.results))
        block.add_op(copy)
    end = block.last_op
    results = [] if end is None else [operand.type for operand in end.operands]
    copied = func.FuncOp(
        function.sym_name.data, FunctionType.from_lists(types, results), Region(block)
    )
    return SmallerFrames(ModuleOp([copied]), copied, values, size)


def _needed(function: func.FuncOp) -> list[Operation]:
    """The ops that what is returned depends on, in order."""
    needed = list[Operation]()
    taken = set[SSAValue]()
    for op in reversed(list(function.body.block.ops)):
        if isinstance(op, func.ReturnOp) or any(result in taken for result in op.results):
            taken.update(op.operands)
            needed.append(op)
    return needed[::-1]


def _type(value: SSAValue, shape: Shape) -> TensorType:
    return TensorType(nn.element_type_of(value), shape)


def _resized(op: Operation, operands: Sequence[SSAValue], shares: Shares) -> Operation:
    """An op on operands of other sizes."""
    copy = type(op).create(
        operands=operands,
        result_types=op.result_types,
        properties=dict(op.properties),
        attributes=dict(op.attributes),
    )
    copy.location = op.location
    if not isinstance(copy, nn.NnOp) or list(op.operand_types) == list(copy.operand_types):
        return copy
    before, after = shape_of(op.operands[0]), shape_of(operands[0])
    if isinstance(copy, nn.ReshapeOp):
        shape = _reshaped(before, after, shape_of(op.results[0]), shares)
    else:
        copy.properties.update(_sizes(copy, before, after))
        shape = copy.infer_shape()
    copy.results = SSAValues((OpResult(_type(op.results[0], shape), copy, 0),))
    copy.verify_()
    return copy


def _sizes(op: nn.NnOp, before: Shape, after: Shape) -> dict[str, Attribute]:
    """The sizes that an op states, where its operand has other ones."""
    if isinstance(op, nn.ResizeOp):
        return {"size": ints(_resized_to(op, before, after))}
    if isinstance(op, nn.SliceOp):
        bounds = zip(op.starts.get_values(), op.stops.get_values(), op.steps.get_values())
        less = [small - large for large, small in zip(before, after)]
        stops = list[int]()
        for (start, stop, step), large, by in zip(bounds, before, less):
            if by:
                _check_fixed(PIECES, large, start, large - stop)
                _check_fixed(GRID, large, step - 1)
            stops.append(stop + by)
        return {"stops": ints(stops)}
    if isinstance(op, nn.PoolOp):
        return {"kernel": ints(_pooled(op, before, after))}
    _check_sizes(op, before, after)
    return {}


def _check_sizes(op: nn.NnOp, before: Shape, after: Shape) -> None:
    """Raise ValueError where an op states sizes or positions that may be those of a whole frame."""
    if isinstance(op, nn.PadOp):
        sides = op.padding.get_values()
        for large, small, both in zip(before[2:], after[2:], zip(sides[:2], sides[2:])):
            if large != small:
                _check_fixed(PIECES, large, *both)
    if isinstance(op, nn.TopkIndicesOp):
        axis = op.axis.value.data
        if before[axis] != after[axis]:
            _check_fixed(GRID, before[axis], op.k.value.data)
    if isinstance(op, nn.TakeOp | nn.GatherOp):
        axis = op.axis.value.data if isinstance(op, nn.GatherOp) else 0
        if before[axis] != after[axis] and constant_array(op.indices) is not None:
            raise ValueError("positions are those of a whole frame")


def _check_fixed(pieces: int, large: int, *sizes: int) -> None:
    """Raise ValueError where a size, of an axis of so many, is one of so many pieces or larger."""
    if max(sizes) * pieces > large - pieces:
        raise ValueError("a size may have been computed from that of the frame")


def _resized_to(op: nn.ResizeOp, before: Shape, after: Shape) -> list[int]:
    whole = list(zip(op.size.get_values(), before[2:], after[2:]))
    scaled = [divmod(size * small, large) for size, large, small in whole]
    if any(rest for _, rest in scaled):
        raise ValueError("the result has no whole size")
    if len({Fraction(size, large) for size, large, small in whole if large != small}) > 1:
        raise ValueError("the result has a size of its own: it does not scale both axes alike")
    return [size for size, _ in scaled]


def _pooled(op: nn.PoolOp, before: Shape, after: Shape) -> list[int]:
    """Windows that cover all of an axis still do; those of a few rows stay as they are."""
    kernel, top_left = list(op.kernel.get_values()), op.padding.get_values()[:2]
    strides = op.strides.get_values()
    for axis, (large, small) in enumerate(zip(before[2:], after[2:])):
        if kernel[axis] == large:
            kernel[axis] = small
        elif large != small:
            padded = top_left[axis] > 0
            _check_fixed(GRID, large, strides[axis] - 1, 0 if padded else kernel[axis] - 1)
    return kernel


def _reshaped(before: Shape, after: Shape, result: Shape, shares: Shares) -> Shape:
    """What a reshape gives, group by group of axes that hold the same elements."""
    shape: list[int] = []
    for old, new in _groups(before, result):
        share = Fraction(prod(after[old]), prod(before[old]))
        if share == 1:
            shape += result[new]
            continue
        if share in shares and _outermost(before[old], after[old]) != share:
            raise ValueError("rows or columns are counted on over channels")
        place = next((i for i, size in enumerate(result[new]) if size != 1), 0)
        ones, (outer, *inner) = result[new][:place], result[new][place:] or (1,)
        if not inner:
            shape += (*ones, prod(after[old]))
        elif share in shares and (outer * share).denominator == 1:  # rows or columns taken apart
            _check_fixed(GRID, outer * prod(inner), prod(inner) - 1)
            shape += (*ones, int(outer * share), *inner)
        else:
            raise ValueError("the result has sizes of its own")
    return tuple(shape)


def _outermost(before: Shape, after: Shape) -> Fraction:
    """What share is left of the first axis of more than one element."""
    return next((Fraction(b, a) for a, b in zip(before, after) if a != 1), Fraction(1))


def _groups(a: Shape, b: Shape) -> Iterator[tuple[slice, slice]]:
    """The axes of two shapes of as many elements, in groups of as many, as small as there are."""
    i = j = 0
    while i < len(a) or j < len(b):
        first, other = i, j
        i, j = min(i + 1, len(a)), min(j + 1, len(b))
        while prod(a[first:i]) != prod(b[other:j]):
            if prod(a[first:i]) < prod(b[other:j]):
                i += 1
            else:
                j += 1
        yield slice(first, i), slice(other, j)
