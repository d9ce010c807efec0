"""Cycles of sums of products on an array, against counts by hand and by loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recog.backend.cost.mapping import map_products
from recog.dialects.chip import MacArray, Products

ARRAY = MacArray(outputs=32, inputs=32, pixels=4, accumulators=512)


@pytest.mark.parametrize(
    ("products", "cycles"),
    [
        # A fully connected layer: 32 x 32 tiles of weights, one position each.
        (Products(1, 1024, 1024, 1, 1, 1), 32 * 32),
        # 3x3 on 14x14: 2 x 2 tiles, 9 taps, 14 rows of ceil(14 / 4) steps.
        (Products(1, 64, 64, 9, 14, 14), 2 * 2 * 9 * 14 * 4),
        # One input channel more needs another tile of them.
        (Products(1, 64, 65, 9, 14, 14), 2 * 3 * 9 * 14 * 4),
        # The first layer of ResNet-50 uses 3 of 32 input channels.
        (Products(1, 64, 3, 49, 112, 112), 2 * 1 * 49 * 112 * 28),
        # Depthwise: 32 channels side by side on the diagonal.
        (Products(64, 1, 1, 9, 8, 8), 2 * 9 * 8 * 2),
        # Grouped: 4 groups of 8 to 8 channels side by side.
        (Products(8, 8, 8, 1, 1, 4), 2 * 1),
        # Groups larger than half the array go one after the other.
        (Products(3, 20, 4, 1, 1, 4), 3),
        # A volume of 24 disparities over 16 channels.
        (Products(1, 24, 16, 1, 10, 40, stationary=False), 10 * 10),
    ],
)
def test_cycles_by_hand(products: Products, cycles: int):
    assert map_products(products, ARRAY).cycles == cycles


def test_depthwise_layers_use_one_weight_in_a_row_of_the_array():
    depthwise = Products(64, 1, 1, 9, 8, 8)
    cycles = map_products(depthwise, ARRAY).cycles
    assert depthwise.count / (cycles * ARRAY.size) == 1 / 32


def test_positions_beyond_the_accumulators_load_the_weights_again():
    few, many = Products(1, 8, 8, 1, 4, 128), Products(1, 8, 8, 1, 4, 129)
    assert map_products(few, ARRAY).blocks == 1
    assert map_products(many, ARRAY).blocks == 2
    one = MacArray(pixels=8, accumulators=1)
    assert map_products(Products(1, 1, 1, 1, 2, 16), one).blocks == 4


def test_what_streams_and_what_accumulators_add():
    mapping = map_products(Products(2, 40, 40, 9, 6, 5), ARRAY)
    assert mapping.output_tiles == 2
    assert mapping.streamed == 2 * (2 * 40) * 9 * 30
    assert mapping.updates == (2 * 40 * 30) * 2 * 9


sizes = st.integers(1, 5)
Loops = tuple[int, int, int, int, int, int]


def counted(p: Products, array: MacArray) -> int:
    """Cycles of the loops as the module's text draws them, one pass at a time."""
    side = max(1, min(array.outputs // p.outputs, array.inputs // p.inputs, p.groups))
    loops = (
        range(0, p.groups, side),
        range(0, p.outputs, array.outputs),
        range(0, p.inputs, array.inputs),
        range(p.taps),
        range(p.rows),
        range(0, p.columns, array.pixels),
    )
    return sum(1 for _ in product(*loops))


@settings(max_examples=80, deadline=None)
@given(st.tuples(sizes, sizes, sizes, sizes, sizes, sizes), st.tuples(sizes, sizes, sizes))
def test_cycles_are_those_of_the_loops(loops: Loops, array: tuple[int, int, int]):
    products, unrolled = Products(*loops), MacArray(*array)
    mapping = map_products(products, unrolled)
    assert mapping.cycles == counted(products, unrolled)
    assert mapping.cycles * unrolled.size >= products.count


@given(st.tuples(sizes, sizes, sizes, sizes), sizes, sizes, sizes)
def test_rows_of_an_output_cost_together_what_all_cost(
    loops: tuple[int, int, int, int], upper: int, lower: int, columns: int
):
    def cost(rows: int) -> tuple[int, int, int]:
        mapping = map_products(replace(Products(*loops, 1, columns), rows=rows), ARRAY)
        return mapping.cycles, mapping.streamed, mapping.updates

    parts = zip(cost(upper), cost(lower))
    assert tuple(map(sum, parts)) == cost(upper + lower)
