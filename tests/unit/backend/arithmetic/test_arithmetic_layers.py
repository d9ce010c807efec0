"""Convolution, linear, addition and pooling: definition, gemm engine and oracle, bit for bit."""

import math
import tracemalloc
from contextlib import AbstractContextManager
from unittest.mock import patch

import numpy as np
import pytest
import scalar_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    Layer,
    arithmetics,
    code_arrays,
    convolutions,
    formats,
    layer_of,
    output_formats,
    random_codes,
)

from recog.backend.arithmetic import tables
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.gemm import buckets, lookup
from recog.backend.arithmetic.gemm import engine as gemm
from recog.backend.arithmetic.reference import definition
from recog.dialects.number_format import Arithmetic, LnsFormat

REFERENCE, GEMM = get_engine("reference"), gemm.GemmEngine()


def matrix_products_only() -> AbstractContextManager:
    """Layers too thin for matrix products otherwise look up each product."""
    return patch.multiple(gemm, FEW_OUTPUTS=0, FEW_POSITIONS=0)


@given(convolutions(largest_size=3, largest_channels=2))
def test_conv2d_by_the_oracle(layer: Layer):
    result = REFERENCE.conv2d(layer)
    np.testing.assert_array_equal(result, oracle.conv2d(layer))


SOME = st.sampled_from([1, 1 << 12, 1 << 24])


@settings(max_examples=200)
@given(convolutions(largest_size=9, largest_channels=5), SOME)
def test_gemm_conv2d_equals_the_definition(layer: Layer, working_bytes: int):
    expected = REFERENCE.conv2d(layer)
    with patch.object(gemm, "WORKING_BYTES", working_bytes), matrix_products_only():
        result = GEMM.conv2d(layer)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@settings(max_examples=200)
@given(convolutions(largest_size=9, largest_channels=5), SOME, SOME, st.integers(1, 64))
def test_looked_up_conv2d_equals_the_definition(
    layer: Layer, indices: int, weights: int, block: int
):
    expected = REFERENCE.conv2d(layer)
    with (
        patch.multiple(lookup, INDICES=indices, WEIGHTS=weights, BLOCK=block),
        patch.object(gemm, "FEW_OUTPUTS", 1 << 30),
    ):
        result = GEMM.conv2d(layer)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@given(st.data(), arithmetics, st.booleans())
def test_linear_by_the_oracle_and_gemm(data, arithmetic: Arithmetic, relu: bool):
    inputs, outputs = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
    x_format, w_format = data.draw(formats()), data.draw(formats(channels=outputs))
    x = data.draw(code_arrays((2, 2, inputs), x_format))
    w = data.draw(code_arrays((outputs, inputs), w_format))
    init = np.arange(outputs) * 1000 - 500
    out_format = data.draw(output_formats((-(x_format.bias >> x_format.frac), 20)))
    tensors = x, x_format, w, w_format, init, out_format
    result = REFERENCE.linear(layer_of(*tensors, relu=relu, arithmetic=arithmetic))
    for index in np.ndindex(result.shape):
        o = index[-1]
        acc = oracle.dot(
            x[index[:-1]].tolist(), x_format, w[o].tolist(), w_format, int(init[o]), arithmetic
        )
        unit = oracle.product_unit(x_format, w_format, o, arithmetic)
        assert result[index] == oracle.reencode(acc, unit, out_format, relu)
    with patch.object(lookup, "BLOCK", data.draw(st.sampled_from([1, 50, 1 << 14]))):
        quick = GEMM.linear(layer_of(*tensors, relu=relu, arithmetic=arithmetic))
    np.testing.assert_array_equal(quick, result)
    with matrix_products_only():
        quick = GEMM.linear(layer_of(*tensors, relu=relu, arithmetic=arithmetic))
    np.testing.assert_array_equal(quick, result)


@given(st.integers(0, 6), st.data(), st.integers(2, 12), st.booleans())
def test_quick_reencode_around_every_threshold(frac: int, data, antilog_bits: int, relu: bool):
    """The buckets hold one threshold at most: one off at any of them would show."""
    divisor = data.draw(st.sampled_from([1, 1, 3, 16, 49, 1000]))
    bias = data.draw(st.integers(-100, 200))
    octaves = (-antilog_bits - (bias >> frac), 40 - antilog_bits - (bias >> frac))
    out_format = data.draw(output_formats(octaves))
    thresholds = tables.reencode_thresholds(frac, bias, out_format, antilog_bits, divisor)
    near = np.concatenate([thresholds[thresholds < 1 << 53] + d for d in (-2, -1, 0, 1, 2)])
    random = np.random.default_rng(0).integers(-(1 << 40), 1 << 40, 200)
    acc = np.concatenate([near, -near, random, random >> 25, np.arange(-70, 70), [(1 << 53) - 1]])
    acc = acc[np.abs(acc) < 1 << 53]
    scale = tables.AccumulatorScale(frac, (bias,), divisor)
    arguments = acc, scale, out_format, Arithmetic(antilog_bits, fine_antilog_bits=0)
    expected = definition.reencode(*arguments, relu=relu, axis=-1)
    result = buckets.reencode(*arguments, relu=relu, axis=-1)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("seed", range(40))
def test_quick_reencode_of_channels(seed: int, axis: int):
    """Fracs and biases that put the channels' thresholds between each other's."""
    random = np.random.default_rng(seed)
    frac, out_frac = random.integers(0, 8, 2).tolist()
    divisor = int(random.choice([1, 1, 9, 65536]))
    biases = tuple(random.integers(-20 << frac, 20 << frac, 5).tolist())
    out_format = LnsFormat(
        int(random.choice([4, 8, 16])),
        out_frac,
        int(random.integers(-20 << out_frac, 20 << out_frac)),
        unsigned=bool(random.integers(0, 2)),
    )
    acc = random.integers(-(1 << 52), 1 << 52, (3, 5, 40)) >> random.integers(0, 53, (3, 5, 40))
    for channel, bias in enumerate(biases):
        near = tables.reencode_thresholds(frac, bias, out_format, 6, divisor)
        near = near[near < 1 << 52]
        if near.size:
            acc[1, channel] = random.choice(near, 40) + random.integers(-1, 2, 40)
            acc[2, channel] = -acc[1, channel]
    acc = np.ascontiguousarray(np.moveaxis(acc, 1, axis))
    scale = tables.AccumulatorScale(frac, biases, divisor)
    arguments = acc, scale, out_format, Arithmetic(6)
    for relu in (False, True):
        expected = definition.reencode(*arguments, relu=relu, axis=axis)
        found = buckets.reencode(*arguments, relu=relu, axis=axis)
        np.testing.assert_array_equal(found, expected)


def test_gemm_sums_wide_products_exactly():
    """Sums beyond 2^53 must be split over channels, products beyond it left to the definition."""
    x_format, arithmetic = LnsFormat(8, 3, 0, unsigned=True), Arithmetic(12, 64)
    for width, channels in ((7, 300), (8, 5)):
        w_format = LnsFormat(width, 3, 0)
        x = random_codes((2, channels, 1, 1), x_format, 0)
        w = random_codes((2, channels, 1, 1), w_format, 1)
        x[:, ::2] = x_format.max_magnitude  # next to small products, which a rounded sum would lose
        w[0, ::2] = w_format.max_magnitude
        arguments = x, x_format, w, w_format, None, None
        expected = REFERENCE.conv2d(layer_of(*arguments, arithmetic=arithmetic))
        assert np.abs(expected).max() > 1 << 53
        assert (expected & 255).any()
        np.testing.assert_array_equal(
            GEMM.conv2d(layer_of(*arguments, arithmetic=arithmetic)), expected
        )
        with matrix_products_only():
            result = GEMM.conv2d(layer_of(*arguments, arithmetic=arithmetic))
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_quick_reencode_beyond_float64(offset: int):
    """Accumulators of 54 bits and more differ by less than float64 resolves."""
    scale, out_format = tables.AccumulatorScale(4, (0,)), LnsFormat(8, 4, -665)
    thresholds = tables.reencode_thresholds(4, 0, out_format, 6)
    acc = thresholds[(thresholds > 1 << 53) & (thresholds < 1 << 55)] + offset
    assert acc.size > 16
    arguments = acc, scale, out_format, Arithmetic()
    result = buckets.reencode(*arguments, axis=-1)
    np.testing.assert_array_equal(result, definition.reencode(*arguments, axis=-1))


def test_gemm_works_in_bounded_memory():
    """All of X_r would take 33 MB here; a tile may take 1 MB, and its input and output as much."""
    format = LnsFormat(8, 4, 65)
    x = random_codes((1, 4, 256, 256), format, 0)
    w = random_codes((2, 4, 3, 3), format, 1)
    tracemalloc.start()
    with patch.object(gemm, "WORKING_BYTES", 1 << 20), matrix_products_only():
        GEMM.conv2d(layer_of(x, format, w, format, None, None, arithmetic=Arithmetic()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 << 20


def test_lookups_work_in_bounded_memory():
    """The indices of the whole input would take 4 MB here, and its sums as much again."""
    format = LnsFormat(8, 4, 65)
    x, w = random_codes((1, 8, 256, 256), format, 0), random_codes((8, 1, 3, 3), format, 1)
    tracemalloc.start()
    with patch.object(lookup, "INDICES", 1 << 15):
        acc = GEMM.conv2d(
            layer_of(x, format, w, format, None, None, groups=8, arithmetic=Arithmetic())
        )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < acc.nbytes + (3 << 20)


def test_sixteen_bit_operands_with_fine_fractions():
    x_format, w_format = LnsFormat(14, 9, 4000), LnsFormat(12, 8, (900, 1000), 0)
    out_format, arithmetic = LnsFormat(16, 11, 9000), Arithmetic(10, 64)
    x, w = random_codes((1, 3, 4, 4), x_format, 0), random_codes((2, 3, 2, 2), w_format, 1)
    init = np.array([5, -7])
    layer = layer_of(x, x_format, w, w_format, init, out_format, arithmetic=arithmetic)
    expected = oracle.conv2d(layer)
    for engine in (REFERENCE, GEMM):
        result = engine.conv2d(layer)
        np.testing.assert_array_equal(result, expected)


def test_order_of_summation_does_not_matter():
    format, arithmetic = LnsFormat(8, 4, 100), Arithmetic()
    x, w = random_codes((4, 300), format, 0), random_codes((5, 300), format, 1)
    order = np.random.default_rng(2).permutation(300)
    expected = REFERENCE.linear(layer_of(x, format, w, format, None, None, arithmetic=arithmetic))
    shuffled = x[:, order], format, np.ascontiguousarray(w[:, order]), format, None, None
    for engine in (REFERENCE, GEMM):
        result = engine.linear(layer_of(*shuffled, arithmetic=arithmetic))
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    "arithmetic, expected",
    [(Arithmetic(6), 33.2), (Arithmetic(5), 32.9), (Arithmetic(6, mitchell=True), 26.0)],
)
def test_dot_products_of_gaussian_data(arithmetic: Arithmetic, expected: float):
    """300 terms against float64, with everything rounded: both operands, antilog and output."""
    random = np.random.default_rng(0)
    x, w = random.standard_normal((1000, 300)), random.standard_normal((20, 300))
    exact = x @ w.T
    format, out_format = LnsFormat(8, 4, 92), LnsFormat(8, 4, 29)
    codes = GEMM.linear(
        layer_of(
            definition.encode(x, format),
            format,
            definition.encode(w, format),
            format,
            None,
            out_format,
            arithmetic=arithmetic,
        )
    )
    error = exact - definition.decode(codes, out_format)
    assert 10 * math.log10((exact**2).sum() / (error**2).sum()) == pytest.approx(expected, abs=0.2)


def test_the_worked_example_of_the_documentation():
    """docs/arithmetic.md, "A worked example", number for number."""
    x_format, w_format = LnsFormat(8, 4, 80, unsigned=True), LnsFormat(8, 4, 96)
    x = definition.encode(np.array([1.0, 0.3, 2.0]), x_format)
    w = definition.encode(np.array([[0.5, -1.2, 0.1]]), w_format)
    assert x.tolist() == [80, 52, 96]
    assert w.tolist() == [[0x50, 0xE4, 0x2B]]
    terms = definition.products(Codes(x, x_format), Codes(w[0], w_format), Arithmetic())
    assert terms.tolist() == [65536, -46592, 26368]
    init = tables.encode_bias(np.array([0.25]), x_format, w_format, Arithmetic())
    assert init.tolist() == [32768]
    tensors = x, x_format, w, w_format, init
    assert REFERENCE.linear(layer_of(*tensors, None, arithmetic=Arithmetic())).tolist() == [78080]
    out_format = LnsFormat(8, 4, 70)
    assert REFERENCE.linear(layer_of(*tensors, out_format, arithmetic=Arithmetic())).tolist() == [
        0x3A
    ]
    thresholds = tables.reencode_thresholds(4, 176, out_format, 6)
    assert thresholds[57:59].tolist() == [76266, 79643]
