"""What the search gives up is no part of the cheapest plan: the bound never passes the truth."""

from __future__ import annotations

from math import inf

import pytest
from image_networks import PLENTY, chip_program, random_network

from recog.backend.assembly import memory_use
from recog.lowering.schedule import search as under_test
from recog.lowering.schedule.bytes_left import BytesLeft
from recog.lowering.schedule.candidates import Cost
from recog.lowering.schedule.network import Network, Unit
from recog.lowering.schedule.plan import Plan
from recog.lowering.schedule.search import Search
from recog.lowering.schedule.unplaced import show_outputs_as_made


class Exhaustive(Search):
    """A search that knows nothing of what is still to come, or of what is put aside."""

    def _rest(self, place: int, kept: frozenset[Unit]) -> Cost:
        return Cost()

    def _aside(self, first: int, last: int, kept: frozenset[Unit]) -> Cost:
        return Cost()


def network_of(seed: int) -> tuple[Network, int]:
    """A network to be scheduled, and the bytes that its program takes whole."""
    module = random_network(seed, largest=24, ops=7)[1]
    program = chip_program(module, 16, schedule=False)
    show_outputs_as_made(program)
    return Network(program), memory_use(chip_program(module, PLENTY))[1]


def loads(search: Search, plan: Plan, number: int) -> int:
    """Bytes that a cascade of a plan reads from DRAM."""
    each = plan.cascades[number]
    kept = frozenset(plan.beside(each))
    division = search._division(each.first, each.last, kept)
    assert division is not None
    spilled = (
        unit.height * unit.width * tensor.shape[0] * tensor.element_bytes
        for written in search.candidate(each.first, each.last).cascade.outgoing.values()
        for unit, tensor in written
        if unit not in kept
    )
    return division.cost.dram - sum(spilled)


def test_plans_load_no_less_behind_any_cut():
    met = 0
    for seed in range(60):
        network, whole = network_of(seed)
        search, left = Search(network), BytesLeft(network)
        for share in (0.15, 0.3, 0.6):
            plan = search.best_plan(max(16, int(share * whole)))
            if plan is None:
                continue
            loaded = [loads(search, plan, number) for number in range(len(plan.cascades))]
            for number, each in enumerate(plan.cascades):
                kept = plan.beside(each) if each.first else set[Unit]()
                least = left.behind(each.first, kept)
                assert least <= sum(loaded[number:]), f"seed {seed}, cut at {each.first}"
                met += least > 0 and each.first > 0
    assert met > 20


def test_the_plan_is_that_of_an_exhaustive_search(monkeypatch: pytest.MonkeyPatch):
    """And it takes less to find: fewer cascades are looked at."""
    found = looked_at = exhaustively = 0
    for seed in range(40):
        network, whole = network_of(seed)
        for share in (0.1, 0.25, 0.5):
            memory = max(16, int(share * whole))
            search, exhaustive = Search(network), Exhaustive(network)
            plan = search.best_plan(memory)
            with monkeypatch.context() as patched:
                patched.setattr(under_test, "LIMITS", (inf,))
                assert plan == exhaustive.best_plan(memory), f"seed {seed}"
            if plan is not None:
                found += 1
                looked_at += len(search._divisions)
                exhaustively += len(exhaustive._divisions)
    assert found > 60
    assert looked_at < 0.75 * exhaustively, (looked_at, exhaustively)
