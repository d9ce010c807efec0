"""How many frames of a network run at once, so that its float values fit in memory."""

from __future__ import annotations

from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from recog.dialects.element_types import element_width
from recog.dialects.facts import is_parameter

FRAMES = 64
"""At most so many: more make nothing faster."""
BATCH_BYTES = 512 << 20
"""What the values of the frames that run at once may take, one frame at least."""
STEP_BYTES = 2 << 30
"""The same of a training step, whose values and gradients are all held."""


def frames_at_once(function: func.FuncOp) -> int:
    """How many frames run at once: as many as `BATCH_BYTES` hold, from 1 to `FRAMES`."""
    return max(1, min(FRAMES, BATCH_BYTES // max(1, peak_bytes(function))))


def frames_of_a_step(function: func.FuncOp) -> int:
    """How many frames of a training step run at once: all values stay for the gradient."""
    held = sum(_bytes(value) for op in function.body.block.ops for value in op.results)
    return max(1, STEP_BYTES // max(1, 2 * held))


def peak_bytes(function: func.FuncOp) -> int:
    """The most bytes that live values of one run take, parameters left out."""
    ops = list(function.body.block.ops)
    last = {operand: number for number, op in enumerate(ops) for operand in op.operands}
    live = sum(map(_bytes, function.body.block.args))
    most = live
    for number, op in enumerate(ops):
        if not is_parameter(op):
            live += sum(map(_bytes, op.results))
        most = max(most, live)
        live -= sum(_bytes(v) for v in {*op.operands, *op.results} if last.get(v, number) == number)
    return most


def _bytes(value: SSAValue) -> int:
    if is_parameter(value) or not isinstance(value.type, TensorType):
        return 0
    return prod(value.type.get_shape()) * (element_width(value.type.element_type) or 0) // 8
