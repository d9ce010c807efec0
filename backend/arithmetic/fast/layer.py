"""What both kinds of kernels need of a layer: its products, how large its sums get, its codes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.constants import (
    Products,
    channel_records,
    products_of,
    reencoding,
)
from recog.backend.arithmetic.fast.emit import UNROLL
from recog.backend.arithmetic.fast.reencoding import Epilogue

INT32_MAX = (1 << 31) - 1


def products_in(layer: Layer) -> Products:
    formats = layer.x.format.with_bias(0), layer.w.format.with_bias(0)
    return products_of(*formats, layer.arithmetic)


def masks_of(layer: Layer) -> tuple[int, int, int, int, int]:
    """How kernels part an input's code: magnitude_mask, up, low_mask, frac and sign_mask."""
    products, format = products_in(layer), layer.x.format
    low_mask = (1 << products.frac) - 1
    return format.max_magnitude, products.up, low_mask, products.frac, format.sign_mask


class Fit(NamedTuple):
    """What int32 holds of a layer's sums, proven from its weights and the largest input code.

    Attributes:
        terms: how many products a sum may have; 0 where a block of few may not fit.
        bound: the largest |sum| of all products, if that many fit.
    """

    terms: int
    bound: int


def fit_of(layer: Layer) -> Fit:
    products = products_in(layer)
    w = layer.w.array
    rows = np.ascontiguousarray(w).reshape(len(w), -1)
    bound = kernels.sums_of_terms(rows, products.terms)
    if bound <= INT32_MAX:
        return Fit(layer.terms, bound)
    some = INT32_MAX // kernels.largest_term(rows, products.terms)
    return Fit(some if some >= UNROLL else 0, bound)


def epilogue_of(layer: Layer, fit: Fit, code: Kernels, positions: int) -> Epilogue:
    """How sums of a layer, `positions` in a row, become its codes or accumulators."""
    kernel, tables = 0, np.zeros(0, np.int32)
    records, out_format, scale = np.zeros((1, 6), np.int32), layer.out, layer.scale
    outputs = len(layer.w.array)
    if out_format is not None:
        if fit.bound + _largest_initial(layer) < INT32_MAX:
            kernel = code.address(f"finish_{positions}_{out_format.dtype.itemsize}")
        records, tables = channel_records(scale, outputs, out_format, layer.arithmetic)
        if layer.init is not None:
            records = records.copy()
            records[:, 4] = layer.init.astype(np.int32)
    how = reencoding(scale, outputs, out_format, layer.arithmetic, layer.relu)
    return Epilogue(kernel, layer.initial, records, tables, how)


def _largest_initial(layer: Layer) -> int:
    return 0 if layer.init is None else max(int(layer.init.max()), -int(layer.init.min()))


def aligned(size: int) -> np.ndarray:
    """Bytes at an address that is a multiple of a cache line."""
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]
