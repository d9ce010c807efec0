"""Vertical strips of a cascade: which columns each computes, reads and holds.

Strips go down the image one after the other. What two of them need, both compute; or the first
keeps it for the second, as an edge of the tensor: all rows of its last columns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

from recog.dialects import chip
from recog.dialects.chip.spans import AxisMap
from recog.lowering.schedule.demand import Cascade
from recog.lowering.schedule.network import Unit
from recog.lowering.select.allocation import ALIGNMENT, aligned

FAR = 1 << 40

_Key = TypeVar("_Key")


class Spans(NamedTuple):
    """Columns of each strip, from `start` to `stop`, (divisions, strips); from FAR to 0 where there
    is no such strip or it has none."""

    start: np.ndarray
    stop: np.ndarray

    @classmethod
    def joined(cls, spans: Sequence[Spans]) -> Spans:
        """The smallest that hold others."""
        starts, stops = zip(*spans)
        return cls(np.minimum.reduce(starts), np.maximum.reduce(stops))

    @classmethod
    def where(cls, known: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Spans:
        """Columns in some strips, none in the others."""
        return cls(np.where(known, start, FAR), np.where(known, stop, 0))

    @property
    def widths(self) -> np.ndarray:
        return np.maximum(self.stop - self.start, 0)

    def needs(self, columns: AxisMap) -> Spans:
        """The columns of an input that these need."""
        known = self.start < self.stop
        first, stop = np.where(known, self.start, 0), np.where(known, self.stop, 1)
        return self.where(known, columns.low(first), columns.high(stop))

    def part(self, division: int, index: int) -> range:
        """The columns of one strip."""
        return range(int(self.start[division, index]), int(self.stop[division, index]))


def _parts(spans: Mapping[_Key, Spans], division: int, index: int) -> dict[_Key, range]:
    return {key: part for key, each in spans.items() if (part := each.part(division, index))}


@dataclass
class Strips:
    """The columns of all strips of a cascade, of several divisions into strips.

    Attributes:
        counts: how many strips each division has.
        steps, loads, spills: what they compute, read and write.
        units: what memory holds meanwhile.
        edges: what they take of tensors from the strip before, which kept it.
    """

    counts: Sequence[int]
    steps: dict[int, Spans] = field(default_factory=dict)
    loads: dict[str, Spans] = field(default_factory=dict)
    spills: dict[str, Spans] = field(default_factory=dict)
    units: dict[Unit, Spans] = field(default_factory=dict)
    edges: dict[str, Spans] = field(default_factory=dict)

    def strips(self, division: int) -> list[Strip]:
        """The strips of one division."""
        return [self._strip(division, index) for index in range(self.counts[division])]

    def _strip(self, division: int, index: int) -> Strip:
        return Strip(
            _parts(self.steps, division, index),
            _parts(self.loads, division, index),
            _parts(self.spills, division, index),
            _parts(self.units, division, index),
            _parts(self.edges, division, index),
        )

    @cached_property
    def exists(self) -> np.ndarray:
        """Which strips there are, (divisions, strips)."""
        return np.arange(max(self.counts)) < np.array(self.counts)[:, None]

    def all(self, width: int) -> Spans:
        """All columns in every strip."""
        return Spans.where(self.exists, np.zeros(1, np.int64), np.array([width]))

    def own(self, width: int) -> Spans:
        """Parts that do not overlap."""
        edges = np.arange(max(self.counts) + 1)
        bounds = -(-width * edges // np.array(self.counts)[:, None])
        return Spans.where(self.exists, bounds[:, :-1], bounds[:, 1:])

    def widen(self, unit: Unit, spans: Spans) -> None:
        self.units[unit] = Spans.joined([self.units.get(unit, spans), spans])


@dataclass(frozen=True)
class Strip:
    """The columns of one strip, as `Strips` has them of all."""

    steps: Mapping[int, range] = field(default_factory=dict)
    loads: Mapping[str, range] = field(default_factory=dict)
    spills: Mapping[str, range] = field(default_factory=dict)
    units: Mapping[Unit, range] = field(default_factory=dict)
    edges: Mapping[str, range] = field(default_factory=dict)


def strips_of(cascade: Cascade, counts: Sequence[int], edges: Collection[str] = ()) -> Strips:
    """The columns of strips: targets in parts that do not overlap, all else as needed.

    Args:
        counts: numbers of strips that the cascade could be divided into.
        edges: tensors of which each strip keeps what the next one needs of its columns, so that
            none is computed or read twice.
    """
    strips, steps = Strips(counts), cascade.network.steps
    for number in reversed(cascade.numbers):
        step = steps[number]
        own = strips.own(step.width)
        needed = [own] if cascade.is_target(number) else []
        for unit, tensor in step.writes:
            needed += _needed(cascade, strips, unit, tensor, number)
        if step.whole:
            needed = [strips.all(step.width)]
        if not needed:
            continue
        columns = Spans.joined(needed)
        for unit, tensor in step.writes:
            name = tensor.sym_name.data
            if name in edges:
                columns = _without_edge(strips, unit, name, columns)
            strips.widen(unit, columns)
            if cascade.outgoing[number]:
                strips.spills[name] = columns if name in edges else own
        strips.steps[number] = columns
    for load in cascade.loads:
        name, width = load.tensor.sym_name.data, load.tensor.shape[2]
        columns = strips.all(width)
        if load.unit in cascade.network.with_rows:
            needed = _needed(cascade, strips, load.unit, load.tensor)
            if not needed:
                continue
            columns = Spans.joined(needed)
        if name in edges:
            columns = _without_edge(strips, load.unit, name, columns)
        strips.loads[name] = columns
        strips.widen(load.unit, columns)
    return strips


def _needed(
    cascade: Cascade, strips: Strips, unit: Unit, tensor: chip.TensorOp, writer: int = -1
) -> list[Spans]:
    """The columns of a tensor that the steps which read it need."""
    return [
        strips.steps[number].needs(read.columns)
        for number, read in cascade.meeting_readers(unit, tensor, writer)
        if number in strips.steps
    ]


def needed_columns(cascade: Cascade) -> dict[str, int]:
    """How many columns of each load the targets need at all, however a cascade is divided.

    Windows that lie further apart than they reach leave out columns between them, which a strip
    reads nevertheless where it has windows on both sides.
    """
    needed, loads = needed_steps(cascade), dict[str, int]()
    for load in cascade.loads:
        loads[load.tensor.sym_name.data] = load.tensor.shape[2]
        if load.unit in cascade.network.with_rows:
            columns = _read_columns(cascade, needed, load.unit, load.tensor)
            loads[load.tensor.sym_name.data] = int(np.count_nonzero(columns))
    return loads


def needed_steps(cascade: Cascade) -> dict[int, np.ndarray]:
    """Which columns of each step the targets need at all, (width,) booleans by step."""
    steps, needed = cascade.network.steps, dict[int, np.ndarray]()
    for number in reversed(cascade.numbers):
        step = steps[number]
        columns = np.full(step.width, step.whole or cascade.is_target(number))
        for unit, tensor in step.writes:
            if not step.whole:
                columns |= _read_columns(cascade, needed, unit, tensor, number)
        needed[number] = columns
    return needed


def _read_columns(
    cascade: Cascade,
    needed: Mapping[int, np.ndarray],
    unit: Unit,
    tensor: chip.TensorOp,
    writer: int = -1,
) -> np.ndarray:
    """Which columns of a tensor the needed columns of the steps that read it need."""
    readers = cascade.meeting_readers(unit, tensor, writer)
    return read_columns(
        tensor.shape[2], [(needed[number], read.columns) for number, read in readers]
    )


def read_columns(width: int, readers: Sequence[tuple[np.ndarray, AxisMap]]) -> np.ndarray:
    """Which columns of a tensor its readers need, (width,) booleans.

    Args:
        readers: which of their own columns are needed, and what those need of the tensor.
    """
    begun = np.zeros(width + 1, np.int64)
    for needed, columns in readers:
        (outputs,) = np.nonzero(needed)
        np.add.at(begun, columns.low(outputs), 1)
        np.add.at(begun, columns.high(outputs + 1), -1)
    return np.cumsum(begun[:width]) > 0


def _without_edge(strips: Strips, unit: Unit, name: str, needed: Spans) -> Spans:
    """The columns of a tensor that no strip before has computed; notes those that it keeps.

    A strip also carries on what only a later one needs.
    """
    reached = np.maximum.accumulate(needed.stop, axis=1)
    before = np.concatenate([np.zeros_like(reached[:, :1]), reached[:, :-1]], axis=1)
    shared = np.where(needed.start < before, needed.start, FAR)
    first = np.minimum.accumulate(shared[:, ::-1], axis=1)[:, ::-1]
    strips.edges[name] = Spans.where(first < before, first, before)
    strips.widen(unit, strips.edges[name])
    start = np.maximum(needed.start, before)
    return Spans.where(start < needed.stop, start, needed.stop)


def ring_bytes(cascade: Cascade, strips: Strips, rings: Mapping[Unit, int]) -> np.ndarray:
    """What units take in memory, in each strip: (units, divisions, strips).

    Args:
        rings: rows that memory holds, by unit.
    """
    sizes = np.zeros((len(rings), *strips.exists.shape), np.int64)
    for place, (unit, rows) in enumerate(rings.items()):
        widths = strips.units[unit].widths if unit in strips.units else sizes[place]
        sizes[place] = unit_bytes(cascade, unit, rows, widths)
    return sizes


def unit_bytes(cascade: Cascade, unit: Unit, rows: int, widths: np.ndarray) -> np.ndarray | int:
    """What a unit takes in memory of which a cascade holds so many rows of so many columns."""
    if unit not in cascade.network.with_rows:
        return aligned(unit.size)
    if unit in cascade.gathered:
        return aligned(cascade.gathered[unit].bytes)
    return _aligned(unit.column_bytes * rows * widths)


def _aligned(sizes: np.ndarray) -> np.ndarray:
    return -(-sizes // ALIGNMENT) * ALIGNMENT


def edge_widths(
    cascade: Cascade, strips: Strips, kept: Collection[Unit] = ()
) -> dict[str, np.ndarray]:
    """The most columns that a strip takes of each tensor from the one before, (divisions,).

    Args:
        kept: units that are in memory anyway.
    """
    return {
        name: spans.widths.max(axis=1)
        for name, spans in strips.edges.items()
        if cascade.tensors[name][0] not in kept
    }


def edge_bytes(
    cascade: Cascade, strips: Strips, kept: Collection[Unit] = ()
) -> dict[str, np.ndarray]:
    """What these take in memory, (divisions,): all rows of them."""
    sizes = dict[str, np.ndarray]()
    for name, width in edge_widths(cascade, strips, kept).items():
        channels, height, _ = (tensor := cascade.tensors[name][1]).shape
        sizes[name] = _aligned(channels * height * width * tensor.element_bytes)
    return sizes
