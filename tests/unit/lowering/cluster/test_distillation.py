"""Distillation: what is compared with the float network, and what that does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from middle_networks import apply, images, parse, residual

from recog.backend.interpreters.nn_runner import NnRunner
from recog.dialects.functions import find_function
from recog.frontend.torch.importer import import_torch
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.cluster.distillation import (
    MOST_FEATURES,
    Distillation,
    RememberedOutputs,
    Unchanged,
    distilled,
    feature_values,
    features_of,
    relative_errors,
)
from recog.lowering.cluster.pointer_reassignment import weights_before
from recog.lowering.cluster.tune_centroids import tune
from recog.lowering.cluster.tune_settings import TuneSettings


def pooled(times: int) -> str:
    """Relus, each before a pool that halves the image, as often as asked for."""
    size, lines = 2 << times, list[str]()
    value, type_ = "%x", f"tensor<1x1x{size}x{size}xf32>"
    for i in range(times):
        size //= 2
        after = f"tensor<1x1x{size}x{size}xf32>"
        lines += [f"%r{i} = nn.relu {value} : ({type_}) -> {type_}"]
        lines += [
            f"%p{i} = nn.max_pool2d %r{i} {{kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>}}"
            f" : ({type_}) -> {after}"
        ]
        value, type_ = f"%p{i}", after
    whole = f"tensor<1x1x{2 << times}x{2 << times}xf32>"
    head = f"func.func @main(%x: {whole}) -> {type_} {{\n"
    return head + "\n".join(lines) + f"\nfunc.return {value} : {type_}\n}}\n"


def test_features_stand_before_changes_of_resolution():
    function = find_function(parse(pooled(3)), "main")
    values = feature_values(function, features_of(function))
    assert [value.name_hint for value in values] == ["r0", "r1", "r2"]


def test_of_many_features_some_are_taken():
    function = find_function(parse(pooled(9)), "main")
    numbers = features_of(function)
    assert len(numbers) <= MOST_FEATURES
    assert feature_values(function, numbers)[-1].name_hint == "r8"


def test_a_network_of_one_resolution_has_none():
    flat = """
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %0 = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      func.return %0 : tensor<1x4xf32>
    }
    """
    assert features_of(find_function(parse(flat), "main")) == []


def test_relative_errors():
    wanted = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 4.0])
    found = torch.tensor([2.0, 3.0]), torch.tensor([0.0, 4.0])
    assert relative_errors(found, wanted).item() == pytest.approx((0.5 / 1 + 0) / 2)


def test_what_the_objective_adds():
    def teacher(x: torch.Tensor) -> list[torch.Tensor]:
        return [torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0])]

    comparison = Distillation(teacher, 1, output_weight=3.0, feature_weight=5.0)
    objective = comparison.objective([torch.zeros(1)], lambda heads: heads[0].sum())
    total = objective([torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])])
    assert total.item() == pytest.approx(3 + 3 * (0.5 / 1) + 5 * (2.0 / 1))


def remembering(
    network: Callable[..., list[torch.Tensor]], x: torch.Tensor, at_once: int
) -> RememberedOutputs:
    return RememberedOutputs(network, Unchanged(len(x), lambda frames: [x[list(frames)]]), at_once)


def test_what_comes_again_is_computed_once():
    seen = list[int]()

    def network(x: torch.Tensor) -> list[torch.Tensor]:
        seen.append(len(x))
        return [2 * x, x.sum((1, 2, 3)), x.flatten(0, 1)]  # channels of all frames in one axis

    x = torch.from_numpy(images(8))
    remembered = remembering(network, x, 3)
    for batch in ([0, 5, 2], [3, 1, 4], [1, 2, 3], [5, 0, 7], [7, 7, 0]):
        found = remembered(batch)
        assert found is not None
        given = x[batch].contiguous(memory_format=torch.channels_last)
        for one, other in zip(found, network(given), strict=True):
            assert torch.equal(one, other)
            assert one.stride() == other.stride()
    # Two groups of three frames, later one of two; the others are those that are compared with.
    assert seen == [3, 3, 3, 3, 3, 2, 3, 3]


def test_what_a_frame_gives_does_not_depend_on_its_batch():
    """An interrupted tuning goes on to the same bits: its batches are others from there on."""
    torch.manual_seed(0)
    layers = torch.nn.Linear(192, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    module, x = torch.nn.Sequential(*layers), torch.rand(9, 192)
    every = list[torch.Tensor]()
    with torch.no_grad():
        for order in ([[0, 1, 2, 3], [4, 5, 6, 7], [8]], [[8, 3, 5, 1], [2, 6, 0, 7], [4]]):
            remembered = remembering(lambda x: [module(x)], x, 4)
            for batch in order:
                remembered(batch)
            every += remembered(range(9)) or []
    assert torch.equal(*every)


def test_what_does_not_fit_is_not_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recog.lowering.cluster.distillation.TARGET_BYTES", 100)
    seen = list[int]()

    def network(x: torch.Tensor) -> list[torch.Tensor]:
        seen.append(len(x))
        return [x]

    remembered = remembering(network, torch.zeros(26, 1), 2)
    assert remembered([0, 1]) is remembered([3]) is None
    assert seen == [2]


def test_within_the_context_both_return_their_features():
    dense = residual()
    module = apply(dense.clone(), ClusterWeightsPass(centroids=8, table_share=100))
    before = str(module), str(dense)
    count = len(features_of(find_function(module, "main")))
    assert count
    with distilled(module, dense, "main", output_weight=1, feature_weight=1), torch.no_grad():
        assert len(NnRunner(module)(images(2))) == 1 + count
        assert len(NnRunner(dense)(images(2))) == 1 + count
    assert (str(module), str(dense)) == before


def test_features_come_nearer():
    """With a weight on them they end nearer to the float network's than without."""

    def error(features: float) -> float:
        dense, x = residual(), images(64)
        module = apply(dense.clone(), ClusterWeightsPass(centroids=4, table_share=100))
        originals = weights_before(dense, module)
        settings = TuneSettings(epochs=8, batch=16, learning_rate=0.01, features=features)
        tune(module, [x], None, settings, originals=originals, dense=dense)
        with distilled(module, dense, "main", output_weight=0, feature_weight=1), torch.no_grad():
            found, wanted = NnRunner(module)(x)[1:], NnRunner(dense)(x)[1:]
        assert found
        return float(relative_errors(found, wanted))

    assert error(10.0) < 0.9 * error(0.0)


def test_labels_and_the_float_network_together():
    """Labels alone say nothing of what the float network knows beside them."""
    dense, x = residual(), images(64)
    labels = np.zeros(64, int)
    with torch.no_grad():
        (wanted,) = NnRunner(dense)(x)

    def error(distill: float) -> float:
        module = apply(dense.clone(), ClusterWeightsPass(centroids=8, table_share=100))
        settings = TuneSettings(epochs=8, batch=16, learning_rate=0.01, distill=distill, features=0)
        tune(module, [x], labels, settings, dense=dense)
        with torch.no_grad():
            return float(relative_errors(NnRunner(module)(x), [wanted]))

    assert error(30.0) < 0.7 * error(0.0)


@pytest.mark.parametrize(("batch", "remembers"), [(1, True), (2, False)])
def test_a_network_of_several_frames_is_asked_for_no_frame_alone(batch: int, remembers: bool):
    module = import_torch(torch.nn.Linear(4, 3).eval(), (torch.zeros(batch, 4),))
    frames = Unchanged(8, lambda frames: [torch.zeros(len(frames), 4)])
    with distilled(
        module.clone(), module, "main", output_weight=1.0, feature_weight=0.0, unchanged=frames
    ) as compared:
        assert (compared._remembered is not None) == remembers
