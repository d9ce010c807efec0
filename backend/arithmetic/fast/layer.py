"""What all kinds of kernels need of a layer: how large its sums get, how they become its codes."""

from __future__ import annotations

from threading import local
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import weight_kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.constants import (
    SUM_LIMIT,
    Products,
    channel_records,
    products_of,
    reals_of,
    reencoding,
    rounds_exactly,
    terms_of,
)
from recog.backend.arithmetic.fast.emit import UNROLL, finish_name
from recog.backend.arithmetic.fast.kernels import Reals
from recog.backend.arithmetic.fast.reencoding import Epilogue
from recog.backend.arithmetic.tables import AccumulatorScale
from recog.dialects.number_format import Arithmetic, LnsFormat

INT32_MAX = (1 << 31) - 1

TABLE_WIDTH = 8
"""Bits of codes that are worth tables of their products."""


class Fit(NamedTuple):
    """What integers hold of a layer's sums, proven from its weights and the largest input code.

    Attributes:
        terms: how many products int32 can sum; 0 where a block of few may not fit.
        sums: the largest |sum| of products, at any time.
        bound: the same with the initial values.
    """

    terms: int
    sums: int
    bound: int


def fit_of(layer: Layer) -> Fit:
    terms, w = terms_of(layer.x.format, layer.w.format, layer.arithmetic), layer.w.array
    rows = np.ascontiguousarray(w).reshape(len(w), -1)
    one_sided = layer.x.format.unsigned
    sums, bound, largest = weight_kernels.reach(rows, terms, layer.initial, one_sided)
    if sums <= INT32_MAX:
        return Fit(layer.terms, sums, bound)
    some = INT32_MAX // max(1, largest)
    return Fit(some if some >= UNROLL else 0, sums, bound)


def has_tables(layer: Layer) -> bool:
    """Whether `products_in` may be asked for: codes of more bits would take too much."""
    return max(layer.x.format.width, layer.w.format.width) <= TABLE_WIDTH


def products_in(layer: Layer) -> Products:
    formats = layer.x.format.with_bias(0), layer.w.format.with_bias(0)
    return products_of(*formats, layer.arithmetic)


def reals_in(layer: Layer, bits: int) -> Reals:
    formats = layer.x.format.with_bias(0), layer.w.format.with_bias(0)
    return reals_of(*formats, layer.arithmetic, bits)


def real_bits(layer: Layer, fit: Fit, terms: int) -> int:
    """Bits of the numbers whose rounded products are exact, of which sums hold so many; or 0."""
    frac = max(layer.x.format.frac, layer.w.format.frac)
    if fit.terms >= terms and rounds_exactly(frac, layer.arithmetic, 32):
        return 32
    return 64 if fit.sums < SUM_LIMIT and rounds_exactly(frac, layer.arithmetic, 64) else 0


def epilogue_of(layer: Layer, fit: Fit, code: Kernels, positions: int) -> Epilogue:
    """How sums of a layer, `positions` in a row, become its codes or accumulators."""
    how = layer.out, layer.arithmetic, layer.relu
    return epilogue(layer.scale, layer.initial, fit.bound, *how, code, positions)


def epilogue(
    scale: AccumulatorScale,
    initial: np.ndarray,
    bound: int,
    out: LnsFormat | None,
    arithmetic: Arithmetic,
    relu: bool,
    code: Kernels,
    positions: int,
) -> Epilogue:
    """How sums become codes or accumulators, whose largest is `bound`.

    Args:
        initial: what each channel's sums are added to, int64.
    """
    kernel, channels = 0, len(initial)
    records, tables = np.zeros((1, 6), np.int32), np.zeros(0, np.int32)
    if out is not None and bound < INT32_MAX:
        signed = not (relu or out.unsigned)
        kernel = code.address(finish_name(positions, out.dtype.itemsize, signed))
        records, tables = channel_records(scale, channels, out, arithmetic)
        if initial.any():
            records = records.copy()
            records[:, 4] = initial
    how = reencoding(scale, channels, out, arithmetic, relu)
    return Epilogue(kernel, initial, records, tables, how)


def nanoseconds_of(layer: Layer) -> int:
    """About what a layer takes on one thread: 16 products a nanosecond, half an output."""
    height, width = layer.size
    # A vector of positions takes its time even where few are inside.
    positions = -(-len(layer.x.array) * height * width // 16) * 16
    return positions * layer.w.array.size // 16 + 2 * positions * len(layer.w.array)


def aligned(size: int) -> np.ndarray:
    """Bytes at an address that is a multiple of a cache line."""
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


MOST_KEPT = 16 << 20
"""Bytes of scratch up to which a thread keeps them."""

_OWN = local()


def scratch(workers: int, size: int) -> np.ndarray:
    """As `aligned`, so many bytes for each worker; the next call of a thread gives the same again.

    Pages that are new to a process cost more than small layers.
    """
    each = -(-size // 64) * 64
    if workers * each > MOST_KEPT:
        return aligned(workers * each).reshape(workers, each)
    kept = getattr(_OWN, "memory", None)
    if kept is None or kept.size < workers * each:
        kept = _OWN.memory = aligned(workers * each)
    return kept[: workers * each].reshape(workers, each)
