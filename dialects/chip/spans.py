"""Which rows and columns of its inputs an instruction needs for some of its output.

Positions are absolute: those of the whole tensor, whatever part of it memory holds and however
little of it an instruction computes. So padding stands at a tensor's true edges alone, and no
stripe changes a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

__all__ = ["AxisMap", "Box", "Maps"]

_Position = TypeVar("_Position", int, np.ndarray)


class Box(NamedTuple):
    """Some rows and columns of a tensor, in absolute positions."""

    rows: range
    columns: range

    def __contains__(self, other: object) -> bool:
        """Whether a box lies within this one."""
        return isinstance(other, Box) and all(
            ours.start <= theirs.start and theirs.stop <= ours.stop
            for ours, theirs in zip(self, other)
        )

    @property
    def size(self) -> int:
        return len(self.rows) * len(self.columns)


@dataclass(frozen=True)
class AxisMap:
    """The positions of an input that output y needs along one axis.

    From (y · scale + first) / divisor to (y · scale + last) / divisor, both rounded down, as far as
    the input has them; at least one. Both ends never fall as y grows.

    Attributes:
        size: positions that the input has.
    """

    size: int
    scale: int = 1
    divisor: int = 1
    first: int = 0
    last: int = 0

    @classmethod
    def all(cls, size: int) -> AxisMap:
        """Every output needs all of the input."""
        return cls(size, 0, 1, 0, size - 1)

    @classmethod
    def window(cls, size: int, stride: int, padding: int, reach: int) -> AxisMap:
        """Windows of `reach` positions, the first of which begins `padding` before the input."""
        return cls(size, stride, 1, -padding, reach - 1 - padding)

    @classmethod
    def same(cls, size: int) -> AxisMap:
        """Element by element; an input of one position counts for every output."""
        return cls(size, int(size > 1))

    def low(self, y: _Position) -> _Position:
        """The first position that output y needs, and none of those after it goes below."""
        return self._clipped((y * self.scale + self.first) // self.divisor)

    def high(self, stop: _Position) -> _Position:
        """The end of what outputs before `stop` need."""
        return self._clipped(((stop - 1) * self.scale + self.last) // self.divisor) + 1

    def _clipped(self, at: _Position) -> _Position:
        if isinstance(at, np.ndarray):
            return np.minimum(np.maximum(at, 0), self.size - 1)  # faster than np.clip
        return min(max(at, 0), self.size - 1)

    def span(self, outputs: range) -> range:
        """What some outputs need together."""
        return range(self.low(outputs.start), self.high(outputs.stop))


Maps = dict[str, tuple[AxisMap, AxisMap]]
"""By the field that names an input: along the rows, along the columns."""
