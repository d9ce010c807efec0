"""The best cascades of a program: an exact search over where to cut and what to keep.

Between two cuts all tensors are rings; what crosses a cut stays in memory whole or goes to DRAM and
back. Dynamic programming over the cuts, with what is kept across them as its state, finds the
cheapest: fewest bytes to and from DRAM first, then fewest products computed twice, then fewest
cascades. Strips, the vertical parts of a cascade, are as few as fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from recog.lowering.schedule.demand import Cascade, Rows, Strip, ring_bytes, strip_of
from recog.lowering.schedule.network import Network, Unit
from recog.lowering.schedule.plan import CascadePlan, Plan, crosses
from recog.lowering.select.allocation import aligned

STRIPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
MAX_FREE = 6
"""Units of which each subset is tried; of more, only the largest leave memory."""


class Cost(NamedTuple):
    """What a schedule costs, in order of weight; products are relative to computing all once."""

    dram: int = 0
    again: float = 0.0
    cascades: int = 0

    def plus(self, other: Cost) -> Cost:
        return Cost(
            self.dram + other.dram, self.again + other.again, self.cascades + other.cascades
        )


class Candidate:
    """A cascade, its rows one at a time, and its strips for each number of them."""

    def __init__(self, network: Network, first: int, last: int, work: list[int]):
        self.cascade = Cascade(network, first, last)
        self._work = work[first:last]
        self._strips: dict[tuple[int, int], Strip] = {}

    @cached_property
    def rings(self) -> dict[Unit, int]:
        rows = Rows(self.cascade, 1)
        return {unit: rows.held(unit) for unit in self.cascade.units}

    @cached_property
    def _loaded(self) -> dict[str, int]:
        rows = Rows(self.cascade, max(1, self.cascade.clock))
        return {name: int(done[-1]) for name, done in rows.loads.items()}

    def counts(self) -> Iterator[int]:
        """The numbers of strips that there can be."""
        steps = self.cascade.network.steps
        targets = [n for n in self.cascade.numbers if self.cascade.is_target(n)]
        widest = min((steps[n].width for n in targets), default=1)
        yield from (s for s in STRIPS if s == 1 or (s <= widest and not self.cascade.all_at_once))

    def strip(self, count: int, index: int) -> Strip:
        """One of `count` strips."""
        if (count, index) not in self._strips:
            self._strips[count, index] = strip_of(self.cascade, index, count)
        return self._strips[count, index]

    def strips(self, count: int) -> list[Strip]:
        return [self.strip(count, index) for index in range(count)]

    def memory(self, count: int, kept: Iterable[Unit], rings: dict[Unit, int]) -> int:
        """Bytes of all rings, in the widest strip, that are not kept anyway."""
        without = set(kept)
        apart = [each for each in rings.items() if each[0] not in without]
        return max(self.bytes_of(strip, apart) for strip in self.strips(count))

    def bytes_of(self, strip: Strip, rings: Iterable[tuple[Unit, int]]) -> int:
        """Bytes of rings of so many rows in a strip."""
        return sum(ring_bytes(self.cascade, strip, unit, rows) for unit, rows in rings)

    def fewest_strips(self, room: int, kept: frozenset[Unit]) -> int | None:
        """In how few strips the rings fit; None where they never do."""
        apart = [each for each in self.rings.items() if each[0] not in kept]
        counts = list(self.counts())
        # One strip that does not fit says it of all, and one in the middle is often the widest.
        if self.bytes_of(self.strip(counts[-1], counts[-1] // 2), apart) > room:
            return None
        for count in counts:
            if self.bytes_of(self.strip(count, count // 2), apart) > room:
                continue
            if all(self.bytes_of(strip, apart) <= room for strip in self.strips(count)):
                return count
        return None

    def cost(self, count: int, kept: frozenset[Unit]) -> Cost:
        cascade, strips = self.cascade, self.strips(count)
        dram = 0
        for load in cascade.loads:
            name, tensor = load.tensor.sym_name.data, load.tensor
            if load.unit in kept and tensor not in load.unit.loads:
                continue
            columns = sum(len(strip.loads.get(name, range(0))) for strip in strips)
            dram += self._loaded[name] * columns * tensor.shape[0] * tensor.element_bytes
        for spilled in cascade.outgoing.values():
            for unit, tensor in spilled:
                if unit not in kept:
                    dram += unit.height * unit.width * tensor.shape[0] * tensor.element_bytes
        again = 0.0
        if count > 1:
            for number, work in zip(cascade.numbers, self._work):
                columns = sum(len(strip.steps.get(number, range(0))) for strip in strips)
                again += work * (columns / cascade.network.steps[number].width - 1)
        return Cost(dram, again, 1)


class _Way(NamedTuple):
    """The cheapest way to a cut: what it costs, and the cascade that ends there."""

    cost: Cost
    first: int
    before: frozenset[Unit]
    strips: int


def best_plan(network: Network, memory: int) -> Plan | None:
    """The cheapest plan that fits, None where none does."""
    return Search(network).best_plan(memory)


class Search:
    """Plans of a network for memories of any size, which share the cascades that were looked at."""

    def __init__(self, network: Network):
        self.network, self.memory = network, 0
        self.end = len(network.steps)
        self.work = [step.op.work(network.scope) for step in network.steps]
        self.crossing = [
            frozenset(unit for unit in network.units if crosses(unit, place))
            for place in range(self.end + 1)
        ]
        self._candidates: dict[tuple[int, int], Candidate] = {}

    def candidate(self, first: int, last: int) -> Candidate:
        if (first, last) not in self._candidates:
            self._candidates[first, last] = Candidate(self.network, first, last, self.work)
        return self._candidates[first, last]

    def best_plan(self, memory: int) -> Plan | None:
        """The cheapest plan that fits in so many bytes, None where none does."""
        self.memory = memory
        ways: list[dict[frozenset[Unit], _Way]] = [{} for _ in range(self.end + 1)]
        ways[0][frozenset()] = _Way(Cost(), 0, frozenset(), 1)
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
        if self._is_hopeless(ways, way.cost.plus(candidate.cost(1, here))):
            return
        strips = self._fewest_strips(first, last, here)
        if strips is None:
            return
        cost = way.cost.plus(candidate.cost(strips, here))
        if known is None or cost < known.cost:
            ways[last][after] = _Way(cost, first, kept, strips)

    def _is_hopeless(self, ways: list[dict[frozenset[Unit], _Way]], least: Cost) -> bool:
        """Whether a way that costs at least so much cannot beat the best one known to the end."""
        best = ways[self.end].get(frozenset())
        return best is not None and least.dram > best.cost.dram

    def _choices(self, first: int, last: int, kept: frozenset[Unit]) -> Iterator[frozenset[Unit]]:
        """What may be kept across the cut at `last`: what crosses both cuts as it was."""
        before, after = self.crossing[first], self.crossing[last]
        fixed = kept & after
        new = after - before
        must = {unit for unit in new if unit not in self.network.with_rows}
        free = sorted(new - must, key=lambda unit: (unit.size, unit.number))
        if len(free) > MAX_FREE:
            must |= set(free[: len(free) - MAX_FREE])
            free = free[len(free) - MAX_FREE :]
        least = sum(aligned(unit.size) for unit in {*kept, *must})
        if least > self.memory:
            return
        for count in range(len(free) + 1):
            for some in combinations(free, count):
                if least + sum(aligned(unit.size) for unit in some) <= self.memory:
                    yield frozenset({*fixed, *must, *some})

    def _fewest_strips(self, first: int, last: int, kept: frozenset[Unit]) -> int | None:
        room = self.memory - sum(aligned(unit.size) for unit in kept)
        if room < 0:
            return None
        return self.candidate(first, last).fewest_strips(room, kept)

    def _traced(self, ways: list[dict[frozenset[Unit], _Way]]) -> Plan:
        cascades: list[CascadePlan] = []
        kept_ever = set[Unit]()
        last, kept = self.end, frozenset[Unit]()
        while last:
            way = ways[last][kept]
            room = self.memory - sum(aligned(unit.size) for unit in kept | way.before)
            rows = self._tallest(way.first, last, way.strips, kept | way.before, room)
            cascades.append(CascadePlan(way.first, last, rows, way.strips))
            kept_ever |= kept
            last, kept = way.first, way.before
        return Plan(cascades[::-1], kept_ever)

    def _tallest(self, first: int, last: int, strips: int, kept: frozenset[Unit], room: int) -> int:
        """The most rows to advance by, a power of two, for which the rings still fit."""
        candidate, best, rows = self.candidate(first, last), 1, 2
        while best < candidate.cascade.clock:
            done = Rows(candidate.cascade, rows)
            rings = {unit: done.held(unit) for unit in candidate.cascade.units}
            if candidate.memory(strips, kept, rings) > room:
                break
            best, rows = rows, rows * 2
        return best


class Least(NamedTuple):
    """The fewest bytes that an instruction takes alone: of how many rows and columns of what."""

    bytes: int
    parts: list[tuple[int, str]]


def least_of(network: Network, number: int) -> Least:
    """What a step takes alone, in as many strips as take least."""
    candidate = Candidate(network, number, number + 1, [1] * len(network.steps))
    cascade, rings = candidate.cascade, candidate.rings
    count = min(candidate.counts(), key=lambda each: candidate.memory(each, (), rings))
    strips = candidate.strips(count)
    strip = max(strips, key=lambda each: candidate.bytes_of(each, rings.items()))
    parts = [
        (ring_bytes(cascade, strip, unit, rows), _part(unit, strip, rows, network))
        for unit, rows in rings.items()
    ]
    return Least(sum(size for size, _ in parts), sorted(parts, key=lambda part: -part[0]))


def _part(unit: Unit, strip: Strip, rows: int, network: Network) -> str:
    columns = len(strip.units.get(unit, range(unit.width)))
    if unit not in network.with_rows or (rows, columns) == (unit.height, unit.width):
        return f"@{unit.name}, all of it"
    return f"@{unit.name}, {rows} of {unit.height} rows, {columns} of {unit.width} columns"


def least_memory(search: Search, at_least: int) -> int:
    """Bytes with which there is a plan, at most a few per cent more than the fewest."""
    if search.best_plan(at_least) is not None:
        return aligned(at_least)
    low, high = at_least, 2 * at_least
    while search.best_plan(high) is None:
        low, high = high, 2 * high
    while high - low > high // 32 + 16:
        middle = (low + high) // 2
        if search.best_plan(middle) is None:
            low = middle
        else:
            high = middle
    return aligned(high)
