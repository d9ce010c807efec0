"""Views: tensors as addresses into a buffer, and what can be done to them without a move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod

import numpy as np

from recog.lowering.select.allocation import Buffer

Shape = tuple[int, ...]

AXES = 3
"""Of a tensor descriptor: channels, rows, columns."""
GROUPS = 16
"""Of channels that change places, at most, for each of which there is an instruction."""


@dataclass(frozen=True)
class View:
    """A tensor of any rank, without the batch axis, in a buffer; strides are in bytes."""

    buffer: Buffer
    offset: int
    shape: Shape
    element_bytes: int
    strides: Shape

    @property
    def packed(self) -> bool:
        """Whether the elements lie one after the other in row-major order."""
        strides = packed_strides(self.shape, self.element_bytes)
        axes = zip(self.shape, self.strides, strides)
        return all(stride == wanted for size, stride, wanted in axes if size > 1)

    def matches(self, other: View) -> bool:
        """Whether both are the same elements at the same addresses."""
        axes = zip(self.shape, self.strides, other.strides)
        return (self.buffer, self.offset, self.shape) == (
            other.buffer,
            other.offset,
            other.shape,
        ) and all(ours == theirs for size, ours, theirs in axes if size > 1)

    def part(self, axis: int, start: int, size: int, step: int = 1) -> View:
        """Elements start, start + step, ... of an axis, `size` in number."""
        shape, strides = list(self.shape), list(self.strides)
        shape[axis], strides[axis] = size, strides[axis] * step
        offset = self.offset + start * self.strides[axis]
        return replace(self, offset=offset, shape=tuple(shape), strides=tuple(strides))

    def permuted(self, axes: Sequence[int]) -> View:
        """Axis i of the result is axis axes[i] of this view."""
        shape, strides = ([each[axis] for axis in axes] for each in (self.shape, self.strides))
        return replace(self, shape=tuple(shape), strides=tuple(strides))

    def reshaped(self, shape: Shape) -> View | None:
        """The elements in row-major order under another shape; None if that needs a move."""
        runs = _runs(self.shape, [self.strides])
        strides: list[int] = []
        for size in reversed(shape):
            if size == 1:
                strides.append(self.element_bytes)
                continue
            while runs and runs[-1][0] == 1:
                runs.pop()
            if not runs or runs[-1][0] % size:
                return None
            rest, (stride,) = runs.pop()
            strides.append(stride)
            runs.append((rest // size, (stride * size,)))
        return replace(self, shape=shape, strides=tuple(reversed(strides)))


def packed_strides(shape: Sequence[int], element_bytes: int) -> Shape:
    """The strides of a row-major tensor without gaps."""
    sizes = accumulate(reversed(shape[1:]), lambda reach, size: reach * size, initial=element_bytes)
    return tuple(sizes)[::-1][: len(shape)]


def in_buffer(shape: Shape, element_bytes: int) -> View:
    """A packed view in a buffer of its own."""
    buffer = Buffer("", prod(shape) * element_bytes)
    return View(buffer, 0, shape, element_bytes, packed_strides(shape, element_bytes))


def pieces(views: Sequence[View], lead: int = 0) -> Iterator[tuple[View, ...]]:
    """Views that one instruction can take together, as views of three axes.

    The views broadcast to one shape but for `lead` axes at the front, which stay as they are.
    Up to three axes are taken as they stand; of more, neighbours become one where all views
    allow it, and the shortest of what is left take an instruction for every index. Channels of an
    image that change places, a few groups of them, keep the image's rows: so rows can come and go.
    """
    rank = len(views[0].shape)
    if rank <= AXES:
        yield tuple(_filled(view) for view in views)
        return
    shape = tuple(max(sizes) for sizes in zip(*(view.shape[lead:] for view in views)))
    strides = [
        [0 if size == 1 else stride for size, stride in zip(view.shape[lead:], view.strides[lead:])]
        for view in views
    ]
    runs = _runs(shape, strides)
    if not lead and len(runs) == AXES and (image := _image(shape, strides, runs)):
        runs = [*runs[:-1], *image]
    by_size = sorted(range(len(runs)), key=lambda axis: runs[axis][0])
    outer = by_size[: max(len(runs) + lead - AXES, 0)]
    inner = [run for axis, run in enumerate(runs) if axis not in outer]
    for index in np.ndindex(*(runs[axis][0] for axis in outer)):
        starts = [(i, runs[axis][1]) for i, axis in zip(index, outer)]
        yield tuple(_piece(view, n, lead, starts, inner) for n, view in enumerate(views))


def _image(
    shape: Sequence[int], strides: Sequence[Sequence[int]], runs: Sequence[tuple[int, Shape]]
) -> list[tuple[int, Shape]]:
    """Rows and columns of the images, whose channels in groups the runs are; none where they are
    anything else, or more than a few groups."""
    size, steps = runs[-1]
    rows, columns = _runs(shape[-2:-1], [each[-2:-1] for each in strides]), shape[-1]
    if not rows or columns == 1 or rows[0][0] * columns != size or min(r[0] for r in runs) > GROUPS:
        return []
    return [*rows, (columns, steps)]


def _piece(
    view: View,
    number: int,
    lead: int,
    starts: Sequence[tuple[int, Shape]],
    inner: Sequence[tuple[int, Shape]],
) -> View:
    """View `number` at an index along the outer axes, as its lead and the inner ones."""
    offset = view.offset + sum(i * strides[number] for i, strides in starts)
    # Along an axis of stride 0 the view broadcasts: it has one element there.
    shape = [size if strides[number] else 1 for size, strides in inner]
    strides = [strides[number] or view.element_bytes for _, strides in inner]
    return _filled(
        replace(
            view,
            offset=offset,
            shape=(*view.shape[:lead], *shape),
            strides=(*view.strides[:lead], *strides),
        )
    )


def _filled(view: View) -> View:
    """The view with axes of length 1 at its end, three in all."""
    shape = (*view.shape, 1, 1, 1)[:AXES]
    strides = (*view.strides, 1, 1, 1)[:AXES]
    step = view.element_bytes
    steps = [step if size == 1 else stride for size, stride in zip(shape, strides)]
    return replace(view, shape=shape, strides=tuple(steps))


def _runs(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[tuple[int, Shape]]:
    """The axes of several views of one shape, neighbours merged: sizes, and each view's stride."""
    runs: list[tuple[int, Shape]] = []
    for size, *steps in zip(shape, *strides):
        if size == 1:
            continue
        if runs and all(outer == size * step for outer, step in zip(runs[-1][1], steps)):
            runs[-1] = (runs[-1][0] * size, tuple(steps))
        else:
            runs.append((size, tuple(steps)))
    return runs
