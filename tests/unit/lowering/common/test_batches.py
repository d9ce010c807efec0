"""How many frames run at once."""

from __future__ import annotations

import pytest
from middle_networks import parse
from xdsl.dialects import func

from recog.lowering.common import batches
from recog.lowering.common.batches import cuts_of_a_step, frames_at_once, peak_bytes

CHAIN = """
func.func @main(%x: tensor<1x2x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %w = data.constant dense<1.0> : tensor<8x2x1x1xf32>
  %0 = nn.relu %x : (tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %1 = nn.relu %0 : (tensor<1x2x8x8xf32>) -> tensor<1x2x8x8xf32>
  %2 = nn.conv2d %1, %w : (tensor<1x2x8x8xf32>, tensor<8x2x1x1xf32>) -> tensor<1x8x8x8xf32>
  func.return %2 : tensor<1x8x8x8xf32>
}
"""


def function() -> func.FuncOp:
    (found,) = parse(CHAIN).body.block.ops
    assert isinstance(found, func.FuncOp)
    return found


def test_only_what_lives_at_once_counts():
    """The convolution's input and result, 2 + 8 channels; neither the weights nor what was."""
    assert peak_bytes(function()) == 10 * 64 * 4


@pytest.mark.parametrize(
    "limit,frames", [(1, 1), (2559, 1), (2 * 2560, 2), (3 * 2560 - 1, 2), (1 << 30, 64)]
)
def test_as_many_as_fit(limit: int, frames: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "BATCH_BYTES", limit)
    assert frames_at_once(function()) == frames


DEEP = """
func.func @main(%x: tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32> {
  %0 = nn.relu %x : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %w = data.constant dense<1.0> : tensor<1x1x1x1xf32>
  %1 = nn.conv2d %0, %w : (tensor<1x1x8x8xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x8x8xf32>
  %2 = nn.relu %1 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %3 = nn.relu %2 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %4 = nn.relu %3 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %5 = nn.relu %4 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %6 = nn.relu %5 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  %7 = nn.relu %6 : (tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32>
  func.return %7 : tensor<1x1x8x8xf32>
}
"""
"""Eight values of 256 bytes and a weight of 4."""


@pytest.mark.parametrize(
    "frames,limit,cuts",
    [(1, 2 * 8 * 256, []), (1, 2 * 8 * 256 - 1, [3, 5, 7]), (2, 2 * 8 * 256, [3, 5, 7])],
)
def test_a_step_that_does_not_fit_is_cut(
    frames: int, limit: int, cuts: list[int], monkeypatch: pytest.MonkeyPatch
):
    """Four parts of two values: three values at the cuts and two of two, 7; of 2 parts it is
    1 + 8, of 3 parts 2 + 6, of 8 parts 7 + 2."""
    monkeypatch.setattr(batches, "STEP_BYTES", limit)
    (deep,) = parse(DEEP).body.block.ops
    assert isinstance(deep, func.FuncOp)
    assert cuts_of_a_step(deep, frames) == cuts
