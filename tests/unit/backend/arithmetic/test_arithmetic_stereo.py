"""Correlation, expectation and reciprocals: definition, engines and oracle, bit for bit."""

import math

import numpy as np
import pytest
import stereo_oracle as oracle
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lns_strategies import (
    Correlation,
    arithmetics,
    code_arrays,
    correlations,
    formats,
    output_formats,
    random_codes,
)
from scalar_oracle import at_least

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.engine import get_engine
from recog.backend.arithmetic.reference import stereo
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.encode.samples import covering_bias

REFERENCE, GEMM = get_engine("reference"), get_engine("gemm")
WIDE = LnsFormat(16, 11, 20000)


@settings(max_examples=50)
@given(correlations(3), arithmetics)
def test_correlation_by_the_oracle(operands: Correlation, arithmetic: Arithmetic):
    result = REFERENCE.correlation(*operands, arithmetic)
    expected = oracle.correlation(*operands, arithmetic)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@given(correlations(6), arithmetics)
def test_gemm_correlation_equals_the_definition(operands: Correlation, arithmetic: Arithmetic):
    expected = REFERENCE.correlation(*operands, arithmetic)
    result = GEMM.correlation(*operands, arithmetic)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_gemm_correlation_of_wide_codes_and_of_many_rows():
    rng = np.random.default_rng(0)
    for format, shape in ((WIDE, (1, 2, 3, 9)), (LnsFormat(8, 4, 60), (2, 70, 40, 50))):
        left, right = (
            Codes(random_codes(shape, format, int(rng.integers(99))), format) for _ in range(2)
        )
        operands = left, right, 7, LnsFormat(8, 4, 60), Arithmetic(6, 64)
        np.testing.assert_array_equal(GEMM.correlation(*operands), REFERENCE.correlation(*operands))


@given(formats(), formats(), arithmetics, st.integers(1, 9))
def test_the_bound_of_a_correlation_is_reached(a: LnsFormat, b: LnsFormat, arithmetic, channels):
    """The largest codes give exactly the bound, so that nothing is refused in vain."""
    left = np.full((1, channels, 1, 1), a.max_magnitude, a.dtype)
    right = np.full((1, channels, 1, 1), b.max_magnitude, b.dtype)
    acc = stereo.products(Codes(left, a), Codes(right, b), arithmetic).sum()
    assert acc == stereo.correlation_bound(a, b, channels, arithmetic)


@pytest.mark.parametrize("engine", [REFERENCE, GEMM])
@pytest.mark.parametrize(
    ("shapes", "disparities", "message"),
    [
        (((1, 2, 3, 4), (1, 2, 3, 5)), 2, "left of shape .* and right of shape .* differ"),
        (((1, 2, 3, 4), (1, 2, 3, 4)), 5, "5 disparities do not fit a width of 4"),
        (((1, 2, 3, 4), (1, 2, 3, 4)), 0, "0 disparities do not fit"),
        (((2, 3, 4), (2, 3, 4)), 2, "left has shape .* not of rank 4"),
    ],
)
def test_what_correlation_refuses(engine, shapes, disparities: int, message: str):
    left, right = (np.zeros(shape, np.uint8) for shape in shapes)
    format = LnsFormat(8, 4)
    with pytest.raises(RecogError, match=message):
        engine.correlation(
            Codes(left, format), Codes(right, format), disparities, format, Arithmetic()
        )


# Expectation


@st.composite
def logit_formats(draw) -> LnsFormat:
    """Of small and of huge logits, in few bits and in 16."""
    if draw(st.booleans()):
        return draw(formats())
    unsigned = draw(st.booleans())
    return LnsFormat(16, 10 + unsigned, draw(st.integers(0, 40000)), unsigned=unsigned)


@settings(max_examples=50)
@given(st.data())
def test_expectation_by_the_oracle(data):
    shape = (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 5)), 1, 2)
    logit_format, residual_format = data.draw(logit_formats()), data.draw(formats())
    frac = data.draw(st.integers(0, 16))
    bins = np.array(
        data.draw(st.lists(st.integers(-(1 << 20), 1 << 20), min_size=shape[1], max_size=shape[1])),
        np.int32,
    )
    residual = None
    if data.draw(st.booleans()):
        codes = data.draw(code_arrays((shape[0], 1, *shape[2:]), residual_format))
        residual = Codes(codes, residual_format)
    logits = Codes(data.draw(code_arrays(shape, logit_format)), logit_format)
    operands = logits, bins, residual, data.draw(output_formats((-frac, 21 - frac)))
    result = stereo.expectation(*operands, frac=frac)
    expected = oracle.expectation(*operands, frac)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_log2_of_e_to_30_bits():
    assert round(math.log2(math.e) * 2**30) == stereo.LOG2_E


@pytest.mark.parametrize("in_octaves", [False, True])
@pytest.mark.parametrize("frac", [0, 8, 16])
def test_fixed_tables_round_to_nearest_even_everywhere(frac: int, in_octaves: bool):
    """Formats whose codes meet every tie that there is: halves, and LOG2_E / 2."""
    factor = oracle.LOG2_E if in_octaves else oracle.Fraction(1)
    for bias in (0, 8, 31, 47):
        format = LnsFormat(7, 0, bias)
        table = stereo.fixed_table(format, frac, in_octaves=in_octaves)
        codes = [c for c in range(128) if c != format.sign_mask]
        wanted = [oracle.fixed(code, format, factor, frac) for code in codes]
        assert table[codes].tolist() == wanted


def test_exponentials_fall_from_one_to_zero():
    below = np.arange(24 << stereo.LOGIT_FRAC)
    values = stereo.exponential(below)
    assert values[0] == 1 << stereo.EXP_BITS
    assert (np.diff(values) <= 0).all()
    exact = 2.0 ** (stereo.EXP_BITS - below / 2.0**stereo.LOGIT_FRAC)
    assert np.abs(values - exact).max() <= 1
    assert values[-1] == 0


@pytest.mark.parametrize(
    ("spread", "noise", "largest"), [(2, 0.2, 1 / 64), (8, 0.5, 1 / 64), (None, 4, 1 / 16)]
)
def test_expected_disparities_are_near_those_of_floats(spread, noise: float, largest: float):
    """Around one mode in 48 bins within 1/64 of a bin; with modes anywhere errors weigh more."""
    rng = np.random.default_rng(0)
    residual, bins = rng.uniform(-0.5, 0.5, (2, 1, 24, 32)), np.arange(48.0)
    logits = rng.normal(size=(2, 48, 24, 32)) * noise
    if spread is not None:
        modes = rng.uniform(2, 46, (2, 1, 24, 32))
        logits -= np.abs(bins[:, None, None] - modes) * 4 / spread - 8
    logit_format = LnsFormat(16, 11)
    logit_format = logit_format.with_bias(covering_bias(logit_format, float(np.abs(logits).max())))
    out_format = LnsFormat(16, 11, 32767 - 6 * 2**11)
    codes, fixed = encode(logits, logit_format), (bins * 2**12).astype(np.int32)
    near = Codes(encode(residual, WIDE), WIDE)
    operands = Codes(codes, logit_format), fixed, near, out_format
    result = decode(stereo.expectation(*operands, frac=12), out_format)
    probability = torch.softmax(torch.from_numpy(logits), 1).numpy()
    expected = (probability * bins[:, None, None]).sum(1, keepdims=True) + residual
    assert np.abs(result - expected).max() < largest


def test_the_sums_of_an_expectation_have_48_bits():
    stereo.check_expectation(np.full(1, (1 << 30) - 1, np.int32))
    with pytest.raises(RecogError, match="the sum over 8 bins may reach .*, 48 bits hold"):
        stereo.check_expectation(np.full(8, (1 << 31) - 1, np.int32))


# Reciprocals


@given(formats(), st.data(), st.integers(-40000, 40000), st.booleans())
def test_reciprocals_by_the_oracle(format: LnsFormat, data, numerator: int, negative: bool):
    octaves = [(numerator >> 12) - ((m - format.biases[0]) >> format.frac) for m in (1, 255)]
    out_format = data.draw(output_formats((min(octaves), max(octaves))))
    codes = data.draw(code_arrays((7,), format))
    result = stereo.reciprocal(
        Codes(codes, format), out_format, log_numerator=numerator, negative=negative
    )
    expected = [
        oracle.reciprocal(c, format, out_format, numerator, negative) for c in codes.tolist()
    ]
    assert result.dtype == out_format.dtype
    assert result.tolist() == [int(code) for code in expected]


@given(st.floats(1e-30, 1e30))
def test_log_numerators_are_the_nearest(value: float):
    logarithm = stereo.log_numerator(value)
    exact = oracle.Fraction(value)
    low, high = (oracle.Fraction(2 * logarithm + sign, 2**13) for sign in (-1, 1))
    assert at_least(exact, low)
    assert not at_least(exact, high)


def test_log_numerators_of_powers_of_two():
    for octave in (-1074, -1022, -3, 0, 1, 5, 1023):
        assert stereo.log_numerator(2.0**octave) == octave << 12
