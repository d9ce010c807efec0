"""The least loss within a number of bytes, against trying all there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from recog.dialects.cluster import Layout
from recog.lowering.allocation.allocate import Allocation, Allocator, Choice


def problem(seed: int, layers: int = 5) -> tuple[list[list[Choice]], dict[str, int]]:
    """Layers of curves that fall, and two tables that all may share."""
    random = np.random.default_rng(seed)
    tables = {"a": int(random.integers(10, 80)), "b": int(random.integers(10, 80))}
    found: list[list[Choice]] = []
    for _ in range(layers):
        size, loss = int(random.integers(50, 400)), float(random.uniform(0.5, 4))
        own = [Choice(Layout(), size, 0.01 * loss)]
        for part in (2, 4, 8):
            own.append(Choice(Layout((1, part), 4), size // part, loss * (1 - 1 / part)))
        for name, part in (("a", 4), ("b", 8)):
            lost = loss * (1 - 1 / part) * float(random.uniform(0.6, 1.4))
            own.append(Choice(Layout((1, part), 4, name), size // part - 10, lost))
        found.append(own)
    return found, tables


def all_allocations(layers: list[list[Choice]], tables: dict[str, int]) -> list[tuple[int, float]]:
    """(bytes, loss) of every combination."""
    found: list[tuple[int, float]] = []
    for chosen in product(*layers):
        names = {each.layout.table for each in chosen} - {None}
        size = sum(each.bytes for each in chosen) + sum(tables[str(name)] for name in names)
        found.append((size, sum(each.loss for each in chosen)))
    return found


def check(found: Allocation, layers: list[list[Choice]], tables: dict[str, int]):
    """What an allocation says of itself holds."""
    chosen = [each[i] for each, i in zip(layers, found.chosen)]
    names = {each.layout.table for each in chosen} - {None}
    assert found.tables == names
    assert found.bytes == sum(c.bytes for c in chosen) + sum(tables[str(name)] for name in names)
    assert found.loss == pytest.approx(sum(each.loss for each in chosen))


@pytest.mark.parametrize("seed", range(8))
def test_nearly_the_best_of_all_combinations(seed: int):
    layers, tables = problem(seed)
    every = all_allocations(layers, tables)
    allocator = Allocator(layers, tables)
    least, most = min(size for size, _ in every), max(size for size, _ in every)
    total = sum(max(choice.loss for choice in each) for each in layers)
    assert allocator.least().bytes <= 1.1 * least
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        budget = int(least * 1.1 + share * (most - least))
        found = allocator.within(budget)
        assert found is not None
        check(found, layers, tables)
        assert found.bytes <= budget
        best = min(loss for size, loss in every if size <= budget)
        assert found.loss <= best + 0.05 * total


def test_a_budget_that_nothing_fits():
    layers, tables = problem(0)
    allocator = Allocator(layers, tables)
    least = allocator.least()
    assert allocator.within(least.bytes - 1) is None
    found = allocator.within(least.bytes)
    assert found is not None
    assert found.bytes == least.bytes


def test_a_table_is_opened_where_it_pays():
    """Ten layers whose own tables cost 100 bytes each: one of 100 bytes for all loses no more."""
    own = Choice(Layout((1, 4), 16), 150, 0.1)
    shared = Choice(Layout((1, 4), 16, "t"), 50, 0.1)
    allocator = Allocator([[own, shared]] * 10, {"t": 100})
    found = allocator.within(700)
    assert found is not None
    assert found.tables == {"t"}
    assert found.bytes == 600
    # For a single layer it saves nothing.
    alone = Allocator([[own, shared]], {"t": 100}).within(150)
    assert alone is not None
    assert alone.tables == frozenset()


def test_layers_that_lose_nothing_take_the_fewest_bytes():
    zero = [Choice(Layout(), 100, 0.0), Choice(Layout((1, 4), 2), 9, 0.0)]
    found = Allocator([zero, zero], {}).within(1000)
    assert found is not None
    assert found.bytes == 18


def test_no_layers():
    found = Allocator([], {}).within(0)
    assert found == Allocation([], frozenset(), 0, 0.0)
