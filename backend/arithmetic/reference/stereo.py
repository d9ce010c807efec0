"""Stereo matching on codes, defined: correlation volumes, expected disparities, depths.

Plain NumPy on int64, as `definition`, to be read beside docs/arithmetic.md, "Stereo".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.bounds import largest_product
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.exact import round_scaled_power
from recog.backend.arithmetic.reference.definition import (
    encode_logarithm,
    join,
    products,
    reencode,
    split,
)
from recog.backend.arithmetic.tables import (
    AccumulatorScale,
    encode_thresholds,
    integers_at_least,
    product_scale,
    reencode_thresholds,
)
from recog.dialects.errors import RecogError
from recog.dialects.number_format import MAX_FRAC, Arithmetic, LnsFormat
from recog.dialects.words import counted

LOG2_E, LOG2_E_BITS = 1549082005, 30
"""log2(e) as the rational number that it is here, 1549082005 / 2^30."""

LOGIT_FRAC = 10
"""Fraction bits of logits in octaves: an exponential is one of 2^10 mantissas, shifted."""

EXP_BITS = 16
"""Fraction bits of an exponential, which is 1 at most."""

MAX_FIXED = 1 << 30
"""Where codes in fixed point saturate."""

SUM_BITS = 48
"""Two's-complement bits of the sums of an expectation."""


# Correlation


def correlation(
    left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """Codes [N, C, H, W] twice → [N, D, H, W]: plane d is the mean of left(x) · right(x − d).

    Products are summed over channels exactly; what lies left of the image is zero.
    """
    batch, channels, height, width = left.array.shape
    acc = np.zeros((batch, disparities, height, width), np.int64)
    for d in range(disparities):
        near = Codes(left.array[..., d:], left.format)
        far = Codes(right.array[..., : width - d], right.format)
        acc[:, d, :, d:] = products(near, far, arithmetic).sum(axis=1)
    scale = product_scale(left.format, right.format)
    return reencode(acc, scale.over(channels), out, arithmetic)


def correlation_bound(
    left_format: LnsFormat, right_format: LnsFormat, channels: int, arithmetic: Arithmetic
) -> int:
    """The largest |acc| of a correlation: each of the channels' products the largest there is."""
    return channels * largest_product(left_format, right_format, arithmetic)


# Expectation


def expectation(
    logits: Codes, bins: np.ndarray, residual: Codes | None, out: LnsFormat, *, frac: int
) -> np.ndarray:
    """Σ softmax(logits) · bin [+ residual], codes [N, D, H, W] → [N, 1, H, W].

    Args:
        bins: integers [D], in units of 2^−frac.
        residual: codes [N, 1, H, W].
        frac: fraction bits of the bins, of the residual and of their sum.

    Raises:
        RecogError: the sums over these bins may overflow.
    """
    check_expectation(bins)
    octaves = fixed_table(logits.format, LOGIT_FRAC, in_octaves=True)[logits.array]
    weights = exponential(octaves.max(axis=1, keepdims=True) - octaves)
    total = weights.sum(axis=1, keepdims=True)
    moment = (weights * bins.astype(np.int64)[:, None, None]).sum(axis=1, keepdims=True)
    mean = (2 * moment + total) // (2 * total)
    if residual is not None:
        mean = mean + fixed_table(residual.format, frac)[residual.array]
    return encode_fixed(mean, frac, out)


def exponential(below: np.ndarray) -> np.ndarray:
    """2^(−below / 2^LOGIT_FRAC) in units of 2^−EXP_BITS, for integers below ≥ 0.

    A mantissa of the table E[r] = RNE(2^(EXP_BITS − r / 2^LOGIT_FRAC)), shifted right, halves up.
    """
    shift = np.minimum(below >> LOGIT_FRAC, EXP_BITS + 2)
    mantissa = _exponentials()[below & ((1 << LOGIT_FRAC) - 1)]
    return (mantissa + ((1 << shift) >> 1)) >> shift


@lru_cache(maxsize=1)
def _exponentials() -> np.ndarray:
    """E[r] = RNE(2^(EXP_BITS − r / 2^LOGIT_FRAC)), int64[2^LOGIT_FRAC]."""
    top = EXP_BITS << LOGIT_FRAC
    values = [round_scaled_power(1, top - r, LOGIT_FRAC) for r in range(1 << LOGIT_FRAC)]
    return np.array(values, np.int64)


@lru_cache(maxsize=64)
def fixed_table(format: LnsFormat, frac: int, *, in_octaves: bool = False) -> np.ndarray:
    """The value of every code as an integer in units of 2^−frac: RNE, saturated at MAX_FIXED.

    With `in_octaves`, the value times log2(e) = LOG2_E / 2^LOG2_E_BITS, so that the exponential
    of a value is a power of two. The code of a negative zero has zero.
    """
    factor, bits = (LOG2_E, LOG2_E_BITS) if in_octaves else (1, 0)
    exponents = np.arange(format.max_magnitude + 1) - format.biases[0]
    exponents += (frac - bits) << format.frac
    largest = MAX_FIXED.bit_length() << format.frac
    # Half of the doubled value's ceiling: the only ties there are, 1/2 and LOG2_E / 2, go to even.
    doubled = integers_at_least(2 * factor, np.minimum(exponents, largest), format.frac)
    magnitudes = np.minimum(doubled >> 1, MAX_FIXED)
    sign, magnitude = split(np.arange(1 << format.width), format)
    return sign * magnitudes[magnitude]


def encode_fixed(values: np.ndarray, frac: int, out_format: LnsFormat) -> np.ndarray:
    """The codes of integers in units of 2^−frac, rounded as every accumulator is."""
    thresholds = reencode_thresholds(0, frac, out_format, 0)
    magnitude = np.searchsorted(thresholds, np.abs(values), side="right")
    return join(magnitude, values < 0, out_format)


def expectation_bound(bins: np.ndarray) -> int:
    """The largest |sum| of an expectation, 2 · Σ e · bin + Σ e, whatever the logits."""
    largest = int(np.abs(bins.astype(np.int64)).max(initial=0))
    return (2 * largest + 1) * bins.size << EXP_BITS


def check_expectation(bins: np.ndarray) -> None:
    """Raise RecogError where the sums of an expectation over these bins may overflow."""
    bound, limit = expectation_bound(bins), (1 << (SUM_BITS - 1)) - 1
    if bound > limit:
        raise RecogError(
            f"the sum over {counted(bins.size, 'bin')} may reach {bound}, {SUM_BITS} bits hold "
            f"{limit}"
        )


# Reciprocals


def reciprocal(
    x: Codes, out: LnsFormat, *, log_numerator: int, negative: bool = False
) -> np.ndarray:
    """c / x with |c| = 2^(log_numerator / 2^MAX_FRAC): one subtraction of logarithms, rounded once.

    The quotient by zero is the largest code, with the sign of c.
    """
    sign, magnitude = split(*x)
    sign = -sign if negative else sign
    p = log_numerator - ((magnitude - x.format.biases[0]) << (MAX_FRAC - x.format.frac))
    codes = encode_logarithm(sign, p, AccumulatorScale(MAX_FRAC, (0,)), out)
    largest = join(np.array(out.max_magnitude), np.array(negative), out)
    return np.where(magnitude == 0, largest, codes).astype(out.dtype)


def log_numerator(value: float) -> int:
    """log2(value) in units of 2^−MAX_FRAC, rounded to nearest on the logarithm, for value > 0.

    Found by comparing with the thresholds of codes, never through libm.
    """
    mantissa, octave = np.frexp(value)
    # 1/2 ≤ mantissa < 1: magnitudes around 2^MAX_FRAC + 1 of this format stand for it.
    format = LnsFormat(MAX_FRAC + 2, MAX_FRAC, (1 << MAX_FRAC) * 2 + 1, unsigned=True)
    magnitude = int(np.searchsorted(encode_thresholds(format), mantissa, side="right"))
    return magnitude - format.biases[0] + (int(octave) << MAX_FRAC)
