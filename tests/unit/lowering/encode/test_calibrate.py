"""The formats that calibration chooses, against brute force."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from middle_networks import apply, images, ops_of, parse, residual
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from recog.backend.arithmetic.reference.definition import decode, encode
from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats, CalibratePass, calibrate
from recog.lowering.encode.samples import SAMPLE, Samples, best_bias, covering_bias

FORMATS = st.builds(
    LnsFormat, width=st.integers(3, 10), frac=st.integers(0, 5), unsigned=st.booleans()
)


def samples_of(values: np.ndarray) -> Samples:
    samples = Samples()
    samples.add(values, SAMPLE, np.random.default_rng(0))
    return samples


def error(values: np.ndarray, format: LnsFormat, bias: int) -> float:
    candidate = format.with_bias(bias)
    return float(((decode(encode(values, candidate), candidate) - values) ** 2).mean())


@given(format=FORMATS, largest=st.floats(1e-30, 1e30))
def test_covering(format: LnsFormat, largest: float):
    """The largest value gets the largest code, but would not with a bias one higher."""
    bias = covering_bias(format, largest)
    top = format.max_magnitude
    (code,) = encode(np.array([largest]), format.with_bias(bias))
    assert code == top
    (below,) = encode(np.array([largest]), format.with_bias(bias - 1))
    assert below == top - 1
    # Not clipped: the largest code is within half a step of the value.
    (value,) = decode(np.array([code]), format.with_bias(bias))
    assert abs(log2(value / largest)) * 2**format.frac <= 0.5 + 1e-9


@pytest.mark.parametrize("largest", [0.0, float("inf")])
def test_covering_nothing(largest: float):
    assert covering_bias(LnsFormat(), largest) == 0


@given(format=FORMATS, seed=st.integers(0, 999), scale=st.floats(1e-6, 1e6))
def test_best_bias_of_the_candidates(format: LnsFormat, seed: int, scale: float):
    """No bias up to two octaves of clipping, a quarter octave apart, has a smaller error."""
    random = np.random.default_rng(seed)
    values = (random.standard_t(3, 200) * scale).astype(np.float32)
    if format.unsigned:
        values = np.abs(values)
    chosen = best_bias(format, samples_of(values))
    covering = covering_bias(format, float(np.abs(values).max()))
    step = max(1, 2**format.frac // 4)
    candidates = range(covering, covering + 8 * step + 1, step)
    assert chosen in candidates
    wide = np.concatenate([values, [min(0, values.min()), max(0, values.max())]]).astype(float)
    least = min(error(wide, format, bias) for bias in candidates)
    assert error(wide, format, chosen) == least


def test_outliers_are_clipped_if_that_pays():
    format = LnsFormat(4, 1)
    values = np.concatenate([np.full(10_000, 0.05), np.full(10_000, 0.07), [0.8]])
    assert best_bias(format, samples_of(values)) > covering_bias(format, 0.8)
    assert best_bias(format, samples_of(values[-1:])) == covering_bias(format, 0.8)


def chosen_format(op: nn.NnOp) -> LnsFormat:
    attribute = op.attributes[FORMAT]
    assert isinstance(attribute, NumberType)
    return attribute.format


def chosen_formats(module: ModuleOp) -> list[LnsFormat]:
    return [chosen_format(op) for op in ops_of(module, nn.NnOp)]


def test_every_op_and_argument_gets_a_format():
    module = residual()
    formats = ActivationFormats(LnsFormat(8, 4), LnsFormat(8, 5, unsigned=True), LnsFormat(16, 8))
    calibrate(module, [images(5)], formats)
    found = chosen_formats(module)
    kinds = ["unsigned" if format.unsigned else format.width for format in found]
    # conv, relu, depthwise, pointwise, add, relu, pool, hardswish, concat, mean, linear
    assert kinds == [8, "unsigned", 8, 8, 8, *["unsigned"] * 5, 16]
    (function,) = ops_of(module, func.FuncOp)
    assert function.arg_attrs is not None
    assert FORMAT in function.arg_attrs.data[0].data


def test_formats_fit_the_values():
    """Encoding every activation in its format costs what such codes cost: 30 dB or more."""
    from recog.backend.interpreters.nn_runner import run_nn
    from recog.lowering.check.compare_layers import sqnr_db

    module = residual()
    x = images(40)
    calibrate(module, [x], ActivationFormats())
    seen = []

    def observe(op, results):
        if isinstance(op, nn.NnOp):
            value, format = results[0].numpy(), chosen_format(op)
            seen.append(sqnr_db(value, decode(encode(value, format), format)))

    run_nn(module, x, observe=observe)
    assert len(seen) == 11
    assert min(seen) > 30


def test_the_batches_do_not_matter():
    """Frames beyond the first batch count as much: here the last one is the largest."""
    module, one = residual(), residual()
    x = images(70)
    x[69] *= 50
    calibrate(module, [x], ActivationFormats())
    calibrate(one, [x[69:]], ActivationFormats())
    for many, single in zip(chosen_formats(module), chosen_formats(one)):
        step = max(1, 2**many.frac // 4)
        assert abs(many.biases[0] - single.biases[0]) <= 8 * step


def test_the_same_in_every_run():
    modules = [residual(), residual()]
    for module in modules:
        calibrate(module, [images(5)], ActivationFormats())
    assert str(modules[0]) == str(modules[1])


def test_progress():
    shares: list[float] = []
    calibrate(residual(), [images(130)], ActivationFormats(), progress=shares.append)
    assert shares == [64 / 130, 128 / 130, 1.0]


CHAIN = """
func.func @main(%x: tensor<1x4x2x2xf32>) -> (tensor<1x4x2x2xf32>, tensor<1x4x1x1xf32>) {
  %0 = nn.relu %x : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %1 = nn.avg_pool2d %0 {kernel = array<i64: 2, 2>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x1x1xf32>
  %2 = nn.relu %1 : (tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  func.return %0, %2 : tensor<1x4x2x2xf32>, tensor<1x4x1x1xf32>
}
"""


def test_outputs_that_are_never_negative_have_no_sign():
    module = parse(CHAIN)
    x = np.random.default_rng(0).normal(0, 1, (3, 4, 2, 2)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    assert [format.unsigned for format in chosen_formats(module)] == [True, True, True]
    assert [format.frac for format in chosen_formats(module)] == [5, 5, 5]


SIGNED_CHAIN = """
func.func @main(%x: tensor<1x4x2x2xf32>) -> (tensor<1x8x2x2xf32>, tensor<1x4x1x1xf32>) {
  %0 = nn.relu %x : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %1 = nn.avg_pool2d %0 {kernel = array<i64: 2, 2>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x1x1xf32>
  %2 = nn.reshape %0 : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %3 = nn.concat %2, %x : (tensor<1x4x2x2xf32>, tensor<1x4x2x2xf32>) -> tensor<1x8x2x2xf32>
  func.return %3, %1 : tensor<1x8x2x2xf32>, tensor<1x4x1x1xf32>
}
"""


def test_what_only_moves_into_a_signed_output_is_signed():
    """It would be rounded twice; what else follows from it has no sign."""
    from recog.lowering.encode.encode_lns import EncodeLnsPass

    module = parse(SIGNED_CHAIN)
    x = np.random.default_rng(0).normal(0, 1, (3, 4, 2, 2)).astype(np.float32)
    calibrate(module, [x], ActivationFormats())
    assert [format.unsigned for format in chosen_formats(module)] == [True, True, False, False]
    apply(module, EncodeLnsPass())


@pytest.mark.parametrize(
    "inputs,message",
    [
        ([], "calibration needs arrays"),
        ([np.zeros((0, 2, 6, 6))], "calibration needs arrays of as many frames each"),
        ([np.float32(1)], "calibration needs arrays of as many frames each"),
        ([np.zeros((3, 2, 6, 5))], r"input 0: has shape \[3, 2, 6, 5\]"),
        ([np.zeros((3, 2, 6, 6)), np.zeros((3, 1))], "@main takes 1 input, got 2"),
        ([np.zeros((3, 2, 6, 6)), np.zeros((2, 1))], r"\[3, 2, 6, 6\], \[2, 1\]"),
        ([np.full((3, 2, 6, 6), np.nan)], "input 0: holds NaN or infinity"),
        ([np.zeros((3, 2, 6, 6), complex)], "has dtype"),
        ([np.array([["text"]])], "input 0"),
    ],
)
def test_bad_inputs(inputs: list[np.ndarray], message: str):
    with pytest.raises(RecogError, match=message):
        calibrate(residual(), inputs, ActivationFormats())


def test_networks_that_overflow():
    module = parse("""
        func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
          %0 = nn.mul %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
          %1 = nn.mul %0, %0 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
          func.return %1 : tensor<1x2xf32>
        }
    """)
    message = r"'nn.mul' op at net.mlir:4: the example inputs give NaN or infinity here"
    with pytest.raises(RecogError, match=message):
        calibrate(module, [np.full((1, 2), 1e15)], ActivationFormats())


@pytest.mark.parametrize(
    "options",
    [
        {"width": 1},
        {"width": 17},
        {"frac": 13},
        {"unsigned_frac": -1},
        {"output_width": 0},
        {"output_frac": 99},
    ],
)
def test_bad_options(options: dict[str, Any]):
    ((name, value),) = options.items()
    with pytest.raises(RecogError, match=f"option {name.replace('_', '-')} must be in .*{value}"):
        CalibratePass(data="data.npy", **options)
