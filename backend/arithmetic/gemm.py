"""A quick engine in NumPy: the antilog's sums as exact float64 matrix products.

With p_x + p_w = m_x + r + 2^f·e, where r and e are the remainder and quotient of the weight's
log-domain magnitude by 2^f, a product is T(p_x + p_w) = T(m_x + r) · 2^e. So a sum of products is
a sum over the residues r that occur in the weights of X_r · W_r, where X_r holds s_x · T(m_x + r)
and W_r holds s_w · 2^e for the weights of residue r, else 0. Every term is one whole product of
the definition, and float64 sums integers exactly below 2^53 in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic import buckets, correlated, definition, lookup, tabulated, transposed
from recog.backend.arithmetic.bounds import antilog_integer
from recog.backend.arithmetic.buckets import EXACT
from recog.backend.arithmetic.definition import Padding, Pair, output_size, split
from recog.backend.arithmetic.engine import ReferenceEngine
from recog.backend.arithmetic.tabulated import all_codes
from recog.dialects.number_format import Arithmetic, LnsFormat

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

    def __init__(self, w: np.ndarray, w_format: LnsFormat, frac: int):
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


class GemmEngine(ReferenceEngine):
    """The definition's bits through BLAS, within bounded working memory."""

    def _accumulate_conv2d(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        init: np.ndarray | None,
        *,
        strides: Pair,
        padding: Padding,
        dilation: Pair,
        groups: int,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        outputs, group_inputs, *kernel = w.shape
        size = output_size(x.shape[2:], kernel, strides, padding, dilation)
        if outputs // groups <= FEW_OUTPUTS or x.shape[0] * size[0] * size[1] <= FEW_POSITIONS:
            formats = x_format.with_bias(0), w_format.with_bias(0)
            table = lookup.product_table(*formats, w[0].size, arithmetic)
            if table is not None:
                acc = lookup.accumulate_conv2d(
                    x,
                    w,
                    table,
                    strides=strides,
                    padding=padding,
                    dilation=dilation,
                    groups=groups,
                )
                return acc if init is None else acc + init[:, None, None]
        acc = np.zeros((x.shape[0], outputs, *size), np.int64)
        if init is not None:
            acc += init[:, None, None]
        window = _Window(strides, padding, dilation)
        step = outputs // groups
        for group in range(groups):
            out = slice(group * step, (group + 1) * step)
            inputs = slice(group * group_inputs, (group + 1) * group_inputs)
            part = _Convolution(x[:, inputs], x_format, w[out], w_format, window, arithmetic)
            part.add_to(acc[:, out])
        return acc

    def _accumulate_linear(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        init: np.ndarray | None,
        *,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        rows = x.reshape(-1, x.shape[-1])
        table = None
        if len(rows) <= FEW_POSITIONS:
            formats = x_format.with_bias(0), w_format.with_bias(0)
            table = lookup.product_table(*formats, w.shape[1], arithmetic)
        if table is not None:
            acc = lookup.accumulate_linear(rows, w, table)
            acc = acc if init is None else acc + init
            return acc.reshape(*x.shape[:-1], len(w))
        acc = self._accumulate_conv2d(
            rows[:, :, None, None],
            x_format,
            w[:, :, None, None],
            w_format,
            init,
            strides=(1, 1),
            padding=(0, 0, 0, 0),
            dilation=(1, 1),
            groups=1,
            arithmetic=arithmetic,
        )
        return acc.reshape(*x.shape[:-1], len(w))

    def _accumulate_conv_transpose2d(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        init: np.ndarray | None,
        *,
        strides: Pair,
        padding: Padding,
        output_padding: Pair,
        dilation: Pair,
        groups: int,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        def accumulate(met: np.ndarray, weights: np.ndarray, dilation: Pair) -> np.ndarray:
            return self._accumulate_conv2d(
                met,
                x_format,
                weights,
                w_format,
                None,
                strides=(1, 1),
                padding=(0, 0, 0, 0),
                dilation=dilation,
                groups=groups,
                arithmetic=arithmetic,
            )

        acc = transposed.conv_transpose2d(
            accumulate,
            x,
            w,
            np.zeros(len(w), np.int64),
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
        )
        return acc if init is None else acc + init[:, None, None]

    _reencode = staticmethod(buckets.reencode)
    _add = staticmethod(tabulated.add)
    _mul = staticmethod(tabulated.mul)
    _avg_pool2d = staticmethod(tabulated.avg_pool2d)
    _resize_bilinear = staticmethod(tabulated.resize_bilinear)
    _correlation = staticmethod(correlated.correlation)


# Convolution


class _Window(NamedTuple):
    strides: Pair
    padding: Padding
    dilation: Pair


class _Convolution:
    """One group of a convolution, tap by tap, on tiles of images and output rows."""

    def __init__(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        window: _Window,
        arithmetic: Arithmetic,
    ):
        self.x, self.x_format, self.w, self.w_format = x, x_format, w, w_format
        self.window, self.arithmetic = window, arithmetic
        self.frac = max(x_format.frac, w_format.frac)

    def add_to(self, acc: np.ndarray) -> None:
        """Add this group's sums to acc [N, O, Ho, Wo]."""
        weights = _Weights(self.w, self.w_format, self.frac)
        channels = self._channels_at_once(weights)
        if channels == 0:
            acc += self._defined()
            return
        table = self._input_table(weights.residues)
        for first in range(0, self.x.shape[1], channels):
            part = slice(first, first + channels)
            for images, rows in self._tiles(acc.shape[2], channels * len(weights.residues)):
                tile = self._tile(images, rows, part, weights, table, acc.shape[3])
                acc[images, :, rows.start : rows.stop] += tile.transpose(2, 3, 0, 1)

    def _defined(self) -> np.ndarray:
        strides, padding, dilation = self.window
        return definition.accumulate_conv2d(
            self.x,
            self.x_format,
            self.w,
            self.w_format,
            None,
            strides=strides,
            padding=padding,
            dilation=dilation,
            groups=1,
            arithmetic=self.arithmetic,
        )

    def _channels_at_once(self, weights: _Weights) -> int:
        """How many input channels may be summed in float64: exact, and in bounded memory."""
        outputs, inputs, *kernel = self.w.shape
        x_largest = self.x_format.max_magnitude << (self.frac - self.x_format.frac)
        largest = antilog_integer(x_largest + weights.largest, self.frac, self.arithmetic)
        exact = (EXACT - 1) // (kernel[0] * kernel[1] * largest)
        halo = (kernel[0] - 1) * self.window.dilation[0] + 1
        entries = len(weights.residues) * max(outputs, halo * self.x.shape[3])
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
        (v_stride, h_stride), (top, left, _, _), dilation = self.window
        _, _, in_height, in_width = self.x.shape
        taps = []
        for row, column in np.ndindex(*self.w.shape[2:]):
            vertical = _meet(row * dilation[0] - top, v_stride, in_height, rows)
            horizontal = _meet(column * dilation[1] - left, h_stride, in_width, range(width))
            if vertical.first < vertical.last and horizontal.first < horizontal.last:
                taps.append(_Tap(row, column, vertical, horizontal))
        return taps

    def _tile(
        self,
        images: slice,
        rows: range,
        channels: slice,
        weights: _Weights,
        table: np.ndarray,
        width: int,
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
            acc[out, columns] += _matmul(met, weights.matrix(channels, row, column))
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
