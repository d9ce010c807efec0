"""Lloyd's algorithm against its definition and against scikit-learn's, from the same seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from recog.lowering.cluster.kmeans import one_thread
from recog.lowering.cluster.lloyd import Nearest, lloyd


def squared_distances(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(n, K), as they are defined."""
    return ((rows[:, None].astype(np.float64) - centroids) ** 2).sum(2)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1, 2, 63, 64, 65, 3000]),
    width=st.sampled_from([1, 2, 9]),
    count=st.sampled_from([1, 2, 17, 300]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_nearest_is_nearest(seed: int, size: int, width: int, count: int, scale: float):
    random = np.random.default_rng(seed)
    rows = (scale * random.standard_normal((size, width))).astype(np.float32)
    centroids = (scale * random.standard_normal((count, width))).astype(np.float32)
    distances = squared_distances(rows, centroids)
    found = distances[np.arange(size), Nearest(rows)(centroids)]
    bound = 1e-5 * ((rows.astype(np.float64) ** 2).sum(1) + (centroids**2).max())
    assert (found <= distances.min(1) + bound).all()


@pytest.mark.parametrize("width", [1, 4, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_centroids_of_scikit_learn(width: int, weighted: bool):
    random = np.random.default_rng(width)
    rows = random.standard_normal((5000, width)).astype(np.float32)
    weights = random.uniform(0.01, 1, 5000) if weighted else None
    seeds = rows[:32].copy()
    with one_thread():
        centroids, labels = lloyd(rows, seeds, weights, 8)
        peer = KMeans(32, init=seeds, n_init=1, max_iter=8)  # pyright: ignore
        peer.fit(rows, sample_weight=weights)
    np.testing.assert_allclose(centroids, peer.cluster_centers_, atol=2e-3)
    assert (labels == peer.labels_).mean() > 0.995


def test_what_all_rows_share_takes_no_digits():
    random = np.random.default_rng(3)
    rows = random.standard_normal((2000, 4)).astype(np.float32)
    far = rows + np.float32(4096)
    found = Nearest(far)(far[:50])
    distances = squared_distances(far, far[:50])
    assert (distances[np.arange(2000), found] <= distances.min(1) + 1e-4).all()


def test_centroids_end_as_the_means_of_their_rows():
    random = np.random.default_rng(0)
    rows = random.standard_normal((400, 3)).astype(np.float32)
    weights = random.uniform(0.1, 1, 400)
    with one_thread():
        centroids, labels = lloyd(rows, rows[:6].copy(), weights, 300)
    for number in range(6):
        own = labels == number
        mean = np.average(rows[own], axis=0, weights=weights[own])
        np.testing.assert_allclose(centroids[number], mean, atol=2e-2)


def test_a_centroid_that_nothing_is_near_goes_to_the_farthest_row():
    rows = np.array([[0.0, 0], [0.1, 0], [0, 0.1], [9, 9], [5, 5]], np.float32)
    seeds = np.array([[0, 0], [1e3, 1e3], [-1e3, 1e3]], np.float32)
    with one_thread():
        centroids, labels = lloyd(rows, seeds, None, 10)
    assert len(set(labels.tolist())) == 3
    assert sorted(centroids.sum(1)) == pytest.approx([0.2 / 3, 10, 18], abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_no_numbers_are_refused(value: float):
    rows = np.ones((10, 2), np.float32)
    rows[7, 1] = value
    with pytest.raises(ValueError, match="finite"):
        lloyd(rows, rows[:2].copy(), None, 3)
