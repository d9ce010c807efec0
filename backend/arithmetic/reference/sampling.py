"""The arithmetic, defined, continued: transposed convolution, resizing, cropping.

As `definition`: plain NumPy on int64, to be read beside docs/arithmetic.md.
"""

from __future__ import annotations

from math import gcd

import numpy as np

from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.backend.arithmetic.reference.definition import linearize, products, reencode
from recog.backend.arithmetic.tables import code_scale
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Padding, Pair, Window

# Transposed convolution


def conv_transpose2d(layer: Layer) -> np.ndarray:
    """Transposed convolution of x [N, I, H, W] with w [O, I / groups, kh, kw].

    Element (h, v) of input i adds its product with w[o, i, r, c] to the sum of output o at
    (h · stride + r · dilation − top, v · stride + c · dilation − left). Outputs that nothing
    reaches hold init alone.
    """
    x, (w, w_format), window = layer.x.array, layer.w, layer.window
    outputs, group_inputs, *kernel = w.shape
    group_outputs = outputs // window.groups
    strides, dilation = window.strides, window.dilation
    reach = Window(strides, dilation=dilation).transposed_size(x.shape[2:], kernel)
    whole = np.zeros((x.shape[0], outputs, *reach), np.int64)
    for row, column in np.ndindex(*kernel):
        rows = _every(row * dilation[0], strides[0], x.shape[2])
        columns = _every(column * dilation[1], strides[1], x.shape[3])
        for o in range(outputs):
            first = o // group_outputs * group_inputs
            inputs = Codes(x[:, first : first + group_inputs], layer.x.format)
            weights = Codes(w[o, :, row, column, None, None], w_format)
            terms = products(inputs, weights, layer.arithmetic)
            whole[:, o, rows, columns] += terms.sum(axis=1)
    (top, left, bottom, right), more = window.padding, window.output_padding
    acc = crop(whole, (-top, -left, more[0] - bottom, more[1] - right))
    if layer.init is not None:
        acc += layer.init[:, None, None]
    return reencode(acc, layer.scale, layer.out, layer.arithmetic, relu=layer.relu)


def _every(first: int, step: int, count: int) -> slice:
    return slice(first, first + (count - 1) * step + 1, step)


# Resizing


def resize_nearest(x: np.ndarray, size: Pair) -> np.ndarray:
    """x [N, C, H, W] at height and width `size`: output y takes input ⌊y · H / size⌋."""
    rows, columns = (nearest_positions(given, wanted) for wanted, given in zip(size, x.shape[2:]))
    return picked(x, rows, columns)


def nearest_positions(given: int, wanted: int) -> np.ndarray:
    """The input that each of `wanted` outputs takes, int64[wanted]."""
    return np.arange(wanted, dtype=np.int64) * given // wanted


def picked(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The elements of x [N, C, H, W] at some rows and columns."""
    return x[:, :, rows[:, None], columns]


def resize_bilinear(
    x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """Bilinear interpolation of x [N, C, H, W] at height and width `to.size`.

    The antilogs of four neighbours with integer weights that sum to n = steps[0] · steps[1],
    re-encoded with thresholds scaled by n; for the positions see `positions`.
    """
    scale, steps = code_scale(x.format), to.steps
    acc = linearize(x, scale, arithmetic)
    for axis in (0, 1):
        at = positions_of(to, axis, acc.shape[2 + axis])
        acc = interpolate(acc, 2 + axis, at, steps[axis])
    return reencode(acc, scale.over(steps[0] * steps[1]), out, arithmetic)


def positions(given: int, wanted: int, steps: int, align_corners: bool) -> np.ndarray:
    """Where each output lies among the inputs, in units of 1 / steps of an input, int64[wanted].

    ((2y + 1) · given − wanted) / (2 · wanted), or y · (given − 1) / (wanted − 1) with
    `align_corners`; rounded to the nearest unit, halves up, and clipped to the inputs.
    """
    y = np.arange(wanted, dtype=np.int64)
    if align_corners:
        numerator, denominator = y * (given - 1), max(wanted - 1, 1)
    else:
        numerator, denominator = (2 * y + 1) * given - wanted, 2 * wanted
    rounded = (2 * numerator * steps + denominator) // (2 * denominator)
    return np.clip(rounded, 0, (given - 1) * steps)


def positions_of(to: Interpolation, axis: int, given: int) -> np.ndarray:
    """As `positions`, of an interpolation along an axis of x, which has `given` elements there."""
    if to.at is not None:
        return to.at[axis]
    return positions(given, to.size[axis], to.steps[axis], to.align_corners)


def exact_steps(given: int, wanted: int, align_corners: bool) -> int:
    """The fewest steps with which no position is rounded."""
    if align_corners:
        return max(wanted - 1, 1) // gcd(given - 1, max(wanted - 1, 1))
    common = gcd(given, wanted)
    given, wanted = given // common, wanted // common
    return 2 * wanted // gcd(2, given - wanted)


def interpolate(values: np.ndarray, axis: int, at: np.ndarray, steps: int) -> np.ndarray:
    """Sums of two neighbours along an axis, weighted steps − λ and λ: λ = at mod steps."""
    before = at // steps
    after = np.minimum(before + 1, values.shape[axis] - 1)
    weight = (at % steps).reshape(-1, *[1] * (values.ndim - 1 - axis))
    left, right = values.take(before, axis), values.take(after, axis)
    return left * (steps - weight) + right * weight


# Moving codes


def crop(x: np.ndarray, padding: Padding) -> np.ndarray:
    """x [N, C, H, W] with rows and columns of zeros around it, or without some of its own.

    Padding is (top, left, bottom, right); negative values crop.
    """
    top, left, bottom, right = padding
    height, width = x.shape[2] + top + bottom, x.shape[3] + left + right
    result = np.zeros((*x.shape[:2], height, width), x.dtype)
    rows, columns = max(height - top, 0), max(width - left, 0)
    inner = x[:, :, max(-top, 0) : rows, max(-left, 0) : columns]
    first, before = max(top, 0), max(left, 0)
    result[:, :, first : first + inner.shape[2], before : before + inner.shape[3]] = inner
    return result
