"""Convolutions of few outputs a group, depthwise ones above all: product by product.

An input element meets so few weights that it is not worth writing out for every residue. The row
kernel looks up each product's mantissa in the table of the weight's residue.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import narrow_kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.emit import ROW_VECTORS
from recog.backend.arithmetic.fast.layer import Fit, aligned, epilogue_of, masks_of, products_in
from recog.backend.arithmetic.fast.narrow_kernels import Planes
from recog.backend.arithmetic.fast.reencoding import Epilogue
from recog.backend.arithmetic.fast.threads import spread

FEW_OUTPUTS = 8
"""Up to so many outputs a group, measured: from about 12 on the dense kernel takes less time."""

BAND_BYTES = 192 << 10
"""What the parts of a band of inputs may take of the second-level cache."""


def takes(layer: Layer, fit: Fit, code: Kernels) -> bool:
    """Whether a layer is for the row kernel, and its sums and tables fit that."""
    few = len(layer.w.array) // layer.window.groups <= FEW_OUTPUTS
    whole = fit.terms >= layer.terms
    return few and whole and code.form.shuffle > 0 and products_in(layer).shape is not None


class Prepared(NamedTuple):
    """All that `narrow_kernels.narrow` takes but for the codes."""

    plan: Planes
    taps: np.ndarray
    mantissas: np.ndarray
    epilogue: Epilogue

    NAME = "row"

    def convolve(self, layer: Layer, threads: int) -> np.ndarray:
        """The layer's codes or accumulators, [N, O, Ho, Wo]."""
        height, width = layer.size
        plan, x = self.plan, np.ascontiguousarray(layer.x.array)
        shape = len(x), len(layer.w.array), height * width
        out = np.empty(shape, layer.out_dtype)
        scratch_bytes = narrow_kernels.narrow_bytes(plan)

        def work(first: int, last: int) -> None:
            scratch = aligned(scratch_bytes)
            narrow_kernels.narrow(first, last, plan, x, self.taps, self.epilogue, out, scratch)

        spread(work, len(x) * plan.groups * plan.bands, threads)
        return out.reshape(*shape[:2], height, width)


def prepare(layer: Layer, fit: Fit, code: Kernels, threads: int) -> Prepared:
    """The plan and the weights of a layer that `takes` takes, whatever the threads."""
    plan, mantissas = _plan(layer, code), products_in(layer).mantissas
    epilogue = epilogue_of(layer, fit, code, plan.positions)
    return Prepared(plan, _taps(layer, plan, mantissas), mantissas, epilogue)


def _plan(layer: Layer, code: Kernels) -> Planes:
    window = layer.window
    outputs, inputs, *kernel = layer.w.array.shape
    in_height, in_width = layer.x.array.shape[2:]
    height, width = layer.size
    stride, step = window.strides
    reach = (kernel[0] - 1) * window.dilation[0] + 1
    padded = max(
        in_width + window.padding[1], (width - 1) * step + (kernel[1] - 1) * window.dilation[1] + 1
    )
    phase = -(-padded // step)
    rows = max(reach, BAND_BYTES // (9 * inputs * phase * step))
    band = min(height, (rows - reach) // stride + 1)
    in_rows = (band - 1) * stride + reach
    vectors = -(-width // code.form.lanes)
    at_once = max(each for each in ROW_VECTORS if each <= vectors)
    return Planes(
        parts=code.address("parts"),
        row=code.address(f"row_{at_once}_{products_in(layer).shape}"),
        positions=max(code.form.positions),
        outputs=outputs // window.groups,
        inputs=inputs,
        groups=window.groups,
        depth=layer.terms,
        size=-(-inputs * in_rows * phase * step // 64) * 64,
        bands=-(-height // band),
        band=band,
        rows=in_rows,
        height=height,
        width=width,
        in_height=in_height,
        in_width=in_width,
        top=window.padding[0],
        left=window.padding[1],
        stride=stride,
        column_stride=step,
        phase=phase,
        masks=masks_of(layer),
    )


def _taps(layer: Layer, plan: Planes, mantissas: np.ndarray) -> np.ndarray:
    """What the row kernel reads of each weight, int32 [O, depth, 4]."""
    products = products_in(layer)
    outputs, inputs, *kernel = layer.w.array.shape
    channel, row, column = np.ogrid[:inputs, : kernel[0], : kernel[1]]
    column = column * layer.window.dilation[1]
    step = plan.column_stride
    offset = (channel * plan.rows + row * layer.window.dilation[0]) * plan.phase * step
    offset = offset + column % step * plan.phase + column // step
    codes = layer.w.array.reshape(outputs, -1)
    taps = np.empty((outputs, plan.depth, 4), np.int32)
    taps[:, :, 0] = 4 * offset.reshape(-1)
    taps[:, :, 1] = products.factor[codes]
    addresses = mantissas.ctypes.data + mantissas.strides[0] * products.weight_residue[codes]
    # What comes of transposed weights need not lie row by row.
    addresses = np.ascontiguousarray(addresses, np.int64)
    taps[:, :, 2:] = addresses.view(np.int32).reshape(*codes.shape, 2)
    return taps
