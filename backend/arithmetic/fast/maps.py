"""Correlation volumes, interpolated maps and averages on compiled loops and threads."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.codes import Codes, Interpolation
from recog.backend.arithmetic.fast import map_kernels
from recog.backend.arithmetic.fast.constants import reencoding
from recog.backend.arithmetic.fast.threads import spread
from recog.backend.arithmetic.gemm import lookup
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.arithmetic.tables import code_scale, product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

NANOSECONDS = 5
"""About what an average or an interpolation takes."""


def correlation(
    left: Codes,
    right: Codes,
    disparities: int,
    out: LnsFormat,
    arithmetic: Arithmetic,
    threads: int,
) -> np.ndarray | None:
    """As `stereo.correlation`; None where sums of so many channels' products have no table."""
    batch, channels, height, width = left.array.shape
    formats = left.format.with_bias(0), right.format.with_bias(0)
    table = lookup.product_table(*formats, channels, arithmetic)
    if table is None:
        return None
    products = table.products
    near = table.x_index.astype(np.uint32).take(left.array)
    far = table.w_index.astype(np.uint32).take(right.array)
    scale = product_scale(left.format, right.format).over(channels)
    how = reencoding(scale, 1, out, arithmetic, False)
    codes = np.empty((batch, disparities, height, width), out.dtype)
    run, arguments = map_kernels.correlate_rows, (near, far, products, how, codes)
    spread(run, batch * height, threads, codes.size * channels // 2, arguments)
    return codes


def resize_bilinear(
    x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic, threads: int
) -> np.ndarray:
    """As `sampling.resize_bilinear`."""
    count, channels, *given = x.array.shape
    values = _values(x.format, arithmetic)
    vertical, horizontal = (_axis(to, axis, inputs) for axis, inputs in enumerate(given))
    scale = code_scale(x.format).over(to.steps[0] * to.steps[1])
    how = reencoding(scale, 1, out, arithmetic, False)
    planes = np.ascontiguousarray(x.array).reshape(count * channels, *given)
    codes = np.empty((len(planes), *to.size), out.dtype)
    arguments = planes, values, vertical, horizontal, how, codes
    units, run = len(planes) * to.size[0], map_kernels.interpolate_rows
    spread(run, units, threads, NANOSECONDS * codes.size, arguments)
    return codes.reshape(count, channels, *to.size)


def _axis(to: Interpolation, axis: int, given: int) -> map_kernels.Axis:
    at, steps = sampling.positions_of(to, axis, given), to.steps[axis]
    before = at // steps
    return map_kernels.Axis(before, np.minimum(before + 1, given - 1), at % steps, steps)


def avg_pool2d(
    x: Codes,
    window: PoolWindow,
    out: LnsFormat | None,
    arithmetic: Arithmetic,
    relu: bool,
    threads: int,
) -> np.ndarray:
    """As `definition.avg_pool2d`, where padding counts."""
    count, channels, *given = x.array.shape
    size, kernel = window.pooled_size(given), window.kernel
    values = _values(x.format, arithmetic)
    scale = code_scale(x.format).over(kernel[0] * kernel[1])
    how = reencoding(scale, 1, out, arithmetic, relu)
    planes, pool = np.ascontiguousarray(x.array).reshape(count * channels, *given), _pool(window)
    codes = np.empty((len(planes), *size), np.int64 if out is None else out.dtype)
    run, arguments = map_kernels.average_rows, (planes, values, pool, how, codes)
    spread(run, len(planes) * size[0], threads, NANOSECONDS * codes.size, arguments)
    return codes.reshape(count, channels, *size)


def max_pool2d(x: Codes, window: PoolWindow, threads: int) -> np.ndarray:
    """As `definition.max_pool2d`."""
    count, channels, *given = x.array.shape
    size = window.pooled_size(given)
    planes = np.ascontiguousarray(x.array).reshape(count * channels, *given)
    codes = np.empty((len(planes), *size), x.array.dtype)
    arguments = planes, *_order(x.format), _pool(window), codes
    units, run = len(planes) * size[0], map_kernels.largest_rows
    spread(run, units, threads, NANOSECONDS * codes.size, arguments)
    return codes.reshape(count, channels, *size)


def _pool(window: PoolWindow) -> map_kernels.Pool:
    return map_kernels.Pool(*window.kernel, *window.strides, *window.padding[:2], *window.dilation)


@lru_cache(maxsize=16)
def _order(format: LnsFormat) -> tuple[np.ndarray, np.ndarray]:
    """The rank of every code by value, and the code of every rank."""
    return definition.ranks(format), definition.by_rank(format)


@lru_cache(maxsize=16)
def _values(format: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    """The integer of every code, int64."""
    every = Codes(definition.all_codes(format), format)
    return definition.linearize(every, code_scale(format), arithmetic)
