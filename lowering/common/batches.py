"""How many frames of a network run at once, so that its float values fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from recog.backend.freed_memory import give_back_freed_memory
from recog.dialects.element_types import element_width
from recog.dialects.facts import is_parameter

FRAMES = 64
"""At most so many: more make nothing faster."""
BATCH_BYTES = 512 << 20
"""What the values of the frames that run at once may take, one frame at least."""
STEP_BYTES = 2 << 30
"""The same of a training step, whose values and gradients are all held."""
TARGET_BYTES = 1 << 30
"""What the outputs of all frames may take that a network is tuned toward."""
MAX_PARTS = 16
"""A step whose values do not fit is cut into so many parts at most."""


def frames_at_once(function: func.FuncOp) -> int:
    """How many frames run at once: as many as `BATCH_BYTES` hold, from 1 to `FRAMES`."""
    return min(FRAMES, frames_that_fit(function))


def groups_of_frames(function: func.FuncOp, count: int) -> Iterator[slice]:
    """The frames 0 to `count`, as many at a time as run at once.

    What is freed after each group goes back to the system: the values of large frames are of many
    sizes, and the heap would keep gigabytes between those of one group and the next.
    """
    step = frames_at_once(function)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
        give_back_freed_memory()


def frames_that_fit(function: func.FuncOp) -> int:
    """How many frames `BATCH_BYTES` hold, one at least."""
    return max(1, BATCH_BYTES // max(1, peak_bytes(function)))


def frames_of_a_step(function: func.FuncOp) -> int:
    """How many frames of a training step run at once: all values stay for the gradient."""
    return max(1, STEP_BYTES // max(1, step_bytes(function)))


def step_bytes(function: func.FuncOp) -> int:
    """What all values of a frame and their gradients take."""
    return 2 * sum(map(_bytes_of_results, function.body.block.ops))


def cuts_of_a_step(function: func.FuncOp, frames: int) -> list[int]:
    """Where to cut a function whose values and gradients pass `STEP_BYTES` for so many frames.

    The values at the cuts stay, and those of one part at a time; of divisions into parts of even
    size this is the one with the fewest bytes.

    Returns:
        The numbers of the ops before which it is cut; none where all fits.
    """
    held = [_bytes_of_results(op) for op in function.body.block.ops]
    if 2 * frames * sum(held) <= STEP_BYTES:
        return []
    ops, live = list(function.body.block.ops), _live_before(function)
    best: list[int] = []
    fewest = 2 * sum(held)
    for parts in range(2, MAX_PARTS + 1):
        cuts = _even_cuts(held, sum(held) / parts)
        at_cuts = {value for cut in cuts for value in live[cut]}
        largest = max(sum(held[a:b]) for a, b in pairwise([0, *cuts, len(ops)]))
        needed = sum(map(_bytes, at_cuts)) + 2 * largest
        if needed < fewest:
            best, fewest = cuts, needed
    return best


def _even_cuts(sizes: Sequence[int], limit: float) -> list[int]:
    """Before which of these to cut, so that no part of several passes the limit."""
    cuts: list[int] = []
    size = 0
    for number, each in enumerate(sizes):
        if size + each > limit and size:
            cuts.append(number)
            size = 0
        size += each
    return cuts


def _live_before(function: func.FuncOp) -> list[set[SSAValue]]:
    """For each op the values that it or a later one takes, and that none of these gives."""
    live: list[set[SSAValue]] = []
    now = set[SSAValue]()
    for op in reversed(list(function.body.block.ops)):
        now = (now - set(op.results)) | set(op.operands)
        live.append(now)
    return live[::-1]


def peak_bytes(function: func.FuncOp) -> int:
    """The most bytes that live values of one run take, parameters left out."""
    ops = list(function.body.block.ops)
    last = {operand: number for number, op in enumerate(ops) for operand in op.operands}
    live = sum(map(_bytes, function.body.block.args))
    most = live
    for number, op in enumerate(ops):
        if not is_parameter(op):
            live += _bytes_of_results(op)
        most = max(most, live)
        live -= sum(_bytes(v) for v in {*op.operands, *op.results} if last.get(v, number) == number)
    return most


def output_bytes(function: func.FuncOp) -> int:
    """What the outputs of one frame take."""
    end = function.body.block.last_op
    return sum(map(_bytes, end.operands)) if end is not None else 0


def _bytes_of_results(op: Operation) -> int:
    return sum(map(_bytes, op.results))


def _bytes(value: SSAValue) -> int:
    if is_parameter(value) or not isinstance(value.type, TensorType):
        return 0
    return prod(value.type.get_shape()) * (element_width(value.type.element_type) or 0) // 8
