"""What is predicted of a layout is what clustering then loses."""

from __future__ import annotations

import numpy as np
import pytest

from recog.lowering.allocation import curves
from recog.lowering.allocation.curves import Curve, loss_curve, sizes_to_offer
from recog.lowering.cluster.clustered_weight import channel_scales, scaled_blocks
from recog.lowering.cluster.kmeans import cluster_rows


def rows_of(count: int, elements: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    rows = random.standard_t(5, (count, elements)) @ random.normal(size=(elements, elements))
    return rows.astype(np.float32), random.gamma(2, 1, count)


@pytest.mark.parametrize("count,elements", [(3000, 4), (30_000, 9), (20_000, 1)])
def test_as_clustering_loses(count: int, elements: int):
    rows, counts = rows_of(count, elements)
    curve = loss_curve(rows, counts, 0)
    for size in (4, 16, 100):
        book = cluster_rows(rows, size, weights=counts)
        errors = ((rows - book.centroids[book.labels]).astype(np.float64) ** 2).sum(axis=1)
        assert curve.loss(size) == pytest.approx(float((counts * errors).sum()), rel=0.12)


def test_losses_fall():
    curve = loss_curve(*rows_of(2000, 4), 0)
    sizes = sizes_to_offer(curve.most, 500)
    losses = [curve.loss(size) for size in sizes]
    assert (np.diff(losses) < 0).all()
    assert sizes[0] == 2
    assert sizes[-1] <= 500


def test_the_same_each_time():
    rows, counts = rows_of(20_000, 4)
    assert loss_curve(rows, counts, 3) == loss_curve(rows, counts, 3)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_constant_blocks_lose_nothing(value: float):
    curve = loss_curve(np.full((100, 4), value, np.float32), np.ones(100), 0)
    assert curve.loss(2) == 0.0


def test_blocks_that_count_nothing():
    curve = loss_curve(rows_of(100, 4)[0], np.zeros(100), 0)
    assert curve.loss(2) == 0.0


def test_one_weight_of_2_63():
    """What its channel counts leaves nothing of what others do, in float32."""
    weight = np.tile(np.array([[1, 2, 3, 4, 5, 6, 7, 8], [-1, 5, 2, -8, 9, 4, 3, -2]]), (4, 1))
    weight = weight.astype(np.float32)
    weight[0, 1], weight[1, 7] = 1, -(2.0**63)
    blocks, counts = scaled_blocks(weight, channel_scales(weight, 4), (1, 1))
    losses = loss_curve(blocks, counts, 0).measured
    assert np.isfinite(list(losses.values())).all()
    assert losses[32] <= losses[2]


def test_few_distinct_blocks_lose_nothing():
    few = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    rows = few[np.random.default_rng(1).integers(0, 8, 1000)]
    curve = loss_curve(rows, np.ones(1000), 0)
    assert curve.loss(8) <= 1e-6 * curve.loss(2)


def test_between_what_was_measured():
    curve = Curve({2: 1.0, 8: 0.25})
    assert curve.loss(4) == pytest.approx(0.5)
    assert curve.loss(2) == 1.0


def test_a_pointer_a_weight_has_few_bits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curves, "MOST_BITS", 3)
    assert loss_curve(*rows_of(2000, 1), 0).most <= 8
