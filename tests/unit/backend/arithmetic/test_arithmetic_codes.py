"""Encoding, decoding and the operations on codes alone."""

import math

import numpy as np
import pytest
import scalar_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st
from lns_strategies import code_arrays, formats, random_codes

from recog.backend.arithmetic import tables
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.logarithms import Logarithms
from recog.backend.arithmetic.reference import definition
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.windows import PoolWindow

FORMATS = [
    LnsFormat(2, 0, 0),
    LnsFormat(4, 0, 3),
    LnsFormat(8, 3, 40),
    LnsFormat(8, 4, 100),
    LnsFormat(8, 4, 100, unsigned=True),
    LnsFormat(8, 5, -17),
    LnsFormat(12, 7, 900),
    LnsFormat(16, 10, 20000),
    LnsFormat(16, 12, 30000, unsigned=True),
]


def all_codes(format: LnsFormat) -> np.ndarray:
    codes = np.arange(1 << format.width).astype(format.dtype)
    return codes[~format.illegal_codes(codes)]


@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_encode_inverts_decode(format: LnsFormat, dtype):
    codes = all_codes(format)
    values = definition.decode(codes, format, dtype)
    assert values.dtype == dtype
    np.testing.assert_array_equal(definition.encode(values, format), codes)


@given(formats(), st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_encode_by_the_oracle(format: LnsFormat, values: list[float]):
    codes = definition.encode(np.array(values), format)
    assert codes.dtype == format.dtype
    assert codes.tolist() == [oracle.encode(value, format) for value in values]


@given(formats(), st.data())
def test_encode_around_its_thresholds(format: LnsFormat, data):
    m = data.draw(st.integers(1, format.max_magnitude))
    thresholds = definition.encode_thresholds(format)
    threshold = float(thresholds[m - 1])
    near = [math.nextafter(threshold, to) for to in (0.0, math.inf)]
    values = [*near, threshold, -threshold]
    codes = definition.encode(np.array(values), format).tolist()
    assert codes == [oracle.encode(value, format) for value in values]


def test_encode_saturates_and_underflows():
    """B = 65, f = 4: the smallest value is 2^−4, the largest 2^(62/16)."""
    format = LnsFormat(8, 4, 65)
    values = np.array([0.0, -0.0, 2**-5, -(2**-5), np.nextafter(2**-5, 0), 1e300, -np.inf])
    assert definition.encode(values, format).tolist() == [0, 0, 1, 0x81, 0, 0x7F, 0xFF]


def test_encode_refuses_nan():
    with pytest.raises(RecogError, match="NaN"):
        definition.encode(np.array([1.0, np.nan]), LnsFormat())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_biases_per_channel(axis: int):
    format = LnsFormat(8, 4, (40, 65, 100), axis)
    values = np.random.default_rng(0).standard_normal((3, 3, 3))
    codes = definition.encode(values, format)
    for channel, bias in enumerate(format.biases):
        scalar, part = format.with_bias(bias), np.take(codes, channel, axis)
        expected = definition.encode(np.take(values, channel, axis), scalar)
        np.testing.assert_array_equal(part, expected)
        decoded = np.take(definition.decode(codes, format), channel, axis)
        np.testing.assert_array_equal(decoded, definition.decode(part, scalar))


@pytest.mark.parametrize("frac, expected", [(4, 38.1), (3, 32.1), (5, 30.8)])
def test_eight_bits_keep_38_db_of_gaussian_data(frac: int, expected: float):
    """What each width and frac keeps at its best clip, by integrating over the normal density."""
    x = np.linspace(-8, 8, 20_001)
    density = np.exp(-(x**2) / 2)

    def sqnr(format: LnsFormat) -> float:
        error = x - definition.decode(definition.encode(x, format), format)
        return 10 * math.log10((density * x**2).sum() / (density * error**2).sum())

    best = max(sqnr(LnsFormat(8, frac, bias)) for bias in range(60, 120))
    assert best == pytest.approx(expected, abs=0.15)


# Operations on codes


@given(formats(), st.data())
def test_relu_is_the_maximum_with_zero(format: LnsFormat, data):
    x = data.draw(code_arrays((3, 5), format))
    values = definition.decode(definition.relu(Codes(x, format)), format)
    np.testing.assert_array_equal(values, np.maximum(definition.decode(x, format), 0))


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_max_pool_takes_the_largest_value(unsigned: bool, dilation: tuple[int, int]):
    format = LnsFormat(8, 4, 65, unsigned=unsigned)
    x = random_codes((2, 3, 6, 7), format, 1)
    if not unsigned:
        x[0] |= 0x80  # all negative, so that padding with zero would win
        x[x == 0x80] = 0x81
    window = PoolWindow((2, 1), (1, 0, 1, 1), dilation, kernel=(3, 2))
    result = definition.max_pool2d(Codes(x, format), window)
    values = np.pad(
        definition.decode(x, format),
        ((0, 0), (0, 0), (1, 1), (0, 1)),
        constant_values=-np.inf,
    )
    for row, column in np.ndindex(*result.shape[2:]):
        rows = slice(2 * row, 2 * row + 2 * dilation[0] + 1, dilation[0])
        expected = values[:, :, rows, column : column + 2].max(axis=(2, 3))
        decoded = definition.decode(result[:, :, row, column], format)
        np.testing.assert_array_equal(decoded, expected)


def test_max_pool_refuses_a_window_of_padding():
    with pytest.raises(RecogError, match="nothing but padding"):
        x = Codes(np.zeros((1, 1, 2, 2), np.uint8), LnsFormat())
        definition.max_pool2d(x, PoolWindow(padding=(1, 0, 0, 0)))


def test_argmax_takes_the_lowest_of_equals():
    format = LnsFormat(8, 4, 65)
    x = np.array([[0x81, 0x05, 0x05], [0xFF, 0x81, 0x82], [0x00, 0x81, 0x00]], np.uint8)
    assert definition.argmax(Codes(x, format)).tolist() == [1, 1, 0]


@given(formats(widths=(3, 9)), st.data(), st.sampled_from([0, 1, -1]))
def test_argmax_is_that_of_the_values(format: LnsFormat, data, axis: int):
    """Real numbers stand for the codes; equal values have equal codes."""
    x = data.draw(code_arrays((3, 4, 5), format))
    values = definition.decode(x, format.with_bias(0))
    result = definition.argmax(Codes(x, format), axis)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, np.argmax(values, axis))


@given(formats(), formats(widths=(4, 10)))
def test_convert_by_the_oracle(format: LnsFormat, out_format: LnsFormat):
    codes = all_codes(format)
    result = definition.convert(Codes(codes, format), out_format)
    assert result.dtype == out_format.dtype
    assert result.tolist() == [oracle.convert(c, format, out_format) for c in codes.tolist()]


@given(formats(widths=(8, 8)), st.integers(-300, 300))
def test_convert_within_one_frac_is_a_saturating_offset(format: LnsFormat, offset: int):
    codes = all_codes(format.with_bias(0))
    positive = codes[(codes > 0) & (codes <= format.max_magnitude)].astype(int)
    result = definition.convert(
        Codes(positive.astype(np.uint8), format), format.with_bias(format.biases[0] + offset)
    )
    half = np.where(positive + offset >= 1 - (1 << format.frac), 1, 0)
    expected = np.where(positive + offset >= 1, positive + offset, half)
    np.testing.assert_array_equal(result, np.minimum(expected, format.max_magnitude))


@given(formats(), formats(widths=(4, 10)))
def test_convert_of_many_codes_is_that_of_each(format: LnsFormat, out_format: LnsFormat):
    """More elements than there are codes go through a table of every code."""
    few = all_codes(format)
    many = np.resize(few, 3 * (1 << format.width))
    result = definition.convert(Codes(many, format), out_format)
    assert result.dtype == out_format.dtype
    np.testing.assert_array_equal(
        result, np.resize(definition.convert(Codes(few, format), out_format), many.shape)
    )


def test_concat_converts_to_the_output_format():
    a, b, out = LnsFormat(8, 4, 65), LnsFormat(8, 3, 20, unsigned=True), LnsFormat(8, 4, 80)
    x, y = random_codes((2, 3, 4), a, 0), random_codes((2, 2, 4), b, 1)
    result = definition.concat([Codes(x, a), Codes(y, b)], out)
    assert result.shape == (2, 5, 4)
    np.testing.assert_array_equal(result[:, :3], definition.convert(Codes(x, a), out))
    np.testing.assert_array_equal(result[:, 3:], definition.convert(Codes(y, b), out))


def test_function_table_is_the_function_rounded():
    format, out = LnsFormat(8, 4, 65), LnsFormat(8, 4, 120, unsigned=True)
    entries = definition.function_table(lambda v: 1 / (1 + np.exp(-v)), format, out)
    assert entries.shape == (256,)
    assert entries[0] == entries[0x80] == definition.encode(np.array(0.5), out)
    codes = all_codes(format)
    expected = definition.encode(1 / (1 + np.exp(-definition.decode(codes, format))), out)
    np.testing.assert_array_equal(definition.table(codes, entries), expected)


@given(st.data(), formats(widths=(3, 10)), st.integers(-12, 12))
def test_logarithms_give_the_bits_of_encode(data, format: LnsFormat, magnitude: int):
    """At every bias, thresholds and their neighbours included; channels may have their own."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    values = random.standard_normal((3, 40)) * 10.0**magnitude
    thresholds = tables.encode_thresholds(format)
    near = random.choice(thresholds, 20)
    values[0, :20], values[1, :20] = near, -np.nextafter(near, 0)
    values[2, :4] = [0.0, -0.0, np.inf, -np.inf]
    logarithms = Logarithms(values, format.frac)
    biases = tuple((format.bias + random.integers(-99, 99, 3)).tolist())
    for each in (format, format.with_bias(biases, 0), format.with_bias(biases[0])):
        codes = definition.encode(values, each)
        np.testing.assert_array_equal(logarithms.codes(each), codes)
        np.testing.assert_array_equal(logarithms.rounded(each), definition.decode(codes, each))


def test_logarithms_refuse_nan():
    with pytest.raises(RecogError, match="NaN"):
        Logarithms(np.array([1.0, np.nan]), 4)


def test_logarithms_of_zeros_and_nothing():
    for values in (np.zeros((2, 3)), np.zeros((0, 3))):
        codes = Logarithms(values, 4).codes(LnsFormat(8, 4, 60))
        assert codes.shape == values.shape
        assert not codes.any()
