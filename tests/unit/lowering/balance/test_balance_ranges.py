"""Channels brought to even ranges: the same network, and better codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import images, ops_of, parse, residual
from random_graphs import Graph, graphs
from xdsl.dialects.builtin import ModuleOp, f32

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.functions import find_function
from recog.dialects.verification import verify_module
from recog.lowering.balance.balance_ranges import balance_ranges
from recog.lowering.balance.channel_factors import FIXED, channel_classes
from recog.lowering.balance.scaled_constants import scale_channels

SEPARABLE = """
!x = tensor<1x4x4x4xf32>
func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %w1 = data.constant dense<0.5> : tensor<4x3x1x1xf32>
  %b1 = data.constant dense<[1.0, 1.0, 0.0078125, 0.0]> : tensor<4xf32>
  %w2 = data.constant dense<1.0> : tensor<4x1x3x3xf32>
  %w3 = data.constant dense<2.0> : tensor<2x4x1x1xf32>
  %0 = nn.conv2d %x, %w1, %b1 :
    (tensor<1x3x4x4xf32>, tensor<4x3x1x1xf32>, tensor<4xf32>) -> !x
  %1 = nn.relu %0 : (!x) -> !x
  %2 = nn.conv2d %1, %w2 {groups = 4} : (!x, tensor<4x1x3x3xf32>) -> tensor<1x4x2x2xf32>
  %3 = nn.conv2d %2, %w3 : (tensor<1x4x2x2xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x2x2xf32>
  func.return %3 : tensor<1x2x2x2xf32>
}
"""


def uneven() -> ModuleOp:
    """A separable convolution whose third channel is 2^-7 of the others, and the last 0."""
    module = parse(SEPARABLE)
    first = ops_of(module, ConstantOp)[0]
    weight = np.full((4, 3, 1, 1), 0.5, np.float32) * np.array([1, 1, 2**-7, 0]).reshape(4, 1, 1, 1)
    first.properties["value"] = ConstantOp.from_array(weight.astype(np.float32), f32).value
    return module


def frames() -> np.ndarray:
    return np.random.default_rng(0).random((5, 3, 4, 4)).astype(np.float32)


def weights(module: ModuleOp) -> list[np.ndarray]:
    found = [constant_array(op.weight) for op in ops_of(module, nn.LayerOp)]
    return [array for array in found if array is not None]


def test_a_small_channel_is_brought_up_and_undone_by_the_next_layer():
    module, before = uneven(), uneven()
    assert balance_ranges(module, [frames()]).changed
    verify_module(module)
    (first, depthwise, last), (was, _, was_last) = weights(module), weights(before)
    factors = first[:3, 0, 0, 0] / was[:3, 0, 0, 0]
    # It stays an octave below the others, and goes through the depthwise layer on its way.
    assert factors.tolist() == [1, 1, 64]
    assert (first[3] == 0).all()
    assert (depthwise == 1).all()
    assert (last / was_last)[0, :, 0, 0].tolist() == [1, 1, 1 / 64, 1]
    for mine, theirs in zip(run_nn(module, frames()), run_nn(before, frames())):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_what_is_even_stays():
    module, before = residual(), str(residual())
    assert not balance_ranges(module, [images(8)]).changed
    assert str(module) == before


@pytest.mark.parametrize("octaves,moved", [(6, True), (7, True), (8, False)])
def test_how_far_is_an_option(octaves: int, moved: bool):
    assert balance_ranges(uneven(), [frames()], octaves).changed == moved


def test_few_values_say_nothing():
    """Of two values both may be small by chance: there are 2 of each channel here, then 16."""
    for count, moved in ((2, False), (16, True)):
        module = parse(SMALL_CHANNEL)
        assert balance_ranges(module, [np.ones((count, 2), np.float32)]).changed == moved


SMALL_CHANNEL = """
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = data.constant dense<[[1.0, 0.0], [0.0, 0.01]]> : tensor<2x2xf32>
  %0 = nn.linear %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = nn.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v = data.constant dense<1.0> : tensor<2x2xf32>
  %2 = nn.linear %1, %v : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  func.return %2 : tensor<1x2xf32>
}
"""


def test_progress():
    shares: list[float] = []
    balance_ranges(uneven(), [np.concatenate([frames()] * 14)], progress=shares.append)
    assert shares == [64 / 70, 1.0]


def outputs(module: ModuleOp, x: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(value) for value in run_nn(module, x)]


@given(graph=graphs(element_type=f32), seed=st.integers(0, 2**16))
def test_any_powers_of_two_leave_a_network_as_it_is(graph: Graph, seed: int):
    """Whatever the factor of each class: bit for bit."""
    module, random = graph.module.clone(), np.random.default_rng(seed)
    function = find_function(module, "main")
    classes = channel_classes(function)
    count = 1 + max((int(each.max()) for each in classes.of.values()), default=0)
    exponents = random.integers(-6, 7, count)
    exponents[FIXED] = 0
    scale_channels(classes, exponents)
    verify_module(module)
    x = random.normal(size=(2, *nn.shape_of(function.args[0])[1:])).astype(np.float32)
    for mine, theirs in zip(outputs(module, x), outputs(graph.module, x)):
        np.testing.assert_array_equal(mine, theirs)


SHARED = """
func.func @main(%x: tensor<1x2x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %w = data.constant dense<1.0> : tensor<2x2x1x1xf32>
  %v = data.constant dense<1.0> : tensor<4x2x1x1xf32>
  %0 = nn.conv2d %x, %w : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %1 = nn.relu %0 : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  %2 = nn.conv2d %1, %w : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32>
  %3 = nn.conv2d %2, %v : (tensor<1x2x3x3xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x3x3xf32>
  func.return %3 : tensor<1x4x3x3xf32>
}
"""


def test_shared_weights_stay_shared():
    """Both layers take and give the same factors, so here none: one of them reads the input."""
    module = parse(SHARED)
    classes = channel_classes(find_function(module, "main"))
    first, second, _ = ops_of(module, nn.Conv2dOp)
    np.testing.assert_array_equal(classes.of[first.output], classes.of[second.output])
    np.testing.assert_array_equal(classes.of[first.input], classes.of[second.input])
