"""Strips that keep their last columns for each other compute and read nothing twice."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chain, chip_program, divided, random_network, skips
from xdsl.dialects.builtin import (
    IntegerAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    SymbolRefAttr,
    i64,
)
from xdsl.utils.exceptions import VerifyException

from recog.backend.assembly import assemble, disassemble
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.lowering.schedule.candidates import Candidate
from recog.lowering.schedule.columns import strips_of
from recog.lowering.schedule.demand import Cascade
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.search import Search
from recog.lowering.schedule.unplaced import show_outputs_as_made


def computed(program: chip.ProgramOp) -> Counter[str]:
    """Elements that instructions of each kind compute or move, edges aside."""
    elements = Counter[str]()
    for op in program.instructions:
        if not isinstance(op, chip.CopyOp):
            elements[op.name] += op.output_elements(program.scope)
    return elements


def same_bits(program: chip.ProgramOp | bytes, whole: chip.ProgramOp, net: ImageNetwork) -> None:
    frames = net.frames(2)
    outputs, expected = Machine(program).run_codes(*frames), Machine(whole).run_codes(*frames)
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output, wanted)


@cache
def _skips() -> tuple[ImageNetwork, ModuleOp, chip.ProgramOp]:
    net, module = skips(40, 56)
    program = divided(module, 2, 3)
    assert program is not None
    return net, module, program


@pytest.mark.parametrize(("rows", "strips"), [(1, 2), (2, 5), (8, 7)])
def test_nothing_is_computed_or_read_twice(rows: int, strips: int):
    net, module = skips(40, 56, full=True)
    whole = chip_program(module, PLENTY)
    program = divided(module, rows, strips)
    assert program is not None
    assert computed(program) == computed(whole)
    assert any(isinstance(op, chip.CopyOp) for op in program.instructions)
    frames = net.frames(2)
    for output, wanted in zip(
        Machine(program).run_codes(*frames), Machine(whole).run_codes(*frames)
    ):
        np.testing.assert_array_equal(output, wanted)


@pytest.mark.parametrize("seed", range(16))
def test_random_networks_with_edges(seed: int):
    """Prime sizes, strides, dilation 4, skips that are added and joined, resizes."""
    net, module = random_network(seed)
    whole = chip_program(module, PLENTY)
    program = divided(module, 1 + seed % 3, 2 + seed % 4)
    if program is None:
        return
    file = assemble(program)
    assert assemble(disassemble(file)) == file
    same_bits(file, whole, net)


def copies(program: chip.ProgramOp) -> list[chip.CopyOp]:
    return [op for op in program.instructions if isinstance(op, chip.CopyOp)]


def test_copies_of_edges_have_the_place_of_the_layer_that_they_are_of():
    _, module = skips(40, 56)
    for number, op in enumerate(module.walk()):
        op.location = NameLoc(StringAttr(f"layer{number}"), NoneAttr())
    program = divided(module, 2, 3)
    assert program is not None
    scope = program.scope
    makers = {
        scope.tensor(op.output).address.value.data: op.location
        for op in program.instructions
        if isinstance(op, chip.LayerOp)
    }
    found = [(op.location, makers.get(address(program, op.input))) for op in copies(program)]
    assert all(isinstance(location, NameLoc) for location, _ in found)
    assert any(location == maker for location, maker in found)


def address(program: chip.ProgramOp, name: SymbolRefAttr) -> int:
    return program.scope.tensor(name).address.value.data


def test_an_edge_that_is_one_column_short_is_refused():
    program = _skips()[2]
    widths = [len(program.scope.tensor(op.output).held_columns) for op in copies(program)]
    wide = [place for place, width in enumerate(widths) if width > 1]
    assert len(wide) > 100
    for place in wide[::60]:
        changed = program.clone()
        copy = copies(changed)[place]
        for tensor in (changed.scope.tensor(copy.output), changed.scope.tensor(copy.input)):
            tensor.columns = IntegerAttr(widths[place] - 1, i64)
        with pytest.raises(VerifyException, match=r"is not there|needs columns .*, memory holds"):
            changed.verify()


def test_an_edge_that_is_overwritten_too_early_is_refused():
    program = _skips()[2]
    kept = {op.output for op in copies(program)}
    pairs = [
        (number, later)
        for number, op in enumerate(copies(program))
        if op.input in kept
        for later, other in enumerate(copies(program)[number:], number)
        if other.first_row == op.first_row
        and other.output != op.input
        and address(program, other.output) == address(program, op.input)
    ]
    assert len(pairs) > 40
    for number, later in pairs[::12]:
        changed = program.clone()
        take, keep = copies(changed)[number], copies(changed)[later]
        keep.detach()
        changed.body.block.insert_op_before(keep, take)
        with pytest.raises(VerifyException, match="is not there"):
            changed.verify()


def network_of(module: ModuleOp, memory: int) -> Network:
    """What is scheduled for a memory that is too small for all of it."""
    program = chip_program(module, memory, schedule=False)
    show_outputs_as_made(program)
    return Network(program)


def test_edges_are_chosen_where_memory_is_short():
    """Of a large image nothing is read twice, though no strips without edges could do that."""
    module = skips(544, 960, full=True)[1]
    memory = 300_000
    network = network_of(module, memory)
    work = [step.op.work(network.scope) for step in network.steps]
    candidate = Candidate(network, 0, len(network.steps), work)
    plain = candidate.plain(memory, frozenset())
    best = candidate.best(memory, frozenset())
    assert plain is not None
    assert best is not None
    assert plain.cost.dram > best.cost.dram == candidate.least(frozenset()).dram
    assert best.edges


def test_edges_that_take_too_many_instructions_are_left_out():
    """All but one edge, where all would be more instructions than a program has: leaving out all of
    them read more of the frame in 304 KiB than in 301."""
    network = network_of(chain(2160, 3840)[1], 300_000)
    search = Search(network)
    less, more = (search.best_plan(kib << 10) for kib in (301, 304))
    assert less is not None
    assert more is not None
    assert search.instructions(more) <= MAX_INSTRUCTIONS
    candidate = search.candidate(0, len(network.steps))
    (before,), (after,) = less.cascades, more.cascades
    every = frozenset(candidate.cascade.with_edges)
    assert candidate.instructions(after.rows, after.strips, every) > MAX_INSTRUCTIONS
    assert len(before.edges) < len(after.edges) < len(every)
    best = candidate.best(304 << 10, frozenset())
    assert best is not None
    assert best.cost.dram == candidate.least(frozenset()).dram


def test_plans_have_no_more_instructions_than_programs():
    """Without edges too: in 124 KiB thin strips in one cascade took too many, in 110 KiB two
    cascades did not."""
    search = Search(network_of(skips(2160, 3840)[1], 100_000))
    for kib in (45, 110, 124):
        plan = search.best_plan(kib << 10)
        assert plan is not None
        assert search.instructions(plan) < MAX_INSTRUCTIONS


def test_strips_with_edges_do_not_overlap():
    module = skips(40, 56)[1]
    network = network_of(module, 1_000)
    cascade = Cascade(network, 0, len(network.steps))
    strips = strips_of(cascade, [1, 4], cascade.with_edges)
    for number, spans in strips.steps.items():
        parts = [strip.steps.get(number, range(0)) for strip in strips.strips(1)]
        assert sum(map(len, parts)) == network.steps[number].width
        assert spans.part(0, 0) == range(network.steps[number].width)
    assert all(not strip.edges for strip in strips.strips(1)[:1])
