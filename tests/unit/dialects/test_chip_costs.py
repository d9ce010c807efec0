"""Every instruction states what it costs, whatever the chip; the next one cannot be forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recog.dialects.chip import Chip, InstructionOp, Queue
from recog.dialects.chip.costs import phases
from recog.dialects.chip.instructions import tensor_roles

INSTRUCTIONS = [op for op in Chip.operations if issubclass(op, InstructionOp)]


def overrides(op: type[InstructionOp], name: str) -> bool:
    return getattr(op, name) is not getattr(InstructionOp, name)


@pytest.mark.parametrize("op", INSTRUCTIONS, ids=lambda op: op.name)
def test_every_instruction_states_its_costs(op: type[InstructionOp]):
    assert isinstance(getattr(op, "QUEUE", None), Queue), f"{op.name} does not state QUEUE"
    products, steps = overrides(op, "products"), op.STEPS > 0 or overrides(op, "vector_steps")
    transfers = bool(op.TRANSFERS) or not op.EVERY_FRAME
    expected = {
        Queue.MAC: (True, False, False),
        Queue.VECTOR: (False, True, False),
        Queue.DMA_IN: (False, False, True),
        Queue.DMA_OUT: (False, False, True),
        Queue.CONTROL: (False, False, False),
    }
    stated = (products, steps, transfers)
    assert stated == expected[op.QUEUE], f"{op.name}: products, steps, transfers are {stated}"
    names = [each for each in op.get_irdl_definition().properties if each in ("address", "weights")]
    if names and op.QUEUE in (Queue.MAC, Queue.VECTOR):
        assert overrides(op, "weight_reads"), f"{op.name} does not say what it reads of its weights"


def test_no_instruction_that_computes_is_without_tensors():
    assert INSTRUCTIONS
    for op in INSTRUCTIONS:
        assert bool(tensor_roles(op)) == (op.QUEUE is not Queue.CONTROL and op.EVERY_FRAME)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.data())
def test_phases_count_each_tap_where_it_reaches(
    inputs: int, stride: int, taps: int, dilation: int, data: st.DataObject
):
    """Against a count of who adds to which sum, one by one, far from the borders."""
    reach = (inputs - 1) * stride + dilation * (taps - 1) + 1
    first = data.draw(st.integers(0, reach - 1))
    size = data.draw(st.integers(1, reach - first))
    endless = range(-10 * reach, 10 * reach)
    reached = [
        sum((y + first - tap * dilation) / stride in endless for tap in range(taps))
        for y in range(size)
    ]
    found = phases(size, stride, taps, dilation, first)
    assert sum(count for count, _ in found) == size
    assert sum(count * each for count, each in found) == sum(reached)
