"""What a weight loses with each number of centroids, measured on some of its blocks.

One codebook grows: k-means of two centroids, then of twice as many, which begin at the former ones
and at blocks drawn by how far they are from these (as k-means++ does one by one). Between the
numbers that are measured, the logarithm of the loss is taken to be linear in that of the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2

import numpy as np

from recog.lowering.cluster.kmeans import fitted_centroids, nearest_rows, plus_plus_seeds

SAMPLE = 8192
"""Blocks that are clustered, or more if they are small; where a weight has more, what it loses is
measured on others as well."""
SAMPLED_ELEMENTS = 1 << 15
FIRST = 2
GROWTH = 2
MOST = 2048
"""Centroids: more do not pay at any ratio that clusters are for."""
MOST_BITS = 7
"""Of a pointer for each weight: with more, a code of its own takes as much."""
ITERATIONS = 4
SCALAR_ITERATIONS = 24
"""On a line, centroids come nearer to their places one by one, and begin anew each time."""
LEAST = 1e-30
"""Losses, as shares, that are as good as none."""


@dataclass(frozen=True)
class Curve:
    """Losses (measured squared errors, weighted) by number of centroids, increasing."""

    measured: Mapping[int, float]

    def loss(self, centroids: int) -> float:
        """Of so many centroids; those of the nearest number measured beyond the ends."""
        counts, losses = list(self.measured), list(self.measured.values())
        if centroids in self.measured:
            return self.measured[centroids]
        logs = np.interp(log2(centroids), np.log2(counts), np.log(np.maximum(losses, LEAST)))
        return 0.0 if losses[-1] <= 0 and centroids >= counts[-1] else float(np.exp(logs))

    @property
    def most(self) -> int:
        """The largest number measured."""
        return max(self.measured)


def loss_curve(rows: np.ndarray, counts: np.ndarray, seed: int) -> Curve:
    """What blocks (n, d) lose, each squared error counting `counts` (n,), by centroids."""
    random = np.random.RandomState(seed)
    order, size = random.permutation(len(rows)), max(SAMPLE, SAMPLED_ELEMENTS // rows.shape[1])
    fitted, others = np.sort(order[:size]), np.sort(order[size : 2 * size])
    books = growing_codebooks(rows[fitted], counts[fitted], random)
    losses = [_losses(rows, counts, each, books) for each in (fitted, others) if len(each)]
    # What was clustered loses less than all would, and what was not loses more.
    return Curve(dict(zip(books, np.prod(losses, axis=0) ** (1 / len(losses)))))


def _losses(
    rows: np.ndarray, counts: np.ndarray, part: np.ndarray, books: Mapping[int, np.ndarray]
) -> list[float]:
    """What all rows lose with each of some codebooks, told from a part of them."""
    share = float(counts.sum()) / max(float(counts[part].sum()), LEAST)
    own, weights = rows[part], counts[part]
    return [share * measured_loss(own, weights, centroids) for centroids in books.values()]


def growing_codebooks(
    rows: np.ndarray, counts: np.ndarray, random: np.random.RandomState
) -> dict[int, np.ndarray]:
    """Codebooks of some numbers of centroids, (K, d) float32 each, by K."""
    books: dict[int, np.ndarray] = {}
    rows = np.ascontiguousarray(rows, np.float32)
    weights = counts if counts.sum() > 0 else np.ones_like(counts)
    centroids = (np.average(rows.astype(np.float64), axis=0, weights=weights)[None]).astype(
        np.float32
    )
    size, iterations = FIRST, ITERATIONS if rows.shape[1] > 1 else SCALAR_ITERATIONS
    while size <= min(MOST, len(rows) // 2, 1 << MOST_BITS * rows.shape[1]):
        errors = weights * squared_distances(rows, centroids)
        if not errors.sum() > 0:
            break
        if rows.shape[1] == 1:
            seeds = plus_plus_seeds(rows, size, weights, random)
        else:
            wanted = min(size - len(centroids), int((errors > 0).sum()))
            drawn = random.choice(len(rows), wanted, replace=False, p=errors / errors.sum())
            seeds = np.concatenate([centroids, rows[drawn]])
        centroids = fitted_centroids(rows, seeds, weights, iterations)
        books[size] = centroids
        size *= GROWTH
    return books or {2: centroids}


def squared_distances(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """From each row to the nearest centroid, float64 (n,)."""
    nearest = centroids[nearest_rows(rows, centroids)].astype(np.float64)
    return ((rows - nearest) ** 2).sum(axis=1)


def measured_loss(rows: np.ndarray, counts: np.ndarray, centroids: np.ndarray) -> float:
    """The squared error of rows at their nearest centroids, each counting `counts`."""
    return float((counts * squared_distances(rows, centroids)).sum())


def sizes_to_offer(most: int, blocks: int) -> Sequence[int]:
    """The numbers of centroids that a layout may have: what pointers of whole bits tell apart, and
    three quarters of it, where the table weighs more."""
    found = [2]
    bits = 2
    while (whole := 1 << bits) <= min(most, blocks):
        found += [whole // 4 * 3, whole] if bits > 3 else [whole]
        bits += 1
    return found


def decibels(share: float) -> float:
    """A share of noise in dB; that of none is -300."""
    return 10 * log(max(share, LEAST)) / log(10)
