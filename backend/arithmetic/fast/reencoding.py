"""Accumulators to codes, compiled: buckets by the leading bits, one threshold a bucket."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import inner, invoke, jit, leading_zeros


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


@inner
def finish(value: int, channel: int, how: Reencoding) -> int:
    """A code, or the accumulator itself where `how` has no thresholds."""
    if how.bits == 0:
        return value if how.sign_mask else max(value, 0)
    return reencode_one(value, channel, how)


class Epilogue(NamedTuple):
    """What a layer's sums need to become its codes or accumulators.

    Attributes:
        kernel: the address of `finish` of `emit`; 0 where the sums, or the result, are int64.
        init: the accumulators' initial values, int64[O].
        channels: what that kernel reads of each channel, int32[O, 6].
        tables: the memory that `channels` leads to.
    """

    kernel: int
    init: np.ndarray
    channels: np.ndarray
    tables: np.ndarray
    how: Reencoding


@inner
def finish_rows(
    epilogue: Epilogue,
    acc: int,
    channels: int,
    channel_bytes: int,
    target: int,
    rows: int,
    row_bytes: int,
) -> None:
    """Re-encode rows of sums by the kernel, from and to addresses.

    Args:
        channel_bytes: how far a row's channel lies behind that of the row before.
        row_bytes: how far a row's codes lie behind those of the row before.
    """
    how = epilogue.how
    invoke(
        epilogue.kernel,
        (
            np.int64(acc),
            np.int64(channels),
            np.int64(channel_bytes),
            np.int64(target),
            np.int64(rows),
            np.int64(row_bytes),
            np.int64(how.bits),
            np.int64(how.largest),
            np.int64(how.sign_mask),
        ),
    )


@inner
def finish_flat(
    sums: np.ndarray, channel: int, epilogue: Epilogue, codes: np.ndarray, staged: np.ndarray
) -> None:
    """Re-encode sums of one channel by the kernel; the last ones by way of `staged`, of one row."""
    positions, size = staged.size, codes.itemsize
    rows = codes.size // positions
    done = rows * positions
    source, own = sums.ctypes.data, epilogue.channels[channel].ctypes.data
    if rows:
        finish_rows(epilogue, source, own, 0, codes.ctypes.data, rows, positions * size)
    if done < codes.size:
        finish_rows(epilogue, source + 4 * done, own, 0, staged.ctypes.data, 1, 0)
        codes[done:] = staged[: codes.size - done]
