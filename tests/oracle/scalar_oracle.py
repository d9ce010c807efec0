"""A second opinion on every bit: scalar Python on integers and fractions.

Written from what the numbers mean and not from how `definition` or `tables` compute them; slow,
for tests. Logarithms are exact fractions, and the only decision ever taken on an irrational
number is `at_least`, a comparison of two integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import product as index_product

import numpy as np

from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.dialects.number_format import Arithmetic, LnsFormat

HALF = Fraction(1, 2)

Code = tuple[int, LnsFormat]
"""One code and its format."""


def at_least(a: Fraction, exponent: Fraction) -> bool:
    """a ≥ 2^exponent, for a ≥ 0: both sides to the power of the exponent's denominator."""
    n, e = exponent.denominator, exponent.numerator
    left, right = a.numerator**n, a.denominator**n
    return left >= right << e if e >= 0 else left << -e >= right


def round_power(a: Fraction, exponent: Fraction) -> int:
    """a · 2^exponent to the nearest integer, ties to even."""
    if a <= 0:
        return -round_power(-a, exponent) if a else 0
    high = 1
    while at_least(a / high, -exponent):
        high *= 2
    low = high // 2  # low ≤ a · 2^exponent < high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_least(a / middle, -exponent) else (low, middle)
    middle = low + HALF
    if not at_least(a / middle, -exponent):
        return low
    tie = at_least(middle / a, exponent)
    return low + low % 2 if tie else low + 1


# Codes


def sign_and_magnitude(code: int, format: LnsFormat) -> tuple[int, int]:
    if format.unsigned:
        return 1, code
    return (-1 if code >> (format.width - 1) else 1), code % (1 << (format.width - 1))


def logarithm(magnitude: int, format: LnsFormat, channel: int = 0) -> Fraction:
    """log2 |value| of a magnitude that is not zero."""
    return Fraction(magnitude - format.biases[channel], 2**format.frac)


def nearest_code(
    a: Fraction, exponent: Fraction, negative: bool, format: LnsFormat, channel: int = 0
) -> int:
    """The code of ± a · 2^exponent for a ≥ 0, by search over all magnitudes."""
    if a == 0 or (negative and format.unsigned):
        return 0

    def reaches(m: int) -> bool:
        threshold = logarithm(m, format, channel) - Fraction(1, 2 ** (format.frac + 1))
        if m == 1:
            threshold = logarithm(1, format, channel) - 1
        return at_least(a, threshold - exponent)

    low, high = 0, 2 ** (format.width - (not format.unsigned))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return low + (2 ** (format.width - 1) if negative and low else 0)


def encode(value: float, format: LnsFormat, channel: int = 0) -> int:
    """The code of a finite float."""
    return nearest_code(Fraction(abs(value)), Fraction(0), value < 0, format, channel)


def decode(code: int, format: LnsFormat, channel: int = 0) -> float:
    """The nearest float64 of a code whose value is a normal float64."""
    sign, magnitude = sign_and_magnitude(code, format)
    if magnitude == 0:
        return 0.0
    exponent = logarithm(magnitude, format, channel)
    ulp = math.floor(exponent) - 52
    return sign * math.ldexp(round_power(Fraction(1), exponent - ulp), ulp)


# Accumulators


def antilog_bits(arithmetic: Arithmetic, *formats: LnsFormat) -> int:
    """P for sums of values of these formats: as many bits as the finest code has, and one."""
    wanted = 1 + max(format.frac for format in formats)
    if wanted > arithmetic.fine_antilog_bits:
        wanted = arithmetic.fine_antilog_bits
    return arithmetic.antilog_bits if wanted < arithmetic.antilog_bits else wanted


def antilog(exponent: Fraction, bits: int, mitchell: bool) -> int:
    """2^exponent at P fraction bits, rounded in [1, 2) and then shifted."""
    whole = math.floor(exponent)
    return _mantissa(exponent - whole, bits, mitchell) * 2**whole


@cache
def _mantissa(fraction: Fraction, bits: int, mitchell: bool) -> int:
    if mitchell:
        return round((1 + fraction) * 2**bits)
    return round_power(Fraction(2**bits), fraction)


def product(
    a: int, a_format: LnsFormat, b: int, b_format: LnsFormat, arithmetic: Arithmetic
) -> int:
    """One product, as the integer that an accumulator adds."""
    a_sign, a_magnitude = sign_and_magnitude(a, a_format)
    b_sign, b_magnitude = sign_and_magnitude(b, b_format)
    if a_magnitude == 0 or b_magnitude == 0:
        return 0
    exponent = Fraction(a_magnitude, 2**a_format.frac) + Fraction(b_magnitude, 2**b_format.frac)
    bits = antilog_bits(arithmetic, a_format, b_format)
    return a_sign * b_sign * antilog(exponent, bits, arithmetic.mitchell)


def product_unit(
    x_format: LnsFormat, w_format: LnsFormat, channel: int, arithmetic: Arithmetic
) -> Fraction:
    """log2 of what an accumulator's 1 is worth."""
    w_bias = w_format.biases[channel if w_format.axis is not None else 0]
    x_part = Fraction(x_format.biases[0], 2**x_format.frac)
    bits = antilog_bits(arithmetic, x_format, w_format)
    return -bits - x_part - Fraction(w_bias, 2**w_format.frac)


def encode_bias(
    b: float, x_format: LnsFormat, w_format: LnsFormat, channel: int, arithmetic: Arithmetic
) -> int:
    """A bias in units of the accumulator."""
    return round_power(Fraction(b), -product_unit(x_format, w_format, channel, arithmetic))


def reencode(
    acc: int, unit: Fraction, out_format: LnsFormat | None, relu: bool = False, divisor: int = 1
) -> int:
    """The code of acc · 2^unit / divisor; acc itself if there is no format."""
    if relu and acc < 0:
        return 0
    if out_format is None:
        return acc
    return nearest_code(Fraction(abs(acc), divisor), unit, acc < 0, out_format)


# Operations on arrays


def dot(
    x: Sequence[int],
    x_format: LnsFormat,
    w: Sequence[int],
    w_format: LnsFormat,
    init: int,
    arithmetic: Arithmetic,
) -> int:
    """The accumulator of a dot product."""
    return init + sum(product(a, x_format, b, w_format, arithmetic) for a, b in zip(x, w))


def conv2d(layer: Layer) -> np.ndarray:
    """As `definition.conv2d`, one output at a time; int64 whatever the output."""
    (x, x_format), (w, w_format), init, out_format, arithmetic, window, relu, *_ = layer
    strides, padding, dilation, groups = (
        window.strides,
        window.padding,
        window.dilation,
        window.groups,
    )
    (count, _, height, width), (outputs, inputs, *kernel) = x.shape, w.shape
    reach = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
    rows = (height + padding[0] + padding[2] - reach[0] - 1) // strides[0] + 1
    columns = (width + padding[1] + padding[3] - reach[1] - 1) // strides[1] + 1
    result = np.zeros((count, outputs, rows, columns), np.int64)
    for n, o, row, column in index_product(*map(range, result.shape)):
        acc = 0 if init is None else int(init[o])
        for c, i, j in index_product(range(inputs), *map(range, kernel)):
            y = row * strides[0] + i * dilation[0] - padding[0]
            z = column * strides[1] + j * dilation[1] - padding[1]
            if 0 <= y < height and 0 <= z < width:
                code = int(x[n, o // (outputs // groups) * inputs + c, y, z])
                acc += product(code, x_format, int(w[o, c, i, j]), w_format, arithmetic)
        unit = product_unit(x_format, w_format, o, arithmetic)
        result[n, o, row, column] = reencode(acc, unit, out_format, relu)
    return result


def conv_transpose2d(layer: Layer) -> np.ndarray:
    """As `sampling.conv_transpose2d`, but each output gathers what reaches it; int64."""
    (x, x_format), (w, w_format), init, out_format, arithmetic, window, relu, *_ = layer
    strides, padding, dilation, groups, output_padding = (
        window.strides,
        window.padding,
        window.dilation,
        window.groups,
        window.output_padding,
    )
    (count, _, *size), (outputs, inputs, *kernel) = x.shape, w.shape
    rows, columns = (
        (size[axis] - 1) * strides[axis]
        + dilation[axis] * (kernel[axis] - 1)
        + (1 + output_padding[axis] - padding[axis] - padding[axis + 2])
        for axis in (0, 1)
    )
    result = np.zeros((count, outputs, rows, columns), np.int64)
    for n, o, row, column in index_product(*map(range, result.shape)):
        acc = 0 if init is None else int(init[o])
        for c, i, j in index_product(range(inputs), *map(range, kernel)):
            y, row_rest = divmod(row + padding[0] - i * dilation[0], strides[0])
            z, column_rest = divmod(column + padding[1] - j * dilation[1], strides[1])
            if row_rest or column_rest or not (0 <= y < size[0] and 0 <= z < size[1]):
                continue
            code = int(x[n, o // (outputs // groups) * inputs + c, y, z])
            acc += product(code, x_format, int(w[o, c, i, j]), w_format, arithmetic)
        unit = product_unit(x_format, w_format, o, arithmetic)
        result[n, o, row, column] = reencode(acc, unit, out_format, relu)
    return result


def add(
    a: Code,
    b: Code,
    out_format: LnsFormat,
    arithmetic: Arithmetic,
    *,
    subtract: bool = False,
    relu: bool = False,
) -> int:
    """The code of a sum or a difference."""
    scale = max(Fraction(f.biases[0], 2**f.frac) for _, f in (a, b))
    acc, bits = 0, antilog_bits(arithmetic, a[1], b[1])
    for (code, format), factor in ((a, 1), (b, -1 if subtract else 1)):
        sign, magnitude = sign_and_magnitude(code, format)
        if magnitude:
            exponent = logarithm(magnitude, format) + scale
            acc += factor * sign * antilog(exponent, bits, arithmetic.mitchell)
    return reencode(acc, -bits - scale, out_format, relu)


def mul(a: Code, b: Code, out_format: LnsFormat, *, relu: bool) -> int:
    """The code of a product: no antilog, so nothing but the last rounding."""
    (a_code, a_format), (b_code, b_format) = a, b
    a_sign, a_magnitude = sign_and_magnitude(a_code, a_format)
    b_sign, b_magnitude = sign_and_magnitude(b_code, b_format)
    if a_magnitude == 0 or b_magnitude == 0 or (relu and a_sign != b_sign):
        return 0
    exponent = logarithm(a_magnitude, a_format) + logarithm(b_magnitude, b_format)
    return nearest_code(Fraction(1), exponent, a_sign != b_sign, out_format)


def position(y: int, given: int, wanted: int, steps: int, align_corners: bool) -> Fraction:
    """Where output y of `wanted` lies among `given` inputs, to the nearest 1 / steps."""
    if align_corners:
        at = Fraction(y * (given - 1), wanted - 1) if wanted > 1 else Fraction(0)
    else:
        at = (y + HALF) * Fraction(given, wanted) - HALF
    rounded = Fraction(math.floor(at * steps + HALF), steps)
    return min(max(rounded, Fraction(0)), Fraction(given - 1))


def resize_bilinear(
    codes: Codes, to: Interpolation, out_format: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """As `sampling.resize_bilinear`: every input weighted by a tent around each output; int64."""
    (x, x_format), size, steps, align_corners = codes, to.size, to.steps, to.align_corners
    result = np.zeros((*x.shape[:2], *size), np.int64)
    bits = antilog_bits(arithmetic, x_format)
    unit = -bits - Fraction(x_format.biases[0], 2**x_format.frac)
    for n, c, row, column in index_product(*map(range, result.shape)):
        y = position(row, x.shape[2], size[0], steps[0], align_corners)
        z = position(column, x.shape[3], size[1], steps[1], align_corners)
        total = Fraction(0)
        for i, j in index_product(*map(range, x.shape[2:])):
            weight = max(1 - abs(y - i), 0) * max(1 - abs(z - j), 0)
            sign, magnitude = sign_and_magnitude(int(x[n, c, i, j]), x_format)
            if magnitude:
                exponent = Fraction(magnitude, 2**x_format.frac)
                total += weight * sign * antilog(exponent, bits, arithmetic.mitchell)
        result[n, c, row, column] = nearest_code(abs(total), unit, total < 0, out_format)
    return result


def average(
    codes: Sequence[int],
    format: LnsFormat,
    out_format: LnsFormat,
    divisor: int,
    relu: bool,
    arithmetic: Arithmetic,
) -> int:
    """The code of a mean: the sum of some codes over `divisor`."""
    acc, bits = total(codes, format, arithmetic), antilog_bits(arithmetic, format)
    unit = -bits - Fraction(format.biases[0], 2**format.frac)
    return reencode(acc, unit, out_format, relu, divisor)


def total(codes: Sequence[int], format: LnsFormat, arithmetic: Arithmetic) -> int:
    """The sum of some codes, as an accumulator holds it."""
    acc, bits = 0, antilog_bits(arithmetic, format)
    for code in codes:
        sign, magnitude = sign_and_magnitude(code, format)
        if magnitude:
            acc += sign * antilog(Fraction(magnitude, 2**format.frac), bits, arithmetic.mitchell)
    return acc


def convert(code: int, format: LnsFormat, out_format: LnsFormat) -> int:
    """The code in another format."""
    sign, magnitude = sign_and_magnitude(code, format)
    if magnitude == 0:
        return 0
    return nearest_code(Fraction(1), logarithm(magnitude, format), sign < 0, out_format)
