"""Where the frames of a network imported with one of them go, as far as its ops say.

An axis of one frame looks like any axis of size 1. It is followed through what moves it, so that
a permutation that only brings it elsewhere is told from one before an attention over frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.facts import Kind
from recog.dialects.nn import shape_of


class _Meet(Exception):
    """Frames meet in an op."""


def meeting_op(function: FuncOp) -> Operation | None:
    """The first op that computes along the frames, wherever they have gone; None if none is known.

    For a function whose arguments have one frame each, along axis 0.
    """
    arguments = [value for value in function.body.block.args if shape_of(value)[:1] == (1,)]
    axes: dict[SSAValue, int] = dict.fromkeys(arguments, 0)
    for op in function.body.block.ops:
        carried = [axes.get(value) for value in op.operands]
        if not isinstance(op, nn.NnOp) or all(axis is None for axis in carried):
            continue
        try:
            axis = _axis_after(op, carried)
        except _Meet:
            return op
        if axis is not None and shape_of(op.output)[axis] == 1:
            axes[op.output] = axis
    return None


def _axis_after(op: nn.NnOp, carried: Sequence[int | None]) -> int | None:
    """The axis of the frames in an op's result, None where it is not followed further.

    Raises _Meet where the op computes along it.
    """
    if isinstance(op, nn.MatmulOp):
        return _of_matmul(op, carried[0], carried[1])
    if isinstance(op, nn.AttentionOp):
        return _of_attention(op, carried[:3])
    first = carried[0]
    if op.KIND is Kind.ELEMENTWISE:
        return _of_broadcast(op, carried)
    if first is None:
        return None
    match op:
        case nn.PermuteOp():
            return op.permutation.get_values().index(first)
        case nn.ReshapeOp():
            return _reshaped(shape_of(op.input), shape_of(op.output), first)
        case nn.SoftmaxOp():
            return _kept(first, [op.axis.value.data])
        case nn.LayerNormOp():
            rank = len(shape_of(op.input))
            return _kept(first, range(rank - len(shape_of(op.scale)), rank))
        case nn.LinearOp():
            return _kept(first, [len(shape_of(op.input)) - 1])
        case nn.ReduceOp() | nn.MeanOp():
            if of_all_elements(op):
                return None
            axes = op.axes.get_values()
            _kept(first, axes)
            gone = 0 if op.keepdims is not None else sum(axis < first for axis in axes)
            return first - gone
        case _:
            return None


def of_all_elements(op: Operation) -> bool:
    """Whether an op reduces all that it is given, such as `x.sum()`: who writes so for one frame
    means that frame."""
    if not isinstance(op, nn.ReduceOp | nn.MeanOp):
        return False
    return len(op.axes.get_values()) == len(shape_of(op.input))


def _kept(axis: int, computed: Sequence[int]) -> int:
    if axis in computed:
        raise _Meet
    return axis


def _of_matmul(op: nn.MatmulOp, lhs: int | None, rhs: int | None) -> int | None:
    left = None if lhs is None else lhs - len(shape_of(op.lhs))
    right = None if rhs is None else rhs - len(shape_of(op.rhs))
    if left == -1 or right == -2 or (left == -2 and right == -1):
        raise _Meet
    if None not in (left, right) and left != right:
        return None
    found = right if left is None else left
    return None if found is None else found + len(shape_of(op.output))


def _of_attention(op: nn.AttentionOp, carried: Sequence[int | None]) -> int | None:
    """Keys and values are summed up over the axis before the last, queries with keys over that."""
    ranks = [len(shape_of(value)) for value in (op.query, op.key, op.value)]
    places = [None if a is None else a - rank for a, rank in zip(carried, ranks)]
    if -1 in places[:2] or -2 in places[1:]:
        raise _Meet
    known = {place for place in places if place is not None}
    return known.pop() + len(shape_of(op.output)) if len(known) == 1 else None


def _of_broadcast(op: nn.NnOp, carried: Sequence[int | None]) -> int | None:
    rank = len(shape_of(op.output))
    pairs = zip(op.operands, carried)
    places = {rank - len(shape_of(value)) + axis for value, axis in pairs if axis is not None}
    return places.pop() if len(places) == 1 else None


def _reshaped(before: Sequence[int], after: Sequence[int], axis: int) -> int | None:
    """An axis of size 1 stays between the elements before it and those behind it."""
    ahead = prod(before[:axis])
    places = [i for i in range(len(after)) if after[i] == 1 and prod(after[:i]) == ahead]
    return places[0] if places else None
