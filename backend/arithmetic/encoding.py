"""Real numbers to codes without a search: the leading bits of a float64 pick a bucket.

Thresholds lie 2^(1 / 2^f) apart, but for the first one, so a bucket of an octave's 2^−(f + 1)
holds one at most; see `buckets`, which re-encodes integers the same way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.reference import definition
from recog.backend.arithmetic.tables import encode_thresholds
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat

BLOCK = 1 << 15
"""Values encoded at once, for the cache."""


class Buckets(NamedTuple):
    """`reached` thresholds up to a bucket's lower edge, and the one after those; NaN for none."""

    shift: int
    first: int
    reached: np.ndarray
    following: np.ndarray


@lru_cache(maxsize=64)
def buckets_of(format: LnsFormat) -> Buckets:
    """The buckets of a format that `has_buckets`."""
    thresholds = encode_thresholds(format)
    shift = 52 - (format.frac + 1)
    keys = thresholds.view(np.int64) >> shift
    # A bucket before the first threshold stands for all below it, the last for all above.
    first, last = int(keys[0]) - 1, int(keys[-1]) + 1
    edges = (np.arange(first, last + 1) << shift).view(np.float64)
    reached = np.searchsorted(thresholds, edges, side="right")
    following = np.append(thresholds, np.nan)[reached]
    return Buckets(shift, first, reached.astype(format.dtype), following)


def encode(values: np.ndarray, format: LnsFormat) -> np.ndarray:
    """As `definition.encode`."""
    if not has_buckets(format):
        return definition.encode(values, format)
    if np.isnan(values).any():
        raise RecogError("NaN has no LNS code")
    flat = np.ascontiguousarray(values).reshape(-1)
    codes = np.empty(flat.shape, format.dtype)
    for start in range(0, flat.size, BLOCK):
        part = slice(start, start + BLOCK)
        codes[part] = _encode_block(flat[part].astype(np.float64), format, buckets_of(format))
    return codes.reshape(values.shape)


@lru_cache(maxsize=64)
def has_buckets(format: LnsFormat) -> bool:
    """Whether there is one bias, and float64 holds all thresholds to full precision."""
    if format.axis is not None:
        return False
    thresholds = encode_thresholds(format)
    return bool(thresholds[0] > 1e-300 and thresholds[-1] < 1e300)


def _encode_block(values: np.ndarray, format: LnsFormat, buckets: Buckets) -> np.ndarray:
    absolute = np.abs(values)
    keys = (absolute.view(np.int64) >> buckets.shift) - buckets.first
    np.clip(keys, 0, len(buckets.reached) - 1, out=keys)
    codes = buckets.reached.take(keys)
    codes += absolute >= buckets.following.take(keys)
    negative = values < 0
    if format.unsigned:
        codes *= ~negative
    else:
        codes |= (negative & (codes > 0)) * format.dtype.type(format.sign_mask)
    return codes
