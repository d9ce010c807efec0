"""A quick engine in NumPy: the antilog's sums as exact float64 matrix products.

With p_x + p_w = m_x + r + 2^f·e, where r and e are the remainder and quotient of the weight's
log-domain magnitude by 2^f, a product is T(p_x + p_w) = T(m_x + r) · 2^e. So a sum of products is
a sum over the residues r that occur in the weights of X_r · W_r, where X_r holds s_x · T(m_x + r)
and W_r holds s_w · 2^e for the weights of residue r, else 0. Every term is one whole product of
the definition, and float64 sums integers exactly below 2^53 in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.bounds import antilog_integer
from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.backend.arithmetic.gemm import buckets, correlated, lookup, tabulated, transposed
from recog.backend.arithmetic.gemm.buckets import EXACT
from recog.backend.arithmetic.reference import definition
from recog.backend.arithmetic.reference.definition import all_codes, split
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

WORKING_BYTES = 16 << 20
"""What one block of X_r, and one of W_r, may take."""

SHORT_ROW = 256

FEW_OUTPUTS, FEW_POSITIONS = 4, 8
"""Up to so many outputs a group, or positions, a lookup a product takes less time."""


class _Meeting(NamedTuple):
    """Where a kernel's row or column meets the input, without the padding.

    Outputs first, ..., last − 1 meet every stride-th input from `phase` on, `shift` further.
    """

    phase: int
    shift: int
    first: int
    last: int

    @property
    def inputs(self) -> slice:
        return slice(self.first + self.shift, self.last + self.shift)


def _meet(offset: int, stride: int, inputs: int, outputs: range) -> _Meeting:
    """How outputs o of a range meet inputs o · stride + offset among 0, ..., inputs − 1."""
    shift, phase = divmod(offset, stride)
    in_phase = -(-(inputs - phase) // stride)
    first = max(outputs.start, -shift)
    return _Meeting(phase, shift, first, max(first, min(outputs.stop, in_phase - shift)))


class _Tap(NamedTuple):
    """A kernel's tap at a row and a column, and what it meets along both."""

    row: int
    column: int
    vertical: _Meeting
    horizontal: _Meeting


class _Weights:
    """The W_r of a convolution: the residues that occur, and each tap's matrix."""

    def __init__(self, weights: Codes, frac: int):
        w, w_format = weights
        codes = np.flatnonzero(np.bincount(w.reshape(-1), minlength=1))
        sign, magnitude = split(codes, w_format)
        p = magnitude << (frac - w_format.frac)
        self.w, self.largest = w, int(p.max(initial=0))
        residue = p & ((1 << frac) - 1)
        self.residues = np.unique(residue[sign != 0])
        if not self.residues.size:
            self.residues = np.zeros(1, np.int64)
        # Each code's row over the residues: ± 2^e at its own.
        self.rows = np.zeros((int(codes.max(initial=0)) + 1, len(self.residues)))
        column = np.searchsorted(self.residues, residue) % len(self.residues)
        self.rows[codes, column] = np.ldexp(sign.astype(np.float64), np.minimum(p >> frac, 62))

    def matrix(self, channels: slice, row: int, column: int) -> np.ndarray:
        """float64 [O, channels · residues]."""
        return self.rows[self.w[:, channels, row, column]].reshape(len(self.w), -1)


class GemmEngine(Engine):
    """The definition's bits through BLAS, within bounded working memory."""

    def _conv2d(self, layer: Layer) -> np.ndarray:
        return encoded(self._accumulated(layer), layer)

    def _linear(self, layer: Layer) -> np.ndarray:
        x, w = layer.x.array, layer.w.array
        rows = x.reshape(-1, x.shape[-1])
        table = _product_table(layer) if len(rows) <= FEW_POSITIONS else None
        if table is None:
            acc = self._accumulated(layer.as_convolution())
        else:
            acc = lookup.accumulate_linear(rows, w, table) + layer.initial
        return encoded(acc.reshape(*x.shape[:-1], len(w)), layer, axis=-1)

    def _conv_transpose2d(self, layer: Layer) -> np.ndarray:
        acc = transposed.conv_transpose2d(self._accumulated, layer, layer.initial)
        return encoded(acc, layer)

    def _accumulated(self, layer: Layer) -> np.ndarray:
        """The accumulators of a convolution, int64 [N, O, Ho, Wo]."""
        count, channels = len(layer.x.array), len(layer.w.array)
        outputs, positions = channels // layer.window.groups, count * prod(layer.size)
        initial = layer.initial[:, None, None]
        if outputs <= FEW_OUTPUTS or positions <= FEW_POSITIONS:
            table = _product_table(layer)
            if table is not None:
                acc = lookup.accumulate_conv2d(layer, table)
                acc += initial
                return acc
        acc = np.empty((count, channels, *layer.size), np.int64)
        acc[...] = initial
        for part, group in _groups(layer):
            convolution = _Convolution(group)
            if convolution.channels_at_once:
                convolution.add_to(acc[:, part])
            else:
                acc[:, part] += super()._conv2d(group)
        return acc

    def _add(
        self,
        a: Codes,
        b: Codes,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        subtract: bool,
        relu: bool,
    ) -> np.ndarray:
        if out is None or not tabulated.pairs_fit(a, b):
            return super()._add(a, b, out, arithmetic, subtract=subtract, relu=relu)
        table = tabulated.add_table(a.format, b.format, out, arithmetic, subtract, relu)
        return self._look_up_pairs(a, b, table)

    def _mul(self, a: Codes, b: Codes, out: LnsFormat, *, relu: bool) -> np.ndarray:
        if not tabulated.pairs_fit(a, b):
            return super()._mul(a, b, out, relu=relu)
        return self._look_up_pairs(a, b, tabulated.mul_table(a.format, b.format, out, relu))

    def _look_up_pairs(self, a: Codes, b: Codes, entries: np.ndarray) -> np.ndarray:
        return tabulated.look_up_pairs(a, b, entries)

    def _avg_pool2d(
        self,
        x: Codes,
        window: PoolWindow,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        relu: bool,
    ) -> np.ndarray:
        return tabulated.avg_pool2d(x, window, out, arithmetic, relu=relu)

    def _resize_bilinear(
        self, x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        return tabulated.resize_bilinear(x, to, out, arithmetic)

    def _correlation(
        self, left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        if not tabulated.pairs_fit(left, right):
            return super()._correlation(left, right, disparities, out, arithmetic)
        return correlated.correlation(left, right, disparities, out, arithmetic)


def encoded(acc: np.ndarray, layer: Layer, axis: int = 1) -> np.ndarray:
    """A layer's result of its accumulators, whose channels run along an axis."""
    return buckets.reencode(
        acc, layer.scale, layer.out, layer.arithmetic, relu=layer.relu, axis=axis
    )


def _product_table(layer: Layer) -> lookup.ProductTable | None:
    formats = layer.x.format.with_bias(0), layer.w.format.with_bias(0)
    return lookup.product_table(*formats, layer.terms, layer.arithmetic)


# Convolution


def _groups(layer: Layer) -> Iterator[tuple[slice, Layer]]:
    """The outputs of each group, and their sums of products as a layer of one group."""
    bare = layer._replace(init=None, out=None, window=replace(layer.window, groups=1), relu=False)
    (x, x_format), (w, w_format) = layer.x, layer.w
    outputs, inputs = len(w) // layer.window.groups, w.shape[1]
    for group in range(layer.window.groups):
        part = slice(group * outputs, (group + 1) * outputs)
        channels = slice(group * inputs, (group + 1) * inputs)
        parts = Codes(x[:, channels], x_format), Codes(w[part], w_format)
        yield part, bare._replace(x=parts[0], w=parts[1])


class _Convolution:
    """A convolution of one group, tap by tap, on tiles of images and output rows.

    Attributes:
        channels_at_once: how many input channels may be summed in float64, exactly and in bounded
            memory; 0 where one is too many.
    """

    def __init__(self, layer: Layer):
        (self.x, self.x_format), (self.w, w_format) = layer.x, layer.w
        self.window, self.arithmetic = layer.window, layer.arithmetic
        self.frac = max(self.x_format.frac, w_format.frac)
        self.weights = _Weights(layer.w, self.frac)
        self.channels_at_once = self._channels_at_once()

    def add_to(self, acc: np.ndarray) -> None:
        """Add the sums to acc [N, O, Ho, Wo]."""
        residues, channels = self.weights.residues, self.channels_at_once
        table = self._input_table(residues)
        for first in range(0, self.x.shape[1], channels):
            part = slice(first, first + channels)
            for images, rows in self._tiles(acc.shape[2], channels * len(residues)):
                tile = self._tile(images, rows, part, table, acc.shape[3])
                acc[images, :, rows.start : rows.stop] += tile.transpose(2, 3, 0, 1)

    def _channels_at_once(self) -> int:
        outputs, inputs, *kernel = self.w.shape
        x_largest = self.x_format.max_magnitude << (self.frac - self.x_format.frac)
        largest = antilog_integer(x_largest + self.weights.largest, self.frac, self.arithmetic)
        exact = (EXACT - 1) // (kernel[0] * kernel[1] * largest)
        halo = (kernel[0] - 1) * self.window.dilation[0] + 1
        entries = len(self.weights.residues) * max(outputs, halo * self.x.shape[3])
        return min(inputs, exact, max(1, WORKING_BYTES // (8 * entries)))

    def _input_table(self, residues: np.ndarray) -> np.ndarray:
        """s · T(m + r) of every input code and residue, float64 [2^width, residues]."""
        sign, magnitude = split(all_codes(self.x_format), self.x_format)
        p = (magnitude << (self.frac - self.x_format.frac))[:, None] + residues
        return (sign[:, None] * definition.antilog(p, self.frac, self.arithmetic)).astype(float)

    def _tiles(self, height: int, entries: int) -> Iterator[tuple[slice, range]]:
        """Images and output rows whose X_r, `entries` an element, fit the working memory."""
        count, _, in_height, in_width = self.x.shape
        halo = (self.w.shape[2] - 1) * self.window.dilation[0] + 1
        in_rows = max(halo, WORKING_BYTES // (8 * entries * in_width))
        images = max(1, in_rows // in_height)
        rows = height if in_rows >= in_height else (in_rows - halo) // self.window.strides[0] + 1
        for first in range(0, count, images):
            for row in range(0, height, rows):
                yield slice(first, first + images), range(row, min(row + rows, height))

    def _taps(self, rows: range, width: int) -> list[_Tap]:
        """The taps that meet the input somewhere below `rows` of outputs."""
        strides, dilation = self.window.strides, self.window.dilation
        top, left, _, _ = self.window.padding
        _, _, in_height, in_width = self.x.shape
        taps = []
        for row, column in np.ndindex(*self.w.shape[2:]):
            vertical = _meet(row * dilation[0] - top, strides[0], in_height, rows)
            horizontal = _meet(column * dilation[1] - left, strides[1], in_width, range(width))
            if vertical.first < vertical.last and horizontal.first < horizontal.last:
                taps.append(_Tap(row, column, vertical, horizontal))
        return taps

    def _tile(
        self, images: slice, rows: range, channels: slice, table: np.ndarray, width: int
    ) -> np.ndarray:
        """The sums of a tile as integers, int64 [rows, Wo, images, O].

        Images run inside columns, so that the elements that one output row meets lie in one piece
        and no sum is spent on padding.
        """
        codes = self.x[images, channels].transpose(2, 3, 0, 1)
        count, strides = codes.shape[2], self.window.strides
        acc = np.zeros((len(rows), width * count, self.w.shape[0]))
        looked_up: dict[tuple[int, int], np.ndarray] = {}
        taps = self._taps(rows, width)
        for row, column, vertical, horizontal in taps:
            first, last = _span(taps, vertical.phase)
            phases = vertical.phase, horizontal.phase
            if phases not in looked_up:
                needed = codes[phases[0] :: strides[0], phases[1] :: strides[1]]
                looked_up[phases] = _look_up(table, needed[first:last])
            v, h = vertical.inputs, horizontal.inputs
            met = looked_up[phases][
                v.start - first : v.stop - first, h.start * count : h.stop * count
            ]
            out = slice(vertical.first - rows.start, vertical.last - rows.start)
            columns = slice(horizontal.first * count, horizontal.last * count)
            acc[out, columns] += _matmul(met, self.weights.matrix(channels, row, column))
        return acc.astype(np.int64).reshape(len(rows), width, count, -1)


def _span(taps: list[_Tap], phase: int) -> tuple[int, int]:
    """The range of a phase's input rows that some tap meets."""
    met = [tap.vertical.inputs for tap in taps if tap.vertical.phase == phase]
    return min(rows.start for rows in met), max(rows.stop for rows in met)


def _look_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """X_r of codes [H, W, N, C], float64 [H, W · N, C · residues]."""
    height, width, count, channels = codes.shape
    return table[codes].reshape(height, width * count, channels * table.shape[1])


def _matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x [H, W, K] times w [O, K] transposed; short rows are copied into one product, as BLAS
    reads all of w for each."""
    if x.shape[1] >= SHORT_ROW:
        return x @ w.T
    return (x.reshape(-1, x.shape[2]) @ w.T).reshape(*x.shape[:2], -1)
