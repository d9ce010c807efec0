"""A quick engine in NumPy: the antilog's sums as exact float64 matrix products.

With p_x + p_w = m_x + r + 2^f·e, where r and e are the remainder and quotient of the weight's
log-domain magnitude by 2^f, a product is T(p_x + p_w) = T(m_x + r) · 2^e. So a sum of products is
a sum over the residues r that occur in the weights of X_r · W_r, where X_r holds s_x · T(m_x + r)
and W_r holds s_w · 2^e for the weights of residue r, else 0. Every term is one whole product of
the definition, and float64 sums integers exactly below 2^53 in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic import definition
from recog.backend.arithmetic.bounds import antilog_integer
from recog.backend.arithmetic.definition import Padding, Pair, bias_parts, output_size, split
from recog.backend.arithmetic.engine import ReferenceEngine
from recog.backend.arithmetic.tables import AccumulatorScale, reencode_thresholds
from recog.dialects.number_format import Arithmetic, LnsFormat

EXACT = 1 << 53
"""float64 holds every integer up to here."""

WORKING_BYTES = 16 << 20
"""What one block of X_r, and one of W_r, may take."""

SHORT_ROW = 256


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
    """The W_r of a convolution: residues, and each tap's matrix over (channel, residue)."""

    def __init__(self, w: np.ndarray, w_format: LnsFormat, frac: int):
        sign, magnitude = split(w, w_format)
        p = magnitude << (frac - w_format.frac)
        self.largest = int(p.max(initial=0))
        p[sign == 0] = self.largest  # no residue of their own
        self.residues, index = np.unique(p & ((1 << frac) - 1), return_inverse=True)
        self.index = index.reshape(w.shape)
        self.values = np.ldexp(sign.astype(np.float64), np.minimum(p >> frac, 62))

    def matrix(self, channels: slice, row: int, column: int) -> np.ndarray:
        """float64 [channels · residues, O]."""
        values = self.values[:, channels, row, column].T
        index = self.index[:, channels, row, column].T
        matrix = np.zeros((values.shape[0], len(self.residues), values.shape[1]))
        np.put_along_axis(matrix, index[:, None], values[:, None], axis=1)
        return matrix.reshape(-1, values.shape[1])


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
        acc = self._accumulate_conv2d(
            x.reshape(-1, x.shape[-1], 1, 1),
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

    def _linearize(
        self, codes: np.ndarray, format: LnsFormat, scale: AccumulatorScale, arithmetic: Arithmetic
    ) -> np.ndarray:
        return definition.linearize(_all_codes(format), format, scale, arithmetic)[codes]

    def _reencode(
        self,
        accumulators: np.ndarray,
        scale: AccumulatorScale,
        out_format: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        relu: bool = False,
        axis: int = 1,
    ) -> np.ndarray:
        largest = max(int(accumulators.max(initial=0)), -int(accumulators.min(initial=0)))
        if out_format is None or out_format.frac > 8 or largest >= EXACT:
            return definition.reencode(
                accumulators, scale, out_format, arithmetic, relu=relu, axis=axis
            )
        codes = np.empty(accumulators.shape, out_format.dtype)
        for part, bias in bias_parts(scale, codes.ndim, axis):
            buckets = _buckets(scale.frac, bias, out_format, arithmetic.antilog_bits)
            codes[part] = _reencode_part(accumulators[part], buckets, out_format, relu)
        return codes


def _all_codes(format: LnsFormat) -> np.ndarray:
    return np.arange(1 << format.width).astype(format.dtype)


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
        if self.w.shape[1] == 1 and self.x[:, 0].size >= 1 << self.x_format.width:
            self._add_single_input(acc)
            return
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
        sign, magnitude = split(_all_codes(self.x_format), self.x_format)
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

    def _add_single_input(self, acc: np.ndarray) -> None:
        """Depthwise: a table of all products with each weight, looked up."""
        codes, strides = self.x[:, 0].astype(np.intp), self.window.strides
        every_code = _all_codes(self.x_format)
        height, width = acc.shape[2:]
        for row, column, vertical, horizontal in self._taps(range(height), width):
            in_phase = codes[:, vertical.phase :: strides[0], horizontal.phase :: strides[1]]
            met = in_phase[:, vertical.inputs, horizontal.inputs]
            rows = slice(vertical.first, vertical.last)
            columns = slice(horizontal.first, horizontal.last)
            for output, weight in enumerate(self.w[:, 0, row, column]):
                table = definition.products(
                    every_code, self.x_format, weight, self.w_format, self.arithmetic
                )
                acc[:, output, rows, columns] += table[met]


def _span(taps: list[_Tap], phase: int) -> tuple[int, int]:
    """The range of a phase's input rows that some tap meets."""
    met = [tap.vertical.inputs for tap in taps if tap.vertical.phase == phase]
    return min(rows.start for rows in met), max(rows.stop for rows in met)


def _look_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """X_r of codes [H, W, N, C], float64 [H, W · N, C · residues]."""
    height, width, count, channels = codes.shape
    return table[codes].reshape(height, width * count, channels * table.shape[1])


def _matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x [H, W, K] times w [K, O]; short rows are copied into one product, as BLAS reads all of w
    for each."""
    if x.shape[1] >= SHORT_ROW:
        return x @ w
    return (x.reshape(-1, x.shape[2]) @ w).reshape(*x.shape[:2], -1)


# Re-encoding


class _Buckets(NamedTuple):
    """Thresholds sorted into buckets of float64's exponent and leading mantissa bits.

    A bucket holds one threshold at most: `reached` counts those up to its lower edge, `next` is
    the following one. Bucket 0 is for zero.
    """

    shift: int
    reached: np.ndarray
    next: np.ndarray


@lru_cache(maxsize=256)
def _buckets(frac: int, bias: int, out_format: LnsFormat, antilog_bits: int) -> _Buckets:
    exact = reencode_thresholds(frac, bias, out_format, antilog_bits)
    thresholds = np.append(np.minimum(exact, 2 * EXACT), 2 * EXACT).astype(np.float64)
    bits = out_format.frac + 2
    keys = np.arange(53 << bits, dtype=np.int64) + (1023 << bits)
    edges = (keys << (52 - bits)).view(np.float64)
    reached = np.searchsorted(thresholds, edges, side="right")
    reached = np.concatenate([[0], reached]).astype(out_format.dtype)
    return _Buckets(52 - bits, reached, thresholds[reached])


def _reencode_part(
    accumulators: np.ndarray, buckets: _Buckets, out_format: LnsFormat, relu: bool
) -> np.ndarray:
    """The codes of accumulators below 2^53 that share one scale."""
    one_sided = relu or out_format.unsigned
    clipped = np.maximum(accumulators, 0) if one_sided else np.abs(accumulators)
    absolute = clipped.astype(np.float64)
    keys = absolute.view(np.int64) >> buckets.shift
    keys -= (1023 << (52 - buckets.shift)) - 1
    np.maximum(keys, 0, out=keys)
    codes = buckets.reached[keys]
    codes += absolute >= buckets.next[keys]
    if not one_sided:
        codes[(accumulators < 0) & (codes > 0)] |= out_format.dtype.type(out_format.sign_mask)
    return codes
