"""A second opinion on stereo matching: scalar Python on integers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scalar_oracle import (
    logarithm,
    nearest_code,
    product,
    product_unit,
    reencode,
    round_power,
    sign_and_magnitude,
)

from recog.backend.arithmetic.codes import Codes
from recog.dialects.number_format import Arithmetic, LnsFormat

LOG2_E = Fraction(1549082005, 2**30)


def correlation(
    near: Codes, far: Codes, disparities: int, out_format: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    (left, left_format), (right, right_format) = near, far
    batch, channels, height, width = left.shape
    codes = np.zeros((batch, disparities, height, width), out_format.dtype)
    unit = product_unit(left_format, right_format, 0, arithmetic)
    for n, d, y, x in np.ndindex(*codes.shape):
        if x < d:
            continue
        pairs = zip(left[n, :, y, x].tolist(), right[n, :, y, x - d].tolist())
        acc = sum(product(a, left_format, b, right_format, arithmetic) for a, b in pairs)
        codes[n, d, y, x] = reencode(acc, unit, out_format, divisor=channels)
    return codes


def fixed(code: int, format: LnsFormat, factor: Fraction, frac: int) -> int:
    """The value of a code times `factor`, in units of 2^-frac, saturated at 2^30."""
    sign, magnitude = sign_and_magnitude(code, format)
    if magnitude == 0:
        return 0
    exponent = logarithm(magnitude, format) + frac
    if exponent >= 31:
        return sign * 2**30
    return sign * min(round_power(factor, exponent), 2**30)


def exponential(below: int) -> int:
    """2^-(below / 1024) in units of 2^-16: one of 1024 mantissas shifted, halves up."""
    shift, rest = divmod(below, 1024)
    mantissa = round_power(Fraction(1), 16 - Fraction(rest, 1024))
    return math.floor(Fraction(mantissa, 2**shift) + Fraction(1, 2))


def expectation(
    of: Codes, bins: np.ndarray, residual: Codes | None, out_format: LnsFormat, frac: int
) -> np.ndarray:
    logits, logit_format = of
    batch, _, height, width = logits.shape
    codes = np.zeros((batch, 1, height, width), out_format.dtype)
    for n, _, y, x in np.ndindex(*codes.shape):
        octaves = [fixed(code, logit_format, LOG2_E, 10) for code in logits[n, :, y, x].tolist()]
        weights = [exponential(max(octaves) - each) for each in octaves]
        moment = sum(weight * bin for weight, bin in zip(weights, bins.tolist()))
        value = math.floor(Fraction(moment, sum(weights)) + Fraction(1, 2))
        if residual is not None:
            value += fixed(int(residual.array[n, 0, y, x]), residual.format, Fraction(1), frac)
        codes[n, 0, y, x] = nearest_code(
            Fraction(abs(value)), Fraction(-frac), value < 0, out_format
        )
    return codes


def reciprocal(
    code: int, format: LnsFormat, out_format: LnsFormat, log_numerator: int, negative: bool
) -> int:
    sign, magnitude = sign_and_magnitude(code, format)
    minus = (sign < 0) != negative
    if magnitude == 0:
        if negative and out_format.unsigned:
            return 0
        return out_format.max_magnitude | (out_format.sign_mask if negative else 0)
    exponent = Fraction(log_numerator, 4096) - logarithm(magnitude, format)
    return nearest_code(Fraction(1), exponent, minus, out_format)
