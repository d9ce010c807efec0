"""k-means for codebooks, seeded on a subsample, on one thread."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from recog.lowering.cluster.lloyd import Nearest, lloyd

SEEDING_SAMPLE = 20_000
"""k-means++ on all rows takes two thirds of scikit-learn's time."""
FITTED_ROWS = 1 << 18
"""Of more rows a sample is fitted, and all then move their centroids once: no layer of ResNet-50
has more, and a thousand rows a centroid fix it well."""
LEAST_WEIGHT = 2.0**-32
"""Of a row, as a share of the largest: what others leave of a difference is divided by those of
tiny ones."""


@dataclass(frozen=True)
class Codebook:
    """centroids: float32 (K, d), most used first; labels: int64 (rows,)."""

    centroids: np.ndarray
    labels: np.ndarray


def cluster_rows(
    rows: np.ndarray,
    count: int,
    *,
    weights: np.ndarray | None = None,
    seed: int = 0,
    iterations: int = 50,
) -> Codebook:
    """Group rows (n, d) into at most `count` clusters, minimizing the weighted squared error.

    Lloyd's algorithm from k-means++ seeds (Arthur & Vassilvitskii, SODA 2007). Where there
    are no more distinct rows than `count`, the rows themselves are the centroids.

    Of more than `FITTED_ROWS` rows a sample is fitted.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    if len(np.unique(rows[:: max(1, len(rows) // SEEDING_SAMPLE)], axis=0)) <= count:
        distinct, labels = np.unique(rows, axis=0, return_inverse=True)
        if len(distinct) <= count:
            return most_used_first(distinct, labels.reshape(-1))
    random = np.random.RandomState(seed)
    sample, weights = np.arange(len(rows)), None if weights is None else _in_range(weights)
    seeding = max(SEEDING_SAMPLE, 4 * count)
    if len(rows) > seeding:
        sample = random.choice(len(rows), seeding, replace=False)
    sample_weights = None if weights is None else weights[sample]
    with one_thread():
        seeds = plus_plus_seeds(rows[sample], count, sample_weights, random)
        if len(rows) <= FITTED_ROWS:
            return most_used_first(*lloyd(rows, seeds, weights, iterations))
        part = np.sort(random.choice(len(rows), FITTED_ROWS, replace=False))
        part_weights = None if weights is None else weights[part]
        centroids, _ = lloyd(rows[part], seeds, part_weights, iterations)
        return most_used_first(*lloyd(rows, centroids, weights, 1))


def one_thread() -> AbstractContextManager[Any]:
    """In which k-means takes one thread: on two, OpenMP's reduction order and so the result vary
    from run to run."""
    from threadpoolctl import threadpool_limits

    import_module("sklearn.cluster")  # a limit holds for the libraries that are loaded already
    return threadpool_limits(limits=1)


def plus_plus_seeds(
    rows: np.ndarray, count: int, weights: np.ndarray | None, random: np.random.RandomState
) -> np.ndarray:
    """So many rows far from each other (Arthur & Vassilvitskii, SODA 2007); to be called in
    `one_thread`."""
    from sklearn.cluster import kmeans_plusplus

    sample_weight = None if weights is None else _in_range(weights)
    seeds, _ = kmeans_plusplus(rows, count, sample_weight=sample_weight, random_state=random)
    return seeds


def fitted_centroids(
    rows: np.ndarray, seeds: np.ndarray, weights: np.ndarray, iterations: int
) -> np.ndarray:
    """The centroids (K, d), float32, that some steps of Lloyd's algorithm from seeds lead to; to be
    called in `one_thread`."""
    return lloyd(rows, seeds, _in_range(weights), iterations)[0]


def nearest_rows(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The number of the centroid nearest to each row, int64 (n,)."""
    return Nearest(rows)(centroids)


def _in_range(weights: np.ndarray) -> np.ndarray:
    """Weights (n,) by a power of two, which rounds nothing: from LEAST_WEIGHT to 1, or 0."""
    scaled = np.ldexp(weights, -int(np.frexp(weights.max(initial=0.0))[1]))
    return np.where((scaled > 0) & (scaled < LEAST_WEIGHT), LEAST_WEIGHT, scaled)


def most_used_first(centroids: np.ndarray, labels: np.ndarray) -> Codebook:
    """Drop centroids that nothing points to and order the others: the order carries no meaning."""
    counts = np.bincount(labels, minlength=len(centroids))
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    rank = np.empty(len(centroids), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return Codebook(np.ascontiguousarray(centroids[order]), rank[labels])
