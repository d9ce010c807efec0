"""Codebooks by k-means: as good as scikit-learn's, and the same in every run."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from recog.lowering.cluster import kmeans
from recog.lowering.cluster.kmeans import cluster_rows


def inertia(rows: np.ndarray, centroids: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The squared error with every row at its nearest centroid, by brute force in float64."""
    wide = rows.astype(np.float64)
    distances = ((wide[:, None] - centroids.astype(np.float64)[None]) ** 2).sum(axis=-1).min(axis=1)
    return float((distances if weights is None else distances * weights).sum())


def assigned(rows: np.ndarray, codebook: kmeans.Codebook) -> float:
    return float(((rows - codebook.centroids[codebook.labels]).astype(np.float64) ** 2).sum())


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(0, 1, (1500, 4)) + random.integers(0, 3, (1500, 1))).astype(np.float32)


def test_as_good_as_scikit_learn(rows: np.ndarray):
    from sklearn.cluster import KMeans

    found = cluster_rows(rows, 16, seed=0)
    reference = cast(Any, KMeans)(16, n_init=1, random_state=0, max_iter=50).fit(rows)
    assert inertia(rows, found.centroids) <= 1.03 * reference.inertia_
    # Each row is at its nearest centroid.
    assert assigned(rows, found) <= 1.0001 * inertia(rows, found.centroids)


def test_weights_count_as_repetitions(rows: np.ndarray):
    """A row of weight 3 pulls like three rows."""
    some = rows[:200]
    counts = np.random.default_rng(1).integers(1, 6, len(some))
    weighted = cluster_rows(some, 8, weights=counts.astype(float), seed=3, iterations=300)
    unweighted = cluster_rows(some, 8, seed=3, iterations=300)
    repeated = np.repeat(some, counts, axis=0)
    # A converged codebook's centroids are the weighted means of their rows.
    for k, centroid in enumerate(weighted.centroids):
        mine = weighted.labels == k
        mean = np.average(some[mine].astype(np.float64), axis=0, weights=counts[mine])
        np.testing.assert_allclose(centroid, mean, atol=1e-5)
    assert inertia(repeated, weighted.centroids) <= inertia(repeated, unweighted.centroids)


def test_the_same_in_every_run(rows: np.ndarray):
    first, second = (cluster_rows(rows, 32, seed=5) for _ in range(2))
    assert first.centroids.tobytes() == second.centroids.tobytes()
    assert (first.labels == second.labels).all()
    other = cluster_rows(rows, 32, seed=6)
    assert first.centroids.tobytes() != other.centroids.tobytes()


def test_most_used_first(rows: np.ndarray):
    counts = np.bincount(cluster_rows(rows, 32).labels, minlength=32)
    assert (np.diff(counts) <= 0).all()


@pytest.mark.parametrize("count", [3, 4, 100])
def test_few_distinct_rows_are_their_own_centroids(count: int):
    rows = np.array([[1, 2], [3, 4], [1, 2], [5, 6], [1, 2], [3, 4]], np.float32)
    found = cluster_rows(rows, count)
    assert found.centroids.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.labels.tolist() == [0, 1, 0, 2, 0, 1]
    assert found.labels.dtype == np.int64


def test_seeding_on_a_sample(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    """A sample seeds as well, and always holds more rows than there are centroids."""
    full = cluster_rows(rows, 32, seed=0)
    monkeypatch.setattr(kmeans, "SEEDING_SAMPLE", 20)
    sampled = cluster_rows(rows, 32, seed=0)
    assert inertia(rows, sampled.centroids) <= 1.1 * inertia(rows, full.centroids)


def test_a_single_cluster():
    rows = np.array([[0.0], [1.0], [5.0]], np.float32)
    found = cluster_rows(rows, 1)
    np.testing.assert_allclose(found.centroids, [[2.0]], rtol=1e-6)


def test_many_rows_are_fitted_by_a_sample(monkeypatch: pytest.MonkeyPatch):
    """All rows have a label, and the error is nearly that of fitting all."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(20_000, 4)).astype(np.float32)
    weights = random.uniform(0.5, 2, len(rows))

    def error() -> float:
        found = cluster_rows(rows, 16, weights=weights)
        assert found.labels.shape == (len(rows),)
        return float((weights * ((rows - found.centroids[found.labels]) ** 2).sum(axis=1)).sum())

    whole = error()
    monkeypatch.setattr(kmeans, "FITTED_ROWS", 5_000)
    assert error() < 1.03 * whole
    assert error() != whole


def test_few_values_among_many_rows_are_all_kept():
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    rows = values[np.random.default_rng(1).integers(0, 7, 50_000)]
    found = cluster_rows(rows, 8)
    assert (found.centroids[found.labels] == rows).all()


@pytest.mark.parametrize("largest", [2.0**200, 2.0**-200])
def test_weights_beyond_float32(rows: np.ndarray, largest: float):
    """Only what rows weigh beside each other counts, however much that is."""
    weights = np.random.default_rng(4).uniform(0.5, 1, len(rows))
    expected = cluster_rows(rows, 16, weights=weights)
    found = cluster_rows(rows, 16, weights=weights * largest)
    assert found.centroids.tobytes() == expected.centroids.tobytes()
