"""The tables that kernels read, from formats: a weight code's record, an input code's values."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.exact import floor_scaled_power
from recog.backend.arithmetic.fast.emit import SHAPES
from recog.backend.arithmetic.fast.kernels import Reals
from recog.backend.arithmetic.fast.reencoding import Reencoding
from recog.backend.arithmetic.fast.vector_ir import Shape
from recog.backend.arithmetic.gemm.buckets import offsets_of
from recog.backend.arithmetic.reference.definition import all_codes, antilog, split
from recog.backend.arithmetic.tables import (
    INT64_MAX,
    AccumulatorScale,
    antilog_table,
    integers_at_least,
    nearest_floats,
)
from recog.dialects.number_format import Arithmetic, LnsFormat

WRAP = (1 << 32) - 1


MANTISSAS = {32: 23, 64: 52}
"""Bits of a floating-point number's mantissa below the leading one."""

MANY_OCTAVES = 54
"""More than any product of a layer has that the kernels take: float64 would not hold its sums."""

SUM_LIMIT = 1 << 53
"""float64 holds every integer up to here."""


def terms_of(x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    """For every weight code its product with the largest input, int64; at most 2 · SUM_LIMIT."""
    return _terms(x_format.with_bias(0), w_format.with_bias(0), arithmetic)


@lru_cache(maxsize=16)
def _terms(x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    frac = max(x_format.frac, w_format.frac)
    sign, magnitude = split(all_codes(w_format), w_format)
    largest = x_format.max_magnitude << (frac - x_format.frac)
    p = (magnitude << (frac - w_format.frac)) + largest
    mantissa = antilog_table(frac, arithmetic)[p & ((1 << frac) - 1)].astype(np.float64)
    terms = np.ldexp(mantissa, np.minimum(p >> frac, MANY_OCTAVES))
    return sign * np.minimum(terms, 2 * SUM_LIMIT).astype(np.int64)


@lru_cache(maxsize=16)
def reals_of(x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic, bits: int) -> Reals:
    """What `real` and `row` of `emit` read of formats of bias 0."""
    x, w = (_reals(format, bits) for format in (x_format, w_format))
    precision = arithmetic.precision(max(x_format.frac, w_format.frac))
    cleared = MANTISSAS[bits] - precision
    w = w * w.dtype.type(1 << precision)
    return Reals(x, w, 1 << (cleared - 1), -(1 << cleared))


def _reals(format: LnsFormat, bits: int) -> np.ndarray:
    sign, magnitude = split(all_codes(format), format)
    octaves = np.minimum(magnitude, (MANY_OCTAVES << format.frac) - 1)
    values = sign * nearest_floats(octaves, format.frac)
    return values.astype(np.float32 if bits == 32 else np.float64)


def rounds_exactly(frac: int, arithmetic: Arithmetic, bits: int) -> bool:
    """Whether the product of two codes' `Reals`, rounded to P bits, is T(p), whatever the codes.

    Three roundings, of both factors and of their product, move 2^(r / 2^f) · 2^P by 3.1 times
    2^−(mantissa bits + 1) of it at most; that must not reach the middle between two integers.
    """
    if arithmetic.mitchell:
        return False
    return _tie_distance(frac, arithmetic.precision(frac)) > 3.1 * 2.0 ** -(MANTISSAS[bits] + 1)


@lru_cache(maxsize=64)
def _tie_distance(frac: int, antilog_bits: int) -> float:
    """How far 2^(r / 2^f) · 2^P stays from the middle between two integers, relative to itself."""
    bits, closest = 60, 0.5
    for r in range(1, 1 << frac):
        value, _ = floor_scaled_power(1, r + ((antilog_bits + bits) << frac), frac)
        rest = value & ((1 << bits) - 1)
        closest = min(closest, (abs(rest - (1 << (bits - 1))) - 1) / value)
    return closest


class Products(NamedTuple):
    """The products of two formats' codes by tables, parted as `emit` says.

    Attributes:
        residues: r of each row of the tables.
        values: T(m + r) with the code's sign, modulo 2^32, int32 [2^width of x, residues].
        mantissas: Q_r for each residue, of a shape; None if they fit none.
        weight_residue, factor: each weight code's row, and its ± 2^e.
        frac, up: fraction bits of the products, and how far those of x must be shifted.
    """

    residues: np.ndarray
    values: np.ndarray
    mantissas: np.ndarray
    shape: Shape | None
    weight_residue: np.ndarray
    factor: np.ndarray
    frac: int
    up: int


@lru_cache(maxsize=64)
def products_of(x_format: LnsFormat, w_format: LnsFormat, arithmetic: Arithmetic) -> Products:
    """The tables of two formats of up to 8 bits and bias 0."""
    frac = max(x_format.frac, w_format.frac)
    up = frac - x_format.frac
    sign, magnitude = split(all_codes(w_format), w_format)
    p = magnitude << (frac - w_format.frac)
    residues, weight_residue = np.unique(p & ((1 << frac) - 1), return_inverse=True)
    exponent = np.minimum(p >> frac, 31)
    factor = np.where(exponent == 31, 0, sign << exponent)
    mantissas, shape = _mantissas(residues, frac, arithmetic)
    return Products(
        residues,
        _values(x_format, residues, frac, arithmetic),
        mantissas,
        shape,
        weight_residue,
        factor.astype(np.int32),
        frac,
        up,
    )


def _values(
    x_format: LnsFormat, residues: np.ndarray, frac: int, arithmetic: Arithmetic
) -> np.ndarray:
    sign, magnitude = split(all_codes(x_format), x_format)
    p = (magnitude << (frac - x_format.frac))[:, None] + residues
    # Beyond 31 octaves no product is used, see `layer.Fit`.
    wrapped = antilog(np.minimum(p, (32 << frac) - 1), frac, arithmetic) & WRAP
    values = wrapped.astype(np.uint32).view(np.int32)
    return np.ascontiguousarray(values * sign[:, None].astype(np.int32))


def _mantissas(
    residues: np.ndarray, frac: int, arithmetic: Arithmetic
) -> tuple[np.ndarray, Shape | None]:
    entries = np.arange(1 << frac) + residues[:, None]
    values = antilog(entries, frac, arithmetic)
    shape = Shape(max(1, (1 << frac) // 16), 1 if values.max() < 1 << 8 else 2)
    if shape not in SHAPES or values.max() >= 1 << 16:
        return np.zeros(0, np.uint8), None
    padded = np.zeros((len(residues), shape.parts, 16), np.int64)
    padded.reshape(len(residues), -1)[:, : values.shape[1]] = values
    planes = [(padded >> (8 * byte)).astype(np.uint8) for byte in range(shape.size)]
    return np.ascontiguousarray(np.stack(planes, axis=2)), shape


@lru_cache(maxsize=256)
def reencoding(
    scale: AccumulatorScale,
    channels: int,
    out_format: LnsFormat | None,
    arithmetic: Arithmetic,
    relu: bool,
) -> Reencoding:
    """How the accumulators of some channels become codes; see `buckets` for the method."""
    if out_format is None:
        return _identity(relu)
    fine, step, rests, steps, smallest = offsets_of(scale, out_format, arithmetic)
    kinds, table = np.unique(rests, return_inverse=True)
    tables = [_buckets(fine, step, int(rest), scale.divisor) for rest in kinds]
    reached = _stacked([each.reached for each in tables])
    following = _stacked([each.following for each in tables])
    one_sided = relu or out_format.unsigned

    def spread(values: np.ndarray, dtype: type[np.integer]) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(values, channels).astype(dtype))

    return Reencoding(
        tables[0].bits,
        reached,
        following,
        spread(table, np.int32),
        spread(steps + tables[0].below, np.int64),
        spread(smallest, np.int64),
        out_format.max_magnitude,
        0 if one_sided else out_format.sign_mask,
    )


@lru_cache(maxsize=256)
def channel_records(
    scale: AccumulatorScale, channels: int, out_format: LnsFormat, arithmetic: Arithmetic
) -> tuple[np.ndarray, np.ndarray]:
    """What `finish` of `emit` reads of each channel, but for init: int32 [channels, 6].

    The second array holds the tables, whose addresses are in the first.
    """
    how = reencoding(scale, channels, out_format, arithmetic, False)
    fine, step, rests, *_ = offsets_of(scale, out_format, arithmetic)
    kinds = [_records(fine, step, int(rest), scale.divisor) for rest in np.unique(rests)]
    records, tables = np.zeros((channels, 6), np.int32), _stacked(kinds)
    addresses = tables.ctypes.data + tables.strides[0] * how.table.astype(np.int64)
    records[:, :2] = addresses.view(np.int32).reshape(channels, 2)
    limits = np.iinfo(np.int32)
    records[:, 2] = np.clip(how.base, limits.min >> 1, limits.max >> 1)
    records[:, 3] = np.minimum(how.smallest, limits.max)
    return records, tables


@lru_cache(maxsize=64)
def _records(fine: int, step: int, rest: int, divisor: int) -> np.ndarray:
    """Thresholds and counts by an int32's exponent and leading bits, int32 [32 · 2^bits, 2]."""
    buckets = _buckets(fine, step, rest, divisor)
    some = slice(0, 32 << buckets.bits)
    pairs = np.minimum(buckets.following[some], (1 << 31) - 1), buckets.reached[some]
    return np.ascontiguousarray(np.stack(pairs, axis=1), np.int32)


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    """Arrays of one shape along a new first axis; one alone is not copied."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _identity(relu: bool) -> Reencoding:
    nothing = np.zeros((1, 1), np.int64)
    reached, channels = nothing.astype(np.int32), nothing[0].astype(np.int32)
    return Reencoding(0, reached, nothing, channels, nothing[0], nothing[0], 0, int(not relu))


class _Buckets(NamedTuple):
    bits: int
    below: int
    reached: np.ndarray
    following: np.ndarray


@lru_cache(maxsize=64)
def _buckets(fine: int, step: int, rest: int, divisor: int) -> _Buckets:
    """Thresholds by the leading bits of an int64: a bucket holds one beyond its first integer.

    The thresholds i = below, below − 1, ... are those of `buckets`. Those of one octave are
    2^(1 / 2^f) apart, 0.69 / 2^f of it at least; a bucket is 0.5 / 2^f wide.
    """
    frac = fine - (step.bit_length() - 1)
    below = divisor.bit_length() << frac
    numbers = np.arange(1 - below, (63 << frac) + 2)
    thresholds = integers_at_least(divisor, (2 * numbers - 1) * step + 2 * rest, fine + 1)
    bits = frac + 1
    exponent, leading = np.divmod(np.arange(63 << bits), 1 << bits)
    leading += 1 << bits
    up, down = np.maximum(exponent - bits, 0), np.maximum(bits - exponent, 0)
    edges = -(-(leading << up) >> down)
    reached = np.searchsorted(thresholds, edges, side="right")
    following = np.append(thresholds, INT64_MAX)[reached]
    return _Buckets(bits, below, reached.astype(np.int32), following)
