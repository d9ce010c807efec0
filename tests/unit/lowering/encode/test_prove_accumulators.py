"""The proof of no overflow, and the accumulators that encode-lns chooses from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recog.dialects import lns
from recog.dialects.data import ConstantOp
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.encode.prove_accumulators import module_bounds, widen
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

NETWORK = """
func.func @main(%x: tensor<1x{inputs}xf32> {{lns.format = !lns.number<8, 4, bias = 100>}})
    -> tensor<1x2xf32> {{
  %w = data.constant dense<{weight}> : tensor<2x{inputs}xf32>
  %b = data.constant dense<[0.5, -0.5]> : tensor<2xf32>
  %y = nn.linear %x, %w, %b {{lns.format = !lns.number<8, 4, bias = 60>}}
      : (tensor<1x{inputs}xf32>, tensor<2x{inputs}xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}}
"""


def encoded(inputs: int, weight: float = 1.0, **options: Any):
    context = make_context()
    text = NETWORK.format(inputs=inputs, weight=weight)
    module = parse_module(context, text.encode(), "net.mlir")
    EncodeLnsPass(**options).apply(context, module)
    module.verify()
    return module


def linear_of(module) -> lns.LinearOp:
    return next(op for op in module.walk() if isinstance(op, lns.LinearOp))


def test_small_layers_have_accumulators_of_32_bits() -> None:
    linear = linear_of(encoded(4))
    assert linear.arithmetic.data.accumulator_width == 32


def test_wide_layers_get_the_whole_bytes_that_the_proof_needs() -> None:
    module = encoded(4096)
    linear = linear_of(module)
    (bound,) = module_bounds(module)
    assert 32 < bound.width <= 40
    assert linear.arithmetic.data.accumulator_width == 40
    assert linear.bias is not None
    assert str(linear.bias.type) == "tensor<2xi40>"


def test_a_width_that_is_asked_for_stays() -> None:
    linear = linear_of(encoded(4096, accumulator_width=32))
    assert linear.arithmetic.data.accumulator_width == 32


@pytest.mark.parametrize("inputs", [4, 4096])
def test_the_width_changes_no_value(inputs: int) -> None:
    narrow, wide = encoded(inputs, accumulator_width=64), encoded(inputs)
    constants = [
        [op.value.to_array() for op in module.walk() if isinstance(op, ConstantOp)]
        for module in (narrow, wide)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*constants, strict=True))
    assert widen(wide) == linear_of(wide).arithmetic.data.accumulator_width
