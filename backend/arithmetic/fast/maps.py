"""Correlation volumes, interpolated maps and averages on compiled loops and threads."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recog.backend.arithmetic.fast import map_kernels
from recog.backend.arithmetic.fast.constants import reencoding
from recog.backend.arithmetic.fast.threads import spread
from recog.backend.arithmetic.gemm import lookup
from recog.backend.arithmetic.operands import Operands
from recog.backend.arithmetic.reference import definition, sampling
from recog.backend.arithmetic.reference.definition import Padding, Pair, output_size
from recog.backend.arithmetic.tables import code_scale, product_scale
from recog.dialects.number_format import Arithmetic, LnsFormat


def correlation(
    operands: Operands,
    table: lookup.ProductTable,
    out_format: LnsFormat,
    disparities: int,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """As `stereo.correlation`, by a table for sums of as many products as there are channels."""
    left, left_format, right, right_format = operands
    batch, channels, height, width = left.shape
    near = table.x_index.astype(np.uint32).take(left)
    far = table.w_index.astype(np.uint32).take(right)
    scale = product_scale(left_format, right_format)
    how = reencoding(scale, 1, out_format, arithmetic, False, channels)
    out = np.empty((batch, disparities, height, width), out_format.dtype)

    def work(first: int, last: int) -> None:
        map_kernels.correlate(first, last, near, far, table.products, how, out)

    spread(work, batch * height)
    return out


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
    count, channels, *given = x.shape
    scale, values = code_scale(x_format), _values(x_format, arithmetic)
    vertical, horizontal = (
        _axis(inputs, wanted, each, align_corners)
        for inputs, wanted, each in zip(given, size, steps)
    )
    how = reencoding(scale, 1, out_format, arithmetic, False, steps[0] * steps[1])
    planes = np.ascontiguousarray(x).reshape(count * channels, *given)
    out = np.empty((len(planes), *size), out_format.dtype)

    def work(first: int, last: int) -> None:
        map_kernels.interpolate(first, last, planes, values, vertical, horizontal, how, out)

    spread(work, len(planes) * size[0])
    return out.reshape(count, channels, *size)


def _axis(given: int, wanted: int, steps: int, align_corners: bool) -> map_kernels.Axis:
    at = sampling.positions(given, wanted, steps, align_corners)
    before = at // steps
    return map_kernels.Axis(before, np.minimum(before + 1, given - 1), at % steps, steps)


def avg_pool2d(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    *,
    kernel: Pair,
    strides: Pair,
    padding: Padding,
    relu: bool,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """As `definition.avg_pool2d`, where padding counts."""
    count, channels, *given = x.shape
    size = output_size(given, kernel, strides, padding, (1, 1))
    scale, values = code_scale(x_format), _values(x_format, arithmetic)
    how = reencoding(scale, 1, out_format, arithmetic, relu, kernel[0] * kernel[1])
    pool = map_kernels.Pool(*kernel, *strides, *padding[:2])
    planes = np.ascontiguousarray(x).reshape(count * channels, *given)
    out = np.empty((len(planes), *size), out_format.dtype)

    def work(first: int, last: int) -> None:
        map_kernels.average(first, last, planes, values, pool, how, out)

    spread(work, len(planes) * size[0])
    return out.reshape(count, channels, *size)


@lru_cache(maxsize=64)
def _values(format: LnsFormat, arithmetic: Arithmetic) -> np.ndarray:
    """The integer of every code, int64."""
    codes, scale = definition.all_codes(format), code_scale(format)
    return definition.linearize(codes, format, scale, arithmetic)
