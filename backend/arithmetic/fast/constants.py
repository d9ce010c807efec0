"""The tables that kernels read, from formats: a weight code's record, an input code's values."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.bounds import antilog_integer
from recog.backend.arithmetic.fast.emit import SHAPES, Shape
from recog.backend.arithmetic.fast.reencoding import Reencoding
from recog.backend.arithmetic.gemm.buckets import offsets_of
from recog.backend.arithmetic.reference.definition import all_codes, antilog, split
from recog.backend.arithmetic.tables import (
    INT64_MAX,
    AccumulatorScale,
    integers_at_least,
)
from recog.dialects.number_format import Arithmetic, LnsFormat

WRAP = (1 << 32) - 1


class Products(NamedTuple):
    """The products of two formats' codes, parted as `emit` says.

    Attributes:
        residues: r of each row of the tables.
        values: T(m + r) with the code's sign, modulo 2^32, int32 [2^width of x, residues].
        mantissas: Q_r for each residue, of a shape; None if they fit none.
        weight_residue, factor: each weight code's row, and its ± 2^e.
        terms: for every weight code its product with the largest input, at most 2^40.
        frac, up: fraction bits of the products, and how far those of x must be shifted.
    """

    residues: np.ndarray
    values: np.ndarray
    mantissas: np.ndarray
    shape: Shape | None
    weight_residue: np.ndarray
    factor: np.ndarray
    terms: np.ndarray
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
    largest = x_format.max_magnitude << up
    terms = [
        min(antilog_integer(largest + int(each), frac, arithmetic), 1 << 40) if s else 0
        for each, s in zip(p, sign)
    ]
    mantissas, shape = _mantissas(residues, frac, arithmetic)
    return Products(
        residues,
        _values(x_format, residues, frac, arithmetic),
        mantissas,
        shape,
        weight_residue,
        factor.astype(np.int32),
        np.array(terms, np.int64),
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
    one_sided = relu or out_format.unsigned

    def spread(values: np.ndarray, dtype: type[np.integer]) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(values, channels).astype(dtype))

    return Reencoding(
        tables[0].bits,
        np.stack([each.reached for each in tables]),
        np.stack([each.following for each in tables]),
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
    frac = out_format.frac
    records = np.zeros((channels, 6), np.int32)
    tables = np.stack(
        [_octave(reached, following, frac, how.bits) for reached, following in zip(*how[1:3])]
    )
    addresses = tables.ctypes.data + tables.strides[0] * how.table.astype(np.int64)
    records[:, :2] = addresses.view(np.int32).reshape(channels, 2)
    limits = np.iinfo(np.int32)
    records[:, 2] = np.clip(how.base, limits.min >> 1, limits.max >> 1)
    records[:, 3] = np.minimum(how.smallest, limits.max)
    return records, tables


def _octave(reached: np.ndarray, following: np.ndarray, frac: int, bits: int) -> np.ndarray:
    """Thresholds and counts of one octave's buckets, those of exponent 31, int32 [2^bits, 2]."""
    own = slice(31 << bits, 32 << bits)
    records = np.empty((1 << bits, 2), np.int32)
    records[:, 0] = np.minimum(following[own], WRAP).astype(np.uint32).view(np.int32)
    records[:, 1] = reached[own] - (31 << frac)
    return records


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
