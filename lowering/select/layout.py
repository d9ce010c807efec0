"""Where the values of a function lie in activation memory, relative to their buffers.

A concatenation moves nothing where its operands can be written side by side into one buffer;
a padded tensor's inside is written into the middle of it. A reshape, a slice and a permutation
are other views of the same bytes. What cannot be had that way is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import AnyFloat
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from recog.dialects import lns
from recog.dialects.data import element_width
from recog.dialects.errors import fail
from recog.dialects.tensors import element_type_of, shape_of
from recog.lowering.select.views import Shape, View, in_buffer


@dataclass(frozen=True)
class Move:
    """A copy of what an op shows of a value (`seen`) to where the op wants it."""

    value: SSAValue
    target: View


def data_shape(value: SSAValue, user: Operation) -> Shape:
    """The shape of one frame, without the leading axis; fails at `user` on other batches."""
    shape = shape_of(value)
    if not shape or shape[0] != 1:
        fail(
            user,
            f"a program runs one frame: the leading axis must be 1, got {list(shape)}",
            hint="import the network with a batch of 1; the machine runs any number of frames",
        )
    return shape[1:]


def frame_shape(value: SSAValue, user: Operation) -> tuple[int, int, int]:
    """(C, H, W) of a value (1, C, H, W), missing axes 1, further ones part of W."""
    channels, height, *rest = (*data_shape(value, user), 1, 1)
    return (channels, height, prod(rest))


def stored_type(value: SSAValue) -> Attribute:
    """The element type of what memory holds of a value.

    Indices that only the host takes, which can widen them, are as narrow as they can be; whatever
    else reads indices wants those of their own type.
    """
    op, users = value.owner, [use.operation for use in value.uses]
    if isinstance(op, lns.ArgmaxOp) and all(isinstance(each, func.ReturnOp) for each in users):
        return op.stored_type
    return element_type_of(value)


def element_bytes(value: SSAValue) -> int:
    """Bytes of an element in memory."""
    width = element_width(stored_type(value)) or 0
    return next(size for size in (1, 2, 4, 8) if 8 * size >= width)


def seen(op: Operation, view: View) -> View | None:
    """What an op shows of its operand; None if there is no such view."""
    match op:
        case lns.ReshapeOp():
            return view.reshaped(data_shape(op.output, op))
        case lns.PermuteOp():
            return view.permuted(_data_axes(op))
        case lns.SliceOp():
            return _sliced(op, view)
        case lns.PadOp():
            return _kept(op, view)
        case _:
            return view


def _data_axes(op: lns.PermuteOp) -> list[int]:
    """The permutation of the axes of one frame."""
    return [axis - 1 for axis in op.permutation.get_values()[1:]]


def _sliced(op: lns.SliceOp, view: View) -> View:
    starts, steps = op.starts.get_values()[1:], op.steps.get_values()[1:]
    for axis, (start, step) in enumerate(zip(starts, steps)):
        view = view.part(axis, start, shape_of(op.output)[axis + 1], step)
    return view


def inside(op: lns.PadOp, result: View) -> View:
    """The part of an lns.pad's result that is not border."""
    _, _, height, width = shape_of(op.input)
    top, left, bottom, right = op.padding.get_values()
    rows = height + min(top, 0) + min(bottom, 0)
    columns = width + min(left, 0) + min(right, 0)
    return result.part(1, max(top, 0), rows).part(2, max(left, 0), columns)


def _kept(op: lns.PadOp, view: View) -> View:
    """The part of an lns.pad's operand that is not cropped."""
    top, left, _, _ = op.padding.get_values()
    _, rows, columns = inside(op, view).shape
    return view.part(1, max(-top, 0), rows).part(2, max(-left, 0), columns)


class MemoryLayout:
    """The views of all values of a block, and the copies that make them so.

    Ops are taken from the last to the first. One that wants its operands somewhere says so
    (`_claim`); one that shows a part of its operand waits until all users of the operand have
    had their say, and the op that makes it is reached (`_decide`).
    """

    def __init__(self, ops: Sequence[Operation]):
        self._views: dict[SSAValue, View] = {}
        self._waiting: dict[SSAValue, list[lns.MoveOp]] = {}
        self.moves: dict[Operation, list[Move]] = {}
        for op in reversed(ops):
            match op:
                case lns.ConcatOp():
                    self._decide(op.output, op)
                    self._place_operands(op)
                case lns.PadOp() if max(op.padding.get_values()) > 0:
                    self._decide(op.output, op)
                    self._place_inside(op)
                case lns.MoveOp():
                    if self._place_source(op):
                        self._decide(op.output, op)
                    else:
                        self._waiting.setdefault(op.input, []).append(op)
                case _:
                    for result in op.results:
                        if not isinstance(element_type_of(result), AnyFloat):
                            self._decide(result, op)
        for value, users in list(self._waiting.items()):
            if isinstance(value, BlockArgument):
                self._decide(value, users[0])

    def view(self, value: SSAValue, user: Operation) -> View:
        """Where a value lies: in a buffer of its own unless something else was decided."""
        if value not in self._views:
            self._views[value] = in_buffer(data_shape(value, user), element_bytes(value))
        return self._views[value]

    def _decide(self, value: SSAValue, user: Operation) -> None:
        """Fix where a value lies, and with it the results of ops that show a part of it."""
        if value not in self._views:
            joined = self._joined(value)
            if joined is not None:
                self._views[value] = joined
        view = self.view(value, user)
        for op in self._waiting.pop(value, []):
            shown = seen(op, view)
            if shown is None or not self._views.setdefault(op.output, shown).matches(shown):
                self._move(op, op.input, self.view(op.output, op))
            if op.output in self._waiting:
                self._decide(op.output, op)

    def _move(self, op: Operation, value: SSAValue, target: View) -> None:
        self.moves.setdefault(op, []).append(Move(value, target))

    def _claim(self, op: Operation, value: SSAValue, view: View) -> None:
        """Let `op` find `value` at `view`: written there at once if possible, else copied."""
        if value in self._views:
            self._move(op, value, view)
        else:
            self._views[value] = view

    def _place_operands(self, op: lns.ConcatOp) -> None:
        whole = self.view(op.output, op)
        axis, start = op.axis.value.data - 1, 0
        for value in op.inputs:
            size = data_shape(value, op)[axis]
            self._claim(op, value, whole.part(axis, start, size))
            start += size

    def _place_inside(self, op: lns.PadOp) -> None:
        target = inside(op, self.view(op.output, op))
        if min(op.padding.get_values()) >= 0:
            self._claim(op, op.input, target)
        else:
            self._move(op, op.input, target)

    def _place_source(self, op: lns.MoveOp) -> bool:
        """Whether the operand can be where the result has its place already."""
        result = self._views.get(op.output)
        if result is None or op.input in self._views:
            return False
        match op:
            case lns.ReshapeOp():
                source = result.reshaped(data_shape(op.input, op))
            case lns.PermuteOp():
                axes = _data_axes(op)
                source = result.permuted([axes.index(axis) for axis in range(len(axes))])
            case _:
                source = None
        if source is None:
            return False
        self._views[op.input] = source
        return True

    def _joined(self, value: SSAValue) -> View | None:
        """Where a value must lie so that each of its slices is where it was decided to be.

        None unless the slices along one axis make up all of the value, in their order.
        """
        waiting = self._waiting.get(value, [])
        slices = [op for op in waiting if isinstance(op, lns.SliceOp) and op.output in self._views]
        if not slices:
            return None
        first = min(slices, key=lambda op: op.starts.get_values())
        shape = shape_of(value)[1:]
        whole = replace(self._views[first.output], shape=shape)
        covered = sum(prod(shape_of(op.output)) for op in slices)
        fits = all(_sliced(op, whole).matches(self._views[op.output]) for op in slices)
        ranges = {(op.starts.get_values(), op.stops.get_values()) for op in slices}
        disjoint = len(ranges) == len(slices) and _along_one_axis(slices)
        return whole if fits and disjoint and covered == prod(shape) else None


def _along_one_axis(slices: Sequence[lns.SliceOp]) -> bool:
    """Whether slices of one value follow each other, without gaps or overlap, along one axis."""
    shape = shape_of(slices[0].input)
    bounds = sorted((op.starts.get_values(), op.stops.get_values()) for op in slices)
    cut = {
        axis
        for starts, stops in bounds
        for axis, size in enumerate(shape)
        if (starts[axis], stops[axis]) != (0, size)
    }
    if len(cut) > 1:
        return False
    follows = zip(bounds, bounds[1:])
    return all(stops[axis] == starts[axis] for axis in cut for (_, stops), (starts, _) in follows)
