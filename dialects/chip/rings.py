"""The row in each place of the rings and buffers that a program's tensors are parts of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import gcd

from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.descriptors import TensorOp, verify_apart
from recog.dialects.words import counted

__all__ = ["bytes_taken"]

MAX_APART = 1 << 18
"""Channels of a ring that are tracked one by one, as another tensor's lie between them."""

EMPTY = -1


class Part:
    """Channels, every one or every so many, and columns of a ring or a buffer."""

    def __init__(self, channels: range, columns: range):
        self.channels, self.columns = channels, columns


Cells = Sequence[list[int]]
"""The row in each place, of some channels and columns."""


class Rows:
    """The row in each place of a ring, or of a buffer in DRAM, by channels and columns.

    Args:
        name: for messages.
        places: how many rows there is room for.
        parts: all parts that anything writes or reads.
    """

    def __init__(self, name: str, places: int, parts: Sequence[Part]):
        self.name, self.places = name, places
        apart = sum(len(part.channels) for part in parts if part.channels.step > 1)
        if apart > MAX_APART:
            raise VerifyException(
                f"{name} is of tensors with {apart} channels that lie apart from each other, "
                f"{MAX_APART} are the most"
            )
        self._channels = _edges(run for part in parts for run in _runs(part.channels))
        self._columns = _edges(part.columns for part in parts)

    @property
    def size(self) -> int:
        return self.places * (len(self._channels) - 1) * (len(self._columns) - 1)

    def divide(self, columns: Iterable[range]) -> None:
        """Follow columns that are written apart from others, before anything is noted."""
        inner = range(self._columns[0], self._columns[-1] + 1)
        edges = {edge for each in columns for edge in (each.start, each.stop) if edge in inner}
        self._columns = sorted(edges.union(self._columns))

    @cached_property
    def _cells(self) -> list[list[list[int]]]:
        channels, columns = len(self._channels) - 1, len(self._columns) - 1
        return [[[EMPTY] * self.places for _ in range(columns)] for _ in range(channels)]

    def select(self, part: Part) -> Cells:
        """The places of some channels and columns."""
        columns = _between(self._columns, part.columns)
        runs = [_between(self._channels, run) for run in _runs(part.channels)]
        rows = [each for run in runs for each in self._cells[run]]
        return [cell for each in rows for cell in each[columns]]

    def spans(self, rows: range) -> list[tuple[int, int, list[int]]]:
        """Where some rows lie: from which place to which, and what is there when they are.

        Raises:
            VerifyException: there is no room for so many.
        """
        if len(rows) > self.places:
            raise VerifyException(
                f"{len(rows)} rows are written at once, {self.name} holds {self.places}"
            )
        first = rows.start % self.places
        end = first + len(rows)
        if end <= self.places:
            return [(first, end, list(rows))]
        fit = self.places - first
        return [(first, self.places, list(rows[:fit])), (0, end - self.places, list(rows[fit:]))]

    def forget(self, place: int) -> None:
        """Forget the row in a place."""
        for each in self._cells:
            for cell in each:
                cell[place] = EMPTY

    def write(self, cells: Cells, rows: range) -> None:
        for first, end, numbers in self.spans(rows):
            for cell in cells:
                cell[first:end] = numbers

    def check(self, cells: Cells, rows: range) -> None:
        """Raise VerifyException unless these rows are there."""
        if len(rows) <= self.places:
            spans = self.spans(rows)
            if all(cell[a:b] == numbers for a, b, numbers in spans for cell in cells):
                return
        for cell in cells:
            for row in rows:
                if cell[row % self.places] != row:
                    raise self.lacks(row, cell[row % self.places])

    def lacks(self, row: int, other: int) -> VerifyException:
        """The error that says so."""
        what = "no row that is still there" if other == EMPTY else f"row {other} in its place"
        return VerifyException(f"row {row} of {self.name} is not there: it holds {what}")


def _runs(channels: range) -> list[range]:
    """Channels as ranges without gaps."""
    if channels.step == 1:
        return [channels]
    return [range(channel, channel + 1) for channel in channels]


def _edges(parts: Iterable[range]) -> list[int]:
    return sorted({edge for part in parts for edge in (part.start, part.stop)})


def _between(edges: list[int], part: range) -> slice:
    """What lies between edges, all that some of a part is in: a part that is written has edges of
    its own, so what is between two is there or not as a whole."""
    return slice(bisect_right(edges, part.start) - 1, bisect_left(edges, part.stop))


class Ring:
    """Tensors that are channels and columns of one, in activation memory."""

    def __init__(self, number: int, members: Sequence[TensorOp]):
        self.start = min(op.address.value.data for op in members)
        self.stop = max(op.address.value.data + op.extent for op in members)
        first = members[0]
        for op in members:
            _verify_alike(op, first)
        origins = {op.sym_name.data: _origin(op) for op in members}
        columns = [op.held_columns for op in members]
        begin, end = min(each.start for each in columns), max(each.stop for each in columns)
        least, step = min(origins.values()), _channel_stride(members, end - begin)
        self._channels = dict[str, range]()
        for op in members:
            name = op.sym_name.data
            channel, rest = divmod(origins[name] - least, step)
            if rest:
                raise VerifyException(
                    f"@{name} begins {counted(origins[name] - least, 'byte')} after the first "
                    f"of ring {number}, whose channels are {step} bytes"
                )
            every = op.strides[0] // step if op.shape[0] > 1 else 1
            self._channels[name] = range(channel, channel + every * op.shape[0], every)
        size = max(each[-1] for each in self._channels.values()) + 1
        _verify_apart(
            number, first, (step, *first.strides[1:]), (size, first.held_rows, end - begin)
        )
        self._share = _largest_step(self._channels.values())
        parts = [self.part(op, op.held_columns) for op in members]
        self.rows = Rows(f"ring {number}", first.held_rows, parts)
        corner = least + begin * first.strides[2]
        self.places = (corner, size, first.held_rows, step, *first.strides[1:])
        """Equal for rings that have the same place for a row of the same number."""

    def part(self, op: TensorOp, columns: range) -> Part:
        channels, share = self._channels[op.sym_name.data], self._share
        step = max(1, channels.step // share)
        first = channels.start // share
        return Part(range(first, first + step * len(channels), step), columns)


def _origin(op: TensorOp) -> int:
    """Where column 0 of the first channel and place would lie."""
    return op.address.value.data - op.held_columns.start * op.strides[2]


def _verify_alike(op: TensorOp, first: TensorOp) -> None:
    for what, ours, theirs in (
        ("height", op.shape[1], first.shape[1]),
        ("rows in memory", op.held_rows, first.held_rows),
        ("strides", op.strides[1:], first.strides[1:]),
        ("element size", op.element_bytes, first.element_bytes),
    ):
        if ours != theirs:
            raise VerifyException(
                f"@{op.sym_name.data} and @{first.sym_name.data} are of one ring, but differ in "
                f"{what}: {ours} and {theirs}"
            )


def _verify_apart(
    number: int, op: TensorOp, strides: tuple[int, int, int], sizes: tuple[int, int, int]
) -> None:
    """Raise VerifyException where a ring has two elements, of whatever tensors, in one place."""
    try:
        verify_apart(strides, sizes, op.element_bytes)
    except VerifyException as error:
        raise VerifyException(f"of all tensors of ring {number} together {error}") from error


def _largest_step(channels: Iterable[range]) -> int:
    """By how many channels all that a ring has lie apart, or more: fewer parts to follow."""
    steps = [each.step for each in channels if len(each) > 1]
    return gcd(*steps, *(each.start for each in channels)) if steps else 1


def _channel_stride(members: Sequence[TensorOp], width: int) -> int:
    """Bytes from one channel of a ring to the next, of which a tensor's may be a multiple apart.

    Args:
        width: columns of all tensors together.
    """
    several = [op for op in members if op.shape[0] > 1] or members
    least = min(several, key=lambda op: op.strides[0])
    for op in several:
        if op.strides[0] % least.strides[0]:
            raise VerifyException(
                f"@{op.sym_name.data} and @{least.sym_name.data} are of one ring, but the channels "
                f"of one lie {op.strides[0]} bytes apart, no multiple of {least.strides[0]}"
            )
    _, row, column = least.strides
    rows, origin = least.held_rows * row, _origin(least)
    fits = (least.held_rows - 1) * row + (width - 1) * column + least.element_bytes <= rows
    packed = fits and not any(
        op.strides[0] % rows or (_origin(op) - origin) % rows for op in several
    )
    return rows if packed else least.strides[0]


class Places:
    """Rings that have the same places for rows: a row of one takes that of another."""

    def __init__(self):
        self.rings: list[Ring] = []
        self.start = self.stop = 0
        self.live = False
        """Whether any row is there."""

    def add(self, ring: Ring) -> None:
        self.start = min(self.start, ring.start) if self.rings else ring.start
        self.stop = max(self.stop, ring.stop)
        self.rings.append(ring)

    @cached_property
    def _owners(self) -> list[Ring | None]:
        """Whose row is in each place."""
        return [None] * self.rings[0].rows.places

    def clear(self) -> None:
        """Forget all rows."""
        self._owners[:] = [None] * len(self._owners)
        self.live = False

    def write(self, ring: Ring, cells: Cells, rows: range) -> None:
        """Note rows of one ring, which lose what others have there."""
        for first, end, numbers in ring.rows.spans(rows):
            owners = self._owners[first:end]
            if owners.count(ring) < len(owners):
                for place, owner in enumerate(owners, first):
                    if owner is not ring:
                        ring.rows.forget(place)
                self._owners[first:end] = [ring] * len(owners)
            for cell in cells:
                cell[first:end] = numbers

    def check(self, ring: Ring, cells: Cells, rows: range) -> None:
        """Raise VerifyException unless these rows of a ring are there."""
        own = ring.rows
        if len(rows) <= own.places:
            for first, end, _ in own.spans(rows):
                if self._owners[first:end].count(ring) < end - first:
                    break
            else:
                own.check(cells, rows)
                return
        for cell in cells:
            for row in rows:
                place = row % own.places
                other = cell[place] if self._owners[place] is ring else EMPTY
                if other != row:
                    raise own.lacks(row, other)


def rings_of(tensors: Iterable[TensorOp]) -> dict[int, Ring]:
    """The rings of a program by their numbers."""
    members = dict[int, list[TensorOp]]()
    for op in tensors:
        if op.ring.value.data:
            members.setdefault(op.ring.value.data, []).append(op)
    return {number: Ring(number, ops) for number, ops in members.items()}


def places_of(rings: Iterable[Ring]) -> dict[Ring, Places]:
    """The places of each ring, of several where they have them in common."""
    shared, found = dict[tuple[int, ...], Places](), dict[Ring, Places]()
    for ring in rings:
        found[ring] = shared.setdefault(ring.places, Places())
        found[ring].add(ring)
    return found


def bytes_taken(tensors: Sequence[TensorOp]) -> dict[TensorOp, range]:
    """The bytes of activation memory whose rows, of other rings, are lost when a tensor is written:
    its own or, of a ring, all of that and of those that have its places."""
    rings = rings_of(tensors)
    places = places_of(rings.values())
    taken = dict[TensorOp, range]()
    for op in tensors:
        start = op.address.value.data
        taken[op] = range(start, start + op.extent)
        if op.ring.value.data:
            shared = places[rings[op.ring.value.data]]
            taken[op] = range(shared.start, shared.stop)
    return taken
