"""The constants of the number system, exact integers and correctly rounded floats.

All of them come from `exact` (big integers), so they are the same bits on every machine. Tables
are cached and read-only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.exact import ceil_scaled_power, round_scaled_power
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat

INT64_MAX = (1 << 63) - 1
"""Stands for a threshold that no accumulator reaches; accumulators stay below it."""


@dataclass(frozen=True)
class AccumulatorScale:
    """What an accumulator's integer a means: the value a / divisor · 2^−(P + bias / 2^frac).

    Attributes:
        frac: fraction bits of the exponents that went through the antilog.
        biases: one for all accumulators, or one per channel.
        divisor: how many terms a sum has of which the mean is wanted; 1 for sums.
    """

    frac: int
    biases: tuple[int, ...]
    divisor: int = 1

    def over(self, divisor: int) -> AccumulatorScale:
        """The scale of means of so many terms."""
        return AccumulatorScale(self.frac, self.biases, divisor)


def _shifted(format: LnsFormat, frac: int) -> tuple[int, ...]:
    return tuple(bias << (frac - format.frac) for bias in format.biases)


def product_scale(x_format: LnsFormat, w_format: LnsFormat) -> AccumulatorScale:
    """The scale of a sum of products x · w, one bias per channel of w where w has them."""
    frac = max(x_format.frac, w_format.frac)
    (x_bias,) = _shifted(x_format, frac)
    return AccumulatorScale(frac, tuple(x_bias + bias for bias in _shifted(w_format, frac)))


def add_scale(a_format: LnsFormat, b_format: LnsFormat) -> AccumulatorScale:
    """The scale of a + b: the finer frac, the larger bias."""
    frac = max(a_format.frac, b_format.frac)
    return AccumulatorScale(frac, (max(*_shifted(a_format, frac), *_shifted(b_format, frac)),))


def code_scale(x_format: LnsFormat) -> AccumulatorScale:
    """The scale of a sum of antilogs of x itself, as in pooling."""
    return AccumulatorScale(x_format.frac, x_format.biases)


def _frozen(values: Sequence[float] | np.ndarray, dtype: type) -> np.ndarray:
    table = np.array(values, dtype)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=64)
def antilog_table(frac: int, arithmetic: Arithmetic) -> np.ndarray:
    """A[r] = RNE(2^(r / 2^frac) · 2^P), int64[2^frac].

    With `arithmetic.mitchell`, (1 + r / 2^frac) · 2^P rounded the same way: Mitchell, "Computer
    Multiplication and Division Using Binary Logarithms", IRE Trans. EC-11, 1962.
    """
    p = arithmetic.precision(frac)
    if arithmetic.mitchell:
        values = [round(Fraction(((1 << frac) + r) << p, 1 << frac)) for r in range(1 << frac)]
    else:
        values = [round_scaled_power(1, r + (p << frac), frac) for r in range(1 << frac)]
    return _frozen(values, np.int64)


def _ldexp(mantissa: int, exponent: int) -> float:
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:
        return math.inf


def _round_up(e: int, k: int) -> int:
    return ceil_scaled_power(1, e, k)


def _round_to_nearest(e: int, k: int) -> int:
    return round_scaled_power(1, e, k)


Rounding = Callable[[int, int], int]
"""From e and k, 2^(e / 2^k) as an integer."""


@lru_cache(maxsize=64)
def _mantissas(k: int, bits: int, rounding: Rounding) -> np.ndarray:
    """2^(r / 2^k) · 2^(bits − 1) for every r, as integers in float64."""
    values = [rounding(r + ((bits - 1) << k), k) for r in range(1 << k)]
    return _frozen(values, np.float64)


def _powers(
    exponents: np.ndarray, k: int, rounding: Rounding, dtype: type[np.floating]
) -> np.ndarray:
    """2^(e / 2^k) rounded to `dtype`, as float64: infinity beyond its range.

    All powers of one octave share their mantissa with those of the others but where the float
    is subnormal; those are rounded one by one.
    """
    info = np.finfo(dtype)
    lowest, bits = int(info.minexp), int(info.nmant) + 1
    octave = exponents >> k
    mantissas = _mantissas(k, bits, rounding)[exponents & ((1 << k) - 1)]
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(mantissas, octave - (bits - 1))
    smallest = lowest - int(info.nmant)
    for index in np.argwhere(octave < lowest):
        e = int(exponents[tuple(index)])
        values[tuple(index)] = _ldexp(rounding(e - (smallest << k), k), smallest)
    return values


def least_floats(exponents: np.ndarray, k: int) -> np.ndarray:
    """The smallest float64 ≥ 2^(e / 2^k) for every e, infinity where there is none."""
    return _powers(exponents, k, _round_up, np.float64)


def nearest_floats(exponents: np.ndarray, k: int) -> np.ndarray:
    """2^(e / 2^k) rounded to float64, ties to even."""
    return _powers(exponents, k, _round_to_nearest, np.float64)


@lru_cache(maxsize=256)
def encode_thresholds(format: LnsFormat) -> np.ndarray:
    """For m = 1, 2, ...: the smallest float64 whose code has a magnitude ≥ m, float64[max_m].

    The thresholds are midpoints of the logarithm, 2^((m − 1/2 − B) / 2^f), but the first is half
    of the smallest value, 2^((1 − B) / 2^f − 1). `format` has one bias for the tensor.
    """
    (bias,) = format.biases
    k = format.frac + 1
    exponents = 2 * np.arange(1, format.max_magnitude + 1) - 1 - 2 * bias
    exponents[0] = 2 - 2 * bias - (1 << k)
    return _frozen(least_floats(exponents, k), np.float64)


@lru_cache(maxsize=256)
def decode_table(format: LnsFormat, dtype: type[np.floating] = np.float64) -> np.ndarray:
    """The value of every code, correctly rounded to `dtype` (float64 or float32), [2^width].

    The code of a negative zero, which is illegal, has NaN. `format` has one bias for the tensor.
    """
    (bias,) = format.biases
    exponents = np.arange(1, format.max_magnitude + 1) - bias
    magnitudes = np.append(0.0, _powers(exponents, format.frac, _round_to_nearest, dtype))
    if not format.unsigned:
        magnitudes = np.concatenate([magnitudes, [math.nan], -magnitudes[1:]])
    with np.errstate(over="ignore"):
        return _frozen(magnitudes, dtype)


@lru_cache(maxsize=512)
def reencode_thresholds(
    accumulator_frac: int,
    accumulator_bias: int,
    out_format: LnsFormat,
    antilog_bits: int,
    divisor: int = 1,
) -> np.ndarray:
    """For m = 1, 2, ...: the smallest |acc| whose code has a magnitude ≥ m, int64[max_m].

    On the grid of 2^−(F+1), F the finer of both fracs, that is the smallest integer a with
    a^(2^(F+1)) ≥ divisor^(2^(F+1)) · 2^j(m) (docs/arithmetic.md, "Re-encode").

    Args:
        accumulator_frac, accumulator_bias: the accumulator's scale, see AccumulatorScale.
        out_format: one bias for the tensor.
        antilog_bits: P.
        divisor: what the accumulator is to be divided by (average pools).

    Returns:
        Thresholds that do not decrease; those beyond 63 bits are INT64_MAX.
    """
    scale = reencode_offset(accumulator_frac, accumulator_bias, out_format, antilog_bits)
    exponents = (2 * np.arange(1, out_format.max_magnitude + 1) - 1) * scale.step
    exponents += 2 * scale.offset
    exponents[0] = smallest_exponent(scale)
    return _frozen(integers_at_least(divisor, exponents, scale.fine + 1), np.int64)


class ReencodeOffset(NamedTuple):
    """Where an output's logarithms lie on those of an accumulator, on a grid of 2^−fine.

    A step of a magnitude is `step` on that grid, and a magnitude m has the logarithm of an
    accumulator of 2^((m · step + offset) / 2^fine).
    """

    fine: int
    step: int
    offset: int


def reencode_offset(
    accumulator_frac: int, accumulator_bias: int, out_format: LnsFormat, antilog_bits: int
) -> ReencodeOffset:
    """See docs/arithmetic.md, "Re-encode": F, 2^(F − f_out) and K."""
    (out_bias,) = out_format.biases
    fine = max(accumulator_frac, out_format.frac)
    step = 1 << (fine - out_format.frac)
    offset = (antilog_bits << fine) + (accumulator_bias << (fine - accumulator_frac))
    return ReencodeOffset(fine, step, offset - out_bias * step)


def smallest_exponent(scale: ReencodeOffset) -> int:
    """j(1) of docs/arithmetic.md, half of the smallest value, on the grid of 2^−(F + 1)."""
    return 2 * (scale.step + scale.offset - (1 << scale.fine))


def integers_at_least(n: int, exponents: np.ndarray, k: int) -> np.ndarray:
    """min(⌈n · 2^(e / 2^k)⌉, INT64_MAX) for every e, int64.

    By a shift of one exact root per residue of e: the ceiling of a ceiling's quotient is that of
    the quotient.
    """
    bits = 62 - n.bit_length()
    tops = _roots(n, k, bits)[exponents & ((1 << k) - 1)]
    shift = bits - (exponents >> k)
    values = -(-tops >> np.clip(shift, 0, 63))
    for index in np.flatnonzero(shift < 0):
        e = int(exponents[index])
        beyond = e >> k > 62
        values[index] = INT64_MAX if beyond else min(ceil_scaled_power(n, e, k), INT64_MAX)
    return values


@lru_cache(maxsize=64)
def _roots(n: int, k: int, bits: int) -> np.ndarray:
    """⌈n · 2^(bits + r / 2^k)⌉ for every r, int64[2^k]."""
    return _frozen([ceil_scaled_power(n, r + (bits << k), k) for r in range(1 << k)], np.int64)


def encode_bias(
    bias: np.ndarray, x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """A layer's bias as the accumulators' initial values: RNE(b · 2^(P + (B_w + B_x) / 2^f)).

    Args:
        bias: one number per output channel; taken as the exact rational that it is.

    Returns:
        int64 of the same shape.

    Raises:
        RecogError: a bias is not finite, or does not fit 63 bits.
    """
    bias = np.asarray(bias, np.float64)
    scale = product_scale(x_format, w_format)
    biases = np.broadcast_to(np.array(scale.biases, object), bias.shape)
    unit = arithmetic.precision(scale.frac) << scale.frac
    exponents = [unit + int(b) for b in biases.flat]
    values = [
        _scaled_float(float(b), e, scale.frac) for b, e in zip(bias.flat, exponents, strict=True)
    ]
    return np.array(values, np.int64).reshape(bias.shape)


def _scaled_float(b: float, e: int, k: int) -> int:
    """RNE(b · 2^(e / 2^k))."""
    if not math.isfinite(b):
        raise RecogError(f"a bias is {b}, which has no code")
    numerator, denominator = b.as_integer_ratio()
    value = round_scaled_power(numerator, e - ((denominator.bit_length() - 1) << k), k)
    if abs(value) >= INT64_MAX:
        raise RecogError(
            f"the bias {b} does not fit a 64-bit accumulator at this layer's scale",
            hint="lower the formats' biases, or the antilog bits",
        )
    return value
