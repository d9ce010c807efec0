"""Elementwise operations, average pools and interpolation through tables of all codes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.codes import Codes, Interpolation
from recog.backend.arithmetic.gemm import buckets
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.arithmetic.reference.definition import all_codes
from recog.backend.arithmetic.tables import AccumulatorScale, code_scale
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

PAIR_BITS = 16
"""Pairs of codes of up to so many bits together have a table of their results."""


def linearize(x: Codes, scale: AccumulatorScale, arithmetic: Arithmetic) -> np.ndarray:
    """As `definition.linearize`."""
    every = Codes(all_codes(x.format), x.format)
    return definition.linearize(every, scale, arithmetic).take(x.array)


def pairs_fit(a: Codes, b: Codes) -> bool:
    """Whether the pairs of two tensors' codes have tables."""
    return a.format.width + b.format.width <= PAIR_BITS


def look_up_pairs(a: Codes, b: Codes, entries: np.ndarray) -> np.ndarray:
    """entries[a ‖ b], broadcast."""
    return entries.take((a.array.astype(np.uint16) << b.format.width) | b.array)


def _all_pairs(a_format: LnsFormat, b_format: LnsFormat) -> tuple[Codes, Codes]:
    a, b = all_codes(a_format)[:, None], all_codes(b_format)[None]
    return Codes(a, a_format), Codes(b, b_format)


@lru_cache(maxsize=64)
def add_table(
    a_format: LnsFormat,
    b_format: LnsFormat,
    out_format: LnsFormat,
    arithmetic: Arithmetic,
    subtract: bool,
    relu: bool,
) -> np.ndarray:
    """a + b, or a − b, of all pairs of codes."""
    pairs = _all_pairs(a_format, b_format)
    codes = definition.add(*pairs, out_format, arithmetic, subtract=subtract, relu=relu)
    return codes.reshape(-1)


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
    x: Codes, window: PoolWindow, out: LnsFormat | None, arithmetic: Arithmetic, *, relu: bool
) -> np.ndarray:
    """As `definition.avg_pool2d`: sums along columns, then along rows."""
    scale = code_scale(x.format)
    values = linearize(x, scale, arithmetic)
    counts = [np.ones(size, np.int64) for size in x.array.shape[2:]]
    for axis in (0, 1):
        around = window.padding[axis], window.padding[axis + 2]
        taken = window.kernel[axis], window.strides[axis]
        values = _window_sums(_pad_axis(values, 2 + axis, around, 0), 2 + axis, *taken)
        inside = _pad_axis(counts[axis], 0, around, int(window.count_padding))
        counts[axis] = _window_sums(inside, 0, *taken)
    if out is None:
        return definition.reencode(values, scale, None, arithmetic, relu=relu)
    codes = np.zeros(values.shape, out.dtype)
    rows, columns = (_runs(count) for count in counts)
    for row, height in rows:
        for column, width in columns:
            if height * width == 0:
                continue
            part = values[:, :, row, column]
            mean = scale.over(height * width)
            codes[:, :, row, column] = buckets.reencode(part, mean, out, arithmetic, relu=relu)
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
    x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """As `sampling.resize_bilinear`."""
    scale, steps = code_scale(x.format), to.steps
    values = linearize(x, scale, arithmetic)
    for axis in (0, 1):
        at = sampling.positions_of(to, axis, values.shape[2 + axis])
        values = sampling.interpolate(values, 2 + axis, at, steps[axis])
    return buckets.reencode(values, scale.over(steps[0] * steps[1]), out, arithmetic)
