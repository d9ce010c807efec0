"""Accumulators to codes, compiled: buckets by the leading bits, one threshold a bucket."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import jit, leading_zeros


class Reencoding(NamedTuple):
    """How accumulators become codes; see `reencode_one`.

    Attributes:
        bits: leading bits below the highest one that pick a bucket.
        reached, following: by table and bucket, the thresholds that a bucket's first integer has
            reached, and the threshold after those.
        table, base, smallest: by channel, which table, the count at magnitude 0, and the smallest
            |acc| that is not zero.
        largest: the largest magnitude.
        sign_mask: the output's sign bit; 0 makes negative values zero.
    """

    bits: int
    reached: np.ndarray
    following: np.ndarray
    table: np.ndarray
    base: np.ndarray
    smallest: np.ndarray
    largest: int
    sign_mask: int


@jit
def reencode_one(value: int, channel: int, how: Reencoding) -> int:
    """The code of an accumulator, without a branch that data decide."""
    negative = np.int64(value < 0)
    absolute = max(value, 0) if how.sign_mask == 0 else abs(value)
    positive = max(absolute, 1)
    exponent = 63 - leading_zeros(positive)
    leading = (positive << (62 - exponent)) >> (62 - how.bits)
    key = (exponent << how.bits) + leading - (1 << how.bits)
    table = how.table[channel]
    reached = how.reached[table, key] + np.int64(absolute >= how.following[table, key])
    magnitude = min(max(reached - how.base[channel], 1), how.largest)
    code = magnitude | (negative * how.sign_mask)
    return code * np.int64(absolute >= how.smallest[channel])


@jit
def finish(value: int, channel: int, how: Reencoding) -> int:
    """A code, or the accumulator itself where `how` has no thresholds."""
    if how.bits == 0:
        return value if how.sign_mask else max(value, 0)
    return reencode_one(value, channel, how)
