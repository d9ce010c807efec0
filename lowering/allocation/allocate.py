"""Which layout each layer gets: the least loss for a number of bytes.

With a price for a byte, the Lagrange multiplier, each layer takes what costs least by itself, so
the best choice is found layer by layer (Shoham and Gersho, 1988). Tables that several layers could
share are opened and closed one by one while that lowers the cost (a facility location problem, by
local search). The price is bisected; what bytes are left then go where they save most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recog.dialects.cluster import Layout

BISECTIONS = 50
HIGHEST, LOWEST = 1e12, 1e-12
"""Prices of a byte, as multiples of the loss of all layers over their bytes."""


@dataclass(frozen=True)
class Choice:
    """A layout that a layer may have.

    Attributes:
        bytes: that it takes, without a table that it shares.
        loss: what it loses, as `LayerPlan` says.
    """

    layout: Layout
    bytes: int
    loss: float


class Allocation(NamedTuple):
    """The choice of each layer, by number, and the tables that are shared."""

    chosen: Sequence[int]
    tables: frozenset[str]
    bytes: int
    loss: float


class Allocator:
    """Chooses layouts for layers, for any number of bytes."""

    def __init__(self, layers: Sequence[Sequence[Choice]], tables: Mapping[str, int]):
        """
        Args:
            layers: what each may have.
            tables: the bytes of tables that layouts share, by name.
        """
        self._layers, self._tables = layers, dict(tables)
        names = list(tables)
        self._sizes = np.array([tables[name] for name in names], np.float64)
        self._names = names
        width = max((len(choices) for choices in layers), default=1)
        shape = (len(layers), width)
        self._bytes, self._losses = np.full(shape, np.inf), np.full(shape, np.inf)
        self._of_table = np.full(shape, -1)
        for i, choices in enumerate(layers):
            for j, choice in enumerate(choices):
                self._bytes[i, j], self._losses[i, j] = choice.bytes, choice.loss
                if choice.layout.table is not None:
                    self._of_table[i, j] = names.index(choice.layout.table)

    def least(self) -> Allocation:
        """The fewest bytes that were found, whatever is lost."""
        return self._at(None)

    def within(self, budget: int) -> Allocation | None:
        """The least loss found in at most so many bytes; None where nothing is that small."""
        found = self.least()
        if found.bytes > budget:
            return None
        scale = self._scale()
        low, high = np.log(LOWEST * scale), np.log(HIGHEST * scale)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            tried = self._at(float(np.exp(middle)))
            if tried.bytes <= budget:
                high = middle
                found = tried if tried.loss <= found.loss else found
            else:
                low = middle
        return self._filled(found, budget)

    def _scale(self) -> float:
        bytes_, losses = self._bytes, self._losses
        finite = np.isfinite(bytes_)
        total = float(losses[finite].sum())
        return max(total, 1e-30) / max(1.0, float(bytes_[finite].sum()))

    def _at(self, price: float | None) -> Allocation:
        """The best choice at a price of a byte; None for any price: bytes alone count."""
        costs = self._bytes if price is None else self._losses + price * self._bytes
        sizes = self._sizes if price is None else price * self._sizes
        open_ = np.zeros(len(self._names), bool)
        own = np.where(self._of_table < 0, costs, np.inf).min(axis=1, initial=np.inf)
        shared = np.full((len(costs), len(self._names)), np.inf)
        for table in range(len(self._names)):
            shared[:, table] = np.where(self._of_table == table, costs, np.inf).min(
                axis=1, initial=np.inf
            )
        self._open_tables(own, shared, sizes, open_)
        return self._allocation(np.where(self._allowed(open_), costs, np.inf).argmin(axis=1))

    def _allowed(self, open_: np.ndarray) -> np.ndarray:
        """The choices that need no other tables than these."""
        return np.append(open_, True)[self._of_table]  # -1, of a choice without one, is the last

    @staticmethod
    def _open_tables(
        own: np.ndarray, shared: np.ndarray, sizes: np.ndarray, open_: np.ndarray
    ) -> None:
        """Open, and close again, the table that lowers the cost most, until none does."""
        while open_.size:
            now = np.minimum(own, np.where(open_, shared, np.inf).min(axis=1))
            changes = -np.maximum(0, now[:, None] - shared).sum(axis=0) + sizes
            for table in np.flatnonzero(open_):
                without = open_.copy()
                without[table] = False
                then = np.minimum(own, np.where(without, shared, np.inf).min(axis=1))
                changes[table] = (then - now).sum() - sizes[table]
            best = int(changes.argmin())
            if not changes[best] < -1e-12 * float(np.abs(now).sum()):
                return
            open_[best] = not open_[best]

    def _allocation(self, chosen: np.ndarray) -> Allocation:
        rows = np.arange(len(chosen))
        used = {int(t) for t in self._of_table[rows, chosen] if t >= 0}
        size = int(self._bytes[rows, chosen].sum()) + sum(int(self._sizes[t]) for t in used)
        tables = frozenset(self._names[t] for t in used)
        return Allocation(chosen.tolist(), tables, size, float(self._losses[rows, chosen].sum()))

    def _filled(self, found: Allocation, budget: int) -> Allocation:
        """Spend the bytes that are left where each saves most, among the tables that are there."""
        chosen, rows = np.array(found.chosen, np.int64), np.arange(len(found.chosen))
        open_ = np.array([name in found.tables for name in self._names], bool)
        allowed = self._allowed(open_)
        left = budget - found.bytes
        while len(rows):
            more = self._bytes - self._bytes[rows, chosen][:, None]
            saved = self._losses[rows, chosen][:, None] - self._losses
            fits = allowed & (more <= left) & (saved > 0)
            if not fits.any():
                break
            worth = np.full(fits.shape, -np.inf)
            np.divide(saved, np.maximum(more, 0.5), out=worth, where=fits)
            row, column = np.unravel_index(int(worth.argmax()), worth.shape)
            left -= int(more[row, column])
            chosen[row] = column
        return self._allocation(chosen)
