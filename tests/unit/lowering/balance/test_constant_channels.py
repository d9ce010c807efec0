"""Weights too small to change a code beside their channel's bias become 0, and only those."""

from __future__ import annotations

import numpy as np
import pytest
from middle_networks import ops_of, parse
from xdsl.dialects.builtin import ModuleOp, f32

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.lowering.balance.balance_ranges import balance_ranges

LAYERS = """
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {{
  %w = data.constant dense<0.0> : tensor<2x2xf32>
  %b = data.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %0 = nn.linear %x, %w, %b : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = {activation} %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v = data.constant dense<1.0> : tensor<2x2xf32>
  %2 = nn.linear %1, {second} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return {result} : tensor<1x2xf32>
}}
"""
USUAL = {"activation": "nn.relu", "second": "%v", "result": "%2"}


def layers(weight: float, **changes: str) -> ModuleOp:
    """A layer whose second channel has this weight for both inputs beside a bias of 1."""
    module = parse(LAYERS.format(**USUAL | changes))
    values = np.array([[1, 1], [weight, weight]], np.float32)
    ops_of(module, ConstantOp)[0].properties["value"] = ConstantOp.from_array(values, f32).value
    return module


def first_weight(module: ModuleOp) -> np.ndarray:
    array = constant_array(ops_of(module, nn.LinearOp)[0].weight)
    assert array is not None
    return array


FRAMES = np.array([[1, 0.5], [-1, 1], [0.5, -1]], np.float32)


@pytest.mark.parametrize(
    "weight,dropped", [(1e-2, False), (5.3e-3, False), (5.1e-3, True), (1e-20, True), (0, False)]
)
def test_weights_that_change_nothing(weight: float, dropped: bool):
    module = layers(weight)
    found = balance_ranges(module, [FRAMES])
    kinds = [note.kind for note in found.notes]
    assert kinds == (["constant-channels"] if dropped else [])
    expected = np.float32(0 if dropped else weight)
    np.testing.assert_array_equal(first_weight(module), [[1, 1], [expected, expected]])
    if dropped:
        assert found.notes[0].places == ("nn.linear (1 of 2 channels)",)


@pytest.mark.parametrize("changes", [{"second": "%w"}, {"result": "%1"}])
def test_where_all_stays(changes: dict[str, str]):
    """A weight of several layers, and an output, which may have more bits."""
    module = layers(1e-9, **changes)
    assert balance_ranges(module, [FRAMES]).notes == []
    assert first_weight(module)[1, 0] == np.float32(1e-9)


def test_an_input_that_slept_says_nothing():
    """It may add what it likes to the bias: its weights stay, though nothing changed."""
    module = layers(10.0)
    frames = np.concatenate([FRAMES[:, :1], -FRAMES[:, :1]], axis=1)  # each takes back the other
    assert balance_ranges(module, [frames]).notes == []
    assert first_weight(module)[1, 0] == 10
