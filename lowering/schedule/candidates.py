"""What a cascade costs and takes in memory, for each way to divide it into strips."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import NamedTuple

import numpy as np

from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.lowering.schedule.bytes_left import bytes_aside
from recog.lowering.schedule.columns import (
    Strips,
    edge_bytes,
    needed_columns,
    strips_of,
    unit_bytes,
)
from recog.lowering.schedule.demand import Cascade, Rows, rows_in_the_end
from recog.lowering.schedule.network import Network, Unit

STRIPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)


class Cost(NamedTuple):
    """What a schedule costs, in order of weight.

    Attributes:
        dram: bytes to and from DRAM.
        again: products computed twice, and those that the array could have computed while more
            strips than one begin their instructions.
    """

    dram: int = 0
    again: float = 0.0
    cascades: int = 0

    def plus(self, other: Cost) -> Cost:
        return Cost(
            self.dram + other.dram, self.again + other.again, self.cascades + other.cascades
        )


class Division(NamedTuple):
    """How a cascade is divided: strips, and the tensors whose edges they keep for each other."""

    cost: Cost
    strips: int
    edges: frozenset[str] = frozenset()


class _Columns:
    """The strips of a cascade for some edges, with what follows whatever stays in memory.

    Attributes:
        edges: (divisions,) bytes, by tensor.
        loads: (divisions,) columns read, by tensor.
        again: (divisions,) products computed twice.
        rows: (divisions,) instructions of a strip that computes one row at a time.
    """

    def __init__(self, cascade: Cascade, strips: Strips, work: Sequence[int]):
        self._cascade = cascade
        # A search holds thousands of these: of each unit the widths alone.
        widths = np.zeros((len(cascade.units), int(strips.exists.sum())), np.int32)
        for place, unit in enumerate(cascade.units):
            if unit in strips.units:
                widths[place] = strips.units[unit].widths[strips.exists]
        self._widths, self._first = widths, np.cumsum([0, *strips.counts[:-1]])
        self.edges = edge_bytes(cascade, strips)
        self.loads = {name: each.widths.sum(axis=1) for name, each in strips.loads.items()}
        self.again = np.zeros(len(strips.counts))
        self.rows = np.zeros(len(strips.counts))
        for number, products in zip(cascade.numbers, work):
            if number in strips.steps:
                step, columns = cascade.network.steps[number], strips.steps[number]
                widths = columns.widths.sum(axis=1)
                self.again += products * np.maximum(widths - widths[0], 0) / step.width
                self.rows += step.height
        self.again[np.array(strips.counts) == 1] = 0.0
        heights = {name: cascade.tensors[name][1].shape[1] for name in (*self.loads, *self.edges)}
        self.rows += sum(heights[name] for name in self.loads)
        for name, sizes in self.edges.items():
            self.rows += 2 * heights[name] * (sizes > 0)

    def rings(self, held: Mapping[Unit, int], kept: Collection[Unit]) -> np.ndarray:
        """Bytes of the rings of what is not kept in the widest strip, (divisions,).

        Args:
            held: the rows of each unit of the cascade.
        """
        total = np.zeros(self._widths.shape[1], np.int64)
        for (unit, rows), widths in zip(held.items(), self._widths):
            if unit not in kept:
                total += unit_bytes(self._cascade, unit, rows, widths.astype(np.int64))
        return np.maximum.reduceat(total, self._first)


class Candidate:
    """A cascade, its rows one at a time, and all its divisions into strips."""

    def __init__(
        self, network: Network, first: int, last: int, work: list[int], twice: float = inf
    ):
        """
        Args:
            work: products of each step of the network.
            twice: the share of the cascade's own products that strips may compute twice.
        """
        self.cascade = Cascade(network, first, last)
        self._work = work[first:last]
        self._most_twice = twice * sum(self._work)
        self._columns: dict[frozenset[str], _Columns] = {}
        self._parts: dict[int, tuple[int, dict[str, int]]] = {}
        self._held: dict[int, dict[Unit, int]] = {}
        target = network.target
        self._instruction = (
            target.overhead * target.array.outputs * target.array.inputs * target.array.pixels
        )
        """Products that the array could compute while an instruction begins."""

    def held(self, rows: int) -> dict[Unit, int]:
        """The rows of each unit that memory holds where strips advance by so many rows."""
        if rows not in self._held:
            done = Rows(self.cascade, rows)
            self._held[rows] = {unit: done.held(unit) for unit in self.cascade.units}
        return self._held[rows]

    def instructions(self, rows: int, strips: int, edges: Collection[str] = ()) -> int:
        """How many strips take that advance by so many rows, at most: those that not all strips
        have are counted for all.

        Args:
            edges: tensors of which every strip copies what it takes and what it keeps.
        """
        if rows not in self._parts:
            self._parts[rows] = self._in_parts(Rows(self.cascade, rows))
        parts, of = self._parts[rows]
        return strips * (parts + 2 * sum(of[name] for name in edges))

    def _in_parts(self, rows: Rows) -> tuple[int, dict[str, int]]:
        """How many instructions a strip has, copies of edges aside, and in how many parts each
        tensor comes."""
        put_aside = [rows.steps[n] for n, each in self.cascade.outgoing.items() for _ in each]
        times = (*rows.steps.values(), *rows.loads.values(), *put_aside)
        of = {name: _changes(rows.of(name)) for name in self.cascade.with_edges}
        return sum(map(_changes, times)), of

    @cached_property
    def _loaded(self) -> dict[str, int]:
        done = rows_in_the_end(self.cascade)
        return {name: int(rows[-1]) for name, rows in done.loads.items()}

    @cached_property
    def counts(self) -> list[int]:
        """The numbers of strips that there can be."""
        steps = self.cascade.network.steps
        targets = [n for n in self.cascade.numbers if self.cascade.is_target(n)]
        widest = min((steps[n].width for n in targets), default=1)
        if self.cascade.all_at_once:
            return [1]
        return [count for count in STRIPS if count <= max(widest, 1)]

    def _divided(self, edges: frozenset[str] = frozenset()) -> _Columns:
        if edges not in self._columns:
            strips = strips_of(self.cascade, self.counts, edges)
            self._columns[edges] = _Columns(self.cascade, strips, self._work)
        return self._columns[edges]

    def _rings(self, columns: _Columns, kept: Collection[Unit], rows: int = 1) -> np.ndarray:
        """Bytes of the rings that are not kept in the widest strip, (divisions,)."""
        return columns.rings(self.held(rows), kept)

    def _edges(self, columns: _Columns, place: int, kept: Collection[Unit]) -> dict[str, int]:
        """Bytes of the edges of what is not kept, in one division."""
        return {
            name: int(sizes[place])
            for name, sizes in columns.edges.items()
            if sizes[place] and self.cascade.tensors[name][0] not in kept
        }

    def tallest(self, division: Division, room: int, kept: Collection[Unit]) -> int:
        """The most rows to advance by, a power of two, for which what is in memory still fits."""
        place = self.counts.index(division.strips)
        return self._tallest(self._divided(division.edges), place, room, kept)

    def _tallest(self, columns: _Columns, place: int, room: int, kept: Collection[Unit]) -> int:
        edges, best = sum(self._edges(columns, place, kept).values()), 1
        while best < self.cascade.clock:
            if self._rings(columns, kept, 2 * best)[place] + edges > room:
                break
            best *= 2
        return best

    def may_fit(self, room: int, kept: Collection[Unit]) -> bool:
        """Whether some division could fit in so many bytes, if edges took none."""
        every = self._divided(frozenset(self.cascade.with_edges))
        return any(
            ((self._rings(each, kept) <= room) & (each.again <= self._most_twice)).any()
            for each in (self._divided(), every)
        )

    def best(
        self, room: int, kept: frozenset[Unit], most: int = MAX_INSTRUCTIONS, *, soon: bool = False
    ) -> Division | None:
        """The cheapest strips that fit in so many bytes and instructions; None where none do.

        Args:
            most: instructions of all strips together.
            soon: take the first that are found of those that move fewest bytes.
        """
        found = self.plain(room, kept, most, soon=soon)
        least = self.least(kept)
        enough = least._replace(again=inf) if soon else least
        if found is not None and found.cost <= enough:
            return found
        every = self._divided(frozenset(self.cascade.with_edges))
        fits = self._rings(every, kept) <= room
        (fitting,) = np.nonzero(fits & (every.again <= self._most_twice))
        for place in map(int, fitting):
            if not place or (found is not None and found.cost <= self._cost_with_all(place, kept)):
                continue
            other = self._with_edges(place, room, kept, most)
            if other is not None and (found is None or other.cost < found.cost):
                found = other
            if found is not None and found.cost <= enough:
                break
        return found

    def plain(
        self,
        room: int,
        kept: Collection[Unit],
        most: int = MAX_INSTRUCTIONS,
        *,
        soon: bool = False,
    ) -> Division | None:
        """The cheapest strips that fit without edges, None where none do; see `best`."""
        columns, least = self._divided(), self.least(kept)
        enough = least._replace(again=inf) if soon else least
        fits = self._rings(columns, kept) <= room
        (fitting,) = np.nonzero(fits & (columns.again <= self._most_twice))
        found: Division | None = None
        for place in map(int, fitting):
            rows, strips = self._tallest(columns, place, room, kept), self.counts[place]
            if self.instructions(rows, strips) > most:
                continue
            cost = self._cost(columns, place, rows, kept)
            if found is None or cost < found.cost:
                found = Division(cost, strips)
            if found.cost <= enough:
                break
        return found

    def _with_edges(
        self, place: int, room: int, kept: frozenset[Unit], most: int
    ) -> Division | None:
        """So many strips that keep all edges but the largest, as many of those as do not fit or
        take more than `most` instructions."""
        edges = frozenset(self.cascade.with_edges)
        while edges:
            columns = self._divided(edges)
            sizes = self._edges(columns, place, kept)
            rings = self._rings(columns, kept)[place]
            fits = rings + sum(sizes.values()) <= room
            if fits and columns.again[place] <= self._most_twice:
                some = frozenset(name for name, size in columns.edges.items() if size[place])
                rows = self._tallest(columns, place, room, kept)
                if self.instructions(rows, self.counts[place], some) <= most:
                    cost = self._cost(columns, place, rows, kept)
                    return Division(cost, self.counts[place], some)
            if rings > room or not sizes or columns.again[place] > self._most_twice:
                break
            edges -= _largest(sizes, max(1, int(rings) + sum(sizes.values()) - room))
        return None

    def _cost_with_all(self, place: int, kept: Collection[Unit]) -> Cost:
        """No choice of edges costs less in so many strips, however large memory is."""
        every = self._divided(frozenset(self.cascade.with_edges))
        return self._cost(every, place, max(self.cascade.clock, 1), kept)

    def least(self, kept: Collection[Unit]) -> Cost:
        """No division costs less, however large memory is."""
        return Cost(self._dram(self._needed, kept), 0.0, 1)

    @cached_property
    def _needed(self) -> dict[str, int]:
        return needed_columns(self.cascade)

    def _dram(self, loads: Mapping[str, int], kept: Collection[Unit]) -> int:
        """Bytes to and from DRAM where so many columns of each tensor are loaded."""
        dram = 0
        for load in self.cascade.loads:
            name, tensor = load.tensor.sym_name.data, load.tensor
            if name not in loads or (load.unit in kept and tensor not in load.unit.loads):
                continue
            if load.unit in self.cascade.gathered and load.unit not in kept:
                access = self.cascade.network.target.dma.alone(tensor.element_bytes)
                dram += self.cascade.gathered[load.unit].elements * access
                continue
            dram += self._loaded[name] * loads[name] * tensor.shape[0] * tensor.element_bytes
        for spilled in self.cascade.outgoing.values():
            for unit, tensor in spilled:
                if unit not in kept:
                    dram += bytes_aside(unit, tensor)
        return dram

    def _cost(self, columns: _Columns, place: int, rows: int, kept: Collection[Unit]) -> Cost:
        loads = {name: int(each[place]) for name, each in columns.loads.items()}
        again = 0.0
        if place:
            instructions = (self.counts[place] - 1) * columns.rows[place] / rows
            again = columns.again[place] + instructions * self._instruction
        return Cost(self._dram(loads, kept), float(again), 1)


def _largest(sizes: Mapping[str, int], together: int) -> set[str]:
    """The largest of some, so many that they take a number of bytes together."""
    found = set[str]()
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if together <= 0:
            break
        found.add(name)
        together -= sizes[name]
    return found


def _changes(done: np.ndarray) -> int:
    """How often what is done grows."""
    return int(np.count_nonzero(np.diff(done)))
