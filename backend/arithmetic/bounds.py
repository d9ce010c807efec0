"""How large an accumulator can get: the proof that none overflows.

Every bound holds for any order of summation, so at every prefix: products of one sign only add
up in one direction, and the initial value counts towards its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference.definition import split
from recog.backend.arithmetic.tables import INT64_MAX, add_scale, antilog_table
from recog.dialects.number_format import Arithmetic, LnsFormat


def antilog_integer(p: int, frac: int, arithmetic: Arithmetic) -> int:
    """T(p) as a Python integer, of any size; it does not decrease with p ≥ 0."""
    return int(antilog_table(frac, arithmetic)[p & ((1 << frac) - 1)]) << (p >> frac)


def accumulator_limit(arithmetic: Arithmetic) -> int:
    """The largest |acc| that an accumulator holds."""
    return min((1 << (arithmetic.accumulator_width - 1)) - 1, INT64_MAX - 1)


def shown(bound: int) -> str:
    """A bound as text; Python refuses to print integers of thousands of digits."""
    return str(bound) if bound.bit_length() <= 256 else f"2^{bound.bit_length() - 1}"


def largest_product(x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic) -> int:
    """The largest integer that one product of these formats adds."""
    frac = max(x_format.frac, w_format.frac)
    x_exponent = x_format.max_magnitude << (frac - x_format.frac)
    w_exponent = w_format.max_magnitude << (frac - w_format.frac)
    return antilog_integer(x_exponent + w_exponent, frac, arithmetic)


def accumulator_bounds(
    w: Codes, x_format: LnsFormat, init: np.ndarray | None, arithmetic: Arithmetic
) -> list[int]:
    """The largest |acc| of a convolution or linear layer, one per output channel.

    Taken from the actual weights and the input format's largest code; an unsigned input cannot
    turn weights of both signs the same way, so the larger side alone counts.

    Args:
        w: weight codes [O, ...].
        init: the accumulators' initial values, int64[O], or None.
    """
    initial = [0] * len(w.array) if init is None else [int(value) for value in init]
    bounds = []
    for weights, start in zip(w.array, initial, strict=True):
        positive, negative = _reach(weights, w.format, x_format, arithmetic)
        if not x_format.unsigned:
            positive = negative = positive + negative
        bounds.append(max(positive + max(start, 0), negative + max(-start, 0)))
    return bounds


def _reach(
    weights: np.ndarray, w_format: LnsFormat, x_format: LnsFormat, arithmetic: Arithmetic
) -> tuple[int, int]:
    """The sum of |products| of the positive weights with the largest input, and the negative's."""
    counts = np.bincount(weights.reshape(-1))
    codes = np.flatnonzero(counts)
    signs, terms = _largest_terms(w_format.with_bias(0), x_format.with_bias(0), arithmetic)
    sums = counts[codes] * terms[codes]
    return int(sums[signs[codes] > 0].sum()), int(sums[signs[codes] < 0].sum())


@lru_cache(maxsize=64)
def _largest_terms(
    w_format: LnsFormat, x_format: LnsFormat, arithmetic: Arithmetic
) -> tuple[np.ndarray, np.ndarray]:
    """For every weight code its sign, and the largest product with an input as Python integers."""
    frac = max(x_format.frac, w_format.frac)
    x_exponent = x_format.max_magnitude << (frac - x_format.frac)
    signs, magnitudes = split(np.arange(1 << w_format.width), w_format)
    exponents = x_exponent + (magnitudes << (frac - w_format.frac))
    terms = [antilog_integer(p, frac, arithmetic) for p in exponents.tolist()]
    return signs, np.array(terms, object)


def check_accumulator(
    w: Codes, x_format: LnsFormat, init: np.ndarray | None, arithmetic: Arithmetic
) -> list[tuple[int, int]]:
    """The output channels whose accumulator may overflow, each with its bound; [] is the proof."""
    limit = accumulator_limit(arithmetic)
    bounds = accumulator_bounds(w, x_format, init, arithmetic)
    return [(channel, bound) for channel, bound in enumerate(bounds) if bound > limit]


def add_bound(a_format: LnsFormat, b_format: LnsFormat, arithmetic: Arithmetic) -> int:
    """The largest |acc| of a sum or a difference of two tensors of these formats."""
    scale = add_scale(a_format, b_format)
    bound = 0
    for format in (a_format, b_format):
        shift = scale.frac - format.frac
        p = (format.max_magnitude << shift) + scale.biases[0] - (format.biases[0] << shift)
        bound += antilog_integer(p, scale.frac, arithmetic)
    return bound


def pool_bound(x_format: LnsFormat, count: int, arithmetic: Arithmetic) -> int:
    """The largest |acc| of a sum of `count` elements of this format, as in average pooling."""
    return count * antilog_integer(x_format.max_magnitude, x_format.frac, arithmetic)


def resize_bound(x_format: LnsFormat, steps: Sequence[int], arithmetic: Arithmetic) -> int:
    """The largest |acc| of a bilinear interpolation, whose weights sum to the steps' product."""
    return pool_bound(x_format, steps[0] * steps[1], arithmetic)
