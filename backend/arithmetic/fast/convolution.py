"""Convolutions and linear layers in tiles of positions: the plan, the weights, the threads."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.fast import kernels, weight_kernels
from recog.backend.arithmetic.fast.assembly import Kernels
from recog.backend.arithmetic.fast.emit import UNROLL, table_name
from recog.backend.arithmetic.fast.kernels import Reals, Tables, Tiles
from recog.backend.arithmetic.fast.layer import (
    Fit,
    epilogue_of,
    has_tables,
    nanoseconds_of,
    products_in,
    real_bits,
    reals_in,
    scratch,
)
from recog.backend.arithmetic.fast.reencoding import Epilogue
from recog.backend.arithmetic.fast.threads import spread

TABLE_BYTES = 64 << 10
"""What the tables of a block of inputs may take: about an eighth of a second-level cache."""

REALS_BYTES = 16 << 10
"""What the numbers of a block of inputs may take: about half of a first-level cache."""

OUTPUTS_AT_ONCE = 512
"""Output channels that share a block's values, and whose sums stay in the cache."""

FEW_UNITS, WORTH_A_SPLIT = 4, 32
"""Units a thread up to which all get as many, and outputs that pay for a tile's values again."""

TABLE_WORTH = 3
"""Outputs a group that pay for one lookup in a byte table, measured."""


def takes(layer: Layer, fit: Fit, code: Kernels) -> bool:
    """Whether a layer's products come about here, by tables or by rounding."""
    return _by_tables(layer, fit, code) or bool(real_bits(layer, fit, UNROLL))


def _by_tables(layer: Layer, fit: Fit, code: Kernels) -> bool:
    """Whether tables take less time than rounding each product, or are all there is."""
    if not has_tables(layer) or not fit.terms:
        return False
    if real_bits(layer, fit, UNROLL) != 32:
        return True
    shape, residues = products_in(layer).shape, len(products_in(layer).residues)
    if not code.form.shuffle or shape is None:
        return False
    outputs = len(layer.w.array) // layer.window.groups
    return outputs > TABLE_WORTH * residues * shape.parts * shape.size


class Prepared(NamedTuple):
    """All that `kernels.by_tables` or `kernels.by_rounding` takes but for the codes.

    Attributes:
        way: `Tables` for the first, `Reals` for the second.
        sums: an empty array of the type of sums.
        shape: of the result.
        scratch_bytes: what a thread needs.
        nanoseconds: about what all of it takes on one.
    """

    plan: Tiles
    way: Tables | Reals
    sums: np.ndarray
    shape: tuple[int, ...]
    scratch_bytes: int
    nanoseconds: int
    offsets: np.ndarray
    weights: np.ndarray
    epilogue: Epilogue

    @property
    def name(self) -> str:
        return "dense" if isinstance(self.way, Tables) else f"real{8 * self.sums.itemsize}"

    def convolve(self, layer: Layer, threads: int) -> np.ndarray:
        """The layer's codes or accumulators, [N, O, Ho, Wo]."""
        out = np.empty(self.shape, layer.out_dtype)
        if not out.size:
            return out
        plan, x, flat = self.plan, _padded(layer).reshape(-1), out.reshape(-1)
        units = plan.groups * plan.tiles * plan.splits
        given = plan, self.way, x, self.offsets, self.weights
        last_of_all = self.epilogue, flat, scratch(min(threads, units), self.scratch_bytes)
        if isinstance(self.way, Tables):
            run, arguments = kernels.convolve_by_tables, (*given, *last_of_all)
        else:
            run, arguments = kernels.convolve_by_rounding, (*given, self.sums, *last_of_all)
        spread(run, units, threads, self.nanoseconds, arguments)
        return out


def prepare(layer: Layer, fit: Fit, code: Kernels, threads: int) -> Prepared:
    """The plan and the weights of a layer that `takes` takes."""
    plan_of = partial(_plan, layer, fit, code, threads)
    positions = _positions(layer, code)
    if _by_tables(layer, fit, code):
        each = 4 * len(products_in(layer).residues) * positions
        plan = plan_of(f"mac_{positions}", positions, TABLE_BYTES // each, fit.terms)
        way, value_bytes = _tables(layer, plan, code), plan.depth * (each + positions)
        sums = np.empty(0, np.int32)
    else:
        bits = real_bits(layer, fit, UNROLL)
        way, size = reals_in(layer, bits), layer.w.array.dtype.itemsize
        each = way.x.itemsize * positions
        terms = fit.terms if bits == 32 else layer.terms
        plan = plan_of(f"real_{bits}_{positions}_{size}", positions, REALS_BYTES // each, terms)
        value_bytes, sums = plan.depth * each, np.empty(0, np.int32 if bits == 32 else np.float64)
    shape = len(layer.x.array), len(layer.w.array), *layer.size
    sizes = kernels.scratch_bytes(plan, value_bytes, sums.itemsize), nanoseconds_of(layer)
    epilogue = epilogue_of(layer, fit, code, plan.positions)
    offsets, weights = _offsets(layer, plan), _packed(layer, plan)
    return Prepared(plan, way, sums, shape, *sizes, offsets, weights, epilogue)


def _padded(layer: Layer) -> np.ndarray:
    top, left, _, _ = layer.window.padding
    if not any(layer.window.padding):
        return np.ascontiguousarray(layer.x.array)
    count, channels, height, width = layer.x.array.shape
    padded = np.zeros((count, channels, *layer.padded_size), layer.x.array.dtype)
    padded[:, :, top : top + height, left : left + width] = layer.x.array
    return padded


def _positions(layer: Layer, code: Kernels) -> int:
    """How many positions a tile has."""
    height, width = layer.size
    total, lanes = len(layer.x.array) * height * width, code.form.lanes
    return min(
        code.form.positions, key=lambda each: (-(-total // each) * (lanes * 1.2 + each), each)
    )


def _plan(
    layer: Layer,
    fit: Fit,
    code: Kernels,
    threads: int,
    kernel: str,
    positions: int,
    most: int,
    terms_at_once: int,
) -> Tiles:
    """The plan with a kernel.

    Args:
        most: weights of an output whose values a block may hold.
        terms_at_once: products that sums hold.
    """
    window, (outputs, inputs, *_), terms = layer.window, layer.w.array.shape, layer.terms
    height, width = layer.size
    total = len(layer.x.array) * height * width
    most = UNROLL * max(1, min(most, terms_at_once) // UNROLL)
    blocks = -(-terms // most)
    depth = UNROLL * -(-terms // (UNROLL * blocks))
    own = outputs // window.groups
    tiles = max(1, -(-total // positions))  # no frames are one empty tile
    at_once = -(-own // _splits(own, window.groups * tiles, threads))
    in_height, in_width = layer.padded_size
    return Tiles(
        kernel=code.address(kernel),
        positions=positions,
        outputs=own,
        groups=window.groups,
        depth=depth,
        blocks=-(-terms // depth),
        blocks_per_sum=max(1, terms_at_once // depth),
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
    )


def _splits(outputs: int, tiles: int, threads: int) -> int:
    """In how many parts the outputs of each of so many tiles are computed.

    A map of one tile still has work for every thread, its outputs; of few tiles each gets as much.
    """
    splits = max(-(-outputs // OUTPUTS_AT_ONCE), min(outputs, -(-threads // tiles)))
    if tiles * splits >= FEW_UNITS * threads:
        return splits
    even = next(each for each in range(splits, splits + threads) if tiles * each % threads == 0)
    return even if outputs >= WORTH_A_SPLIT * even else splits


def _tables(layer: Layer, plan: Tiles, code: Kernels) -> Tables:
    products, format = products_in(layer), layer.x.format
    residues, kernel = len(products.residues), 0
    if code.form.shuffle and products.shape is not None:
        signed = not format.unsigned
        kernel = code.address(table_name(plan.positions, products.shape, residues, signed))
    low_mask = (1 << products.frac) - 1
    masks = format.max_magnitude, products.up, low_mask, products.frac, format.sign_mask
    records = np.empty((len(products.factor), 2), np.int32)
    records[:, 0] = 4 * plan.positions * products.weight_residue
    records[:, 1] = products.factor
    mantissas = products.mantissas.reshape(-1)
    return Tables(kernel, residues, masks, mantissas, products.values, records)


def _packed(layer: Layer, plan: Tiles) -> np.ndarray:
    w = np.ascontiguousarray(layer.w.array).reshape(plan.groups, plan.outputs, -1)
    packed = np.zeros((plan.groups, plan.blocks, plan.outputs, plan.depth), w.dtype)
    weight_kernels.pack(w, packed)
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
