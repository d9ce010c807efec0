"""Pointers with errors carried, against the nearest centroids of k-means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_problems import cost, problem
from torch import Tensor

from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.carried_pointers import Part, carry_errors
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.clustered_weight import ClusteredWeight, nearest_pointers
from recog.lowering.cluster.layouts import BlockLayout
from recog.lowering.encode.constants import rounded_codebook

FORMAT = LnsFormat(8, 4)
# Groups, outputs and inputs, the block of a weight of four axes, and centroids.
CASES = [
    ((1, 32, 24), (1, 1, 1, 1), 8),
    ((1, 48, 32), (1, 4, 1, 1), 32),
    ((2, 24, 36), (1, 1, 3, 3), 16),
    ((6, 8, 9), (1, 1, 3, 3), 8),
]


def started(
    shape: tuple[int, int, int], block: tuple[int, ...], centroids: int, seed: int = 0
) -> tuple[ClusteredWeight, Tensor, Tensor]:
    weights, moments = problem(*shape, seed=seed)
    channels = shape[2] // (block[2] * block[3])
    weight = weights.to(torch.float32).reshape(-1, channels, *block[2:]).numpy()
    layout = BlockLayout.of(weight.shape, block, centroids, 8)
    return nearest_pointers(weight, layout, ClusterWeightsPass()), weights, moments


def values(clustered: ClusteredWeight, like: Tensor) -> Tensor:
    return torch.from_numpy(clustered.values).to(torch.float64).reshape(like.shape)


@pytest.mark.parametrize("case", CASES)
def test_costs_less_than_the_nearest(case: tuple[tuple[int, int, int], tuple[int, ...], int]):
    ratios = []
    for seed in range(3):
        start, weights, moments = started(*case, seed=seed)
        carried = carry_errors(start, [Part(weights, moments)], FORMAT)
        before = cost(values(start, weights), weights, moments)
        ratios.append(cost(values(carried, weights), weights, moments) / before)
    assert np.mean(ratios) < 0.6


@pytest.mark.parametrize("case", CASES)
def test_the_layout_stays_and_centroids_are_codes(
    case: tuple[tuple[int, int, int], tuple[int, ...], int],
):
    start, weights, moments = started(*case)
    carried = carry_errors(start, [Part(weights, moments)], FORMAT)
    assert (carried.block, carried.grid) == (start.block, start.grid)
    centroids, labels = carried.codebook.centroids, carried.codebook.labels
    assert len(centroids) <= case[2]
    assert np.bincount(labels).min() > 0
    np.testing.assert_allclose(rounded_codebook(centroids, FORMAT), centroids, rtol=1e-6)


def test_the_same_in_every_run():
    start, weights, moments = started(*CASES[1])
    first, second = (carry_errors(start, [Part(weights, moments)], FORMAT) for _ in range(2))
    assert np.array_equal(first.codebook.centroids, second.codebook.centroids)
    assert np.array_equal(first.codebook.labels, second.codebook.labels)


@pytest.mark.parametrize("case", CASES)
def test_inputs_that_say_nothing(case: tuple[tuple[int, int, int], tuple[int, ...], int]):
    """Inputs that are constant (a moment of rank 1), or always 0."""
    start, weights, moments = started(*case)
    for given in (torch.ones_like(moments), torch.zeros_like(moments)):
        carried = carry_errors(start, [Part(weights, given)], FORMAT)
        assert np.isfinite(carried.values).all()
        nearest = values(start, weights)
        found = cost(values(carried, weights), weights, given)
        assert found <= cost(nearest, weights, given) + 1e-9


def test_inputs_in_parts_share_a_codebook():
    """Of moments between parts nothing is known; where there are none that changes little."""
    start, weights, moments = started(*CASES[1])
    moments[:, :16, 16:] = 0
    moments[:, 16:, :16] = 0
    halves = [Part(weights[:, :, s], moments[:, s, s]) for s in (slice(0, 16), slice(16, 32))]
    apart = carry_errors(start, halves, FORMAT)
    whole = carry_errors(start, [Part(weights, moments)], FORMAT)
    costs = [cost(values(each, weights), weights, moments) for each in (start, whole, apart)]
    assert costs[2] < 1.05 * costs[1] < 0.6 * costs[0]
    assert apart.codebook.centroids.shape == whole.codebook.centroids.shape
