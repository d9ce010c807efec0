"""What moves over maps without weights, compiled by numba: correlations, averages, sums of two."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import inner
from recog.backend.arithmetic.fast.reencoding import (
    Epilogue,
    Reencoding,
    finish,
    finish_flat,
    reencode_one,
)
from recog.backend.arithmetic.fast.sharing import shared

BLOCK = 1 << 13
"""Elements of a unit of work on two tensors of one shape, each of about a nanosecond."""


@inner
def correlate(
    first: int,
    last: int,
    worker: int,
    left: np.ndarray,
    right: np.ndarray,
    products: np.ndarray,
    how: Reencoding,
    out: np.ndarray,
) -> None:
    """Correlate the rows first, ..., last − 1 of all images.

    Args:
        left, right: uint32 indices [N, C, H, W] whose sums name the products.
        products: of a type that holds every sum.
        out: codes [N, D, H, W].
    """
    _, channels, height, width = left.shape
    disparities = out.shape[1]
    acc = np.empty((disparities, width), products.dtype)
    for unit in range(first, last):
        image, row = unit // height, unit % height
        acc[:] = 0
        for c in range(channels):
            far = right[image, c, row]
            for d in range(disparities):
                near, sums = left[image, c, row, d:], acc[d, d:]
                for v in range(width - d):
                    sums[v] += products[near[v] + far[v]]
        for d in range(disparities):
            codes = out[image, d, row]
            for v in range(width):
                codes[v] = reencode_one(np.int64(acc[d, v]), 0, how)


class Axis(NamedTuple):
    """Where outputs lie among the inputs of an axis; see `sampling.interpolate`.

    Attributes:
        before, after: by output, the two inputs that it lies between.
        weight: by output, that of the second one; the first one has the rest of `steps`.
    """

    before: np.ndarray
    after: np.ndarray
    weight: np.ndarray
    steps: int


@inner
def interpolate(
    first: int,
    last: int,
    worker: int,
    x: np.ndarray,
    values: np.ndarray,
    vertical: Axis,
    horizontal: Axis,
    how: Reencoding,
    out: np.ndarray,
) -> None:
    """Interpolate the rows first, ..., last − 1 of all planes.

    Args:
        x: codes [P, H, W].
        values: the integer of every code, int64.
        out: codes [P, Ho, Wo].
    """
    width = x.shape[2]
    height, wide = out.shape[1:]
    line = np.empty(width, np.int64)
    for unit in range(first, last):
        plane, row = unit // height, unit % height
        above, below = x[plane, vertical.before[row]], x[plane, vertical.after[row]]
        low = vertical.weight[row]
        high = vertical.steps - low
        for v in range(width):
            line[v] = high * values[above[v]] + low * values[below[v]]
        codes = out[plane, row]
        for v in range(wide):
            right = horizontal.weight[v]
            value = (horizontal.steps - right) * line[horizontal.before[v]]
            value += right * line[horizontal.after[v]]
            codes[v] = reencode_one(value, 0, how)


class Pool(NamedTuple):
    """Windows over maps: their size, how far they lie apart, and where the first one begins.

    Attributes:
        row_step, column_step: from one element of a window to the next.
    """

    height: int
    width: int
    stride: int
    column_stride: int
    top: int
    left: int
    row_step: int
    column_step: int


@inner
def average(
    first: int,
    last: int,
    worker: int,
    x: np.ndarray,
    values: np.ndarray,
    pool: Pool,
    how: Reencoding,
    out: np.ndarray,
) -> None:
    """Average the windows of the rows first, ..., last − 1 of all planes; padding is zero.

    Args:
        x: codes [P, H, W].
        values: the integer of every code, int64.
        out: codes [P, Ho, Wo], or the sums themselves, int64.
    """
    height, wide = out.shape[1:]
    line = np.empty(x.shape[2], np.int64)
    for unit in range(first, last):
        plane, row = unit // height, unit % height
        top = row * pool.stride - pool.top
        line[:] = 0
        for r in range(max(top, 0), min(top + pool.height, x.shape[1])):
            given = x[plane, r]
            for v in range(line.size):
                line[v] += values[given[v]]
        codes = out[plane, row]
        for v in range(wide):
            left = v * pool.column_stride - pool.left
            total = np.int64(0)
            for column in range(max(left, 0), min(left + pool.width, line.size)):
                total += line[column]
            codes[v] = finish(total, 0, how)


@inner
def largest(
    first: int,
    last: int,
    worker: int,
    x: np.ndarray,
    ranks: np.ndarray,
    codes_of: np.ndarray,
    pool: Pool,
    out: np.ndarray,
) -> None:
    """The largest elements of the windows of the rows first, ..., last − 1 of all planes.

    Args:
        x: codes [P, H, W].
        ranks: of the codes by value.
        codes_of: the codes by rank.
        out: codes [P, Ho, Wo].
    """
    height, wide = out.shape[1:]
    line = np.empty(x.shape[2], ranks.dtype)
    for unit in range(first, last):
        plane, row = unit // height, unit % height
        top = row * pool.stride - pool.top
        line[:] = 0
        for r in range(pool.height):
            at = top + r * pool.row_step
            if 0 <= at < x.shape[1]:
                given = x[plane, at]
                for v in range(line.size):
                    line[v] = max(line[v], ranks[given[v]])
        codes = out[plane, row]
        for v in range(wide):
            left = v * pool.column_stride - pool.left
            best = ranks.dtype.type(0)
            for c in range(pool.width):
                at = left + c * pool.column_step
                if 0 <= at < line.size:
                    best = max(best, line[at])
            codes[v] = codes_of[best]


@inner
def encode(
    first: int,
    last: int,
    worker: int,
    x: np.ndarray,
    shift: int,
    lowest: int,
    reached: np.ndarray,
    following: np.ndarray,
    sign_mask: int,
    codes: np.ndarray,
) -> None:
    """The codes of real numbers x, flat, of the blocks first, ..., last − 1; see `encoding`."""
    absolute = np.empty(BLOCK, np.float64)
    bits = absolute.view(np.int64)
    for begin in range(first * BLOCK, min(last * BLOCK, x.size), BLOCK):
        some = x[begin : begin + BLOCK]
        for i in range(some.size):
            absolute[i] = abs(np.float64(some[i]))
        for i in range(some.size):
            key = min(max((bits[i] >> shift) - lowest, 0), reached.size - 1)
            magnitude = np.int64(reached[key]) + np.int64(absolute[i] >= following[key])
            negative = some[i] < 0
            if sign_mask == 0:
                magnitude *= np.int64(not negative)
            codes[begin + i] = magnitude | (np.int64(negative and magnitude > 0) * sign_mask)


@inner
def look_up_pairs(
    first: int,
    last: int,
    worker: int,
    a: np.ndarray,
    b: np.ndarray,
    bits: int,
    entries: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = entries[a ‖ b] of the blocks first, ..., last − 1, flat."""
    for i in range(first * BLOCK, min(last * BLOCK, out.size)):
        out[i] = entries[(np.int64(a[i]) << bits) | b[i]]


@inner
def add(
    first: int,
    last: int,
    worker: int,
    a: np.ndarray,
    b: np.ndarray,
    a_values: np.ndarray,
    b_values: np.ndarray,
    epilogue: Epilogue,
    positions: int,
    out: np.ndarray,
) -> None:
    """out = the codes, or accumulators, of a_values[a] + b_values[b], flat, of some blocks.

    Args:
        a_values, b_values: integers by code, int32 where the epilogue has a kernel, else int64.
        positions: of a row of that kernel.
    """
    begin, end = first * BLOCK, min(last * BLOCK, out.size)
    if not epilogue.kernel:
        for i in range(begin, end):
            out[i] = finish(np.int64(a_values[a[i]] + b_values[b[i]]), 0, epilogue.how)
        return
    block = 64 * positions
    sums, staged = np.empty(block, np.int32), np.empty(positions, out.dtype)
    for low in range(begin, end, block):
        high = min(low + block, end)
        codes, left, right = out[low:high], a[low:high], b[low:high]
        for i in range(codes.size):
            sums[i] = a_values[left[i]] + b_values[right[i]]
        finish_flat(sums, 0, epilogue, codes, staged)


correlate_rows, interpolate_rows, average_rows = map(shared, (correlate, interpolate, average))
largest_rows, encode_reals = shared(largest), shared(encode)
look_up_pairs_of, add_two = shared(look_up_pairs), shared(add)
