"""The arithmetic, defined: plain NumPy on int64, to be read beside docs/arithmetic.md.

Codes are arrays of `format.dtype`. A code is sign ‖ magnitude m and stands for
(−1)^s · 2^((m − B) / 2^f), or zero for m = 0. Every operation takes legal codes of the formats
that it is told (the engines check that) and favours reading over speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.tables import (
    AccumulatorScale,
    add_scale,
    antilog_table,
    code_scale,
    decode_table,
    encode_thresholds,
    product_scale,
    reencode_thresholds,
)
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Padding, Pair, PoolWindow, Window

# Floats to codes and back


def encode(values: np.ndarray, format: LnsFormat) -> np.ndarray:
    """The codes of real numbers, rounded to nearest on the logarithm; infinities saturate.

    Raises:
        RecogError: a value is NaN.
    """
    values = np.asarray(values, np.float64)
    if np.isnan(values).any():
        raise RecogError("NaN has no LNS code")
    codes = np.empty(values.shape, format.dtype)
    for part, scalar_format in _channels(format):
        thresholds = encode_thresholds(scalar_format)
        magnitude = np.searchsorted(thresholds, np.abs(values[part]), side="right")
        codes[part] = join(magnitude, values[part] < 0, format)
    return codes


def decode(
    codes: np.ndarray, format: LnsFormat, dtype: type[np.floating] = np.float64
) -> np.ndarray:
    """The values of codes, correctly rounded to `dtype` (float64 or float32)."""
    values = np.empty(codes.shape, dtype)
    for part, scalar_format in _channels(format):
        values[part] = decode_table(scalar_format, dtype)[codes[part]]
    return values


def _channels(format: LnsFormat) -> Iterator[tuple[tuple[Any, ...], LnsFormat]]:
    """The parts of a tensor that share one bias, each with its format."""
    if format.axis is None:
        yield (...,), format
        return
    before = (slice(None),) * format.axis
    for channel, bias in enumerate(format.biases):
        yield (*before, slice(channel, channel + 1)), format.with_bias(bias)


# The parts of a multiply-accumulate


def split(codes: np.ndarray, format: LnsFormat) -> tuple[np.ndarray, np.ndarray]:
    """Signs (−1, 0 for zero, +1) and magnitudes of codes, int64."""
    wide = codes.astype(np.int64)
    magnitude = wide & format.max_magnitude
    negative = (wide & format.sign_mask) != 0
    return np.where(magnitude == 0, 0, np.where(negative, -1, 1)), magnitude


def join(magnitude: np.ndarray, negative: np.ndarray, format: LnsFormat) -> np.ndarray:
    """Codes from magnitudes and signs; negative values of an unsigned format become zero."""
    if format.unsigned:
        return np.where(negative, 0, magnitude).astype(format.dtype)
    sign = np.where(negative & (magnitude > 0), format.sign_mask, 0)
    return (magnitude | sign).astype(format.dtype)


def multiply(a: Codes, b: Codes) -> tuple[np.ndarray, np.ndarray]:
    """Signs (−1, 0, +1) and log-domain magnitudes p = m_a + m_b of products, on the finer frac."""
    frac = max(a.format.frac, b.format.frac)
    a_sign, a_magnitude = split(*a)
    b_sign, b_magnitude = split(*b)
    a_exponent = a_magnitude << (frac - a.format.frac)
    b_exponent = b_magnitude << (frac - b.format.frac)
    return a_sign * b_sign, a_exponent + b_exponent


def antilog(p: np.ndarray, frac: int, arithmetic: Arithmetic) -> np.ndarray:
    """T(p) = A[p mod 2^frac] << ⌊p / 2^frac⌋, int64, for p ≥ 0."""
    table = antilog_table(frac, arithmetic)
    return table[p & ((1 << frac) - 1)] << (p >> frac)


def products(a: Codes, b: Codes, arithmetic: Arithmetic) -> np.ndarray:
    """Products as the integers that an accumulator sums, int64."""
    sign, p = multiply(a, b)
    return sign * antilog(p, max(a.format.frac, b.format.frac), arithmetic)


def linearize(x: Codes, scale: AccumulatorScale, arithmetic: Arithmetic) -> np.ndarray:
    """Codes as integers at an accumulator's scale, which is at least as fine as their format."""
    sign, magnitude = split(*x)
    shift = scale.frac - x.format.frac
    offset = scale.biases[0] - (x.format.biases[0] << shift)
    return sign * antilog((magnitude << shift) + offset, scale.frac, arithmetic)


def reencode(
    accumulators: np.ndarray,
    scale: AccumulatorScale,
    out_format: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    relu: bool = False,
    axis: int = 1,
) -> np.ndarray:
    """Codes of accumulators: m = the number of thresholds that |acc| has reached.

    Args:
        accumulators: int64; channels, where `scale` has a bias for each, run along `axis`.
        out_format: one bias for the tensor; None leaves the integers as they are.
        relu: negative values become zero, as they do in unsigned formats.
    """
    if relu:
        accumulators = np.maximum(accumulators, 0)
    if out_format is None:
        return accumulators
    codes = np.empty(accumulators.shape, out_format.dtype)
    for part, bias in bias_parts(scale, codes.ndim, axis):
        acc = accumulators[part]
        thresholds = reencode_thresholds(
            scale.frac, bias, out_format, arithmetic.precision(scale.frac), scale.divisor
        )
        magnitude = np.searchsorted(thresholds, np.abs(acc), side="right")
        codes[part] = join(magnitude, acc < 0, out_format)
    return codes


def bias_parts(
    scale: AccumulatorScale, ndim: int, axis: int
) -> Iterator[tuple[tuple[Any, ...], int]]:
    """The parts of an accumulator tensor that share one bias."""
    if len(scale.biases) == 1:
        yield (...,), scale.biases[0]
        return
    before = (slice(None),) * (axis % ndim)
    per_channel = np.array(scale.biases)
    for bias in sorted(set(scale.biases)):
        yield (*before, per_channel == bias), bias


# Operations with arithmetic


def conv2d(layer: Layer) -> np.ndarray:
    """Convolution of x [N, C, H, W] with w [O, C / groups, kh, kw], codes [N, O, Ho, Wo]."""
    x, (w, w_format), window = layer.x.array, layer.w, layer.window
    outputs, group_inputs, *kernel = w.shape
    group_outputs = outputs // window.groups
    acc = np.zeros((x.shape[0], outputs, *layer.size), np.int64)
    if layer.init is not None:
        acc += layer.init[:, None, None]
    for row, column, patch in taps(pad(x, window.padding, 0), kernel, window, layer.size):
        for o in range(outputs):
            first = o // group_outputs * group_inputs
            inputs = Codes(patch[:, first : first + group_inputs], layer.x.format)
            weights = Codes(w[o, :, row, column, None, None], w_format)
            acc[:, o] += products(inputs, weights, layer.arithmetic).sum(axis=1)
    return reencode(acc, layer.scale, layer.out, layer.arithmetic, relu=layer.relu)


def linear(layer: Layer) -> np.ndarray:
    """x [..., K] times w [O, K] transposed, codes [..., O]."""
    x, (w, w_format) = layer.x, layer.w
    acc = np.empty((*x.array.shape[:-1], len(w)), np.int64)
    for o, weights in enumerate(w):
        acc[..., o] = products(x, Codes(weights, w_format), layer.arithmetic).sum(axis=-1)
    if layer.init is not None:
        acc += layer.init
    return reencode(acc, layer.scale, layer.out, layer.arithmetic, relu=layer.relu, axis=-1)


def add(
    a: Codes,
    b: Codes,
    out: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    subtract: bool = False,
    relu: bool = False,
) -> np.ndarray:
    """a + b, or a − b: both antilogs at the finer frac and the larger bias, and a re-encode.

    Shapes broadcast as in NumPy.
    """
    scale = add_scale(a.format, b.format)
    right = linearize(b, scale, arithmetic)
    acc = linearize(a, scale, arithmetic) + (-right if subtract else right)
    return reencode(acc, scale, out, arithmetic, relu=relu, axis=-1)


def avg_pool2d(
    x: Codes,
    window: PoolWindow,
    out: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    relu: bool = False,
) -> np.ndarray:
    """Average pooling of x [N, C, H, W]: the exact sum, re-encoded with thresholds scaled by n.

    n is the kernel's area, or where padding does not count the number of elements that are not
    padding. Without an output format the sums themselves, int64.
    """
    given, format = x
    kernel, size = window.kernel, window.pooled_size(given.shape[2:])
    scale = code_scale(format)
    acc = np.zeros((*given.shape[:2], *size), np.int64)
    for _, _, patch in taps(pad(given, window.padding, 0), kernel, window, size):
        acc += linearize(Codes(patch, format), scale, arithmetic)
    if out is None:
        return reencode(acc, scale, None, arithmetic, relu=relu)
    counts = np.zeros(size, np.int64)
    ones = np.ones((1, 1, *given.shape[2:]), np.int64)
    inside = pad(ones, window.padding, int(window.count_padding))
    for _, _, patch in taps(inside, kernel, window, size):
        counts += patch[0, 0]
    codes = np.zeros(acc.shape, out.dtype)
    for n in np.unique(counts[counts > 0]):
        part = acc[:, :, counts == n]
        codes[:, :, counts == n] = reencode(part, scale.over(int(n)), out, arithmetic, relu=relu)
    return codes


def window_sums(sums: np.ndarray, window: PoolWindow) -> np.ndarray:
    """Sums over windows of integers [N, C, H, W], which are sums of codes themselves; int64."""
    size = window.pooled_size(sums.shape[2:])
    acc = np.zeros((*sums.shape[:2], *size), np.int64)
    for _, _, patch in taps(pad(sums, window.padding, 0), window.kernel, window, size):
        acc += patch
    return acc


def mean_of_sums(
    sums: np.ndarray, format: LnsFormat, count: int, out: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """Means of `count` codes of a format, whose antilogs `sums` adds up, int64 [N, C, H, W]."""
    return reencode(sums, code_scale(format).over(count), out, arithmetic)


# Windows


def pad(x: np.ndarray, padding: Padding, value: int) -> np.ndarray:
    """x [N, C, H, W] with rows and columns of `value` around it."""
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def taps(
    padded: np.ndarray, kernel: Sequence[int], window: Window, size: Pair
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Each tap of a kernel: its row, its column, and the [N, C, *size] elements that it meets."""
    strides, dilation = window.strides, window.dilation
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            first_row, first_column = row * dilation[0], column * dilation[1]
            last_row = first_row + (size[0] - 1) * strides[0]
            last_column = first_column + (size[1] - 1) * strides[1]
            rows = slice(first_row, last_row + 1, strides[0])
            columns = slice(first_column, last_column + 1, strides[1])
            yield row, column, padded[:, :, rows, columns]


# Operations on codes alone


def signed(codes: np.ndarray, format: LnsFormat) -> np.ndarray:
    """Integers in the order of the codes' values: m, or −m for negative values; int32."""
    sign, magnitude = split(codes, format)
    return (sign * magnitude).astype(np.int32)


def unsigned(integers: np.ndarray, format: LnsFormat) -> np.ndarray:
    """The codes of the integers that `signed` gives."""
    return join(np.abs(integers), integers < 0, format)


def relu(x: Codes) -> np.ndarray:
    """max(x, 0): codes of the same format."""
    codes, format = x
    return np.where(codes & codes.dtype.type(format.sign_mask), 0, codes).astype(codes.dtype)


def ranks(format: LnsFormat) -> np.ndarray:
    """For every code its rank among the codes by value, in the codes' dtype, [2^width].

    Rank 0 is the lowest value; the illegal code of a signed format has it too.
    """
    codes = np.arange(1 << format.width)
    order = signed(codes, format).astype(np.int64) + (0 if format.unsigned else format.sign_mask)
    order[format.illegal_codes(codes)] = 0
    return order.astype(format.dtype)


def by_rank(format: LnsFormat) -> np.ndarray:
    """The code of every rank, in the codes' dtype, [2^width]."""
    rank, codes = ranks(format), np.zeros(1 << format.width, format.dtype)
    legal = np.flatnonzero(~format.illegal_codes(np.arange(len(rank))))
    codes[rank[legal]] = legal
    return codes


def max_pool2d(x: Codes, window: PoolWindow) -> np.ndarray:
    """Max pooling of x [N, C, H, W]; padding never wins.

    Raises:
        RecogError: a window holds nothing but padding.
    """
    codes, format = x
    inside = pad(np.ones((1, 1, *codes.shape[2:]), bool), window.padding, 0)
    if not _largest(inside, window).all():
        raise RecogError("a max pool's window holds nothing but padding")
    rank = ranks(format)
    ranked = pad(rank[codes], window.padding, 0)
    return by_rank(format)[_largest(ranked, window)]


def _largest(padded: np.ndarray, window: PoolWindow) -> np.ndarray:
    """The largest element that each window of a padded tensor meets."""
    size = replace(window, padding=(0, 0, 0, 0)).pooled_size(padded.shape[2:])
    best = np.zeros((*padded.shape[:2], *size), padded.dtype)
    for _, _, patch in taps(padded, window.kernel, window, size):
        np.maximum(best, patch, out=best)
    return best


def table(x: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """entries[x]: any unary function, given as the output code of every input code."""
    return entries.take(x)


def function_table(
    function: Callable[[np.ndarray], np.ndarray], x_format: LnsFormat, out_format: LnsFormat
) -> np.ndarray:
    """The table of a function on real numbers, out_format.dtype[2^width].

    It is made once, when a program is compiled: libm differs between machines. The entry of the
    illegal negative zero is zero's.
    """
    return encode(function(decode(all_codes(x_format), x_format)), out_format)


def all_codes(format: LnsFormat) -> np.ndarray:
    """Every code of a format's width, in order; zero stands in for the illegal one."""
    codes = np.arange(1 << format.width)
    codes[format.illegal_codes(codes)] = 0
    return codes.astype(format.dtype)


def convert(x: Codes, out: LnsFormat) -> np.ndarray:
    """The same values in another format, rounded once; integers only."""
    codes, format = x
    if codes.size > 1 << format.width:  # less work for every code once
        return table(codes, convert(Codes(all_codes(format), format), out))
    sign, magnitude = split(codes, format)
    return encode_logarithm(sign, magnitude, code_scale(format), out)


def mul(a: Codes, b: Codes, out: LnsFormat, *, relu: bool = False) -> np.ndarray:
    """a · b, elementwise: exponents add, and are rounded once; shapes broadcast as in NumPy."""
    sign, p = multiply(a, b)
    if relu:
        sign = np.maximum(sign, 0)
    return encode_logarithm(sign, p, product_scale(a.format, b.format), out)


def encode_logarithm(
    sign: np.ndarray, p: np.ndarray, scale: AccumulatorScale, out_format: LnsFormat
) -> np.ndarray:
    """The codes of sign · 2^((p − bias) / 2^frac), frac and the one bias those of `scale`.

    At one frac that is the saturating offset p + B_out − bias; values under the smallest become
    the smallest from half of it upward, else zero, as everywhere. Ties round up.
    """
    fine = max(scale.frac, out_format.frac)
    step, out_step = 1 << (fine - scale.frac), 1 << (fine - out_format.frac)
    exponent = p * step + out_format.biases[0] * out_step - scale.biases[0] * step
    rounded = (2 * exponent + out_step) // (2 * out_step)
    at_least_half = exponent >= out_step - (1 << fine)
    rounded = np.where(at_least_half, np.clip(rounded, 1, out_format.max_magnitude), 0)
    return join(np.where(sign == 0, 0, rounded), sign < 0, out_format)


def concat(parts: Sequence[Codes], out: LnsFormat, axis: int = 1) -> np.ndarray:
    """The parts side by side, each converted to the output's format."""
    return np.concatenate([convert(part, out) for part in parts], axis)


def argmax(x: Codes, axis: int = 1) -> np.ndarray:
    """The index of the largest value along `axis`, the lowest one of equals; int64."""
    return np.argmax(ranks(x.format).take(x.array), axis)
