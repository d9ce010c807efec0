"""Convolutions and linear layers on the dense kernel: the plan, the weights, the threads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.fast import kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.constants import (
    Products,
    channel_records,
    products_of,
    reencoding,
)
from recog.backend.arithmetic.fast.emit import UNROLL, table_name
from recog.backend.arithmetic.fast.kernels import Tiles
from recog.backend.arithmetic.fast.layer import Layer
from recog.backend.arithmetic.fast.paths import thread_count
from recog.backend.arithmetic.fast.reencoding import Reencoding
from recog.backend.arithmetic.fast.threads import spread
from recog.backend.arithmetic.tables import product_scale

NAME = "dense"

TABLE_BYTES = 64 << 10
"""What the values of a block of inputs may take: about an eighth of a second-level cache."""

OUTPUTS_AT_ONCE = 512
"""Output channels that share a block's values, and whose sums stay in the cache."""

INT32_MAX = (1 << 31) - 1


class Fit(NamedTuple):
    """What int32 holds of a layer's sums, proven from its weights and the largest input code.

    Attributes:
        terms: how many products a sum may have; 0 where a block of few may not fit.
        bound: the largest |sum| of all products, if that many fit.
    """

    terms: int
    bound: int


def products_in(layer: Layer) -> Products:
    formats = layer.x_format.with_bias(0), layer.w_format.with_bias(0)
    return products_of(*formats, layer.arithmetic)


def reencoding_of(layer: Layer) -> Reencoding:
    scale = product_scale(layer.x_format, layer.w_format)
    return reencoding(scale, len(layer.w), layer.out_format, layer.arithmetic, layer.relu)


def fit(layer: Layer) -> Fit:
    products = products_in(layer)
    rows = np.ascontiguousarray(layer.w).reshape(len(layer.w), -1)
    terms = rows.shape[1]
    bound = kernels.sums_of_terms(rows, products.terms)
    if bound <= INT32_MAX:
        return Fit(terms, bound)
    some = INT32_MAX // kernels.largest_term(rows, products.terms)
    return Fit(some if some >= UNROLL else 0, bound)


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
    init: np.ndarray
    channels: np.ndarray
    tables: np.ndarray
    how: Reencoding


def prepare(layer: Layer, fit: Fit, code: Kernels) -> Prepared:
    """The plan and the weights of a layer; `fit` is the layer's, with terms."""
    plan, products = _plan(layer, fit, code), products_in(layer)
    records = np.empty((len(products.factor), 2), np.int32)
    records[:, 0] = 4 * plan.positions * products.weight_residue
    records[:, 1] = products.factor
    init = np.zeros(len(layer.w), np.int64) if layer.init is None else layer.init
    offsets, weights = _offsets(layer, plan), _packed(layer, plan)
    return Prepared(
        plan,
        offsets,
        weights,
        records,
        products,
        init,
        *channels_of(layer),
        reencoding_of(layer),
    )


def convolve(layer: Layer, prepared: Prepared) -> np.ndarray:
    """The layer's codes or accumulators, [N, O, Ho, Wo]."""
    shape = len(layer.x), len(layer.w), *layer.size
    out = np.empty(shape, layer.out_dtype)
    if not out.size:
        return out
    plan, products, x = prepared.plan, prepared.products, _padded(layer).reshape(-1)
    scratch_bytes = kernels.scratch_bytes(plan)

    def work(first: int, last: int) -> None:
        kernels.dense(
            first,
            last,
            plan,
            x,
            prepared.offsets,
            prepared.weights,
            prepared.records,
            products.mantissas.reshape(-1),
            products.values,
            prepared.init,
            prepared.channels,
            prepared.how,
            out.reshape(-1),
            aligned(scratch_bytes),
        )

    spread(work, plan.groups * plan.tiles * plan.splits)
    return out


def channels_of(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """What the kernel reads of each channel, and the memory that it leads to."""
    if layer.out_format is None:
        return np.zeros((1, 6), np.int32), np.zeros(0, np.int32)
    scale = product_scale(layer.x_format, layer.w_format)
    records, tables = channel_records(scale, len(layer.w), layer.out_format, layer.arithmetic)
    if layer.init is not None:
        records = records.copy()
        records[:, 4] = layer.init.astype(np.int32)
    return records, tables


def aligned(size: int) -> np.ndarray:
    """Bytes at an address that is a multiple of a cache line."""
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def _padded(layer: Layer) -> np.ndarray:
    top, left, _, _ = layer.window.padding
    if not any(layer.window.padding):
        return np.ascontiguousarray(layer.x)
    count, channels, height, width = layer.x.shape
    padded = np.zeros((count, channels, *layer.padded_size), np.uint8)
    padded[:, :, top : top + height, left : left + width] = layer.x
    return padded


def _plan(layer: Layer, fit: Fit, code: Kernels) -> Tiles:
    products, window = products_in(layer), layer.window
    outputs, inputs, *kernel = layer.w.shape
    terms = inputs * kernel[0] * kernel[1]
    height, width = layer.size
    total = len(layer.x) * height * width
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
    tiles = -(-total // positions)
    # A map of one tile still has work for every thread: its outputs.
    sharing = -(-thread_count() // (window.groups * tiles))
    at_once = min(-(-own // sharing), OUTPUTS_AT_ONCE)
    table = ""
    if code.form.shuffle and products.shape is not None:
        signed = not layer.x_format.unsigned
        table = table_name(positions, products.shape, residues, signed)
    size = 0
    if layer.out_format is not None and init_fits(layer, fit):
        size = layer.out_format.dtype.itemsize
    in_height, in_width = layer.padded_size
    return Tiles(
        mac=code.address(f"mac_{positions}"),
        table=code.address(table) if table else 0,
        finish=code.address(f"finish_{positions}_{size}") if size else 0,
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
        image_stride=layer.x.shape[1] * in_height * in_width,
        row_stride=window.strides[0] * in_width,
        column_stride=window.strides[1],
        group_stride=inputs * in_height * in_width,
        magnitude_mask=layer.x_format.max_magnitude,
        up=products.up,
        low_mask=(1 << products.frac) - 1,
        frac=products.frac,
        sign_mask=layer.x_format.sign_mask,
    )


def init_fits(layer: Layer, fit: Fit) -> bool:
    """Whether the sums of all products fit int32 with the initial values too."""
    start = 0 if layer.init is None else max(int(layer.init.max()), -int(layer.init.min()))
    return fit.bound + start < INT32_MAX


def _packed(layer: Layer, plan: Tiles) -> np.ndarray:
    packed = np.zeros((plan.groups, plan.blocks, plan.outputs, plan.depth), np.uint8)
    w = np.ascontiguousarray(layer.w).reshape(plan.groups, plan.outputs, -1)
    kernels.pack(w, packed)
    return packed


def _offsets(layer: Layer, plan: Tiles) -> np.ndarray:
    """Where each weight's input lies from the first one on; those beyond the last at the first."""
    _, inputs, rows, columns = layer.w.shape
    channel, row, column = np.ogrid[:inputs, :rows, :columns]
    height, width = layer.padded_size
    vertical, horizontal = layer.window.dilation
    offsets = channel * height * width + row * vertical * width + column * horizontal
    padded = np.zeros(plan.blocks * plan.depth, np.int64)
    padded[: offsets.size] = offsets.reshape(-1)
    return padded
