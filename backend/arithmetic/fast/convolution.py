"""Convolutions and linear layers on the dense kernel: the plan, the weights, the threads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.constants import Products
from recog.backend.arithmetic.fast.emit import UNROLL, table_name
from recog.backend.arithmetic.fast.kernels import Tiles
from recog.backend.arithmetic.fast.layer import (
    Fit,
    aligned,
    epilogue_of,
    masks_of,
    products_in,
)
from recog.backend.arithmetic.fast.reencoding import Epilogue
from recog.backend.arithmetic.fast.threads import spread

TABLE_BYTES = 64 << 10
"""What the values of a block of inputs may take: about an eighth of a second-level cache."""

OUTPUTS_AT_ONCE = 512
"""Output channels that share a block's values, and whose sums stay in the cache."""


def takes(layer: Layer, fit: Fit, code: Kernels) -> bool:
    """Whether a layer is for the dense kernel: all that it needs is that some products fit."""
    return fit.terms > 0


class Prepared(NamedTuple):
    """All that `kernels.dense` takes but for the codes."""

    plan: Tiles
    offsets: np.ndarray
    weights: np.ndarray
    records: np.ndarray
    products: Products
    epilogue: Epilogue

    NAME = "dense"

    def convolve(self, layer: Layer, threads: int) -> np.ndarray:
        """The layer's codes or accumulators, [N, O, Ho, Wo]."""
        shape = len(layer.x.array), len(layer.w.array), *layer.size
        out = np.empty(shape, layer.out_dtype)
        if not out.size:
            return out
        plan, products, x = self.plan, self.products, _padded(layer).reshape(-1)
        scratch_bytes = kernels.scratch_bytes(plan)

        def work(first: int, last: int) -> None:
            kernels.dense(
                first,
                last,
                plan,
                x,
                self.offsets,
                self.weights,
                self.records,
                products.mantissas.reshape(-1),
                products.values,
                self.epilogue,
                out.reshape(-1),
                aligned(scratch_bytes),
            )

        spread(work, plan.groups * plan.tiles * plan.splits, threads)
        return out


def prepare(layer: Layer, fit: Fit, code: Kernels, threads: int) -> Prepared:
    """The plan and the weights of a layer that `takes` takes."""
    plan, products = _plan(layer, fit, code, threads), products_in(layer)
    records = np.empty((len(products.factor), 2), np.int32)
    records[:, 0] = 4 * plan.positions * products.weight_residue
    records[:, 1] = products.factor
    epilogue = epilogue_of(layer, fit, code, plan.positions)
    offsets, weights = _offsets(layer, plan), _packed(layer, plan)
    return Prepared(plan, offsets, weights, records, products, epilogue)


def _padded(layer: Layer) -> np.ndarray:
    top, left, _, _ = layer.window.padding
    if not any(layer.window.padding):
        return np.ascontiguousarray(layer.x.array)
    count, channels, height, width = layer.x.array.shape
    padded = np.zeros((count, channels, *layer.padded_size), np.uint8)
    padded[:, :, top : top + height, left : left + width] = layer.x.array
    return padded


def _plan(layer: Layer, fit: Fit, code: Kernels, threads: int) -> Tiles:
    products, window = products_in(layer), layer.window
    (outputs, inputs, *_), terms = layer.w.array.shape, layer.terms
    height, width = layer.size
    total = len(layer.x.array) * height * width
    lanes = code.form.lanes
    positions = min(
        code.form.positions, key=lambda each: (-(-total // each) * (lanes * 1.2 + each), each)
    )
    residues = len(products.residues)
    most = min(TABLE_BYTES // (4 * residues * positions), fit.terms, terms)
    depth = max(UNROLL, -(-most // UNROLL) * UNROLL)
    if fit.terms < terms:
        depth = UNROLL * (min(depth, fit.terms) // UNROLL)
    own = outputs // window.groups
    tiles = max(1, -(-total // positions))  # no frames are one empty tile
    # A map of one tile still has work for every thread: its outputs.
    sharing = -(-threads // (window.groups * tiles))
    at_once = min(-(-own // sharing), OUTPUTS_AT_ONCE)
    table = ""
    if code.form.shuffle and products.shape is not None:
        signed = not layer.x.format.unsigned
        table = table_name(positions, products.shape, residues, signed)
    in_height, in_width = layer.padded_size
    return Tiles(
        mac=code.address(f"mac_{positions}"),
        table=code.address(table) if table else 0,
        positions=positions,
        outputs=own,
        groups=window.groups,
        depth=depth,
        blocks=-(-terms // depth),
        blocks_per_sum=max(1, fit.terms // depth),
        residues=residues,
        total=total,
        tiles=tiles,
        outputs_at_once=at_once,
        splits=-(-own // at_once),
        width=width,
        area=height * width,
        image_stride=layer.x.array.shape[1] * in_height * in_width,
        row_stride=window.strides[0] * in_width,
        column_stride=window.strides[1],
        group_stride=inputs * in_height * in_width,
        masks=masks_of(layer),
    )


def _packed(layer: Layer, plan: Tiles) -> np.ndarray:
    packed = np.zeros((plan.groups, plan.blocks, plan.outputs, plan.depth), np.uint8)
    w = np.ascontiguousarray(layer.w.array).reshape(plan.groups, plan.outputs, -1)
    kernels.pack(w, packed)
    return packed


def _offsets(layer: Layer, plan: Tiles) -> np.ndarray:
    """Where each weight's input lies from the first one on; those beyond the last at the first."""
    _, inputs, rows, columns = layer.w.array.shape
    channel, row, column = np.ogrid[:inputs, :rows, :columns]
    height, width = layer.padded_size
    vertical, horizontal = layer.window.dilation
    offsets = channel * height * width + row * vertical * width + column * horizontal
    padded = np.zeros(plan.blocks * plan.depth, np.int64)
    padded[: offsets.size] = offsets.reshape(-1)
    return padded
