"""What lies in activation memory at each moment."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from image_networks import PLENTY, ImageNetwork, chip_program

from recog.backend.cost import ProgramCost, program_cost
from recog.backend.cost.live import ring_fill
from recog.dialects import chip
from recog.tools.report.cost_trace import trace_record


def scheduled(memory: int) -> ProgramCost:
    """A network whose middle looks far ahead, in rows."""
    net = ImageNetwork((3, 31, 17))
    x = net.conv(net.inputs[0], 6)
    y = net.conv(x, 6, 3, dilation=4)
    return program_cost(chip_program(net.module(net.conv(net.concat(x, y), 4)), memory))


def rings_of(cost: ProgramCost) -> dict[str, list[chip.TensorOp]]:
    """The rings by the layer whose instructions write them first."""
    found, known = defaultdict[str, list[chip.TensorOp]](list), set[int]()
    for each in cost.costs:
        tensor = next(iter(each.op.tensor_fields(cost.scope).values()), None)
        if tensor is None or isinstance(each.op, chip.DmaOutOp):
            continue
        if tensor.ring.value.data not in {0, *known}:
            known.add(tensor.ring.value.data)
            found[each.layer].append(tensor)
    return found


@pytest.mark.parametrize("memory", [5000, 3500])
def test_rings_hold_no_more_rows_than_they_have_places(memory: int):
    cost = scheduled(memory)
    fill, rings = ring_fill(cost.replay, cost.scope), rings_of(cost)
    assert set(fill) == set(rings)
    full = Counter[bool]()
    for layer, levels in fill.items():
        cycles = [cycle for cycle, _ in levels]
        assert cycles == sorted(set(cycles))
        assert levels[-1][1] == 0
        assert all(rows >= 0 for _, rows in levels)
        places = [op.held_rows for op in rings[layer]]
        most = max(rows for _, rows in levels)
        assert most <= sum(places)
        full[most >= max(places)] += 1
    assert full[True] >= len(fill) - 1


def test_programs_of_whole_tensors_have_no_rings():
    cost = scheduled(PLENTY)
    assert ring_fill(cost.replay, cost.scope) == {}


def test_the_trace_has_a_counter_for_each_layer():
    cost = scheduled(5000)
    names = {
        each["name"]: each["args"]
        for each in trace_record(cost, "network")["traceEvents"]
        if each["ph"] == "C"
    }
    counters = {name for name in names if name.startswith("rows in memory of ")}
    assert counters == {f"rows in memory of {layer}" for layer in rings_of(cost)}
    assert all(set(names[name]) == {"rows"} for name in counters)
