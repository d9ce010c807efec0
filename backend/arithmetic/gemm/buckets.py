"""Re-encoding without a search: the leading bits of |acc| as a float64 pick a bucket.

Thresholds are the same for every bias, but for their numbers (docs/arithmetic.md, "Re-encode").
So one table counts the thresholds that |acc| has reached, and each channel takes its offset
from the count; only the smallest value's threshold is a channel's own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.reference import definition
from recog.backend.arithmetic.tables import (
    AccumulatorScale,
    integers_at_least,
    reencode_offset,
    smallest_exponent,
)
from recog.dialects.number_format import Arithmetic, LnsFormat

EXACT = 1 << 53
"""float64 holds every integer up to here."""

BLOCK = 1 << 15
"""Accumulators re-encoded at once, for the cache."""


class _Buckets(NamedTuple):
    """Thresholds θ(1), θ(2), ... sorted into buckets of float64's exponent and leading bits.

    θ(i) is the smallest integer ≥ divisor · 2^(((2i − 1) · step + 2ρ) / 2^(fine + 1)); `below`
    more of them, i = 0, −1, ..., lie above 1, and the count includes them. A bucket holds one
    threshold at most: `reached` counts those up to its lower edge, `next` is the following one.
    Bucket 0 is for zero.
    """

    shift: int
    below: int
    reached: np.ndarray
    next: np.ndarray


@lru_cache(maxsize=64)
def _buckets(fine: int, step: int, rest: int, divisor: int) -> _Buckets:
    frac = fine - (step.bit_length() - 1)
    below = divisor.bit_length() << frac
    numbers = np.arange(1 - below, (54 << frac) + 1)
    exact = integers_at_least(divisor, (2 * numbers - 1) * step + 2 * rest, fine + 1)
    thresholds = np.append(np.minimum(exact, 2 * EXACT), 2 * EXACT).astype(np.float64)
    bits = frac + 2
    keys = np.arange(53 << bits, dtype=np.int64) + (1023 << bits)
    edges = (keys << (52 - bits)).view(np.float64)
    reached = np.searchsorted(thresholds, edges, side="right")
    reached = np.concatenate([[0], reached]).astype(np.int32)
    return _Buckets(52 - bits, below, reached, thresholds[reached])


class Offsets(NamedTuple):
    """Where the outputs of channels lie among the thresholds θ(i) of their ρ.

    Attributes:
        fine, step: of the grid that all channels share, see `tables.ReencodeOffset`.
        rests: ρ by channel: its offset modulo a step, in (−step / 2, step / 2].
        steps: by channel, the steps of its offset; magnitude m has threshold θ(m + steps).
        smallest: by channel, the smallest |acc| that is not zero.
    """

    fine: int
    step: int
    rests: np.ndarray
    steps: np.ndarray
    smallest: np.ndarray


def offsets_of(scale: AccumulatorScale, out_format: LnsFormat, arithmetic: Arithmetic) -> Offsets:
    grid = reencode_offset(scale.frac, 0, out_format, arithmetic.precision(scale.frac))
    offsets = grid.offset + (np.array(scale.biases) << (grid.fine - scale.frac))
    half = (grid.step - 1) // 2
    rests = (offsets + half) % grid.step - half
    exponents = smallest_exponent(grid) + 2 * (offsets - grid.offset)
    smallest = integers_at_least(scale.divisor, exponents, grid.fine + 1)
    return Offsets(grid.fine, grid.step, rests, (offsets - rests) // grid.step, smallest)


class _Channels(NamedTuple):
    """What differs between channels: the count at magnitude 0, and the smallest |acc| at 1."""

    base: np.ndarray
    smallest: np.ndarray


def reencode(
    accumulators: np.ndarray,
    scale: AccumulatorScale,
    out_format: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    relu: bool = False,
    axis: int = 1,
) -> np.ndarray:
    """As `definition.reencode`."""
    largest = max(int(accumulators.max(initial=0)), -int(accumulators.min(initial=0)))
    if out_format is None or largest >= EXACT or not accumulators.size:
        return definition.reencode(
            accumulators, scale, out_format, arithmetic, relu=relu, axis=axis
        )
    fine, step, rests, steps, smallest = offsets_of(scale, out_format, arithmetic)
    if len(rests) == 1:
        parts = accumulators.reshape(1, 1, -1)
    else:
        before = accumulators.shape[: axis % accumulators.ndim]
        parts = accumulators.reshape(int(np.prod(before)), len(rests), -1)
    codes = np.empty(parts.shape, out_format.dtype)
    for rest in np.unique(rests):
        some = np.flatnonzero(rests == rest)
        chosen = slice(None) if len(some) == len(rests) else some
        tables = _buckets(fine, step, int(rest), scale.divisor)
        base = (steps[chosen] + tables.below).astype(np.int32)
        first = np.minimum(smallest[chosen], 2 * EXACT).astype(np.float64)
        channels = _Channels(base[:, None], first[:, None])
        codes[:, chosen] = _reencode_parts(parts[:, chosen], tables, channels, out_format, relu)
    return codes.reshape(accumulators.shape)


def _reencode_parts(
    parts: np.ndarray,
    tables: _Buckets,
    channels: _Channels,
    out_format: LnsFormat,
    relu: bool,
) -> np.ndarray:
    """The codes of accumulators [A, C, B] below 2^53 that share their buckets."""
    count, width, length = parts.shape
    codes = np.empty(parts.shape, out_format.dtype)
    positions = min(length, BLOCK)
    some = max(1, min(width, BLOCK // positions))
    repeats = max(1, min(count, BLOCK // (positions * width)))
    for a, c, b in np.ndindex(-(-count // repeats), -(-width // some), -(-length // positions)):
        channel = slice(c * some, (c + 1) * some)
        at = (
            slice(a * repeats, (a + 1) * repeats),
            channel,
            slice(b * positions, (b + 1) * positions),
        )
        own = _Channels(*(each[channel] if len(each) > 1 else each for each in channels))
        codes[at] = _reencode_block(parts[at], tables, own, out_format, relu)
    return codes


def _reencode_block(
    accumulators: np.ndarray,
    tables: _Buckets,
    channels: _Channels,
    out_format: LnsFormat,
    relu: bool,
) -> np.ndarray:
    one_sided = relu or out_format.unsigned
    absolute = np.maximum(accumulators, 0) if one_sided else np.abs(accumulators)
    absolute = absolute.astype(np.float64)
    keys = absolute.view(np.int64) >> tables.shift
    keys -= (1023 << (52 - tables.shift)) - 1
    np.maximum(keys, 0, out=keys)
    magnitude = tables.reached.take(keys)
    magnitude += absolute >= tables.next.take(keys)
    magnitude -= channels.base
    np.clip(magnitude, 1, out_format.max_magnitude, out=magnitude)
    magnitude *= absolute >= channels.smallest
    codes = magnitude.astype(out_format.dtype)
    if not one_sided:
        negative = accumulators < 0
        negative &= codes > 0
        codes |= negative * out_format.dtype.type(out_format.sign_mask)
    return codes
