"""The search finds what OR-tools' CP-SAT proves to be the cheapest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from image_networks import PLENTY, ImageNetwork, chip_program, random_network
from ortools.sat.python import cp_model
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import memory_use
from recog.lowering.schedule.candidates import STRIPS, Candidate, Cost, Division
from recog.lowering.schedule.columns import Strips, ring_bytes, strips_of
from recog.lowering.schedule.demand import Cascade, Rows
from recog.lowering.schedule.network import Network, Unit
from recog.lowering.schedule.plan import crosses
from recog.lowering.schedule.search import MAX_FREE, Search
from recog.lowering.schedule.unplaced import show_outputs_as_made
from recog.lowering.select.allocation import aligned

Totals = tuple[int, int, int]
"""Bytes to and from DRAM, products computed twice, cascades."""


@dataclass(frozen=True)
class Option:
    """A way to run a cascade.

    Attributes:
        again: products computed twice.
        dram: bytes to and from DRAM, whatever is kept.
        put_aside: those of each unit that crosses a cut and is not kept.
        needs: bytes of each unit in some strip; of a kept one all bytes count instead.
        kept: if given, exactly the units that cross a cut of the cascade and are kept.
    """

    again: int
    dram: int
    put_aside: Mapping[Unit, int] = field(default_factory=dict)
    needs: Sequence[Mapping[Unit, int]] = ()
    kept: frozenset[Unit] | None = None


class Oracle:
    """A network's cascades as a model of CP-SAT: which cuts there are, which units are kept where
    they cross one, and how each cascade between two cuts runs."""

    def __init__(self, network: Network):
        self.network, self.end = network, len(network.steps)
        self.work = [step.op.work(network.scope) for step in network.steps]
        self.runs = list(combinations(range(self.end + 1), 2))

    def crossing(self, run: tuple[int, int]) -> list[Unit]:
        """The units that cross a cut at the ends of a cascade."""
        return [u for u in self.network.units if any(crosses(u, place) for place in run)]

    def cheapest(
        self, memory: int, options: Callable[[tuple[int, int], int], Iterable[Option]]
    ) -> Totals | None:
        """The least costs, in their order of weight; None where no cascades fit."""
        model = cp_model.CpModel()
        cuts = [model.new_bool_var(f"cut {place}") for place in range(self.end + 1)]
        keep = {unit: model.new_bool_var(f"keep {unit.name}") for unit in self.network.units}
        model.add_bool_and(cuts[0], cuts[-1])
        for unit in set(keep) - self.network.with_rows:
            model.add_bool_and(keep[unit])
        beginning: list[list[cp_model.IntVar]] = [[] for _ in cuts]
        ending: list[list[cp_model.IntVar]] = [[] for _ in cuts]
        totals: list[list[cp_model.LinearExprT]] = [[], [], []]
        for run in self.runs:
            crossing = self.crossing(run)
            for option in options(run, memory):
                chosen = model.new_bool_var(f"{run}")
                beginning[run[0]].append(chosen)
                ending[run[1]].append(chosen)
                _constrain(model, chosen, option, memory, {unit: keep[unit] for unit in crossing})
                totals[0] += [option.dram * chosen, *_aside(model, chosen, option, keep)]
                totals[1].append(option.again * chosen)
                totals[2].append(chosen)
        for place in range(self.end):
            model.add(sum(beginning[place]) == cuts[place])
            model.add(sum(ending[place + 1]) == cuts[place + 1])
        return _lexicographic(model, totals)


def _constrain(
    model: cp_model.CpModel,
    chosen: cp_model.IntVar,
    option: Option,
    memory: int,
    keep: Mapping[Unit, cp_model.IntVar],
) -> None:
    """What lives together fits memory, where an option is chosen."""
    for needs in option.needs:
        fixed = sum(size for unit, size in needs.items() if unit not in keep)
        sizes = {unit: (needs.get(unit, 0), aligned(unit.size)) for unit in keep}
        varying = [ring + (whole - ring) * keep[unit] for unit, (ring, whole) in sizes.items()]
        model.add(fixed + sum(varying) <= memory).only_enforce_if(chosen)
    if option.kept is not None:
        for unit, kept in keep.items():
            model.add_implication(chosen, kept if unit in option.kept else ~kept)


def _aside(
    model: cp_model.CpModel,
    chosen: cp_model.IntVar,
    option: Option,
    keep: Mapping[Unit, cp_model.IntVar],
) -> Iterator[cp_model.LinearExprT]:
    """What goes to DRAM of units that are not kept, where an option is chosen."""
    for unit, size in option.put_aside.items():
        moved = model.new_bool_var("")
        model.add_bool_or(moved, ~chosen, keep[unit])
        yield size * moved


def _lexicographic(
    model: cp_model.CpModel, totals: Sequence[Sequence[cp_model.LinearExprT]]
) -> Totals | None:
    found = list[int]()
    for terms in totals:
        model.minimize(sum(terms))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            return None
        assert status == cp_model.OPTIMAL
        found.append(round(solver.objective_value))
        model.add(sum(terms) <= found[-1])
    return found[0], found[1], found[2]


class Divisions:
    """A cascade's cheapest division into strips, for every choice of what is kept beside it."""

    def __init__(self, oracle: Oracle):
        self._oracle, self._candidates = oracle, dict[tuple[int, int], Candidate]()

    def __call__(self, run: tuple[int, int], memory: int) -> Iterator[Option]:
        network = self._oracle.network
        if run not in self._candidates:
            self._candidates[run] = Candidate(network, *run, self._oracle.work)
        crossing = self._oracle.crossing(run)
        must = [unit for unit in crossing if unit not in network.with_rows]
        free = [unit for unit in crossing if unit in network.with_rows]
        for count in range(len(free) + 1):
            for some in combinations(free, count):
                kept = frozenset([*must, *some])
                room = memory - sum(aligned(unit.size) for unit in kept)
                division = self._candidates[run].best(room, kept) if room >= 0 else None
                if division is not None:
                    cost = division.cost
                    yield Option(round(cost.again), cost.dram, kept=kept)


class PlainStrips:
    """All numbers of strips that compute twice what they have in common, and of rows at a time."""

    def __init__(self, oracle: Oracle):
        self._oracle, self._options = oracle, dict[tuple[int, int], list[Option]]()

    def __call__(self, run: tuple[int, int], memory: int) -> list[Option]:
        if run not in self._options:
            self._options[run] = list(self._all(run))
        return self._options[run]

    def _all(self, run: tuple[int, int]) -> Iterator[Option]:
        cascade = Cascade(self._oracle.network, *run)
        steps = self._oracle.network.steps
        widest = max(
            1, min((steps[n].width for n in cascade.numbers if cascade.is_target(n)), default=1)
        )
        counts = [1] if cascade.all_at_once else [count for count in STRIPS if count <= widest]
        strips = strips_of(cascade, counts)
        rows = [1]
        while rows[-1] < cascade.clock:
            rows.append(2 * rows[-1])
        rings = {each: self._rings(cascade, strips, each) for each in rows}
        for place, count in enumerate(counts):
            dram, aside = self._moved(run, cascade, strips, place)
            for each in rows if count > 1 else rows[:1]:
                needs = {tuple(rings[each][:, place, strip].tolist()) for strip in range(count)}
                yield Option(
                    self._again(cascade, strips, place, each),
                    dram,
                    aside,
                    [dict(zip(cascade.units, sizes)) for sizes in needs],
                )

    def _rings(self, cascade: Cascade, strips: Strips, rows: int) -> np.ndarray:
        done = Rows(cascade, rows)
        return ring_bytes(cascade, strips, {unit: done.held(unit) for unit in cascade.units})

    def _moved(
        self, run: tuple[int, int], cascade: Cascade, strips: Strips, place: int
    ) -> tuple[int, Counter[Unit]]:
        """Bytes to and from DRAM: always, and of units that are not kept."""
        always, aside = 0, Counter[Unit]()
        rows = Rows(cascade, max(1, cascade.clock)).loads
        for load in cascade.loads:
            name, tensor = load.tensor.sym_name.data, load.tensor
            columns = int(strips.loads[name].widths[place].sum()) if name in strips.loads else 0
            size = int(rows[name][-1]) * columns * tensor.shape[0] * tensor.element_bytes
            if tensor in load.unit.loads:
                always += size
            else:
                aside[load.unit] += size
        for unit, tensor in (each for some in cascade.outgoing.values() for each in some):
            aside[unit] += unit.height * unit.width * tensor.shape[0] * tensor.element_bytes
        return always, aside

    def _again(self, cascade: Cascade, strips: Strips, place: int, rows: int) -> int:
        if strips.counts[place] == 1:
            return 0
        target, steps = self._oracle.network.target, self._oracle.network.steps
        twice, instructions = 0.0, 0
        for number, columns in strips.steps.items():
            widths = columns.widths.sum(axis=1)
            more = max(0, int(widths[place] - widths[0]))
            twice += self._oracle.work[number] * more / steps[number].width
            instructions += steps[number].height
        instructions += sum(cascade.tensors[name][1].shape[1] for name in strips.loads)
        begun = target.overhead * target.array.outputs * target.array.inputs * target.array.pixels
        return round(twice + (strips.counts[place] - 1) * instructions / rows * begun)


class PlainSearch(Search):
    """A search whose strips keep nothing for each other."""

    def _division(self, first: int, last: int, kept: frozenset[Unit]) -> Division | None:
        room = self.memory - sum(aligned(unit.size) for unit in kept)
        return None if room < 0 else self.candidate(first, last).plain(room, kept, self.most)


def totals(search: Search, memory: int) -> Totals | None:
    """What a search finds."""
    plan = search.best_plan(memory)
    if plan is None:
        return None
    total = Cost()
    for each in plan.cascades:
        kept = frozenset(plan.beside(each))
        division = search._division(each.first, each.last, kept)
        assert division is not None
        assert division.strips == each.strips
        total = total.plus(division.cost)
    return total.dram, round(total.again), total.cascades


def network_of(module: ModuleOp) -> tuple[Network, int]:
    """A network to be scheduled, and the bytes that its program takes whole."""
    program = chip_program(module, 16, schedule=False)
    assert program.unplaced is not None
    show_outputs_as_made(program)
    return Network(program), memory_use(chip_program(module, PLENTY))[1]


def sizes(whole: int, seed: int) -> list[int]:
    """Memory that is tight, and more."""
    generator = np.random.default_rng([seed, 2])
    shares = [generator.uniform(*each) for each in ((0.08, 0.25), (0.25, 0.5), (0.5, 0.95))]
    return [max(16, int(whole * share)) for share in shares]


def branches(seed: int) -> tuple[ImageNetwork, ModuleOp]:
    """Seven convolutions of one image that are all outputs, and two that go on from the first."""
    generator = np.random.default_rng(seed)
    net = ImageNetwork((1, 5, 7), seed=seed)
    every = [net.conv(net.inputs[0], int(generator.integers(1, 6))) for _ in range(7)]
    return net, net.module(*every, net.conv(net.conv(every[0], 8, 5), 1, 5))


def test_graphs_of_up_to_12_ops():
    """Branches, skips that are added and joined, strides, resizes; in tight memory and in more."""
    cascades = Counter[int]()
    for seed in range(50):
        network, whole = network_of(random_network(seed, largest=13, ops=12)[1])
        oracle, search = Oracle(network), Search(network)
        divisions, (tight, *more) = Divisions(oracle), sizes(whole, seed)
        for memory in (tight, *more[seed % 4 : 2]):
            expected = oracle.cheapest(memory, divisions)
            assert totals(search, memory) == expected, f"seed {seed} in {memory} bytes"
            cascades[0 if expected is None else expected[2]] += 1
    assert sum(cascades.values()) == 89
    assert sum(count for number, count in cascades.items() if number > 1) > 20


def test_more_branches_than_larger_programs_try_one_by_one():
    network, whole = network_of(branches(0)[1])
    oracle, search, memory = Oracle(network), Search(network), int(0.3 * whole)
    exact = oracle.cheapest(memory, Divisions(oracle))
    assert totals(search, memory) == exact
    search._most_free = MAX_FREE
    found = totals(search, memory)
    assert found is not None
    assert exact is not None
    assert exact < found


def test_strips_rows_and_memory_as_numbers_of_the_model():
    for seed in range(12):
        network, whole = network_of(random_network(seed, largest=13)[1])
        oracle, search = Oracle(network), PlainSearch(network)
        memory = sizes(whole, seed)[seed % 3]
        expected = oracle.cheapest(memory, PlainStrips(oracle))
        assert totals(search, memory) == expected, f"seed {seed} in {memory} bytes"


class Hopeless(Search):
    """A search that gives up what costs at least a quarter of the bytes of the best known."""

    def _is_hopeless(self, ways: list[dict[frozenset[Unit], Any]], least: Cost) -> bool:
        best = ways[self.end].get(frozenset())
        return best is not None and 4 * least.dram >= best.cost.dram


class KeepsAll(Search):
    """A search that never puts anything aside."""

    def _choices(self, first: int, last: int, kept: frozenset[Unit]) -> Iterator[frozenset[Unit]]:
        for after in super()._choices(first, last, kept):
            if after == self.crossing[last]:
                yield after


@pytest.mark.parametrize("broken", [Hopeless, KeepsAll])
def test_a_search_that_is_not_exact_is_found(broken: type[Search]):
    differ = 0
    for seed in range(18):
        network, whole = network_of(random_network(seed, largest=13, ops=12)[1])
        oracle, memory = Oracle(network), sizes(whole, seed)[seed % 3]
        differ += totals(broken(network), memory) != oracle.cheapest(memory, Divisions(oracle))
    assert differ > 1
