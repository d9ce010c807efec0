"""The proof of no overflow, and the weights that encode-lns makes fit it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recog.backend.arithmetic.bounds import accumulator_bounds, accumulator_limit
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference.definition import encode
from recog.backend.arithmetic.tables import encode_bias
from recog.backend.interpreters.lns import run_lns
from recog.dialects import lns
from recog.dialects.errors import RecogError
from recog.dialects.lns import format_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.frontend.torch.importer import import_exported
from recog.lowering.encode.accumulator_room import largest_biases
from recog.lowering.encode.encode_lns import EncodeLnsPass
from recog.lowering.encode.prove_accumulators import ProveAccumulatorsPass, module_bounds
from recog.lowering.pipeline import ConversionOptions, convert
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


def encoded(inputs: int, *, octaves: int = 0, **options: Any):
    """The linear layer with weights 1, or of two sizes so many octaves apart."""
    context = make_context()
    row = [1.0] * (inputs - 1) + [2.0**-octaves]
    text = NETWORK.format(inputs=inputs, weight=[row, row] if octaves else 1.0)
    module = parse_module(context, text.encode(), "net.mlir")
    EncodeLnsPass(**options).apply(context, module)
    module.verify()
    return module


def linear_of(module) -> lns.LinearOp:
    return next(op for op in module.walk() if isinstance(op, lns.LinearOp))


def test_accumulators_are_of_32_bits_whatever_the_layer() -> None:
    for inputs in (4, 4096):
        linear = linear_of(encoded(inputs))
        assert linear.arithmetic.data.accumulator_width == 32
        assert linear.bias is not None
        assert str(linear.bias.type) == "tensor<2xi32>"


def test_a_width_that_is_asked_for_is_that_of_all() -> None:
    linear = linear_of(encoded(4096, accumulator_width=40))
    assert linear.arithmetic.data.accumulator_width == 40
    assert linear.bias is not None
    assert str(linear.bias.type) == "tensor<2xi40>"


def test_weights_take_smaller_codes_where_their_sum_would_not_fit() -> None:
    wide, narrow = encoded(4096, accumulator_width=40), encoded(4096)
    (too_large,), (bound,) = module_bounds(wide), module_bounds(narrow)
    assert too_large.width > 32
    assert bound.width <= 32
    biases = [format_of(linear_of(module).weight).biases[0] for module in (wide, narrow)]
    assert biases[1] < biases[0]
    # Weights that are alike need one code, so nothing is lost.
    x = np.random.default_rng(0).normal(size=(2, 4096)).astype(np.float32)
    (a,), (b,) = run_lns(wide, x), run_lns(narrow, x)
    assert np.array_equal(a, b)


def test_weights_of_many_octaves_that_cannot_fit_are_an_error_that_says_what_helps() -> None:
    module = encoded(4096, accumulator_width=24, octaves=6)
    with pytest.raises(RecogError) as caught:
        ProveAccumulatorsPass().apply(make_context(), module)
    assert "'lns.linear' op" in str(caught.value)
    assert "the accumulator of output channel 0 may reach" in str(caught.value)
    (bound,) = module_bounds(module)
    assert f"accumulator) to {bound.width} (fewer may do), lower option antilog-bits" in str(
        caught.value
    )


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("width", [28, 32, 40])
def test_the_largest_biases_hold_and_leave_little_unused(unsigned: bool, width: int) -> None:
    random = np.random.default_rng(width)
    weights = random.normal(size=(16, 300)) * np.exp2(random.integers(-2, 3, (16, 1)))
    bias = random.normal(size=16) * np.exp2(random.integers(-4, 6, 16))
    bias[0] = 1e7  # the weights are nothing beside it
    given, format = LnsFormat(8, 4 + unsigned, 50, unsigned=unsigned), LnsFormat(12, 4)
    arithmetic = Arithmetic(accumulator_width=width)
    largest = largest_biases(weights, bias, given, format, arithmetic)
    assert (largest.wanted <= largest.safe).all()

    def used(channels: slice, biases: np.ndarray) -> np.ndarray:
        chosen = format.with_bias(tuple(biases[channels].tolist()), 0)
        codes = Codes(encode(weights[channels], chosen), chosen)
        initial = encode_bias(bias[channels], given, chosen, arithmetic)
        reached = accumulator_bounds(codes, given, initial, arithmetic)
        return np.array(reached, np.float64) / accumulator_limit(arithmetic)

    others = slice(1, None)
    assert (used(slice(None), largest.wanted) <= 1).all()
    assert (used(others, largest.safe) <= 1).all()
    assert (used(others, largest.safe) > 0.7).all()


LARGE = """
func.func @main(%x: tensor<1x1x512x512xf32> {lns.format = !lns.number<8, 5, bias = 230, unsigned>})
    -> tensor<1x1x1x1xf32> {
  %y = OP {lns.format = !lns.number<8, 5, bias = 230, unsigned>}
      : (tensor<1x1x512x512xf32>) -> tensor<1x1x1x1xf32>
  func.return %y : tensor<1x1x1x1xf32>
}
"""
POOL = "nn.avg_pool2d %x {kernel = array<i64: 512, 512>, strides = array<i64: 512, 512>}"
MEAN = "nn.mean %x {axes = array<i64: 2, 3>, keepdims}"


@pytest.mark.parametrize("op", [POOL, MEAN])
def test_the_mean_of_a_large_image_is_that_of_its_columns_means(op: str) -> None:
    context = make_context()
    text = LARGE.replace("OP {", op.removesuffix("}") + ", ")
    module = parse_module(context, text.encode(), "net.mlir")
    EncodeLnsPass().apply(context, module)
    module.verify()
    ProveAccumulatorsPass().apply(context, module)
    assert sum(isinstance(each, lns.AvgPool2dOp) for each in module.walk()) == 2
    x = np.random.default_rng(0).uniform(0, 1.5, (1, 1, 512, 512)).astype(np.float32)
    (y,) = run_lns(module, x)
    assert abs(float(y.reshape(())) / x.mean() - 1) < 0.02


class Norms(torch.nn.Module):
    """Sums of 576 pixels in groups of 2 channels, then of 640 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 4, 1)
        self.groups = torch.nn.GroupNorm(2, 4)
        self.second = torch.nn.Conv2d(4, 640, 1, stride=8)
        self.channels = torch.nn.LayerNorm(640)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(torch.relu(self.groups(self.first(x))))
        return self.channels(x.permute(0, 2, 3, 1))


def test_norms_of_many_values_fit_and_keep_their_precision() -> None:
    torch.manual_seed(0)
    model, x = Norms().eval(), torch.randn(2, 3, 24, 24)
    module = import_exported(torch.export.export(model, (x[:1],)))
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    assert conversion.host_part is None
    assert max(each.width for each in module_bounds(conversion.lns_module)) <= 32
    expected = model(x).detach().numpy()
    (found,) = run_lns(conversion.lns_module, x.numpy())
    noise = ((found - expected) ** 2).mean() / (expected**2).mean()
    assert noise < 10**-2.5
