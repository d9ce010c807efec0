"""Any schedule gives the bits of the program that holds whole tensors, or is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain as joined
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_networks import ImageNetwork, chain, chip_program, random_network, skips
from lns_networks import Network as LnsNetwork
from lns_networks import networks
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble, find_program, memory_use
from recog.backend.machine import Machine
from recog.dialects import chip, lns
from recog.dialects.errors import RecogError
from recog.lowering.schedule.candidates import Candidate, Cost
from recog.lowering.schedule.emit_stripes import EmitStripesPass
from recog.lowering.schedule.estimate_cost import EstimateCostPass
from recog.lowering.schedule.network import Network, Unit
from recog.lowering.schedule.place_tensors import PlaceTensorsPass
from recog.lowering.schedule.plan import (
    CASCADES,
    CascadePlan,
    Plan,
    crosses,
    read_plan,
    write_plan,
)
from recog.lowering.schedule.plan_cascades import TWICE, PlanCascadesPass, plan_cascades
from recog.lowering.schedule.search import Search, best_plan
from recog.lowering.schedule.size_rings import SizeRingsPass
from recog.lowering.schedule.unplaced import show_outputs_as_made
from recog.lowering.select.allocation import aligned
from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

PLENTY = 1 << 26


def scheduled(module: ModuleOp, memory: int) -> chip.ProgramOp | None:
    """The program for a memory, None where it is too small."""
    try:
        return chip_program(module, memory)
    except RecogError as error:
        if f"activation memory of {memory:,} bytes is too small" in str(error):
            return None
        raise


def memory_of(program: chip.ProgramOp) -> int:
    return memory_use(program)[1]


def dram_bytes(program: chip.ProgramOp) -> int:
    """What goes to and from DRAM."""
    return sum(
        sum(op.elements(program.scope))
        * next(iter(op.tensor_fields(program.scope).values())).element_bytes
        for op in program.instructions
        if isinstance(op, chip.TransferOp)
    )


def same_bits(module: ModuleOp, memory: int, frames: list[np.ndarray]) -> bool:
    """Whether a schedule for a memory gives the whole program's bits; False if there is none."""
    expected = Machine(chip_program(module, PLENTY)).run_codes(*frames)
    program = scheduled(module, memory)
    if program is None:
        return False
    file = assemble(program)
    assert assemble(disassemble(file)) == file
    assert memory_of(program) <= memory
    for output, wanted in zip(Machine(file).run_codes(*frames), expected, strict=True):
        np.testing.assert_array_equal(output, wanted)
    return True


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_in_little_memory(seed: int):
    """Prime sizes, strides, dilation 4, skips that are added and joined, resizes: `fuzz_schedules`
    goes on."""
    net, module = random_network(seed)
    whole, frames = memory_of(chip_program(module, PLENTY)), net.frames(2)
    ran = [same_bits(module, max(16, whole * share // 8), frames) for share in (6, 3, 1)]
    assert ran == sorted(ran, reverse=True)


@given(networks(), st.integers(1, 9))
@settings(max_examples=settings().max_examples // 4)
def test_every_op_in_little_memory(network: LnsNetwork, tenths: int):
    """Also those that take whole tensors, and tensors that are other views of the same bytes."""
    whole = chip_program(network.module, PLENTY)
    expected = Machine(whole).run(*network.inputs)
    program = scheduled(network.module, max(16, memory_of(whole) * tenths // 10))
    if program is None:
        return
    outputs = Machine(program).run(*network.inputs)
    for output, wanted in zip(_tuple(outputs), _tuple(expected), strict=True):
        np.testing.assert_array_equal(output, wanted)


def test_a_turned_image_is_not_given_as_it_was():
    """It has the same bytes, but its rows are columns of the other."""
    net = ImageNetwork((3, 64, 48))
    x = net.conv(net.conv(net.inputs[0], 3, stride=4), 3)
    module = net.module(net.add_op(lns.PermuteOp(x, (0, 1, 3, 2))))
    assert [same_bits(module, memory, net.frames()) for memory in (2000, 1000)] == [True, False]


def test_what_is_too_large_in_parts_says_which_and_what_is_needed_whole_does_not():
    _, module = chain(40, 56)
    parts = r"computed in parts:\n +[\d,]+ bytes  @[\w.]+, \d+ of \d+ rows, \d+ of \d+ columns\n"
    with pytest.raises(RecogError, match=parts):
        chip_program(module, 16)
    net = ImageNetwork((3, 8, 8))
    turned = net.module(net.add_op(lns.PermuteOp(net.inputs[0], (0, 2, 1, 3))))
    with pytest.raises(
        RecogError, match=r"at once, [\d,]+ bytes:\n( +[\d,]+ bytes  @.+, all of it\n?)+"
    ):
        chip_program(turned, 16)


def _tuple(outputs) -> tuple[np.ndarray, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def test_what_fits_stays_as_it_was():
    _, module = skips(32, 48)
    memory = memory_of(chip_program(module, PLENTY))
    program = chip_program(module, memory)
    assert all(
        op.ring.value.data == 0 for op in program.descriptors if isinstance(op, chip.TensorOp)
    )
    assert str(program) == str(chip_program(module, memory, schedule=False))
    scheduled = chip_program(module, memory - 1)
    assert len(scheduled.instructions) > len(program.instructions)


def network_of(module: ModuleOp, memory: int) -> Network:
    """What is scheduled for a memory that is too small for all of it."""
    program = chip_program(module, memory, schedule=False)
    assert program.unplaced is not None
    show_outputs_as_made(program)
    return Network(program)


@pytest.mark.parametrize("network", [chain, skips])
def test_more_memory_never_costs_bytes_of_dram(network):
    steps = network_of(network(135, 240)[1], 1_000)
    search = Search(steps)
    costs = [
        plan_cost(steps, plan, memory)
        for memory in (int(2_000 * 1.1**power) for power in range(54))
        if (plan := search.best_plan(memory)) is not None
    ]
    assert len(costs) > 40
    assert [each.dram for each in costs] == sorted((each.dram for each in costs), reverse=True)
    assert costs[-1] == (135 * 240 * 3, 0, 1)


def test_what_goes_to_dram_is_what_the_search_counts():
    module = skips(40, 56)[1]
    for memory in (3_000, 6_000, 20_000):
        program = chip_program(module, memory)
        steps = network_of(module, memory)
        search = Search(steps, TWICE / 100)
        plan = search.best_plan(memory)
        assert plan is not None
        assert len(program.instructions) <= search.instructions(plan) + len(steps.other)
        output = next(op.extent for op in program.ports if isinstance(op, chip.OutputOp))
        assert dram_bytes(program) == plan_cost(steps, plan, memory).dram + output


def test_large_frames_in_4_mib():
    """The networks of shared/vela at 2160 x 3840, which Vela moves 3.1x and 19.4x as much for."""
    for network in (chain, skips):
        module = network(2160, 3840)[1]
        plan = best_plan(network_of(module, 4 << 20), 4 << 20)
        assert plan is not None
        assert [(each.first, each.strips) for each in plan.cascades] == [(0, 1)]
        assert not plan.kept


# The search


def every_plan(network: Network) -> Iterator[tuple[list[tuple[int, int]], frozenset[Unit]]]:
    """All ways to cut a program and to keep what crosses the cuts."""
    end = len(network.steps)
    inner = range(1, end)
    for cuts in joined.from_iterable(combinations(inner, k) for k in range(end)):
        edges = [0, *cuts, end]
        crossing = [unit for unit in network.units if any(crosses(unit, cut) for cut in cuts)]
        must = {unit for unit in crossing if unit not in network.with_rows}
        free = [unit for unit in crossing if unit not in must]
        for some in joined.from_iterable(combinations(free, k) for k in range(len(free) + 1)):
            yield list(zip(edges, edges[1:])), frozenset({*must, *some})


def cost_of(network: Network, runs: Iterable[tuple[int, int]], kept: frozenset[Unit], memory: int):
    """What the cascades cost together, each in as few strips as fit; None where one does not."""
    total, work = Cost(), [step.op.work(network.scope) for step in network.steps]
    for first, last in runs:
        here = frozenset(unit for unit in kept if crosses(unit, first) or crosses(unit, last))
        candidate = Candidate(network, first, last, work)
        room = memory - sum(aligned(unit.size) for unit in here)
        division = candidate.best(room, here)
        if division is None:
            return None
        total = total.plus(division.cost)
    return total


def plan_cost(network: Network, plan: Plan, memory: int) -> Cost:
    runs = [(each.first, each.last) for each in plan.cascades]
    cost = cost_of(network, runs, frozenset(plan.kept), memory)
    assert cost is not None
    return cost


@pytest.mark.parametrize("seed", range(6))
def test_no_plan_is_cheaper_than_the_one_that_is_found(seed: int):
    _, module = random_network(seed, largest=13)
    whole = memory_of(chip_program(module, PLENTY))
    for share in (2, 4, 7):
        memory = max(16, whole * share // 8)
        program = chip_program(module, memory, schedule=False)
        if program.unplaced is None:
            continue
        show_outputs_as_made(program)
        network = Network(program)
        if len(network.steps) > 7:
            return
        costs = [cost_of(network, *each, memory) for each in every_plan(network)]
        best = min((cost for cost in costs if cost is not None), default=None)
        plan = best_plan(network, memory)
        assert (plan is None) == (best is None)
        if plan is not None and best is not None:
            found = plan_cost(network, plan, memory)
            assert (found.dram, found.cascades) == (best.dram, best.cascades)
            assert found.again == pytest.approx(best.again)


def test_there_is_a_plan_where_the_best_one_is_found():
    answers = list[bool]()
    for seed in range(30):
        _, module = random_network(seed, largest=29)
        program = chip_program(module, 16, schedule=False)
        show_outputs_as_made(program)
        network = Network(program)
        for memory in (64, 150, 300, 450, 600, 900, 1500):
            has_plan = Search(network).has_plan(memory)
            assert has_plan == (best_plan(network, memory) is not None), f"{seed}, {memory} bytes"
            answers.append(has_plan)
    assert 30 < sum(answers) < len(answers) - 30


# Plans by hand


def planned(memory: int) -> tuple[ImageNetwork, ModuleOp, ModuleOp]:
    """A network, and its program with a plan and sized rings."""
    net, module, program = _planned(memory)
    return net, module, program.clone()


@cache
def _planned(memory: int) -> tuple[ImageNetwork, ModuleOp, ModuleOp]:
    net, module = skips(40, 56)
    copy = module.clone()
    ConvertLnsToChipPass(activation_memory=memory, schedule=False).apply(Context(), copy)
    PlanCascadesPass().apply(Context(), copy)
    SizeRingsPass().apply(Context(), copy)
    return net, module, copy


def change_cascade(module: ModuleOp, **values: object) -> None:
    program = find_program(module)
    (first, *rest) = program.attributes[CASCADES].data  # pyright: ignore
    changed = DictionaryAttr({**first.data, **values})  # pyright: ignore
    program.attributes[CASCADES] = ArrayAttr([changed, *rest])


def finish(module: ModuleOp) -> chip.ProgramOp:
    EmitStripesPass().apply(Context(), module)
    PlaceTensorsPass().apply(Context(), module)
    program = find_program(module)
    program.verify()
    return program


@pytest.mark.parametrize(("rows", "strips"), [(1, 1), (1, 5), (2, 3), (4, 2), (64, 7)])
def test_plans_changed_by_hand_give_the_same_bits(rows: int, strips: int):
    net, module, copy = planned(20_000)
    change_cascade(copy, rows=IntegerAttr(rows, i64), strips=IntegerAttr(strips, i64))
    program = find_program(copy)
    program.target = chip.TargetAttr(chip.ChipTarget.from_values({}, program.target.data))
    SizeRingsPass().apply(Context(), copy)
    frames = net.frames()
    (expected,) = Machine(chip_program(module, PLENTY)).run_codes(*frames)
    program.properties["target"] = find_program(chip_program(module, PLENTY)).target
    (output,) = Machine(finish(copy)).run_codes(*frames)
    np.testing.assert_array_equal(output, expected)


def test_a_ring_that_is_one_row_short_is_refused():
    _, _, copy = planned(20_000)
    sizes = find_program(copy).attributes[CASCADES].data[0].data["rings"].data  # pyright: ignore
    refused = 0
    for name, rows in sizes.items():
        if rows.value.data == 1:
            continue
        shorter = DictionaryAttr({**sizes, name: IntegerAttr(rows.value.data - 1, i64)})
        changed = copy.clone()
        change_cascade(changed, rings=shorter)
        with pytest.raises(VerifyException, match="is not there|are written at once"):
            finish(changed)
        refused += 1
    assert refused > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": IntegerAttr(0, i64)}, "advances by at least 1 of `rows`"),
        ({"rows": IntegerAttr(1 << 60, i64)}, "advances by at most 16777216 of `rows`"),
        ({"edge": ArrayAttr([])}, "a cascade has no `edge`, expected: rows, strips, rings, edges"),
        ({"rings": DictionaryAttr({})}, "has no rows in `rings` of its cascade"),
        ({"rings": IntegerAttr(0, i64)}, "`rings` must be a dictionary"),
        ({"edges": IntegerAttr(0, i64)}, "`edges` must be a list of tensors"),
        ({"edges": ArrayAttr([IntegerAttr(0, i64)])}, "`edges` must be names of tensors"),
        ({"strips": IntegerAttr(99, i64)}, "cascade 0 has 99 strips, what it gives has 28 columns"),
        ({"strips": IntegerAttr(1 << 40, i64)}, "has 1099511627776 strips"),
        ({"edges": ArrayAttr([StringAttr("else")])}, "names @else, which can have none"),
    ],
)
def test_plans_that_are_none(change: dict[str, object], message: str):
    _, _, copy = planned(20_000)
    change_cascade(copy, **change)
    with pytest.raises(RecogError, match=message):
        EmitStripesPass().apply(Context(), copy)


def test_instructions_of_no_cascade_are_refused():
    _, _, copy = planned(20_000)
    program = find_program(copy)
    listed = program.attributes[CASCADES]
    assert isinstance(listed, ArrayAttr)
    program.attributes[CASCADES] = ArrayAttr(listed.data[:1])
    with pytest.raises(RecogError, match="`cascades` lists 1 cascade only"):
        SizeRingsPass().apply(Context(), copy)


@pytest.mark.parametrize("place", [0, 1])
def test_keep_counts_on_any_tensor_of_shared_bytes(place: int):
    """On the second alone it had no effect."""
    net = ImageNetwork((2, 8, 8))
    module = net.module(net.conv(net.concat(*(net.conv(net.inputs[0], 2) for _ in range(2))), 2))
    program = chip_program(module, 16, schedule=False)
    show_outputs_as_made(program)
    network = Network(program)
    (shared,) = (unit for unit in network.units if len(unit.tensors) > 2)
    cascades = [CascadePlan(0, 2), CascadePlan(2, len(network.steps))]
    write_plan(program, network, Plan(cascades, set()))
    shared.tensors[place].attributes["keep"] = StringAttr("memory")
    with pytest.raises(RecogError, match='which lies with it, keep = "dram"'):
        read_plan(program, network)
    for tensor in shared.tensors:
        if tensor is not shared.tensors[place]:
            del tensor.attributes["keep"]
    assert read_plan(program, network).kept == {shared}


def test_programs_without_places_are_not_assembled():
    _, module = chain(32, 48)
    with pytest.raises(RecogError, match="its tensors have no places in memory yet"):
        assemble(chip_program(module, 1_000, schedule=False))


def test_programs_without_places_have_no_cost():
    _, module = chain(32, 48)
    program = chip_program(module, 1_000, schedule=False)
    with pytest.raises(RecogError, match="its tensors have no places in memory yet"):
        EstimateCostPass().apply(Context(), ModuleOp([program.clone()]))


def test_what_is_left_free_counts_in_what_would_do():
    _, module = chain(32, 48)
    with pytest.raises(RecogError, match="with 900 of the chip's left free, is too small") as error:
        plan_cascades(chip_program(module, 910, schedule=False), spare=900)
    wanted = int(str(error.value.hint).split("= ")[1].split(" ")[0])
    plan_cascades(chip_program(module, wanted, schedule=False), spare=900)


def test_what_is_too_small_says_what_would_do():
    net = ImageNetwork((4, 9, 9))
    module = net.module(net.conv(net.conv(net.inputs[0], 8), 8, 9, padding=0))
    with pytest.raises(RecogError, match="656 bytes  @conv2d, all of it") as error:
        chip_program(module, 256)
    wanted = int(str(error.value.hint).split("= ")[1].split(" ")[0])
    chip_program(module, wanted)
