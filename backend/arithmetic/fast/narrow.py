"""Convolutions of few outputs a group, depthwise ones above all: rows instead of tiles.

An input element meets so few weights that gathering it for each of them would take longest. The
row kernel reads every weight's inputs where they lie in a band of rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import narrow_kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.emit import ROW_VECTORS
from recog.backend.arithmetic.fast.kernels import Reals
from recog.backend.arithmetic.fast.layer import (
    Fit,
    epilogue_of,
    nanoseconds_of,
    real_bits,
    reals_in,
    scratch,
)
from recog.backend.arithmetic.fast.narrow_kernels import Planes
from recog.backend.arithmetic.fast.reencoding import Epilogue
from recog.backend.arithmetic.fast.threads import spread

FEW_OUTPUTS = 8
"""Up to so many outputs a group, measured."""

BAND_BYTES = 192 << 10
"""What a band of inputs may take of the second-level cache."""

MAX_BAND = 1 << 24
"""Elements of a band, which kernels of far taps enlarge: up to 150 MB of each thread."""


def takes(layer: Layer, fit: Fit, code: Kernels) -> bool:
    """Whether a layer is for the row kernel, and its sums and bands fit that."""
    few = len(layer.w.array) // layer.window.groups <= FEW_OUTPUTS
    bits = real_bits(layer, fit, layer.terms) if few else 0
    return bits > 0 and _band(layer, bits).elements <= MAX_BAND


class Band(NamedTuple):
    """Output rows that are computed at once, and the padded input rows that they meet.

    Attributes:
        phase: elements of a row in one phase of the column stride.
        elements: of all channels and rows.
    """

    height: int
    rows: int
    phase: int
    elements: int


def _band(layer: Layer, bits: int) -> Band:
    window, (_, inputs, *kernel) = layer.window, layer.w.array.shape
    height, width = layer.size
    stride, step = window.strides
    reach = (kernel[0] - 1) * window.dilation[0] + 1
    padded = max(
        layer.x.array.shape[3] + window.padding[1],
        (width - 1) * step + (kernel[1] - 1) * window.dilation[1] + 1,
    )
    phase = -(-padded // step)
    rows = max(reach, BAND_BYTES // (bits // 8 * inputs * phase * step))
    band = min(height, (rows - reach) // stride + 1)
    rows = (band - 1) * stride + reach
    return Band(band, rows, phase, inputs * rows * phase * step)


class Prepared(NamedTuple):
    """All that `narrow_kernels.narrow` takes but for the codes.

    Attributes: see `convolution.Prepared`.
    """

    plan: Planes
    reals: Reals
    taps: np.ndarray
    sums: np.ndarray
    shape: tuple[int, ...]
    scratch_bytes: int
    nanoseconds: int
    epilogue: Epilogue

    @property
    def name(self) -> str:
        return f"row{8 * self.sums.itemsize}"

    def convolve(self, layer: Layer, threads: int) -> np.ndarray:
        """The layer's codes or accumulators, [N, O, Ho, Wo]."""
        plan, x = self.plan, np.ascontiguousarray(layer.x.array)
        out = np.empty(self.shape, layer.out_dtype)
        given = plan, self.reals, x, self.taps, self.sums, self.epilogue
        flat = out.reshape(*self.shape[:2], math.prod(self.shape[2:]))
        units = len(x) * plan.groups * plan.bands
        memory = scratch(min(threads, units), self.scratch_bytes)
        run, arguments = narrow_kernels.convolve_rows, (*given, flat, memory)
        spread(run, units, threads, self.nanoseconds, arguments)
        return out


def prepare(layer: Layer, fit: Fit, code: Kernels, threads: int) -> Prepared:
    """The plan and the weights of a layer that `takes` takes, whatever the threads."""
    bits = real_bits(layer, fit, layer.terms)
    plan, reals = _plan(layer, code, bits), reals_in(layer, bits)
    epilogue = epilogue_of(layer, fit, code, plan.positions)
    sums = np.empty(0, np.int32 if bits == 32 else np.float64)
    shape = len(layer.x.array), len(layer.w.array), *layer.size
    sizes = narrow_kernels.narrow_bytes(plan, sums.itemsize), nanoseconds_of(layer)
    return Prepared(plan, reals, _taps(layer, plan, reals.w), sums, shape, *sizes, epilogue)


def _plan(layer: Layer, code: Kernels, bits: int) -> Planes:
    window, band = layer.window, _band(layer, bits)
    outputs, inputs = layer.w.array.shape[:2]
    in_height, in_width = layer.x.array.shape[2:]
    height, width = layer.size
    stride, step = window.strides
    vectors = -(-width // (32 * code.form.lanes // bits))
    at_once = max(each for each in ROW_VECTORS if each <= vectors)
    return Planes(
        row=code.address(f"row_{bits}_{at_once}"),
        positions=max(code.form.positions),
        outputs=outputs // window.groups,
        inputs=inputs,
        groups=window.groups,
        depth=layer.terms,
        size=-(-band.elements // 64) * 64,
        bands=-(-height // band.height),
        band=band.height,
        rows=band.rows,
        height=height,
        width=width,
        in_height=in_height,
        in_width=in_width,
        top=window.padding[0],
        left=window.padding[1],
        stride=stride,
        column_stride=step,
        phase=band.phase,
    )


def _taps(layer: Layer, plan: Planes, reals: np.ndarray) -> np.ndarray:
    """What the row kernel reads of each weight, int64 [O, depth, 2]."""
    outputs, inputs, *kernel = layer.w.array.shape
    channel, row, column = np.ogrid[:inputs, : kernel[0], : kernel[1]]
    column = column * layer.window.dilation[1]
    step = plan.column_stride
    offset = (channel * plan.rows + row * layer.window.dilation[0]) * plan.phase * step
    offset = offset + column % step * plan.phase + column // step
    taps = np.zeros((outputs, plan.depth, 2), np.int64)
    taps[:, :, 0] = reals.itemsize * offset.reshape(-1)
    # The lower half of 8 bytes, where numbers of 4 bytes are read.
    taps.view(reals.dtype)[:, :, 8 // reals.itemsize] = reals[layer.w.array.reshape(outputs, -1)]
    return taps
