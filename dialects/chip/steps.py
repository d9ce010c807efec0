"""Which instructions of a program are parts of one step of the network.

A step is an instruction of the program that holds whole tensors. A schedule divides it into
instructions for some rows and columns each, on which it writes the attribute `step`: the number of
the step among all of them. So parts are known as such whatever the schedule; program files keep
the numbers in an optional segment.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation

from recog.dialects.chip.instructions import InstructionOp
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.transfers import DmaInOp
from recog.dialects.errors import fail

__all__ = ["PARTIAL", "STEP", "is_step", "number_step", "steps_of"]

STEP = "step"
"""The attribute that says which step an instruction is a part of."""

PARTIAL = "partial"
"""The attribute of instructions that a schedule puts before a step: what they give is not the
network's, and they have no number."""


def is_step(op: InstructionOp, scope: Scope) -> bool:
    """Whether an instruction of a program that holds whole tensors is a step: it takes tensors, and
    does more than let an input in."""
    return not isinstance(op, DmaInOp) and bool(op.tensor_fields(scope))


def number_step(op: Operation, number: int) -> None:
    """Write on an instruction which step it is a part of."""
    op.attributes[STEP] = IntegerAttr(number, i64)


def steps_of(instructions: Sequence[InstructionOp], scope: Scope) -> list[int | None]:
    """The step that each instruction of a program is a part of; None for those of none.

    Raises:
        RecogError: a number is none.
    """
    if any(STEP in op.attributes for op in instructions):
        return [_written(op) for op in instructions]
    numbers = iter(range(len(instructions)))
    return [next(numbers) if is_step(op, scope) else None for op in instructions]


def _written(op: InstructionOp) -> int | None:
    number = op.attributes.get(STEP)
    if number is None:
        return None
    if not isinstance(number, IntegerAttr) or number.value.data < 0:
        fail(op, f"`{STEP}` must be a number from 0 on, got {number}")
    return number.value.data
