"""Weights cut into blocks and put together again."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recog.dialects.cluster import lookup_index, pointers_shape, split_blocks


@st.composite
def tilings(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A weight's shape and a block that tiles it."""
    rank = draw(st.integers(1, 4))
    block = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    grid = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    return tuple(a * b for a, b in zip(block, grid)), block


@given(tilings())
def test_every_block_its_own_centroid(tiling: tuple[tuple[int, ...], tuple[int, ...]]):
    shape, block = tiling
    weight = np.arange(prod(shape)).reshape(shape)
    codebook = split_blocks(weight, block)
    assert codebook.shape == (prod(shape) // prod(block), prod(block))
    pointers = np.arange(len(codebook)).reshape(pointers_shape(shape, block))
    assert (codebook.reshape(-1)[lookup_index(pointers, block)] == weight).all()


@given(tilings(), st.data())
def test_lookup_by_hand(tiling: tuple[tuple[int, ...], tuple[int, ...]], data: st.DataObject):
    shape, block = tiling
    grid = pointers_shape(shape, block)
    count = data.draw(st.integers(1, 5))
    seed = data.draw(st.integers(0, 99))
    pointers = np.random.default_rng(seed).integers(0, count, grid).astype(np.uint8)
    codebook = np.arange(count * prod(block)).reshape(count, prod(block))
    found = codebook.reshape(-1)[lookup_index(pointers, block)]
    for index in np.ndindex(*shape):
        place = tuple(i // b for i, b in zip(index, block))
        inside = tuple(i % b for i, b in zip(index, block))
        assert found[index] == codebook[pointers[place]].reshape(block)[inside]


def test_order_in_a_block():
    weight = np.arange(8).reshape(2, 4)
    assert split_blocks(weight, (1, 2)).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert split_blocks(weight, (2, 2)).tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]


@pytest.mark.parametrize(
    "shape,block", [((4, 6), (1, 4)), ((4, 6), (1,)), ((4, 6), (0, 1)), ((4,), (-2,))]
)
def test_blocks_that_do_not_tile(shape: tuple[int, ...], block: tuple[int, ...]):
    with pytest.raises(ValueError, match="tile"):
        pointers_shape(shape, block)
