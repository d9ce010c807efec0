"""The best cascades of a program: an exact search over where to cut and what to keep.

Between two cuts all tensors are rings; what crosses a cut stays in memory whole or goes to DRAM and
back. Dynamic programming over the cuts, with what is kept across them as its state, finds the
cheapest: fewest bytes to and from DRAM first, then fewest products computed twice, then fewest
cascades. Strips, the vertical parts of a cascade, compute what they have in common twice or keep it
for each other, whichever costs less.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import inf, isfinite
from typing import NamedTuple

from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.lowering.schedule.bytes_left import BytesLeft
from recog.lowering.schedule.candidates import Candidate, Cost, Division
from recog.lowering.schedule.columns import Strip, ring_bytes, strips_of
from recog.lowering.schedule.network import Network, Unit
from recog.lowering.schedule.plan import CascadePlan, Plan, crosses
from recog.lowering.select.allocation import aligned

EXACT_OPS, MAX_FREE = 12, 6
"""Of programs with more ops the search is exact only where a cascade leaves no more than so many
units with rows to others: of more, all but the largest stay in memory."""
SHARES = (1, 2, 3, 4, 8, 16, 64)
"""What parts of a program's instructions one cascade may take, tried in turn."""
ANY_NUMBER = 1 << 40
LIMITS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, inf)
"""How many times the fewest bytes to and from DRAM that there can be a plan may take, tried in
turn: few ways stay within a limit that is near those of the best plan."""


class _Way(NamedTuple):
    """The cheapest way to a cut: what it costs, and the cascade that ends there."""

    cost: Cost
    first: int
    before: frozenset[Unit]
    division: Division


def best_plan(network: Network, memory: int) -> Plan | None:
    """The cheapest plan that fits, None where none does."""
    return Search(network).best_plan(memory)


class Search:
    """Plans of a network for memories of any size, which share the cascades that were looked at."""

    def __init__(self, network: Network):
        self.network, self.memory, self.most = network, 0, MAX_INSTRUCTIONS
        self._limit = inf
        self.end = len(network.steps)
        self.work = [step.op.work(network.scope) for step in network.steps]
        self.crossing = [
            frozenset(unit for unit in network.units if crosses(unit, place))
            for place in range(self.end + 1)
        ]
        ops = sum(not step.is_output for step in network.steps)
        self._most_free = self.end if ops <= EXACT_OPS else MAX_FREE
        self._left = BytesLeft(network)
        self._candidates: dict[tuple[int, int], Candidate] = {}
        self._divisions: dict[tuple[int, int, frozenset[Unit], int, int], Division | None] = {}

    def candidate(self, first: int, last: int) -> Candidate:
        if (first, last) not in self._candidates:
            self._candidates[first, last] = Candidate(self.network, first, last, self.work)
        return self._candidates[first, last]

    def best_plan(self, memory: int) -> Plan | None:
        """The cheapest plan that fits in so many bytes, None where none does.

        Of more instructions than a program has it is only where no other is found: cascades may
        take all of these each, then fewer, if together they take too many.
        """
        self.memory = memory
        room, best = MAX_INSTRUCTIONS - len(self.network.other), None
        for share in SHARES:
            self.most = room // share
            plan = self._cheapest()
            if plan is None:
                break
            best = plan
            if self.instructions(plan) <= room:
                return plan
        self.most = ANY_NUMBER
        return best or self._cheapest()

    def has_plan(self, memory: int) -> bool:
        """Whether some plan fits in so many bytes: most often one does whose cascades have one
        instruction each."""
        self.memory, self.most = memory, ANY_NUMBER
        kept = frozenset[Unit]()
        for first in range(self.end):
            after = next(self._choices(first, first + 1, kept), None)
            if after is None or self._division(first, first + 1, kept | after) is None:
                return self.best_plan(memory) is not None
            kept = after
        return True

    def instructions(self, plan: Plan) -> int:
        """How many a plan takes, at most."""
        return sum(
            self.candidate(each.first, each.last).instructions(each.rows, each.strips, each.edges)
            for each in plan.cascades
        )

    def _cheapest(self) -> Plan | None:
        """The cheapest plan: within some limit, what lies beyond it is no part of that."""
        least = self._rest(0, frozenset()).dram
        for share in LIMITS:
            plan = self._cheapest_within(share * least if isfinite(share) else inf)
            if plan is not None:
                return plan
        return None

    def _cheapest_within(self, limit: float) -> Plan | None:
        """The cheapest plan, None where it takes more bytes to and from DRAM than a limit."""
        self._limit = limit
        ways: list[dict[frozenset[Unit], _Way]] = [{} for _ in range(self.end + 1)]
        ways[0][frozenset()] = _Way(Cost(), 0, frozenset(), Division(Cost(), 1))
        for first in range(self.end):
            for kept, way in ways[first].items():
                # The longest first: what reaches the end is what all others have to beat.
                for last in range(self.end, first, -1):
                    for after in self._choices(first, last, kept):
                        self._try(ways, first, last, kept, after, way)
        if not ways[self.end]:
            return None
        return self._traced(ways)

    def _try(
        self,
        ways: list[dict[frozenset[Unit], _Way]],
        first: int,
        last: int,
        kept: frozenset[Unit],
        after: frozenset[Unit],
        way: _Way,
    ) -> None:
        known = ways[last].get(after)
        if known is not None and known.cost <= way.cost:
            return
        candidate, here = self.candidate(first, last), kept | after
        least, rest = way.cost.plus(candidate.least(here)), self._rest(last, after)
        if self._is_hopeless(ways, least.plus(rest)):
            return
        if known is not None and known.cost <= least:
            return
        division = self._division(first, last, here)
        if division is None:
            return
        cost = way.cost.plus(division.cost)
        if cost.dram + rest.dram <= self._limit and (known is None or cost < known.cost):
            ways[last][after] = _Way(cost, first, kept, division)

    def _is_hopeless(self, ways: list[dict[frozenset[Unit], _Way]], least: Cost) -> bool:
        """Whether a way that costs at least so much to the end cannot be the best within the limit:
        it does not beat the best one known."""
        best = ways[self.end].get(frozenset())
        return least.dram > self._limit or (best is not None and least >= best.cost)

    def _rest(self, place: int, kept: frozenset[Unit]) -> Cost:
        """What a way costs at least from a cut to the end."""
        return Cost(self._left.behind(place, kept), 0.0, int(place < self.end))

    def _choices(self, first: int, last: int, kept: frozenset[Unit]) -> Iterator[frozenset[Unit]]:
        """What may be kept across the cut at `last`: what crosses both cuts as it was."""
        before, after = self.crossing[first], self.crossing[last]
        fixed = kept & after
        new = after - before
        must = {unit for unit in new if unit not in self.network.with_rows}
        free = sorted(new - must, key=lambda unit: (unit.size, unit.number))
        if len(free) > self._most_free:
            must |= set(free[: len(free) - self._most_free])
            free = free[len(free) - self._most_free :]
        least = sum(aligned(unit.size) for unit in {*kept, *must})
        if least > self.memory:
            return
        for count in range(len(free) + 1):
            for some in combinations(free, count):
                if least + sum(aligned(unit.size) for unit in some) <= self.memory:
                    yield frozenset({*fixed, *must, *some})

    def _division(self, first: int, last: int, kept: frozenset[Unit]) -> Division | None:
        room = self.memory - sum(aligned(unit.size) for unit in kept)
        key = first, last, kept, room, self.most
        if room >= 0 and key not in self._divisions:
            self._divisions[key] = self.candidate(first, last).best(room, kept, self.most)
        return self._divisions.get(key)

    def _traced(self, ways: list[dict[frozenset[Unit], _Way]]) -> Plan:
        cascades: list[CascadePlan] = []
        kept_ever = set[Unit]()
        last, kept = self.end, frozenset[Unit]()
        while last:
            way = ways[last][kept]
            here = kept | way.before
            room = self.memory - sum(aligned(unit.size) for unit in here)
            rows = self.candidate(way.first, last).tallest(way.division, room, here)
            strips, edges = way.division.strips, way.division.edges
            cascades.append(CascadePlan(way.first, last, rows, strips, edges=edges))
            kept_ever |= kept
            last, kept = way.first, way.before
        return Plan(cascades[::-1], kept_ever)


class Least(NamedTuple):
    """The fewest bytes that an instruction takes alone: of how many rows and columns of what."""

    bytes: int
    parts: list[tuple[int, str]]
    whole: bool
    """Whether it takes all of each."""


def least_of(network: Network, number: int) -> Least:
    """What a step takes alone, in as many strips as take least."""
    candidate = Candidate(network, number, number + 1, [1] * len(network.steps))
    cascade, rings = candidate.cascade, candidate.held(1)
    strips = strips_of(cascade, candidate.counts)
    sizes = ring_bytes(cascade, strips, rings)
    widest = sizes.sum(axis=0)
    place = int(widest.max(axis=1).argmin())
    index = int(widest[place].argmax())
    strip = strips.strips(place)[index]
    held = [
        (int(size), unit.name, _part(unit, strip, rows, network))
        for size, (unit, rows) in zip(sizes[:, place, index], rings.items())
    ]
    parts = [(size, f"@{name}, {part or 'all of it'}") for size, name, part in held]
    parts.sort(key=lambda part: -part[0])
    return Least(sum(size for size, _ in parts), parts, not any(part for *_, part in held))


def _part(unit: Unit, strip: Strip, rows: int, network: Network) -> str | None:
    """How many rows and columns of a unit are held; None if all are."""
    columns = len(strip.units.get(unit, range(unit.width)))
    if unit not in network.with_rows or (rows, columns) == (unit.height, unit.width):
        return None
    return f"{rows} of {unit.height} rows, {columns} of {unit.width} columns"


def least_memory(search: Search, at_least: int) -> int:
    """Bytes with which there is a plan, at most a few per cent more than the fewest."""
    if search.has_plan(at_least):
        return aligned(at_least)
    low, high = at_least, 2 * at_least
    while not search.has_plan(high):
        low, high = high, 2 * high
    while high - low > high // 32 + 16:
        middle = (low + high) // 2
        if not search.has_plan(middle):
            low = middle
        else:
            high = middle
    return aligned(high)
