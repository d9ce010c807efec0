"""Where the values of a function lie in activation memory, relative to their buffers.

A concatenation moves nothing where its operands can be written side by side into one buffer;
a reshape is another view of the same bytes. What cannot be had that way is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import Operation, SSAValue

from recog.dialects import lns
from recog.dialects.element_types import element_width
from recog.dialects.errors import fail
from recog.dialects.lns.types import holds_codes, shape_of
from recog.lowering.memory_allocation import Buffer

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """A tensor (C, H, W) in a buffer; `strides` are the bytes to the next channel and row."""

    buffer: Buffer
    offset: int
    shape: Shape
    element_bytes: int
    strides: tuple[int, int]

    @property
    def packed(self) -> bool:
        return self.strides == packed_strides(self.shape, self.element_bytes)

    def reshaped(self, shape: Shape) -> View:
        """The same packed bytes as another shape."""
        return replace(self, shape=shape, strides=packed_strides(shape, self.element_bytes))

    def part(self, start: int, axis: int, shape: Shape) -> View:
        """The elements from `start` on along axis 0 (C), 1 (H) or 2 (W)."""
        step = (*self.strides, self.element_bytes)[axis]
        return replace(self, offset=self.offset + start * step, shape=shape)


def packed_strides(shape: Shape, element_bytes: int) -> tuple[int, int]:
    _, height, width = shape
    return (height * width * element_bytes, width * element_bytes)


def scratch(view: View) -> View:
    """A packed view of the same shape in a new buffer."""
    buffer = Buffer("", prod(view.shape) * view.element_bytes)
    strides = packed_strides(view.shape, view.element_bytes)
    return replace(view, buffer=buffer, offset=0, strides=strides)


def frame_shape(value: SSAValue, user: Operation) -> Shape:
    """(C, H, W) of a value (1, C, H, W), missing axes 1; fails at `user` on other batches."""
    shape = shape_of(value)
    if not shape or shape[0] != 1:
        fail(
            user,
            f"a program runs one frame: the leading axis must be 1, got {list(shape)}",
            hint="import the network with a batch of 1; the machine runs any number of frames",
        )
    channels, height, *rest = (*shape[1:], 1, 1)
    return (channels, height, prod(rest))


def element_bytes(value: SSAValue) -> int:
    """Bytes of an element in memory."""
    width = element_width(value.type.element_type) or 0  # pyright: ignore
    return next(size for size in (1, 2, 4, 8) if 8 * size >= width)


class Layout:
    """The views of all values of a block, and the copies that make them so."""

    def __init__(self, ops: Sequence[Operation]):
        self._views: dict[SSAValue, View] = {}
        self.copies: dict[Operation, list[tuple[SSAValue, View]]] = {}
        for op in reversed(ops):
            match op:
                case lns.ConcatOp():
                    self._place_concat(op)
                case lns.ReshapeOp():
                    self._place_reshape(op)
                case _:
                    for result in op.results:
                        if holds_codes(result) or isinstance(op, lns.ArgmaxOp):
                            self.view(result, op)

    def view(self, value: SSAValue, user: Operation) -> View:
        """Where a value lies: in a buffer of its own unless something else was decided."""
        if value not in self._views:
            shape, size = frame_shape(value, user), element_bytes(value)
            buffer = Buffer("", prod(shape) * size)
            self._views[value] = View(buffer, 0, shape, size, packed_strides(shape, size))
        return self._views[value]

    def _claim(self, op: Operation, value: SSAValue, view: View) -> None:
        """Let `op` find `value` at `view`: written there at once if possible, else copied."""
        if value in self._views:
            self.copies.setdefault(op, []).append((value, view))
        else:
            self._views[value] = view

    def _place_concat(self, op: lns.ConcatOp) -> None:
        whole = self.view(op.output, op)
        axis = op.axis.value.data
        # Axes of length 1 before it leave the parts one after the other, whatever it is called.
        place = min(axis - 1, 2)
        if axis > 3 and prod(shape_of(op.output)[3:axis]) != 1:
            fail(op, f"a concatenation along axis {axis} has no place in activation memory")
        inner = prod(shape_of(op.output)[axis + 1 :]) if axis >= 3 else 1
        start = 0
        for value in op.inputs:
            shape = frame_shape(value, op)
            self._claim(op, value, whole.part(start, place, shape))
            start += shape_of(value)[axis] * inner

    def _place_reshape(self, op: lns.ReshapeOp) -> None:
        shape = frame_shape(op.input, op)
        target = frame_shape(op.output, op)
        operand = self._views.get(op.input)
        if op.output not in self._views and operand is not None and operand.packed:
            self._views[op.output] = operand.reshaped(target)
            return
        result = self.view(op.output, op)
        if operand is None and result.packed:
            self._views[op.input] = result.reshaped(shape)
            return
        self.copies.setdefault(op, []).append((op.input, result))
