"""Between logarithms and linear fixed point: powers of two, angles, rounding; NumPy int64.

A logarithm is an integer count of 2^-16; a fixed-point number with q fraction bits counts 2^-q.
Everything rounds to nearest, halves up, and saturates at the ends of 32 bits, see
docs/arithmetic.md. The tables are computed with integers and decimals alone, never by libm.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.exact import round_scaled_power
from recog.dialects.box_geometry import CameraGeometry, ImageGeometry
from recog.dialects.number_format import LnsFormat

LOG_BITS = 16
"""Fraction bits of a logarithm."""
MANTISSA_BITS = 30
ANGLE_BITS = 20
"""Fraction bits of an angle in radians, and of the ratio that it is computed of."""
LARGEST = (1 << 31) - 1
SMALLEST_LOG = -(1 << 40)
"""The logarithm that stands for that of zero: every power of it is 0."""

_DECIMAL = Context(prec=60)


def round_shift(values: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """⌊values / 2^shift + 1/2⌋ for shifts from 1 to 62."""
    half = np.left_shift(np.int64(1), np.asarray(shift, np.int64) - 1)
    return (values + half) >> shift


def saturate(values: np.ndarray) -> np.ndarray:
    """Values clipped to 32-bit two's complement, as int64."""
    return np.clip(values, -LARGEST - 1, LARGEST)


# Powers of two


@lru_cache(maxsize=1)
def _mantissa_tables() -> tuple[np.ndarray, np.ndarray]:
    """2^(i / 2^8) and 2^(i / 2^16), rounded to 2^-30, for i < 256."""
    high = [round_scaled_power(1 << MANTISSA_BITS, i, 8) for i in range(256)]
    low = [round_scaled_power(1 << MANTISSA_BITS, i, 16) for i in range(256)]
    return np.array(high, np.int64), np.array(low, np.int64)


def mantissa(logarithm: np.ndarray) -> np.ndarray:
    """2^(fraction of the logarithm) on 2^-30: the product of two table entries, rounded once."""
    high, low = _mantissa_tables()
    fraction = logarithm & ((1 << LOG_BITS) - 1)
    return round_shift(high[fraction >> 8] * low[fraction & 255], MANTISSA_BITS)


def exp2(logarithm: np.ndarray, frac: int) -> np.ndarray:
    """2^logarithm as fixed point with `frac` fraction bits, at most 2^31 - 1."""
    shift = MANTISSA_BITS - frac - (logarithm >> LOG_BITS)
    rounded = round_shift(mantissa(logarithm), np.clip(shift, 1, 62))
    exact = np.minimum(mantissa(logarithm), LARGEST)
    return np.where(shift > 0, rounded, np.where(shift == 0, exact, LARGEST))


def log2_fixed(value: float) -> int:
    """log2 of a positive number as a logarithm, rounded to nearest."""
    return _to_integer(_log2(_DECIMAL.create_decimal_from_float(value)), LOG_BITS)


def linear_fixed(value: float, frac: int) -> int:
    """A number as fixed point with `frac` fraction bits, rounded to nearest, ties to even."""
    return round(Fraction(value) * (1 << frac))


def _log2(value: Decimal) -> Decimal:
    return _DECIMAL.divide(_DECIMAL.ln(value), _DECIMAL.ln(Decimal(2)))


def _to_integer(value: Decimal, frac: int) -> int:
    return int(_DECIMAL.multiply(value, Decimal(1 << frac)).to_integral_value("ROUND_HALF_EVEN"))


@lru_cache(maxsize=1)
def log2_of_log2_e() -> int:
    """log2(log2(e)): what makes of a logarithm of x that of x · log2(e)."""
    return _to_integer(_log2(_log2(_DECIMAL.exp(Decimal(1)))), LOG_BITS)


# Codes


def logarithms(codes: np.ndarray, format: LnsFormat) -> tuple[np.ndarray, np.ndarray]:
    """Signs (−1, 0, +1) and logarithms of codes; that of zero is SMALLEST_LOG."""
    wide = codes.astype(np.int64)
    magnitude = wide & format.max_magnitude
    sign = np.where(magnitude == 0, 0, np.where(wide & format.sign_mask, -1, 1))
    logarithm = (magnitude - format.biases[0]) << (LOG_BITS - format.frac)
    return sign, np.where(magnitude == 0, SMALLEST_LOG, logarithm)


def linear(codes: np.ndarray, format: LnsFormat, frac: int) -> np.ndarray:
    """The values of codes as fixed point with `frac` fraction bits."""
    sign, logarithm = logarithms(codes, format)
    return sign * exp2(logarithm, frac)


def times_log2_e(codes: np.ndarray, format: LnsFormat) -> np.ndarray:
    """The logarithm of e^x for codes of x: x · log2(e), a sum of logarithms and one power."""
    sign, logarithm = logarithms(codes, format)
    return sign * exp2(logarithm + log2_of_log2_e(), LOG_BITS)


# The logarithm of 1 + 2^-x, and of the sigmoid


@lru_cache(maxsize=1)
def _log_one_plus_table() -> np.ndarray:
    """log2(1 + 2^-(i / 32)) as logarithms, for i from 0 to 513."""
    powers = (_DECIMAL.power(2, Decimal(-i) / 32) for i in range(514))
    return np.array(
        [_to_integer(_log2(_DECIMAL.add(1, power)), LOG_BITS) for power in powers], np.int64
    )


def log_one_plus(x: np.ndarray) -> np.ndarray:
    """log2(1 + 2^-x) for logarithms x ≥ 0, linear between multiples of 1/32, 0 from 16 on."""
    bits = LOG_BITS - 5
    table = _log_one_plus_table()
    index = np.minimum(x >> bits, 512)
    between = (table[index + 1] - table[index]) * (x & ((1 << bits) - 1))
    return np.where(x >> LOG_BITS < 16, table[index] + round_shift(between, bits), 0)


def log_sigmoid(codes: np.ndarray, format: LnsFormat) -> np.ndarray:
    """log2(1 / (1 + e^-x)) for codes of x: min(u, 0) − log2(1 + 2^-|u|) with u = x · log2(e)."""
    u = times_log2_e(codes, format)
    return np.minimum(u, 0) - log_one_plus(np.abs(u))


# Angles


@lru_cache(maxsize=1)
def _arc_tangents() -> np.ndarray:
    """atan(i / 256) on 2^-20, for i from 0 to 257."""
    return np.array([_rounded(_arc_tangent(Fraction(i, 256)), ANGLE_BITS) for i in range(258)])


def _arc_tangent(x: Fraction) -> Fraction:
    """atan of 0 ≤ x ≤ 1.01 to 70 bits (Euler's series, each term less than 0.51 of the last)."""
    factor = Fraction(_rounded(x * x / (1 + x * x), 100), 1 << 100)
    term = total = Fraction(_rounded(x / (1 + x * x), 100), 1 << 100)
    n = 1
    while term > Fraction(1, 1 << 80):
        term = Fraction(_rounded(term * factor * 2 * n / (2 * n + 1), 100), 1 << 100)
        total += term
        n += 1
    return total


def _rounded(value: Fraction, frac: int) -> int:
    return round(value * (1 << frac))


@lru_cache(maxsize=1)
def pi() -> int:
    """π as an angle."""
    return _rounded(4 * _arc_tangent(Fraction(1)), ANGLE_BITS)


@lru_cache(maxsize=1)
def half_pi() -> int:
    """π / 2 as an angle."""
    return _rounded(2 * _arc_tangent(Fraction(1)), ANGLE_BITS)


def arc_tangent(ratio: np.ndarray) -> np.ndarray:
    """atan of a ratio from 0 to 1 with 20 fraction bits, linear between multiples of 1/256."""
    bits = ANGLE_BITS - 8
    table = _arc_tangents()
    index = ratio >> bits
    between = (table[index + 1] - table[index]) * (ratio & ((1 << bits) - 1))
    return table[index] + round_shift(between, bits)


def first_octants(ratio: np.ndarray, steep: np.ndarray) -> np.ndarray:
    """The angle from 0 to π / 2 whose tangent is the ratio, or its reciprocal where `steep`."""
    angle = arc_tangent(ratio)
    return np.where(steep, half_pi() - angle, angle)


def angle_of_codes(
    y: np.ndarray, y_format: LnsFormat, x: np.ndarray, x_format: LnsFormat
) -> np.ndarray:
    """atan2(y, x) of codes: the ratio is a power of the difference of their logarithms."""
    y_sign, y_log = logarithms(y, y_format)
    x_sign, x_log = logarithms(x, x_format)
    ratio = exp2(np.minimum(y_log, x_log) - np.maximum(y_log, x_log), ANGLE_BITS)
    steep = y_log > x_log
    angle = first_octants(np.where((y_sign == 0) | (x_sign == 0), 0, ratio), steep)
    angle = np.where(x_sign < 0, pi() - angle, angle)
    return np.where(y_sign < 0, -angle, angle)


def angle_of_slope(y: np.ndarray, x: int) -> np.ndarray:
    """atan(y / x) of integers, x > 0: the smaller over the larger, rounded."""
    size = np.abs(y)
    low, high = np.minimum(size, x), np.maximum(size, x)
    angle = first_octants(((low << ANGLE_BITS) + (high >> 1)) // high, size > x)
    return np.where(y < 0, -angle, angle)


def wrapped(angle: np.ndarray) -> np.ndarray:
    """An angle from −2π to 2π, moved by a turn into (−π, π]."""
    turn = 2 * pi()
    angle = np.where(angle > pi(), angle - turn, angle)
    return np.where(angle <= -pi(), angle + turn, angle)


# Geometry


def image_geometry(stride: float) -> ImageGeometry:
    """The integers of a stride in pixels; raises ValueError where it is out of range."""
    _positive(stride=stride)
    return ImageGeometry(linear_fixed(stride, LOG_BITS), log2_fixed(stride / 2))


def camera_geometry(stride: float, camera: list[float], priors: list[float]) -> CameraGeometry:
    """The integers of a camera: focal length, cu, cv in pixels, baseline in metres.

    Raises:
        ValueError: a number is out of range.
    """
    focal, cu, cv, baseline = camera
    _positive(stride=stride, focal=focal, baseline=baseline)
    for prior in priors:
        _positive(priors=prior)
    return CameraGeometry(
        linear_fixed(stride, LOG_BITS),
        (linear_fixed(cu, LOG_BITS), linear_fixed(cv, LOG_BITS)),
        linear_fixed(focal, LOG_BITS),
        log2_fixed(focal * baseline),
        log2_fixed(baseline),
        tuple(map(log2_fixed, priors)),
    )


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be positive and finite, got {value}")
