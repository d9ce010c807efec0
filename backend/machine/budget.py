"""What a program may ask of the machine: steps and bytes, known before anything runs.

Programs come from anyone, and some 500 bytes can ask for hours or for all of a computer's memory.
Each instruction says how many elementary steps it takes (`InstructionOp.work`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from recog.dialects.chip import InstructionOp, ProgramOp, WeightsOp
from recog.dialects.errors import RecogError, describe_op

ELEMENT_BYTES = 40
"""Bytes that the machine holds at most for an element of the largest tensor of an instruction;
measured: 4 for a max pool to 36 for an interpolation, of 8-bit codes."""

WEIGHT_BYTES = 4
"""Bytes that the machine holds for a weight: unpacked, and as the kernels take it."""


@dataclass(frozen=True)
class Budget:
    """What a program may take.

    Attributes:
        steps: elementary steps on one frame. The default, 5.5 · 10^11, is about half a minute on
            one core; ResNet-50 takes 4 · 10^9, DeepLabv3 at 512² 1.6 · 10^11.
        memory: bytes of all that the machine holds; 3 GiB.
    """

    steps: int = 1 << 39
    memory: int = 3 << 30


@dataclass(frozen=True)
class Needs:
    """What a program takes at most, and the instruction that takes most of it."""

    steps: int
    memory: int
    slowest: InstructionOp | None
    largest: InstructionOp | None


def needs_of(program: ProgramOp, frame_bytes: int) -> Needs:
    """The steps and the bytes of a verified program whose memories take `frame_bytes`."""
    scope = program.scope
    work = {op: op.work(scope) for op in program.instructions}
    elements = {op: op.held_elements(scope) for op in work}
    weights = sum(prod(op.shape) for op in program.descriptors if isinstance(op, WeightsOp))
    temporaries = ELEMENT_BYTES * max(elements.values(), default=0)
    memory = frame_bytes + WEIGHT_BYTES * weights + temporaries
    return Needs(
        sum(work.values()),
        memory,
        max(work, key=lambda op: work[op], default=None),
        max(elements, key=lambda op: elements[op], default=None),
    )


def check_budget(needs: Needs, budget: Budget) -> None:
    """Raise RecogError where a program needs more than it may take, naming its worst part."""
    if needs.steps > budget.steps:
        raise RecogError(
            f"a frame takes {needs.steps:.3g} steps, the budget is {budget.steps:.3g}",
            where=None if needs.slowest is None else describe_op(needs.slowest),
            hint="if that is meant, allow it: `recog run --max-steps N`, in Python "
            "Machine(..., budget=Budget(steps=N))",
        )
    if needs.memory > budget.memory:
        raise RecogError(
            f"a frame may take {needs.memory:,} bytes of memory, the budget is {budget.memory:,}",
            where=None if needs.largest is None else describe_op(needs.largest),
            hint="if that is meant, allow it: `recog run --max-memory BYTES`, in Python "
            "Machine(..., budget=Budget(memory=BYTES))",
        )
