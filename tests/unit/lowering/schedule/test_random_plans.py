"""Any plan gives the bits of the whole program, in any order that the queues may take, and moves
the bytes that the search counts."""

from __future__ import annotations

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chip_program, random_network
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import find_program
from recog.backend.machine import Machine
from recog.backend.machine.interleaving import interleaved, random_pick
from recog.dialects import chip
from recog.lowering.schedule.candidates import Candidate
from recog.lowering.schedule.emit_stripes import EmitStripesPass
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.place_tensors import PlaceTensorsPass
from recog.lowering.schedule.plan import CascadePlan, Plan, crosses, write_plan
from recog.lowering.schedule.size_rings import SizeRingsPass
from recog.lowering.schedule.unplaced import show_outputs_as_made


class Planned:
    """A network that is scheduled by plans of one's own."""

    def __init__(self, net: ImageNetwork, module: ModuleOp):
        self.frames, self.whole = net.frames(), chip_program(module, PLENTY)
        self.expected = Machine(self.whole).run_codes(*self.frames)
        program = chip_program(module, 16, schedule=False)
        show_outputs_as_made(program)
        program.detach()
        self.module = ModuleOp([program])

    def copy(self) -> tuple[ModuleOp, Network]:
        module = self.module.clone()
        return module, Network(find_program(module))

    def finish(self, module: ModuleOp, network: Network, plan: Plan) -> chip.ProgramOp:
        program = find_program(module)
        write_plan(program, network, plan)
        program.properties["target"] = self.whole.target
        for each in (SizeRingsPass(), EmitStripesPass(), PlaceTensorsPass()):
            each.apply(Context(), module)
        program.verify()
        return program

    def check(self, program: chip.ProgramOp, seed: int) -> None:
        for each in (program, interleaved(program, random_pick(seed))):
            outputs = Machine(each).run_codes(*self.frames)
            for output, wanted in zip(outputs, self.expected, strict=True):
                np.testing.assert_array_equal(output, wanted)


def random_plan(network: Network, generator: np.random.Generator) -> Plan:
    """Cuts anywhere, some of what crosses them kept, in strips that keep columns or do not."""
    end = len(network.steps)
    inner = generator.integers(1, end, int(generator.integers(0, 4))) if end > 1 else ()
    ends = [0, *sorted({int(each) for each in inner}), end]
    cascades, strips = list[CascadePlan](), int(generator.choice([1, 1, 2, 3]))
    for first, last in zip(ends, ends[1:]):
        candidate = Candidate(network, first, last, [1] * end)
        count = strips if strips in candidate.counts else 1
        edges = frozenset(candidate.cascade.with_edges if count > 1 else ())
        edges = edges if generator.random() < 0.5 else frozenset()
        cascades.append(
            CascadePlan(first, last, int(generator.choice([1, 2, 4])), count, edges=edges)
        )
    crossing = [u for u in network.units if any(crosses(u, place) for place in ends)]
    rowless = set(crossing) - network.with_rows
    return Plan(cascades, {u for u in crossing if u in rowless or generator.random() < 0.5})


def counted(network: Network, plan: Plan) -> int:
    """The bytes to and from DRAM that the search counts, outputs aside."""
    total = 0
    for each in plan.cascades:
        candidate = Candidate(network, each.first, each.last, [1] * len(network.steps))
        columns = candidate._divided(each.edges)
        place, kept = candidate.counts.index(each.strips), frozenset(plan.beside(each))
        total += candidate._cost(columns, place, PLENTY, kept).dram
    return total


def moved(program: chip.ProgramOp) -> int:
    """The bytes to and from DRAM, outputs aside."""
    return sum(
        sum(op.elements(program.scope))
        * next(iter(op.tensor_fields(program.scope).values())).element_bytes
        for op in program.instructions
        if isinstance(op, chip.TransferOp) and not isinstance(op, chip.DmaOutOp)
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_plans(seed: int):
    generator = np.random.default_rng([seed, 3])
    planned = Planned(*random_network(seed, largest=13))
    for number in range(4):
        module, network = planned.copy()
        plan = random_plan(network, generator)
        wanted = counted(network, plan)
        shared = any(unit.loads for unit in plan.kept)
        program = planned.finish(module, network, plan)
        assert moved(program) == wanted or (shared and moved(program) < wanted)
        planned.check(program, number)


def joined_input() -> tuple[ImageNetwork, ModuleOp]:
    """An input of which the first layer needs all but the last row and column, and which is joined
    with what a later layer computes."""
    net = ImageNetwork((2, 9, 9))
    (x,) = net.inputs
    first = net.conv(x, 6, 2, 2, padding=0)
    both = net.concat(x, net.conv(x, 2))
    return net, net.module(net.conv(first, 4), net.conv(net.conv(both, 8), 2), net.conv(both, 3, 5))


@pytest.mark.parametrize("strips", [1, 2])
def test_an_input_that_is_joined_later_is_kept_from_then_on(strips: int):
    """Before, memory holds those rows of it that the first layer needs; then all of it, read once
    more."""
    planned = Planned(*joined_input())
    module, network = planned.copy()
    (shared,) = (unit for unit in network.units if unit.loads)
    cuts = [place for place in range(len(network.steps)) if crosses(shared, place)]
    (first, *_, last), end = cuts, len(network.steps)
    ends = [0, first - 1, last, end]
    cascades = [CascadePlan(*each, strips=strips) for each in zip(ends, ends[1:])]
    kept = {u for u in network.units if any(crosses(u, place) for place in ends)}
    plan = Plan(cascades, kept)
    assert [shared in plan.beside(each) for each in cascades] == [False, True, True]
    program = planned.finish(module, network, plan)
    rings = [op for op in program.descriptors if isinstance(op, chip.TensorOp)]
    assert any(op.held_rows < 9 for op in rings if op.sym_name.data.startswith("input"))
    planned.check(program, strips)
