"""Views against NumPy's own: the same elements at the same addresses, and as few instructions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from recog.lowering.select.views import AXES, View, in_buffer, packed_strides, pieces

sizes = st.integers(1, 4)


def addresses(view: View) -> np.ndarray:
    """The address of every element."""
    place = np.full(view.shape, view.offset)
    for index, stride in zip(np.indices(view.shape), view.strides):
        place += index * stride
    return place


@st.composite
def views(draw) -> View:
    """Slices, with steps, of a permuted packed tensor."""
    shape = tuple(draw(st.lists(sizes, max_size=5)))
    view = in_buffer(shape, 2).permuted(draw(st.permutations(range(len(shape)))))
    for axis, size in enumerate(view.shape):
        start, step = draw(st.integers(0, size - 1)), draw(st.integers(1, 2))
        most = (size - 1 - start) // step + 1
        view = view.part(axis, start, draw(st.integers(1, most)), step)
    return view


def factors(draw, count: int) -> tuple[int, ...]:
    """A shape with this many elements."""
    shape: list[int] = []
    while count > 1:
        shape.append(draw(st.sampled_from([d for d in range(2, count + 1) if count % d == 0])))
        count //= shape[-1]
    for _ in range(draw(st.integers(0, 2))):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    return tuple(shape)


@given(st.data(), views())
def test_a_reshaped_view_is_numpys(data: st.DataObject, view: View):
    place = addresses(view)
    shape = factors(data.draw, place.size)
    found = view.reshaped(shape)
    memory = np.zeros(int(place.max()) + 2, np.uint8)
    array = as_strided(memory[view.offset :].view(np.uint8), view.shape, view.strides)
    shares = np.shares_memory(array.reshape(shape), memory)
    assert (found is not None) == shares
    if found is not None:
        np.testing.assert_array_equal(addresses(found), place.reshape(shape))


@given(views())
def test_packed_is_what_numpy_calls_contiguous(view: View):
    place = addresses(view).reshape(-1)
    assert view.packed == bool((np.diff(place) == 2).all())
    assert packed_strides(view.shape, 2) == np.empty(view.shape, np.int16).strides


@st.composite
def broadcasting(draw) -> tuple[list[View], int]:
    """Views of one rank that broadcast, but for one axis at the front of some."""
    first = draw(views())
    lead = draw(st.integers(0, min(1, len(first.shape))))
    found = [first]
    for _ in range(draw(st.integers(0, 2))):
        shape = [draw(st.sampled_from([size, 1])) for size in first.shape[lead:]]
        ahead = [draw(sizes) for _ in range(lead)]
        order = draw(st.permutations(range(len(first.shape))))
        other = in_buffer(tuple([*ahead, *shape][axis] for axis in order), 4)
        found.append(other.permuted([order.index(axis) for axis in range(len(order))]))
    return found, lead


@given(broadcasting())
def test_pieces_are_all_elements_side_by_side(case: tuple[list[View], int]):
    given_views, lead = case

    def together(each: list[View]) -> set[tuple]:
        """Which elements (with all those along the leading axis) meet in one place."""
        arrays = [addresses(view) for view in each]
        rows = [
            array.reshape(array.shape[0] if lead else 1, *array.shape[lead:]) for array in arrays
        ]
        shape = np.broadcast_shapes(*(row.shape[1:] for row in rows))
        flat = [np.broadcast_to(row, (len(row), *shape)).reshape(len(row), -1) for row in rows]
        return {tuple(map(tuple, (row[:, i] for row in flat))) for i in range(flat[0].shape[1])}

    found: list[tuple] = []
    for parts in pieces(given_views, lead):
        assert all(len(part.shape) == AXES for part in parts)
        found += together(list(parts))
    assert len(found) == len(set(found))
    assert set(found) == together(given_views)


@pytest.mark.parametrize(
    ("shape", "order", "count"),
    [
        ((2, 3, 4, 5), (0, 1, 2, 3), 1),
        # Channels that change places, in a few groups: images whose rows can come and go.
        ((2, 3, 4, 5), (1, 0, 2, 3), 2),
        ((17, 18, 4, 5), (1, 0, 2, 3), 1),
        ((2, 3, 4, 5), (3, 2, 1, 0), 2),
        ((2, 1, 4, 5, 6), (4, 3, 2, 1, 0), 2),
        ((2, 3, 4, 5, 6), (4, 3, 2, 1, 0), 6),
        # Pixel shuffle: (C, 2, 2, H, W) → (C, H, 2, W, 2).
        ((8, 2, 2, 5, 6), (0, 3, 1, 4, 2), 4),
    ],
)
def test_neighbours_that_stay_together_are_one_axis(shape, order, count):
    source = in_buffer(shape, 1).permuted(order)
    assert len(list(pieces([source, in_buffer(source.shape, 1)]))) == count
