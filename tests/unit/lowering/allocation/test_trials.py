"""What was measured of clustered layers corrects what is predicted of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from middle_networks import ops_of, parse
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.cluster import Layout
from recog.dialects.data import constant_array
from recog.lowering.allocation import sensitivity
from recog.lowering.allocation.allocate import Choice
from recog.lowering.allocation.recipes import Budget, Recipe
from recog.lowering.allocation.sensitivity import LossesOfErrors
from recog.lowering.allocation.trials import Trials, Tried, as_measured
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.module_outputs import module_outputs

BLOCK = (1, 1, 3, 3)
ROW = [Choice(Layout(), 1000, 1e-6)]
ROW += [Choice(Layout(BLOCK, k), 10 * k, 1.0 / k) for k in (2, 8, 32, 128)]


def tried(number: int, loss: float) -> Tried:
    return Tried(Recipe("some", [ROW[number]], 0), 0.0, [loss])


def losses(*trials: Tried) -> list[float]:
    (row,) = as_measured([ROW], trials)
    assert [each.layout for each in row] == [each.layout for each in ROW]
    return [each.loss for each in row]


def test_nothing_that_was_measured_changes_nothing():
    assert losses() == [each.loss for each in ROW]
    assert losses(tried(0, 0.0)) == [each.loss for each in ROW]


def test_one_measure_moves_all_but_dense_codes():
    assert losses(tried(1, 0.05)) == pytest.approx([1e-6, 0.05, 0.0125, 0.1 / 32, 0.1 / 128])


def test_between_two_measures_factors_lie_between():
    found = losses(tried(1, 0.05), tried(3, 2 / 32))
    assert found[1] == pytest.approx(0.05)
    assert found[3] == pytest.approx(2 / 32)
    # Half way from 1/2 to 1/32 in the logarithm: the geometric mean of 1/10 and 2.
    assert found[2] == pytest.approx((0.2**0.5) / 8)
    assert found[4] == pytest.approx(2 / 128)
    assert losses(tried(1, 0.05), tried(1, 0.2))[1] == pytest.approx(0.1)


def test_nothing_loses_less_than_codes():
    assert losses(tried(4, 1e-12))[4] == 1e-6


def test_what_is_said_of_losses_goes_by_the_recipe_that_is_taken():
    """Also where the corrections that others led to contradict it."""
    module = parse("""func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %w = data.constant dense<[[1.0, -2.0, 0.5, 3.0], [2.0, 1.0, -1.0, 0.25],
        [0.0, 4.0, 1.5, -0.5], [-3.0, 1.0, 0.75, 2.5]]> : tensor<4x4xf32>
      %y = nn.linear %x, %w : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
      func.return %y : tensor<1x4xf32>
    }""")
    layers = ops_of(module, nn.LayerOp)
    row = [Choice(Layout((1, 1), k), 10 * k, 1.0 / k) for k in (2, 4, 8)]
    x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    trials = Trials(module, layers, layers, ClusterOptions(linear_block=1), [x], [x[:4]], "main")
    budget = Budget({}, 0, 80)
    recipes = [budget.recipe("most", [row[2]]), budget.recipe("least", [row[0]])]
    tried, choices = trials.best(recipes, [row], budget, lambda share: None)
    assert tried[0].recipe.name == "most"
    assert choices[0][2].loss == pytest.approx(tried[0].layers[0])
    factor = tried[0].layers[0] / row[2].loss
    assert choices[0][0].loss == pytest.approx(factor * row[0].loss)


def test_errors_of_a_layer_count_as_one():
    """A bias that makes up for the weight leaves no error; to first order, here exactly."""
    module = parse("""func.func @main(%x: tensor<4x2xf32>) -> tensor<4x3xf32> {
      %w = data.constant dense<[[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]> : tensor<3x2xf32>
      %b = data.constant dense<[0.0, 1.0, -1.0]> : tensor<3xf32>
      %y = nn.linear %x, %w, %b :
        (tensor<4x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<4x3xf32>
      func.return %y : tensor<4x3xf32>
    }""")
    (layer,) = ops_of(module, nn.LayerOp)
    assert layer.bias is not None
    weight = constant_array(layer.weight)
    assert weight is not None
    x = np.tile(np.array([[1.0, 2.0]], np.float32), (4, 1))
    error = np.zeros_like(weight)
    error[1, 0] = 0.5
    shift = np.array([0.0, -0.5, 0.0], np.float32)
    frames = [np.repeat(x[None], 64, 0).reshape(-1, 2)]
    losses = LossesOfErrors(module, "main", [[layer.weight, layer.bias]], frames)
    first, (together,), (alone,) = (
        losses.of(errors)
        for errors in ({}, {layer.weight: error, layer.bias: shift}, {layer.weight: error})
    )
    assert first == [0.0]
    assert together == pytest.approx(0, abs=1e-12)
    (y,) = module_outputs(module, [x])
    assert alone == pytest.approx(0.5**2 / float((y[:1] ** 2).sum()), rel=1e-4)


def test_gradients_that_fit_are_kept(monkeypatch: pytest.MonkeyPatch):
    """They are the same for every trial; where they do not fit they are taken anew, with the same
    result."""
    module = parse("""func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
      %w = data.constant dense<[[1.0, 2.0], [3.0, -1.0]]> : tensor<2x2xf32>
      %y = nn.linear %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      func.return %y : tensor<1x2xf32>
    }""")
    (layer,) = ops_of(module, nn.LayerOp)
    frames = [np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)]
    errors: dict[SSAValue, np.ndarray] = {
        layer.weight: np.array([[0.1, 0.0], [0.0, -0.2]], np.float32)
    }
    taken = list[int]()
    original = sensitivity.gradients

    def counted(*args: Any, **kwargs: Any) -> Any:
        taken.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(sensitivity, "gradients", counted)
    kept = LossesOfErrors(module, "main", [[layer.weight]], frames)
    assert kept.of(errors) == kept.of(errors)
    assert len(taken) == 5
    monkeypatch.setattr(sensitivity, "KEPT_BYTES", 5 * 16 - 1)
    anew = LossesOfErrors(module, "main", [[layer.weight]], frames)
    assert anew.of(errors) == anew.of(errors) == kept.of(errors)
    assert len(taken) == 15
