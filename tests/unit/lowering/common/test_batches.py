"""How many frames run at once."""

from __future__ import annotations

import pytest
from middle_networks import parse
from xdsl.dialects import func

from recog.lowering.common import batches
from recog.lowering.common.batches import frames_at_once, peak_bytes

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
