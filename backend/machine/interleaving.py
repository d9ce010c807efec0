"""Other orders in which a chip may run a program: its queues take turns as they please.

All of them give the bits of program order. `interleaved` writes one down as a program, which the
machine runs like any other and the loader checks as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from recog.backend.dependences import QUEUES, Waits, dependences
from recog.dialects.chip import InstructionOp, ProgramOp, number_step, steps_of

Pick = Callable[[Sequence[int]], int]
"""Which of several instructions runs next: given the numbers of those that may, in the order of
their queues; it returns one of them."""


def random_pick(seed: int) -> Pick:
    """Any of them, each as likely, the same for a seed in every run."""
    generator = np.random.default_rng(seed)
    return lambda numbers: numbers[int(generator.integers(len(numbers)))]


def legal_order(
    instructions: Sequence[InstructionOp], waits: Iterable[Waits], pick: Pick
) -> list[int]:
    """The numbers of instructions in an order that a chip may run them in.

    Each queue takes its own in program order, and none before what it waits for. `pick` always has
    some to choose from: the first in program order of all that are left is the first of its queue,
    and waits for none of the others.

    Args:
        waits: of each instruction, as `dependences` gives them.
    """
    queues: list[list[int]] = [[] for _ in QUEUES]
    for number in reversed(range(len(instructions))):
        queues[QUEUES[instructions[number].QUEUE]].append(number)
    needed = [np.maximum.reduce(list(each.values())).tolist() for each in waits]
    done, order = [-1] * len(QUEUES), list[int]()
    while len(order) < len(instructions):
        heads = [queue[-1] for queue in queues if queue]
        ready = [each for each in heads if all(map(int.__le__, needed[each], done))]
        number = pick(ready)
        queue = QUEUES[instructions[number].QUEUE]
        done[queue] = queues[queue].pop()
        order.append(number)
    return order


def interleaved(program: ProgramOp, pick: Pick, *, host_computes: bool = False) -> ProgramOp:
    """A program with its instructions in another order that the chip may run them in.

    Args:
        program: verified.
        pick: which instruction runs next where several may.
        host_computes: see `dependences`.
    """
    instructions, scope = program.instructions, program.scope
    waits = dependences(instructions, scope, host_computes=host_computes)
    return in_order(program, legal_order(instructions, waits, pick))


def in_order(program: ProgramOp, order: Sequence[int]) -> ProgramOp:
    """A copy of a program with its instructions in another order, which keep their steps."""
    copy = program.clone()
    instructions = copy.instructions
    for op, step in zip(instructions, steps_of(program.instructions, program.scope)):
        if step is not None:
            number_step(op, step)
        op.detach()
    copy.body.block.add_ops(instructions[number] for number in order)
    return copy
