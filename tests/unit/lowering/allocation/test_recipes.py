"""Recipes that need no prediction, and that the one is taken which loses least on frames unseen."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from middle_networks import ops_of
from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.dialects.cluster import Layout, LayoutAttr
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation import candidates, trials
from recog.lowering.allocation.allocate import Choice
from recog.lowering.allocation.candidates import table_name
from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass, choose_layouts
from recog.lowering.allocation.plan import Plan
from recog.lowering.allocation.recipes import (
    MEASURED,
    PLANNED,
    POOLED,
    UNIFORM,
    Budget,
    uniform_recipes,
)
from recog.lowering.allocation.trials import divided
from recog.lowering.cluster.cluster_weights import LAYOUT, cluster_weights
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.pipeline import fold_network

FRAMES = np.random.default_rng(4).normal(0, 1, (48, 2, 8, 8)).astype(np.float32)


@cache
def imported() -> ModuleOp:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        *(torch.nn.Conv2d(2, 24, 3, padding=1), torch.nn.ReLU()),
        *(torch.nn.Conv2d(24, 24, 3, padding=1), torch.nn.ReLU()),
        torch.nn.Conv2d(24, 48, 1),
    )
    module = import_torch(layers.eval(), (torch.zeros(1, 2, 8, 8),))
    fold_network(module)
    return module


def planned(ratio: float, frames: np.ndarray = FRAMES, **more: Any) -> tuple[Plan, ModuleOp]:
    module = imported().clone()
    return choose_layouts(module, ChooseLayoutsPass(ratio=ratio, **more), [frames]), module


def layouts_of(module: ModuleOp) -> list[Layout]:
    attributes = [op.attributes[LAYOUT] for op in ops_of(module, nn.LayerOp)]
    return [each.data for each in attributes if isinstance(each, LayoutAttr)]


def held_out_loss(module: ModuleOp) -> float:
    """Of a module with layouts, clustered on all but the last quarter of the frames."""
    clustered = module.clone()
    cluster_weights(clustered, ClusterOptions(), [FRAMES[:36]])
    (found,), (wanted,) = (module_outputs(each, [FRAMES[36:]]) for each in (clustered, imported()))
    return float(((found - wanted) ** 2).sum() / (wanted**2).sum())


def test_the_one_that_loses_least_is_taken():
    plan, module = planned(12.0)
    assert {each.name for each in plan.recipes} >= {PLANNED, UNIFORM, POOLED}
    losses = [each.loss for each in plan.recipes]
    assert losses == sorted(losses)
    assert plan.held_out == 12
    assert held_out_loss(module) == pytest.approx(losses[0], rel=1e-3)
    assert all(each.bytes <= (plan.budget or 0) for each in plan.recipes)
    assert [each["recipe"] for each in plan.as_record()["recipes"]] == [
        each.name for each in plan.recipes
    ]


def test_a_prediction_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch):
    right, _ = planned(12.0)
    true_loss = candidates.PricedLayer.loss
    monkeypatch.setattr(
        candidates.PricedLayer, "loss", lambda self, *given: 1 / (1e-9 + true_loss(self, *given))
    )
    wrong, module = planned(12.0)
    alone, spoilt = planned(12.0, compare_recipes=False)
    simple = min(each.loss for each in right.recipes if each.name in (UNIFORM, POOLED))
    assert held_out_loss(spoilt) > 1.5 * simple
    assert held_out_loss(module) <= simple * 1.001
    assert f"{MEASURED} 1" in {each.name for each in wrong.recipes}
    assert len({each.name for each in wrong.recipes}) == len(wrong.recipes)
    assert any("would save" in each.why for each in wrong.layers)
    assert [each.layout for each in wrong.layers] == layouts_of(module)
    assert [each.layout for each in alone.layers] != layouts_of(module)
    assert wrong.bytes <= (wrong.budget or 0)
    assert not alone.recipes


def test_few_frames_are_all_chosen_by():
    few, held_out = divided([FRAMES[:15]])
    assert held_out is None
    assert len(few[0]) == 15
    plan, _ = planned(12.0, FRAMES[:15])
    assert not plan.recipes


def test_uniform_recipes_are_the_largest_that_fit():
    shapes = [(32, 32, 3, 3), (64, 32, 1, 1)]
    layouts = [[Layout((1, 1, 3, 3), k) for k in (16, 32, 64)]]
    layouts += [[Layout((1, 8, 1, 1), k) for k in (16, 32, 64)]]
    options = ClusterOptions()
    tables = {table_name(each): 500 for row in layouts for each in row}

    def offered(row: list[Layout]) -> list[Choice]:
        pooled = [Layout(each.block, each.centroids, table_name(each)) for each in row]
        sized = [Choice(each, 100 * each.centroids, 1 / each.centroids) for each in row]
        less = [Choice(each, 20 * each.centroids, 2 / each.centroids) for each in pooled]
        return [Choice(Layout(), 10**6, 0.0), *sized, *less]

    choices = [offered(row) for row in layouts]
    found = list(uniform_recipes(shapes, choices, Budget(tables, 10, 7000), options))
    assert [each.name for each in found] == [UNIFORM, POOLED]
    assert [[c.layout.centroids for c in each.choices] for each in found] == [[32, 32], [64, 64]]
    assert [each.bytes for each in found] == [10 + 6400, 10 + 2 * 1280 + 2 * 500]
    (smaller,) = uniform_recipes(shapes, choices, Budget(tables, 10, 1650), options)
    assert smaller.name == POOLED
    assert smaller.bytes == 10 + 2 * 320 + 2 * 500


def test_of_large_networks_less_is_tried(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trials, "LARGE", 1000)
    plan, _ = planned(12.0)
    names = [each.name for each in plan.recipes]
    assert {PLANNED, UNIFORM} <= set(names)
    assert POOLED not in names
    assert not [each for each in names if each.startswith(MEASURED) and each[-1] != "1"]
