"""Rounding with errors carried, against rounding to nearest and against all choices."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from layer_problems import cost, problem

from recog.backend.arithmetic.reference.definition import decode, encode
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.error_carrying import round_carrying
from recog.lowering.common.weight_grids import CodebookGrid, CodeGrid


@pytest.mark.parametrize("shape", [(1, 16, 24), (5, 1, 9), (3, 4, 70)])
def test_costs_less_than_the_nearest(shape: tuple[int, int, int]):
    weights, moments = problem(*shape)
    grid = CodeGrid(LnsFormat(8, 4, 95), *shape[:2])
    rounded = round_carrying(weights, moments, grid)
    nearest = grid.nearest(weights, moments)
    assert cost(rounded, weights, moments) < 0.25 * cost(nearest, weights, moments)


def test_all_values_are_codes_of_their_channels():
    weights, moments = problem(2, 3, 10)
    biases = (95, 90, 100, 80, 95, 110)
    format = LnsFormat(8, 4, biases, 0)
    rounded = round_carrying(weights, moments, CodeGrid(format, 2, 3)).reshape(6, 10).numpy()
    again = decode(encode(rounded, format), format)
    np.testing.assert_allclose(again, rounded, rtol=1e-12)


def test_independent_inputs_leave_nothing_to_carry():
    weights = problem(1, 4, 12)[0]
    grid = CodeGrid(LnsFormat(8, 4, 95), 1, 4)
    moments = torch.eye(12, dtype=torch.float64)[None]
    torch.testing.assert_close(
        round_carrying(weights, moments, grid), grid.nearest(weights, moments), rtol=1e-12, atol=0
    )


def test_inputs_that_are_always_zero_cost_nothing_and_break_nothing():
    weights, moments = problem(1, 4, 12)
    moments[:, 3] = 0
    moments[:, :, 3] = 0
    rounded = round_carrying(weights, moments, CodeGrid(LnsFormat(8, 4, 95), 1, 4))
    assert torch.isfinite(rounded).all()
    assert torch.isfinite(
        round_carrying(weights, torch.zeros_like(moments), CodeGrid(LnsFormat(8, 4, 95), 1, 4))
    ).all()


def test_close_to_the_best_of_all_choices():
    """Over the two nearest codes of each weight, tried one by one."""
    format, ratios = LnsFormat(8, 2, 60), []
    for seed in range(20):
        weights, moments = problem(1, 1, 6, seed)
        grid = CodeGrid(format, 1, 1)
        exact = weights.abs().log2() * 4
        sides = [torch.exp2(f(exact) / 4) * weights.sign() for f in (torch.floor, torch.ceil)]
        choices = [
            torch.stack([sides[b][0, 0, i] for i, b in enumerate(bits)])
            for bits in product((0, 1), repeat=6)
        ]
        best = min(cost(choice.reshape(1, 1, 6), weights, moments) for choice in choices)
        ratios.append(cost(round_carrying(weights, moments, grid), weights, moments) / best)
    assert np.median(ratios) < 1.2


@pytest.mark.parametrize("frac", [2, 4, 8])
def test_grid_is_the_nearest_code(frac: int):
    """Half way between codes, not half way between their logarithms."""
    format = LnsFormat(4 + frac, frac, 5 << frac)
    values = np.linspace(-9, 9, 2001)
    codes = np.arange(1 << format.width)
    legal = codes[~format.illegal_codes(codes)]
    all_values = decode(legal, format)
    wanted = np.abs(values[:, None] - all_values).min(1)
    grid = CodeGrid(format, 1, 1)
    found = (
        grid.nearest(torch.from_numpy(values).reshape(1, 1, -1), torch.eye(1)).reshape(-1).numpy()
    )
    # Below the least code there is zero, from half of it on.
    np.testing.assert_allclose(np.abs(found - values), wanted, atol=1e-9)


def test_blocks_of_a_codebook():
    weights, moments = problem(1, 12, 16)
    random = np.random.default_rng(0)
    codebook = torch.from_numpy(random.normal(0, 1, (64, 4)))
    scales = torch.full((1, 12), 1.5, dtype=torch.float64)
    grid = CodebookGrid(codebook, scales)
    rounded = round_carrying(weights, moments, grid)
    rows = (rounded / 1.5).reshape(-1, 1, 4)
    assert float((rows - codebook).abs().amax(2).min(1).values.max()) < 1e-12
    distances = (weights.reshape(-1, 1, 4) / 1.5 - codebook).square().sum(2)
    nearest = codebook[distances.argmin(1)].reshape(1, 12, 16) * 1.5
    assert cost(rounded, weights, moments) < 0.7 * cost(nearest, weights, moments)


@pytest.mark.parametrize("width", [1, 2, 6])
def test_codebook_grid_is_the_row_that_costs_least(width: int):
    """By any metric, of all rows tried one by one; and pointers say which row it was."""
    weights, _ = problem(2, 5, 6)
    generator = torch.Generator().manual_seed(1)
    codebook = torch.randn(20, width, dtype=torch.float64, generator=generator)
    root = torch.randn(2, width, width, dtype=torch.float64, generator=generator)
    metric = root @ root.mT + 0.1 * torch.eye(width)
    scales = torch.rand(2, 5, dtype=torch.float64, generator=generator) + 0.5
    grid = CodebookGrid(codebook, scales)
    wanted = weights[:, :, :width]
    rows = codebook * scales[:, :, None, None]  # (G, O, K, width)
    errors = rows - wanted[:, :, None]
    costs = torch.einsum("gokd,gde,goke->gok", errors, metric, errors)
    found = grid.nearest(wanted, metric)
    best = rows.gather(2, costs.argmin(2)[:, :, None, None].expand(-1, -1, 1, width))[:, :, 0]
    torch.testing.assert_close(found, best)
    assert torch.equal(grid.pointers(found)[:, :, 0], costs.argmin(2))


@pytest.mark.parametrize("least", [0.5, 1e-60])
def test_pointers_of_equal_rows_and_of_rows_that_float32_has_not(least: float):
    """Of equal rows the first is meant."""
    rows = [[1.0, 2.0], [3.0, -0.0], [1.0, 2.0], [least, least], [0.0, 0.0]]
    grid = CodebookGrid(torch.tensor(rows, dtype=torch.float64), torch.ones(1, 1).double())
    assert grid.pointers(grid.codebook.reshape(1, 1, -1)).flatten().tolist() == [0, 1, 0, 3, 4]


def test_pointers_after_scales_have_changed_last_bits():
    generator = torch.Generator().manual_seed(2)
    codebook = torch.randn(300, 4, dtype=torch.float64, generator=generator)
    scales = torch.exp2(torch.randint(-99, 99, (1, 40), generator=generator) / 7.0).double()
    chosen = torch.randint(300, (1, 40, 25), generator=generator)
    values = (codebook[chosen] * scales[:, :, None, None]).flatten(2)
    assert torch.equal(CodebookGrid(codebook, scales).pointers(values), chosen)
