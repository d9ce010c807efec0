"""Weights that have few values already are found, and kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recog.lowering.cluster.palettes import Palette, palette_of


def palettized(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.standard_normal(count).astype(np.float32)
    return values[random.integers(0, count, shape)]


@given(count=st.integers(2, 64), seed=st.integers(0, 99))
def test_a_palette_is_found(count: int, seed: int):
    weight = palettized(count, (16, 8, 3, 3), seed)
    assert palette_of(weight) == Palette(len(np.unique(weight)), scaled=False)


@given(count=st.integers(2, 16), seed=st.integers(0, 99))
def test_a_palette_is_found_behind_a_folded_batch_norm(count: int, seed: int):
    """Whatever the sign of a channel's scale: a palette and its negative."""
    weight = palettized(count, (16, 64, 3, 3), seed)
    scales = np.random.default_rng(seed).normal(size=(16, 1, 1, 1)).astype(np.float32)
    found = palette_of(weight * scales)
    assert found is not None
    assert found.scaled
    # Each may be rounded to two neighbours.
    assert count <= found.size <= 2 * 2 * count


@pytest.mark.parametrize(
    "weight",
    [
        np.random.default_rng(0).standard_normal((16, 8, 3, 3)).astype(np.float32),
        palettized(65, (64, 64, 3, 3)),
        palettized(60, (4, 4, 3, 3)),
    ],
    ids=["any", "too many", "too rare"],
)
def test_other_weights_have_none(weight: np.ndarray):
    assert palette_of(weight) is None
