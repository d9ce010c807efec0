"""Sums of products by one table lookup a product: for layers too thin for matrix products.

Inputs and weights become indices whose sum names the product: p = p_x + p_w where both are
positive, an offset more for each negative one, and a larger offset, under which the table holds
zeros, for zeros. Depthwise layers, narrow groups and layers of few output positions gain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from recog.backend.arithmetic.bounds import antilog_integer
from recog.backend.arithmetic.codes import Layer
from recog.backend.arithmetic.reference.definition import all_codes, antilog, split, taps
from recog.backend.arithmetic.tables import INT64_MAX
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Padding, Pair, Window

BLOCK = 1 << 14
"""Products looked up at once: their indices, values and sums stay in the second-level cache."""

INDICES, WEIGHTS = 1 << 21, 1 << 20
"""Elements of the input, and weights, whose indices are held at once."""

LARGEST_TABLE = 1 << 20


class ProductTable(NamedTuple):
    """Products by the sum of two indices.

    `x_index` and `w_index` give a code's index; `products` is int32 if all sums fit, else int64.
    """

    x_index: np.ndarray
    w_index: np.ndarray
    products: np.ndarray


@lru_cache(maxsize=32)
def product_table(
    x_format: LnsFormat, w_format: LnsFormat, terms: int, arithmetic: Arithmetic
) -> ProductTable | None:
    """The table for sums of some terms; None where it is too large, or its products are."""
    frac = max(x_format.frac, w_format.frac)
    x_sign, x_magnitude = split(all_codes(x_format), x_format)
    w_sign, w_magnitude = split(all_codes(w_format), w_format)
    x_p = x_magnitude << (frac - x_format.frac)
    w_p = w_magnitude << (frac - w_format.frac)
    span = int(x_p.max() + w_p.max()) + 1
    largest = terms * antilog_integer(span - 1, frac, arithmetic)
    if span > LARGEST_TABLE or largest >= INT64_MAX:
        return None
    products = np.zeros(6 * span + 1, np.int32 if largest < 1 << 31 else np.int64)
    for negatives, sign in enumerate((1, -1, 1)):
        part = slice(negatives * span, (negatives + 1) * span)
        products[part] = sign * antilog(np.arange(span), frac, arithmetic)

    def index(sign: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.where(sign == 0, 3 * span, p + span * (sign < 0)).astype(np.intp)

    return ProductTable(index(x_sign, x_p), index(w_sign, w_p), products)


def accumulate_linear(x: np.ndarray, w: np.ndarray, table: ProductTable) -> np.ndarray:
    """The accumulators of `definition.linear` without initial values: x [N, K], w [O, K]."""
    acc = np.empty((len(x), len(w)), np.int64)
    some = max(1, BLOCK // max(1, w.shape[1]))
    for first in range(0, len(w), some):
        rows = slice(first, first + some)
        weights = table.w_index.take(w[rows])
        index, term = np.empty_like(weights), np.empty(weights.shape, table.products.dtype)
        for n, codes in enumerate(table.x_index.take(x)):
            np.add(weights, codes, out=index)
            table.products.take(index, out=term, mode="clip")
            acc[n, rows] = term.sum(axis=1)
    return acc


def accumulate_conv2d(layer: Layer, table: ProductTable) -> np.ndarray:
    """The accumulators of a convolution without initial values, int64 [N, O, Ho, Wo]."""
    x, w, (height, width) = layer.x.array, layer.w.array, layer.size
    window, padding, groups = layer.window, layer.window.padding, layer.window.groups
    stride, reach = window.strides[0], window.dilation[0] * (w.shape[2] - 1) + 1
    outputs, inputs, *kernel = w.shape
    by_group = x.reshape(len(x), groups, inputs, *x.shape[2:])
    by_tap = w.reshape(groups, outputs // groups, inputs, *kernel).transpose(2, 3, 4, 1, 0)
    acc = np.zeros((len(x), groups, outputs // groups, height, width), np.int64)
    step = max(1, WEIGHTS // (outputs * kernel[0] * kernel[1]))
    for first in range(0, inputs, step):
        some = slice(first, first + step)
        weights = table.w_index[by_tap[some]]
        entries = groups * min(step, inputs) * (x.shape[3] + padding[1] + padding[3])
        for images, rows in _bands(len(x), height, stride, INDICES // entries):
            band = by_group[images, :, some]
            in_rows = _input_rows(rows, stride, reach)
            indices = _indices(band, table, padding, in_rows)
            size = len(rows), width
            sums = np.zeros((len(band), *size, *by_tap.shape[3:]), table.products.dtype)
            terms = [
                (patch, weights[i, row, column])
                for i, plane in enumerate(indices)
                for row, column, patch in _taps(plane, kernel, window, size)
            ]
            _add_products(sums, terms, table.products)
            acc[images, :, :, rows.start : rows.stop] += sums.transpose(0, 4, 3, 1, 2)
    return acc.reshape(len(x), outputs, height, width)


def _bands(count: int, height: int, stride: int, in_rows: int) -> Iterator[tuple[slice, range]]:
    """Images and output rows that meet about so many rows of inputs."""
    rows = min(height, max(1, in_rows // stride))
    images = max(1, in_rows // (height * stride))
    for first in range(0, count, images):
        for row in range(0, height, rows):
            yield slice(first, first + images), range(row, min(row + rows, height))


def _input_rows(rows: range, stride: int, reach: int) -> range:
    """The rows of the padded input that windows of a reach meet."""
    return range(rows.start * stride, (rows.stop - 1) * stride + reach)


def _indices(x: np.ndarray, table: ProductTable, padding: Padding, rows: range) -> np.ndarray:
    """The indices of some rows of x [N, G, I, H, W], padded, as [I, N, rows, Wp, G]: groups,
    which are a depthwise layer's channels, lie side by side."""
    count, groups, inputs, height, width = x.shape
    top, left, _, right = padding
    codes = np.zeros((inputs, count, len(rows), width + left + right, groups), x.dtype)
    given = range(max(rows.start - top, 0), max(min(rows.stop - top, height), 0))
    first = given.start + top - rows.start
    inside = x[:, :, :, given.start : given.stop].transpose(2, 0, 3, 4, 1)
    codes[:, :, first : first + inside.shape[2], left : left + width] = inside
    return table.x_index.take(codes)


def _taps(
    plane: np.ndarray, kernel: Sequence[int], window: Window, size: Pair
) -> Iterator[tuple[int, int, np.ndarray]]:
    """As `definition.taps`, of a padded plane [N, H, W, G]."""
    moved = plane.transpose(0, 3, 1, 2)
    for row, column, patch in taps(moved, kernel, window, size):
        yield row, column, patch.transpose(0, 2, 3, 1)


def _add_products(
    acc: np.ndarray, terms: list[tuple[np.ndarray, np.ndarray]], products: np.ndarray
) -> None:
    """Add to acc [N, Ho, Wo, O', G] all products of patches [N, Ho, Wo, G] and weights [O', G]."""
    count, height, width, outputs, groups = acc.shape
    some = max(1, min(outputs, BLOCK // (width * groups)))
    rows = max(1, min(height, BLOCK // (width * some * groups)))
    images = max(1, min(count, BLOCK // (height * width * some * groups)))
    for n, y, o in np.ndindex(-(-count // images), -(-height // rows), -(-outputs // some)):
        at = slice(n * images, (n + 1) * images), slice(y * rows, (y + 1) * rows)
        out = slice(o * some, (o + 1) * some)
        sums = np.ascontiguousarray(acc[*at, :, out])
        index, term = np.empty(sums.shape, np.intp), np.empty_like(sums)
        for patch, weight in terms:
            np.add(patch[*at, :, None], weight[out], out=index)
            # The indices are in range; clip mode spares a buffer that raise mode needs.
            products.take(index, out=term, mode="clip")
            np.add(sums, term, out=sums)
        acc[*at, :, out] = sums
