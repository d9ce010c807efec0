"""Sums and products of two tensors of one shape, on threads."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.bounds import add_bound
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.encoding import buckets_of
from recog.backend.arithmetic.fast import map_kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.layer import epilogue
from recog.backend.arithmetic.fast.threads import spread
from recog.backend.arithmetic.reference import definition
from recog.backend.arithmetic.tables import AccumulatorScale, add_scale
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat

ENCODING = 2
"""Nanoseconds that a real number takes."""


def encode(values: np.ndarray, format: LnsFormat, threads: int) -> np.ndarray:
    """As `encoding.encode`, of a format that has buckets."""
    if np.isnan(values).any():
        raise RecogError("NaN has no LNS code")
    codes, (flat,) = np.empty(values.shape, format.dtype), _flat(values)
    how = *buckets_of(format), format.sign_mask
    spread(
        map_kernels.encode_reals,
        -(-codes.size // map_kernels.BLOCK),
        threads,
        ENCODING * codes.size,
        (flat, *how, codes.reshape(-1)),
    )
    return codes


def look_up_pairs(a: Codes, b: Codes, entries: np.ndarray, threads: int) -> np.ndarray:
    """entries[a ‖ b] of two arrays of codes of one shape."""
    out, bits = np.empty(a.array.shape, entries.dtype), b.format.width
    flat_a, flat_b = _flat(a.array, b.array)
    flat = out.reshape(-1)
    run, arguments = map_kernels.look_up_pairs_of, (flat_a, flat_b, bits, entries, flat)
    spread(run, -(-out.size // map_kernels.BLOCK), threads, out.size, arguments)
    return out


def add(
    a: Codes,
    b: Codes,
    out: LnsFormat | None,
    arithmetic: Arithmetic,
    subtract: bool,
    relu: bool,
    code: Kernels,
    threads: int,
) -> np.ndarray:
    """As `definition.add`, of two arrays of codes of one shape."""
    scale, positions = add_scale(a.format, b.format), max(code.form.positions)
    bound = add_bound(a.format, b.format, arithmetic)
    ways = out, arithmetic, relu, code, positions
    how = epilogue(scale, np.zeros(1, np.int64), bound, *ways)
    values = [_values(each, scale, arithmetic) for each in (a.format, b.format)]
    if subtract:
        values[1] = -values[1]
    if how.kernel:
        values = [each.astype(np.int32) for each in values]
    codes = np.empty(a.array.shape, np.int64 if out is None else out.dtype)
    flat_a, flat_b = _flat(a.array, b.array)
    flat = codes.reshape(-1)
    arguments = flat_a, flat_b, *values, how, positions, flat
    spread(map_kernels.add_two, -(-codes.size // map_kernels.BLOCK), threads, codes.size, arguments)
    return codes


def _flat(*arrays: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(each).reshape(-1) for each in arrays]


@lru_cache(maxsize=16)
def _values(format: LnsFormat, scale: AccumulatorScale, arithmetic: Arithmetic) -> np.ndarray:
    """The integer of every code, int64."""
    every = Codes(definition.all_codes(format), format)
    return definition.linearize(every, scale, arithmetic)
