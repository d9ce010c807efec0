"""The constants: against docs/arithmetic.md and the oracle's comparisons of integers."""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
import scalar_oracle as oracle
from hypothesis import given
from hypothesis import strategies as st
from lns_strategies import arithmetics, formats

from recog.backend.arithmetic import tables
from recog.backend.arithmetic.exact import (
    ceil_scaled_power,
    floor_scaled_power,
    round_scaled_power,
)
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat


@given(st.integers(0, 1 << 70), st.integers(-3000, 3000), st.integers(0, 5))
def test_scaled_powers_by_comparing_integers(n: int, e: int, k: int):
    power = Fraction(n) ** (1 << k) * Fraction(2) ** e
    floor, exact = floor_scaled_power(n, e, k)
    assert floor ** (1 << k) <= power < (floor + 1) ** (1 << k)
    assert exact == (floor ** (1 << k) == power)
    assert ceil_scaled_power(n, e, k) == floor + (not exact)
    nearest = round_scaled_power(n, e, k)
    middle = (floor + Fraction(1, 2)) ** (1 << k)
    expected = floor + (power > middle or (power == middle and floor % 2))
    assert nearest == expected
    assert round_scaled_power(-n, e, k) == -expected


def test_antilog_table_of_the_default_format():
    """A[r] = RNE(2^(r/16) · 64), by hand."""
    expected = [64, 67, 70, 73, 76, 79, 83, 87, 91, 95, 99, 103, 108, 112, 117, 123]
    assert tables.antilog_table(4, Arithmetic()).tolist() == expected
    mitchell = tables.antilog_table(4, Arithmetic(mitchell=True))
    assert mitchell.tolist() == [64 + 4 * r for r in range(16)]


def test_finer_codes_have_a_finer_antilog():
    usual = Arithmetic()
    assert [usual.precision(frac) for frac in range(13)] == [6] * 6 + [7, 8, 9, 10, 10, 10, 10]
    assert {Arithmetic(6, fine_antilog_bits=0).precision(frac) for frac in range(13)} == {6}
    assert tables.antilog_table(8, usual)[0] == 1 << 9
    assert tables.antilog_table(5, usual)[0] == 1 << 6


def test_what_is_no_finer_is_the_same_arithmetic():
    assert Arithmetic(11, fine_antilog_bits=10) == Arithmetic(11, fine_antilog_bits=0)
    with pytest.raises(ValueError, match=r"fine antilog bits must be in \[0, 12\], got 13"):
        Arithmetic(fine_antilog_bits=13)


@pytest.mark.parametrize("frac", range(7))
@pytest.mark.parametrize("antilog_bits", range(2, 13))
def test_antilog_tables_are_exact(frac: int, antilog_bits: int):
    """(2A − 1)^(2^f) ≤ 2^(2^f) · 2^(r + P·2^f) ≤ (2A + 1)^(2^f)."""
    table = tables.antilog_table(frac, Arithmetic(antilog_bits, fine_antilog_bits=0))
    n = 1 << frac
    for r, a in enumerate(table.tolist()):
        power = 1 << (n + r + antilog_bits * n)
        assert (2 * a - 1) ** n < power < (2 * a + 1) ** n
    assert (np.diff(table) >= 0).all()
    assert table[-1] <= 2 << antilog_bits


def test_mitchell_ties_go_to_even():
    """(1 + r/16) · 4: r = 2 is 4.5, r = 6 is 5.5."""
    table = tables.antilog_table(4, Arithmetic(2, mitchell=True, fine_antilog_bits=0)).tolist()
    assert (table[2], table[6], table[10], table[14]) == (4, 6, 6, 8)


@given(formats(widths=(4, 8)))
def test_encode_thresholds_are_the_smallest_floats(format: LnsFormat):
    thresholds = tables.encode_thresholds(format)
    assert (np.diff(thresholds) > 0).all()
    for m, threshold in enumerate(thresholds.tolist(), start=1):
        assert oracle.encode(threshold, format) == m
        assert oracle.encode(math.nextafter(threshold, 0), format) == m - 1


def test_first_threshold_is_half_of_the_smallest_value():
    format = LnsFormat(8, 4, 1)
    assert tables.encode_thresholds(format)[0] == 0.5
    assert tables.decode_table(format)[1] == 1.0


@pytest.mark.parametrize(
    "format",
    [
        LnsFormat(8, 4, 17400),
        LnsFormat(8, 4, -16380),
        LnsFormat(6, 0, 1074),
        LnsFormat(8, 4, 20000),
    ],
)
def test_thresholds_at_the_ends_of_float64(format: LnsFormat):
    thresholds = tables.encode_thresholds(format)
    assert (np.diff(thresholds[np.isfinite(thresholds)]) >= 0).all()
    assert thresholds[0] >= math.ulp(0.0)
    values = tables.decode_table(format)[1 : format.max_magnitude + 1]
    for m, value in enumerate(values.tolist(), start=1):
        if sys.float_info.min <= value < math.inf:
            assert value == oracle.decode(m, format)


@given(formats(widths=(4, 8)))
def test_decode_table_is_correctly_rounded(format: LnsFormat):
    table = tables.decode_table(format)
    for code, value in enumerate(table.tolist()):
        if code == format.sign_mask and not format.unsigned:
            assert math.isnan(value)
        else:
            assert value == oracle.decode(code, format)


@given(formats(widths=(4, 8)))
def test_decode_table_in_float32_is_rounded_once(format: LnsFormat):
    table = tables.decode_table(format, np.float32)
    for m in range(1, format.max_magnitude + 1):
        value, exponent = table[m], oracle.logarithm(m, format)
        above = (Fraction(float(value)) + Fraction(float(np.nextafter(value, np.inf)))) / 2
        below = (Fraction(float(value)) + Fraction(float(np.nextafter(value, 0)))) / 2
        assert oracle.at_least(above, exponent)
        assert not oracle.at_least(below, exponent)


def test_float32_decode_table_overflows_to_infinity_and_reaches_subnormals():
    assert np.isinf(tables.decode_table(LnsFormat(8, 4, -128 * 16), np.float32)[127])
    assert tables.decode_table(LnsFormat(4, 0, 150), np.float32)[1] == np.float32(2.0**-149)


@pytest.mark.parametrize("frac", range(7))
@pytest.mark.parametrize("biases", [(100, 60), (0, 200), (37, -151), (90, 0)])
def test_reencode_thresholds_are_designs_table_and_offset(frac: int, biases: tuple[int, int]):
    """With one frac: n = #{i: θ(i) ≤ |acc|}, m = n + B_out − B_acc − P·2^f, save for m = 1."""
    accumulator_bias, out_bias = biases
    power = 1 << (frac + 1)
    exponents = 2 * np.arange(1, (20 << frac) + 1) - 1
    theta = tables.integers_at_least(1, exponents, frac + 1).tolist()
    for i, a in enumerate(theta, start=1):
        assert a**power >= 1 << (2 * i - 1)
        assert (a - 1) ** power < 1 << (2 * i - 1)
    out_format = LnsFormat(8, frac, out_bias)
    thresholds = tables.reencode_thresholds(frac, accumulator_bias, out_format, 6)
    offset = out_bias - accumulator_bias - (6 << frac)
    for acc in {*range(1, 200), *theta, *(a - 1 for a in theta)} - {0}:
        n = int(np.searchsorted(theta, acc, side="right"))
        m = min(n + offset, out_format.max_magnitude)
        if m > 1:
            assert np.searchsorted(thresholds, acc, side="right") == m


@given(
    st.integers(0, 6),
    st.integers(-200, 200),
    st.data(),
    st.sampled_from([4, 8, 16]),
    st.integers(2, 12),
    st.sampled_from([1, 4, 9, 49, 3600]),
)
def test_reencode_thresholds_by_the_oracle(frac, bias, data, width, antilog_bits, divisor):
    out_frac = data.draw(st.integers(0, 6))
    middle = data.draw(st.integers(-4, 30)) - antilog_bits - (bias >> frac)
    format = LnsFormat(width, out_frac, (1 << (width - 2)) - (middle << out_frac))
    thresholds = tables.reencode_thresholds(frac, bias, format, antilog_bits, divisor)
    assert (np.diff(thresholds) >= 0).all()
    unit = -antilog_bits - Fraction(bias, 1 << frac)
    picks = data.draw(st.lists(st.integers(1, format.max_magnitude), min_size=1, max_size=8))
    for m in {1, 2, format.max_magnitude, *picks}:
        threshold = int(thresholds[m - 1])
        if threshold != tables.INT64_MAX:
            assert oracle.reencode(threshold, unit, format, divisor=divisor) >= m
        assert oracle.reencode(threshold - 1, unit, format, divisor=divisor) < m


@given(
    st.floats(-1e6, 1e6) | st.integers(-64, 64).map(lambda n: n / 32),
    formats(),
    formats(channels=2),
    arithmetics,
)
def test_encode_bias_by_the_oracle(b, x_format, w_format, arithmetic):
    expected = [
        oracle.encode_bias(value, x_format, w_format, channel, arithmetic)
        for channel, value in enumerate((b, -b))
    ]
    if max(map(abs, expected)) < tables.INT64_MAX:
        init = tables.encode_bias(np.array([b, -b]), x_format, w_format, arithmetic)
        assert init.dtype == np.int64
        assert init.tolist() == expected
    else:
        with pytest.raises(RecogError, match="64-bit accumulator"):
            tables.encode_bias(np.array([b, -b]), x_format, w_format, arithmetic)


def test_encode_bias_ties_go_to_even():
    format = LnsFormat(8, 4, -48)  # B_x + B_w = −96 = −6 · 2^4: the scale is 1
    init = tables.encode_bias(np.array([0.5, 1.5, 2.5, -0.5, -1.5]), format, format, Arithmetic())
    assert init.tolist() == [0, 2, 2, 0, -2]


@pytest.mark.parametrize("b", [math.nan, math.inf, 1e30])
def test_encode_bias_refuses_what_does_not_fit(b: float):
    with pytest.raises(RecogError, match="bias"):
        tables.encode_bias(np.array([b]), LnsFormat(), LnsFormat(), Arithmetic())


def test_tables_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        tables.antilog_table(4, Arithmetic())[0] = 1
