"""Every op of lns and every instruction is run by something, and by one thing only."""

from __future__ import annotations

import pytest
from xdsl.ir import Operation

from recog.backend.evaluation import EVALUATORS
from recog.backend.interpreters.lns import LnsFunctions
from recog.backend.machine.execution import ChipFunctions
from recog.dialects.chip import Chip, InstructionOp
from recog.dialects.lns import Lns

INSTRUCTIONS = [op for op in Chip.operations if issubclass(op, InstructionOp)]

MOVES = {
    "chip.constant",
    "chip.copy",
    "chip.dma.in",
    "chip.dma.out",
    "chip.fill",
    "chip.spill",
    "chip.halt",
    "chip.ldw",
    "chip.gather",
    "chip.mark",
    "chip.zero",
}
"""Instructions that only the machine knows: they move data, or steer."""


@pytest.mark.parametrize("op", list(Lns.operations), ids=lambda op: op.name)
def test_ops_of_lns_are_interpreted(op: type[Operation]):
    assert op in dict(LnsFunctions._impls())


@pytest.mark.parametrize("op", INSTRUCTIONS, ids=lambda op: op.name)
def test_instructions_run(op: type[Operation]):
    assert op in dict(ChipFunctions._impls())
    assert (op in EVALUATORS) == (op.name not in MOVES)


def test_evaluators_are_of_ops_that_there_are():
    assert set(EVALUATORS) <= {*Lns.operations, *INSTRUCTIONS}
