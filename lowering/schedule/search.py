"""The best cascades of a program: an exact search over where to cut and what to keep.

Between two cuts all tensors are rings; what crosses a cut stays in memory whole or goes to DRAM and
back. Dynamic programming over the cuts, with what is kept across them as its state, finds the
cheapest: fewest bytes to and from DRAM first, then fewest products computed twice, then fewest
cascades. Strips, the vertical parts of a cascade, compute what they have in common twice or keep it
for each other, whichever costs less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations
from math import inf, isfinite
from typing import NamedTuple

from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.dialects.words import counted
from recog.lowering.schedule.bytes_left import BytesLeft, BytesPutAside
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
MOST_DIVISIONS, FEW = 2000, 4
"""Of cascades with what is kept beside them, after which a search of a larger program goes on from
few of the ways to a cut, to few other cuts, and keeps across these what is largest, or nothing."""
LIMITS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, inf)
"""How many times the fewest bytes to and from DRAM that there can be a plan may take, tried in
turn: few ways stay within a limit that is near those of the best plan."""


class _Way(NamedTuple):
    """The cheapest way to a cut: what it costs, and the cascade that ends there."""

    cost: Cost
    first: int
    before: frozenset[Unit]
    division: Division


_State = tuple[frozenset[Unit], _Way]
"""What is kept across a cut, and how."""


def best_plan(network: Network, memory: int) -> Plan | None:
    """The cheapest plan that fits, None where none does."""
    return Search(network).best_plan(memory)


class Search:
    """Plans of a network for memories of any size, which share the cascades that were looked at."""

    def __init__(self, network: Network, twice: float = inf):
        """
        Args:
            twice: the share of a cascade's products that may be computed twice, as long as there
                are such plans.
        """
        self.network, self.memory, self.most = network, 0, MAX_INSTRUCTIONS
        self._twice = twice
        self._limit = inf
        self.end = len(network.steps)
        self.work = [step.op.work(network.scope) for step in network.steps]
        self.crossing = [
            frozenset(unit for unit in network.units if crosses(unit, place))
            for place in range(self.end + 1)
        ]
        ops = sum(not step.is_output for step in network.steps)
        self.exact = ops <= EXACT_OPS
        self._most_free = self.end if self.exact else MAX_FREE
        self._reached: dict[tuple[int, int], int] = {}
        self._left, self._put_aside = BytesLeft(network), BytesPutAside(network)
        self._candidates: dict[tuple[int, int], Candidate] = {}
        self._divisions: dict[tuple[int, int, frozenset[Unit], int, int], Division | None] = {}
        self._known = 0
        """Of these were found for other memories."""

    def candidate(self, first: int, last: int) -> Candidate:
        if (first, last) not in self._candidates:
            self._candidates[first, last] = Candidate(
                self.network, first, last, self.work, self._twice
            )
        return self._candidates[first, last]

    def best_plan(self, memory: int) -> Plan | None:
        """The cheapest plan that fits in so many bytes, None where none does.

        Of more instructions than a program has it is only where no other is found: cascades may
        take all of these each, then fewer, if together they take too many.
        """
        self.memory, self._known = memory, len(self._divisions)
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
        best = best or self._cheapest()
        return self._anyhow.best_plan(memory) if best is None and self._anyhow else best

    @cached_property
    def _anyhow(self) -> Search | None:
        """A search for plans that compute as much twice as they like; None where this one is."""
        return Search(self.network) if isfinite(self._twice) else None

    def has_plan(self, memory: int) -> bool:
        """Whether some plan fits in so many bytes: most often one does whose cascades have one
        instruction each."""
        self.memory, self.most, self._known = memory, ANY_NUMBER, len(self._divisions)
        if self._one_by_one() is not None:
            return True
        if self._anyhow is not None:
            return self._anyhow.has_plan(memory)
        if not all(self._may_fit(first, first + 1) for first in range(self.end)):
            return False
        return self.best_plan(memory) is not None

    def _one_by_one(self) -> list[dict[frozenset[Unit], _Way]] | None:
        """The way on which each cascade has one instruction, which keeps what it has to; None where
        one of them does not fit."""
        ways: list[dict[frozenset[Unit], _Way]] = [{} for _ in range(self.end + 1)]
        kept = frozenset[Unit]()
        for first in range(self.end):
            after = next(self._choices(first, first + 1, kept), None)
            division = None if after is None else self._division(first, first + 1, kept | after)
            if after is None or division is None:
                return None
            ways[first + 1][after] = _Way(division.cost, first, kept, division)
            kept = after
        return ways

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
            if self._is_long and isfinite(share):
                continue
            plan = self._cheapest_within(share * least if isfinite(share) else inf)
            if plan is not None:
                return plan
        ways = self._one_by_one() if self._is_long else None
        return None if ways is None else self._traced(ways)

    @property
    def _is_long(self) -> bool:
        """Whether so many cascades were looked at that only likely ways are, from now on."""
        return not self.exact and len(self._divisions) - self._known > MOST_DIVISIONS

    def _cheapest_within(self, limit: float) -> Plan | None:
        """The cheapest plan, None where it takes more bytes to and from DRAM than a limit."""
        self._limit = limit
        ways: list[dict[frozenset[Unit], _Way]] = [{} for _ in range(self.end + 1)]
        ways[0][frozenset()] = _Way(Cost(), 0, frozenset(), Division(Cost(), 1))
        for first in range(self.end):
            for kept, way in self._likely(ways[first], first):
                # The longest first: what reaches the end is what all others have to beat.
                for last in self._ends(first):
                    for after in self._choices(first, last, kept):
                        self._try(ways, first, last, kept, after, way)
        if not ways[self.end]:
            return None
        return self._traced(ways)

    def _likely(self, ways: dict[frozenset[Unit], _Way], place: int) -> list[_State]:
        """The ways to a cut to go on from: all, or a few that are cheapest with what they leave to
        load."""
        found = list(ways.items())
        if self._is_long:
            found.sort(key=lambda each: each[1].cost.plus(self._rest(place, each[0])))
            del found[FEW:]
        return found

    def _ends(self, first: int) -> Sequence[int]:
        """Where cascades from a cut may end: anywhere that they reach, or where little crosses."""
        every = range(self._reach(first), first, -1)
        if not self._is_long:
            return every
        crossing = [sum(unit.size for unit in self.crossing[last]) for last in every]
        few = sorted(range(len(every)), key=lambda place: crossing[place])[:FEW]
        return [every[place] for place in sorted({*range(min(1, len(every))), *few})]

    def _reach(self, first: int) -> int:
        """Where the longest cascade from a cut on ends that may fit. A longer one holds at least as
        much, so it is found by halving; of small programs, whose search is exact, all are tried."""
        if self.exact:
            return self.end
        key = first, self.memory
        if key not in self._reached:
            low = max(first, self._reached.get((first - 1, self.memory), 0))
            high = self.end + 1
            step = 1
            while high - low > 1:
                middle = min(low + step, self.end) if high > self.end else (low + high) // 2
                if self._may_fit(first, middle):
                    low, step = middle, 2 * step
                else:
                    high = middle
            self._reached[key] = low
        return self._reached[key]

    def _may_fit(self, first: int, last: int) -> bool:
        """Whether a cascade could fit with nothing kept beside it but what has to be."""
        kept = {
            unit
            for unit in self.crossing[first] | self.crossing[last]
            if unit not in self.network.with_rows
        }
        room = self.memory - sum(aligned(unit.size) for unit in kept)
        return room >= 0 and self.candidate(first, last).may_fit(room, kept)

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
        here, rest = kept | after, self._rest(last, after)
        if self._is_hopeless(ways, way.cost.plus(self._aside(first, last, here)).plus(rest)):
            return
        least = way.cost.plus(self.candidate(first, last).least(here))
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

    def _aside(self, first: int, last: int, kept: frozenset[Unit]) -> Cost:
        """What a cascade costs at least by what it puts aside, known before anything else of it."""
        return Cost(self._put_aside.of(first, last, kept), 0.0, 1)

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
        counts = range(len(free) + 1)
        if self._is_long:
            free = self._largest_that_fit(free, self.memory - least)
            counts = sorted({0, len(free)})
        for count in counts:
            for some in combinations(free, count):
                if least + sum(aligned(unit.size) for unit in some) <= self.memory:
                    yield frozenset({*fixed, *must, *some})

    def _largest_that_fit(self, units: Sequence[Unit], room: int) -> list[Unit]:
        """Of units in order of size the largest, each that still fits."""
        found: list[Unit] = []
        for unit in reversed(units):
            if aligned(unit.size) <= room:
                found.append(unit)
                room -= aligned(unit.size)
        return found

    def _division(self, first: int, last: int, kept: frozenset[Unit]) -> Division | None:
        room = self.memory - sum(aligned(unit.size) for unit in kept)
        key = first, last, kept, room, self.most
        if room >= 0 and key not in self._divisions:
            candidate = self.candidate(first, last)
            self._divisions[key] = candidate.best(room, kept, self.most, soon=not self.exact)
        return self._divisions.get(key)

    def _traced(self, ways: list[dict[frozenset[Unit], _Way]]) -> Plan:
        cascades: list[CascadePlan] = []
        kept_ever = set[Unit]()
        last, kept = self.end, frozenset[Unit]()
        while last:
            way = ways[last][kept]
            here = kept | way.before
            room = self.memory - sum(aligned(unit.size) for unit in here)
            candidate, best = self.candidate(way.first, last), way.division
            if not self.exact:
                best = candidate.best(room, here, self.most) or best
            rows = candidate.tallest(best, room, here)
            cascades.append(CascadePlan(way.first, last, rows, best.strips, edges=best.edges))
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
    return f"{rows} of {counted(unit.height, 'row')}, {columns} of {counted(unit.width, 'column')}"


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
