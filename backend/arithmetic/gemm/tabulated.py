"""Elementwise operations, average pools and interpolation through tables of all codes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.operands import Operands
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.arithmetic.reference.definition import Padding, Pair, all_codes
from recog.backend.arithmetic.tables import AccumulatorScale, code_scale
from recog.dialects.number_format import Arithmetic, LnsFormat

PAIR_BITS = 16
"""Pairs of codes of up to so many bits together have a table of their results."""


def linearize(
    codes: np.ndarray, format: LnsFormat, scale: AccumulatorScale, arithmetic: Arithmetic
) -> np.ndarray:
    """As `definition.linearize`."""
    return definition.linearize(all_codes(format), format, scale, arithmetic).take(codes)


def pairs_fit(operands: Operands) -> bool:
    """Whether the pairs of two tensors' codes have tables."""
    return operands.a_format.width + operands.b_format.width <= PAIR_BITS


def look_up_pairs(operands: Operands, entries: np.ndarray) -> np.ndarray:
    """entries[a ‖ b], broadcast."""
    a, _, b, b_format = operands
    return entries.take((a.astype(np.uint16) << b_format.width) | b)


def _all_pairs(a_format: LnsFormat, b_format: LnsFormat) -> Operands:
    return Operands(all_codes(a_format)[:, None], a_format, all_codes(b_format)[None], b_format)


@lru_cache(maxsize=64)
def add_table(
    a_format: LnsFormat,
    b_format: LnsFormat,
    out_format: LnsFormat,
    subtract: bool,
    relu: bool,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """a + b, or a − b, of all pairs of codes."""
    pairs = _all_pairs(a_format, b_format)
    how = {"subtract": subtract, "relu": relu, "arithmetic": arithmetic}
    return definition.add(*pairs, out_format, **how).reshape(-1)


@lru_cache(maxsize=64)
def mul_table(
    a_format: LnsFormat, b_format: LnsFormat, out_format: LnsFormat, relu: bool
) -> np.ndarray:
    """a · b of all pairs of codes."""
    return definition.mul(*_all_pairs(a_format, b_format), out_format, relu=relu).reshape(-1)


@lru_cache(maxsize=8)
def product_table(a_format: LnsFormat, b_format: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    """The products of all pairs of codes as integers, int64."""
    return definition.products(*_all_pairs(a_format, b_format), arithmetic).reshape(-1)


def avg_pool2d(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    *,
    kernel: Pair,
    strides: Pair,
    padding: Padding,
    count_include_pad: bool,
    relu: bool,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """As `definition.avg_pool2d`: sums along columns, then along rows."""
    scale = code_scale(x_format)
    values = linearize(x, x_format, scale, arithmetic)
    counts = [np.ones(size, np.int64) for size in x.shape[2:]]
    for axis in (0, 1):
        around = padding[axis], padding[axis + 2]
        window = kernel[axis], strides[axis]
        values = _window_sums(_pad_axis(values, 2 + axis, around, 0), 2 + axis, *window)
        inside = _pad_axis(counts[axis], 0, around, int(count_include_pad))
        counts[axis] = _window_sums(inside, 0, *window)
    codes = np.zeros(values.shape, out_format.dtype)
    rows, columns = (_runs(count) for count in counts)
    for row, height in rows:
        for column, width in columns:
            if height * width == 0:
                continue
            codes[:, :, row, column] = buckets.reencode(
                values[:, :, row, column],
                scale,
                out_format,
                arithmetic,
                relu=relu,
                divisor=height * width,
            )
    return codes


def _pad_axis(x: np.ndarray, axis: int, around: tuple[int, int], value: int) -> np.ndarray:
    if not any(around):
        return x
    widths = [(0, 0)] * x.ndim
    widths[axis] = around
    return np.pad(x, widths, constant_values=value)


def _window_sums(x: np.ndarray, axis: int, kernel: int, stride: int) -> np.ndarray:
    """Sums of windows along one axis."""
    before, size = (slice(None),) * axis, x.shape[axis]
    if kernel == size:
        return x.sum(axis=axis, keepdims=True)
    last = (size - kernel) // stride * stride
    total = x[*before, 0 : last + 1 : stride].copy()
    for offset in range(1, kernel):
        total += x[*before, offset : offset + last + 1 : stride]
    return total


def _runs(counts: np.ndarray) -> list[tuple[slice, int]]:
    """Neighbours of one count, as slices."""
    edges = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(counts)]
    return [(slice(low, high), int(counts[low])) for low, high in zip(edges, edges[1:])]


def resize_bilinear(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    *,
    size: Pair,
    steps: Pair,
    align_corners: bool,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """As `sampling.resize_bilinear`."""
    scale = code_scale(x_format)
    values = linearize(x, x_format, scale, arithmetic)
    for axis in (0, 1):
        at = sampling.positions(x.shape[2 + axis], size[axis], steps[axis], align_corners)
        values = sampling.interpolate(values, 2 + axis, at, steps[axis])
    return buckets.reencode(values, scale, out_format, arithmetic, divisor=steps[0] * steps[1])
