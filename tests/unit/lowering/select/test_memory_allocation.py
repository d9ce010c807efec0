"""Packing buffers: no overlap in time and space, close to the bound, the same every time."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from recog.lowering.select.allocation import (
    ALIGNMENT,
    Buffer,
    aligned,
    allocate,
    live_at,
    peak,
)


@st.composite
def buffer_lists(draw) -> list[Buffer]:
    count = draw(st.integers(0, 20))
    times = [sorted(draw(st.tuples(*[st.integers(0, 12)] * 2))) for _ in range(count)]
    sizes = st.integers(1, 100) | st.sampled_from([1, 16, 17, 1 << 20])
    return [Buffer(f"b{i}", draw(sizes), *times[i]) for i in range(count)]


@given(buffer_lists())
def test_live_buffers_never_overlap(buffers: list[Buffer]):
    total = allocate(buffers)
    for one, other in combinations(buffers, 2):
        if one.first <= other.last and other.first <= one.last:
            assert one.address + one.size <= other.address or other.end <= one.address
    for buffer in buffers:
        assert buffer.address % ALIGNMENT == 0
        assert 0 <= buffer.address <= buffer.address + buffer.size <= total
    assert total >= peak(buffers)[1]


@given(buffer_lists())
def test_equal_buffers_get_equal_addresses(buffers: list[Buffer]):
    again = [Buffer(each.name, each.size, each.first, each.last) for each in buffers]
    assert allocate(buffers) == allocate(again)
    assert [each.address for each in buffers] == [each.address for each in again]


def test_a_chain_takes_its_two_largest_neighbours():
    """What a plain network needs: each layer's input and output at a time."""
    buffers = [Buffer(f"b{i}", 100 * (i % 3 + 1), i, i + 1) for i in range(9)]
    assert allocate(buffers) == aligned(300) + aligned(200) == peak(buffers)[1]


def test_a_gap_that_fits_best_is_taken():
    held = [Buffer("low", 64, 0, 9), Buffer("high", 48, 0, 9)]
    early = Buffer("early", 32, 0, 0)
    late = Buffer("late", 16, 1, 9)
    assert allocate([*held, early, late]) == 64 + 48 + 32
    assert late.address == early.address == 112


def test_the_peak_is_named():
    buffers = [Buffer("a", 10, 0, 1), Buffer("b", 40, 1, 2), Buffer("c", 20, 2, 3)]
    assert peak(buffers) == (2, 48 + 32)
    assert [each.name for each in live_at(buffers, 2)] == ["b", "c"]
    assert peak([]) == (0, 0)
    assert allocate([]) == 0
