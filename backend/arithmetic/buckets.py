"""Re-encoding without a search: the leading bits of |acc| as a float64 pick a bucket."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic import definition
from recog.backend.arithmetic.definition import bias_parts
from recog.backend.arithmetic.tables import AccumulatorScale, reencode_thresholds
from recog.dialects.number_format import Arithmetic, LnsFormat

EXACT = 1 << 53
"""float64 holds every integer up to here."""

BLOCK = 1 << 15
"""Accumulators re-encoded at once, for the cache."""


class _Buckets(NamedTuple):
    """Thresholds sorted into buckets of float64's exponent and leading mantissa bits.

    A bucket holds one threshold at most: `reached` counts those up to its lower edge, `next` is
    the following one. Bucket 0 is for zero.
    """

    shift: int
    reached: np.ndarray
    next: np.ndarray


@lru_cache(maxsize=256)
def _buckets(
    frac: int, bias: int, out_format: LnsFormat, antilog_bits: int, divisor: int
) -> _Buckets:
    exact = reencode_thresholds(frac, bias, out_format, antilog_bits, divisor)
    thresholds = np.append(np.minimum(exact, 2 * EXACT), 2 * EXACT).astype(np.float64)
    bits = out_format.frac + 2
    keys = np.arange(53 << bits, dtype=np.int64) + (1023 << bits)
    edges = (keys << (52 - bits)).view(np.float64)
    reached = np.searchsorted(thresholds, edges, side="right")
    reached = np.concatenate([[0], reached]).astype(out_format.dtype)
    return _Buckets(52 - bits, reached, thresholds[reached])


def reencode(
    accumulators: np.ndarray,
    scale: AccumulatorScale,
    out_format: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    relu: bool = False,
    divisor: int = 1,
    axis: int = 1,
) -> np.ndarray:
    """As `definition.reencode`."""
    largest = max(int(accumulators.max(initial=0)), -int(accumulators.min(initial=0)))
    if out_format is None or out_format.frac > 8 or largest >= EXACT:
        return definition.reencode(
            accumulators, scale, out_format, arithmetic, relu=relu, divisor=divisor, axis=axis
        )
    codes = np.empty(accumulators.shape, out_format.dtype)
    for part, bias in bias_parts(scale, codes.ndim, axis):
        buckets = _buckets(scale.frac, bias, out_format, arithmetic.antilog_bits, divisor)
        taken = accumulators[part]
        flat = taken.reshape(-1)
        found = np.empty(flat.shape, out_format.dtype)
        for first in range(0, flat.size, BLOCK):
            block = slice(first, first + BLOCK)
            found[block] = _reencode_block(flat[block], buckets, out_format, relu)
        codes[part] = found.reshape(taken.shape)
    return codes


def _reencode_block(
    accumulators: np.ndarray, buckets: _Buckets, out_format: LnsFormat, relu: bool
) -> np.ndarray:
    """The codes of accumulators below 2^53 that share one scale."""
    one_sided = relu or out_format.unsigned
    clipped = np.maximum(accumulators, 0) if one_sided else np.abs(accumulators)
    absolute = clipped.astype(np.float64)
    keys = absolute.view(np.int64) >> buckets.shift
    keys -= (1023 << (52 - buckets.shift)) - 1
    np.maximum(keys, 0, out=keys)
    codes = buckets.reached.take(keys)
    codes += absolute >= buckets.next.take(keys)
    if not one_sided:
        negative = accumulators < 0
        negative &= codes > 0
        codes |= negative * out_format.dtype.type(out_format.sign_mask)
    return codes
