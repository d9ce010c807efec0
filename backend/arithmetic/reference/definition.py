"""The arithmetic, defined: plain NumPy on int64, to be read beside docs/arithmetic.md.

Codes are arrays of `format.dtype`. A code is sign ‖ magnitude m and stands for
(−1)^s · 2^((m − B) / 2^f), or zero for m = 0. Every operation takes legal codes of the formats
that it is told (the engines check that) and favours reading over speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

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

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]
"""Rows or columns added at the top, left, bottom and right."""

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


def _channels(format: LnsFormat) -> Iterator[tuple[tuple, LnsFormat]]:
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


def multiply(
    a: np.ndarray, a_format: LnsFormat, b: np.ndarray, b_format: LnsFormat
) -> tuple[np.ndarray, np.ndarray]:
    """Signs (−1, 0, +1) and log-domain magnitudes p = m_a + m_b of products, on the finer frac."""
    frac = max(a_format.frac, b_format.frac)
    a_sign, a_magnitude = split(a, a_format)
    b_sign, b_magnitude = split(b, b_format)
    a_exponent = a_magnitude << (frac - a_format.frac)
    b_exponent = b_magnitude << (frac - b_format.frac)
    return a_sign * b_sign, a_exponent + b_exponent


def antilog(p: np.ndarray, frac: int, arithmetic: Arithmetic) -> np.ndarray:
    """T(p) = A[p mod 2^frac] << ⌊p / 2^frac⌋, int64, for p ≥ 0."""
    table = antilog_table(frac, arithmetic)
    return table[p & ((1 << frac) - 1)] << (p >> frac)


def products(
    a: np.ndarray, a_format: LnsFormat, b: np.ndarray, b_format: LnsFormat, arithmetic: Arithmetic
) -> np.ndarray:
    """Products as the integers that an accumulator sums, int64."""
    sign, p = multiply(a, a_format, b, b_format)
    return sign * antilog(p, max(a_format.frac, b_format.frac), arithmetic)


def linearize(
    codes: np.ndarray, format: LnsFormat, scale: AccumulatorScale, arithmetic: Arithmetic
) -> np.ndarray:
    """Codes as integers at an accumulator's scale, which is at least as fine as `format`."""
    sign, magnitude = split(codes, format)
    shift = scale.frac - format.frac
    offset = scale.biases[0] - (format.biases[0] << shift)
    return sign * antilog((magnitude << shift) + offset, scale.frac, arithmetic)


def reencode(
    accumulators: np.ndarray,
    scale: AccumulatorScale,
    out_format: LnsFormat | None,
    arithmetic: Arithmetic,
    *,
    relu: bool = False,
    divisor: int = 1,
    axis: int = 1,
) -> np.ndarray:
    """Codes of accumulators: m = the number of thresholds that |acc| has reached.

    Args:
        accumulators: int64; channels, where `scale` has a bias for each, run along `axis`.
        out_format: one bias for the tensor; None leaves the integers as they are.
        relu: negative values become zero, as they do in unsigned formats.
        divisor: what the accumulators are to be divided by.
    """
    if relu:
        accumulators = np.maximum(accumulators, 0)
    if out_format is None:
        return accumulators
    codes = np.empty(accumulators.shape, out_format.dtype)
    for part, bias in bias_parts(scale, codes.ndim, axis):
        acc = accumulators[part]
        thresholds = reencode_thresholds(
            scale.frac, bias, out_format, arithmetic.antilog_bits, divisor
        )
        magnitude = np.searchsorted(thresholds, np.abs(acc), side="right")
        codes[part] = join(magnitude, acc < 0, out_format)
    return codes


def bias_parts(scale: AccumulatorScale, ndim: int, axis: int) -> Iterator[tuple[tuple, int]]:
    """The parts of an accumulator tensor that share one bias."""
    if len(scale.biases) == 1:
        yield (...,), scale.biases[0]
        return
    before = (slice(None),) * (axis % ndim)
    per_channel = np.array(scale.biases)
    for bias in sorted(set(scale.biases)):
        yield (*before, per_channel == bias), bias


# Operations with arithmetic


def conv2d(
    x: np.ndarray,
    x_format: LnsFormat,
    w: np.ndarray,
    w_format: LnsFormat,
    init: np.ndarray | None,
    out_format: LnsFormat | None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    relu: bool = False,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """Convolution of x [N, C, H, W] with w [O, C / groups, kh, kw], codes [N, O, Ho, Wo].

    Args:
        x_format: one bias for the tensor.
        w_format: one bias, or one per output channel along axis 0.
        init: int64[O], the accumulators' initial values (`encode_bias`); None for zeros.
        out_format: one bias for the tensor; None gives the accumulators, int64.
    """
    outputs, group_inputs, *kernel = w.shape
    group_outputs = outputs // groups
    height, width = output_size(x.shape[2:], kernel, strides, padding, dilation)
    acc = np.zeros((x.shape[0], outputs, height, width), np.int64)
    if init is not None:
        acc += init[:, None, None]
    for row, column, patch in taps(pad(x, padding, 0), kernel, strides, dilation, (height, width)):
        for o in range(outputs):
            first = o // group_outputs * group_inputs
            inputs = patch[:, first : first + group_inputs]
            weights = w[o, :, row, column, None, None]
            acc[:, o] += products(inputs, x_format, weights, w_format, arithmetic).sum(axis=1)
    return reencode(acc, product_scale(x_format, w_format), out_format, arithmetic, relu=relu)


def linear(
    x: np.ndarray,
    x_format: LnsFormat,
    w: np.ndarray,
    w_format: LnsFormat,
    init: np.ndarray | None,
    out_format: LnsFormat | None,
    *,
    relu: bool = False,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """x [..., K] times w [O, K] transposed, codes [..., O]; formats and init as in `conv2d`."""
    acc = np.empty((*x.shape[:-1], w.shape[0]), np.int64)
    for o, weights in enumerate(w):
        acc[..., o] = products(x, x_format, weights, w_format, arithmetic).sum(axis=-1)
    if init is not None:
        acc += init
    scale = product_scale(x_format, w_format)
    return reencode(acc, scale, out_format, arithmetic, relu=relu, axis=-1)


def add(
    a: np.ndarray,
    a_format: LnsFormat,
    b: np.ndarray,
    b_format: LnsFormat,
    out_format: LnsFormat | None,
    *,
    subtract: bool = False,
    relu: bool = False,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """a + b, or a − b: both antilogs at the finer frac and the larger bias, and a re-encode.

    Shapes broadcast as in NumPy.
    """
    scale = add_scale(a_format, b_format)
    right = linearize(b, b_format, scale, arithmetic)
    acc = linearize(a, a_format, scale, arithmetic) + (-right if subtract else right)
    return reencode(acc, scale, out_format, arithmetic, relu=relu, axis=-1)


def avg_pool2d(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    *,
    kernel: Pair,
    strides: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    count_include_pad: bool = True,
    relu: bool = False,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """Average pooling of x [N, C, H, W]: the exact sum, re-encoded with thresholds scaled by n.

    n is the kernel's area, or with `count_include_pad` false the number of elements that are not
    padding.
    """
    size = output_size(x.shape[2:], kernel, strides, padding, (1, 1))
    scale = code_scale(x_format)
    acc = np.zeros((*x.shape[:2], *size), np.int64)
    counts = np.zeros(size, np.int64)
    inside = pad(np.ones((1, 1, *x.shape[2:]), np.int64), padding, int(count_include_pad))
    for _, _, patch in taps(pad(x, padding, 0), kernel, strides, (1, 1), size):
        acc += linearize(patch, x_format, scale, arithmetic)
    for _, _, patch in taps(inside, kernel, strides, (1, 1), size):
        counts += patch[0, 0]
    codes = np.zeros(acc.shape, out_format.dtype)
    for n in np.unique(counts[counts > 0]):
        part = acc[:, :, counts == n]
        codes[:, :, counts == n] = reencode(
            part, scale, out_format, arithmetic, relu=relu, divisor=int(n)
        )
    return codes


# Windows


def output_size(
    size: Sequence[int], kernel: Sequence[int], strides: Pair, padding: Padding, dilation: Pair
) -> Pair:
    """Height and width of a convolution's or a pool's result; not positive if none fits."""
    top, left, bottom, right = padding
    height = (size[0] + top + bottom - dilation[0] * (kernel[0] - 1) - 1) // strides[0] + 1
    width = (size[1] + left + right - dilation[1] * (kernel[1] - 1) - 1) // strides[1] + 1
    return height, width


def pad(x: np.ndarray, padding: Padding, value: int) -> np.ndarray:
    """x [N, C, H, W] with rows and columns of `value` around it."""
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)


def taps(
    padded: np.ndarray, kernel: Sequence[int], strides: Pair, dilation: Pair, size: Pair
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Each tap of a kernel: its row, its column, and the [N, C, *size] elements that it meets."""
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


def relu(x: np.ndarray, x_format: LnsFormat) -> np.ndarray:
    """max(x, 0): codes of the same format."""
    return np.where(x & x.dtype.type(x_format.sign_mask), 0, x).astype(x.dtype)


def ranks(format: LnsFormat) -> np.ndarray:
    """For every code its rank among the codes by value, in the codes' dtype, [2^width].

    Rank 0 is the lowest value; the illegal code of a signed format has it too.
    """
    codes = np.arange(1 << format.width)
    order = signed(codes, format).astype(np.int64) + (0 if format.unsigned else format.sign_mask)
    order[format.illegal_codes(codes)] = 0
    return order.astype(format.dtype)


def max_pool2d(
    x: np.ndarray,
    x_format: LnsFormat,
    *,
    kernel: Pair,
    strides: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
) -> np.ndarray:
    """Max pooling of x [N, C, H, W]; padding never wins.

    Raises:
        RecogError: a window holds nothing but padding.
    """
    size = output_size(x.shape[2:], kernel, strides, padding, dilation)
    inside = pad(np.ones((1, 1, *x.shape[2:]), bool), padding, 0)
    if not _largest(inside, kernel, strides, dilation, size).all():
        raise RecogError("a max pool's window holds nothing but padding")
    rank = ranks(x_format)
    best = _largest(pad(rank[x], padding, 0), kernel, strides, dilation, size)
    code_of = np.zeros(1 << x_format.width, x_format.dtype)
    legal = np.flatnonzero(~x_format.illegal_codes(np.arange(len(rank))))
    code_of[rank[legal]] = legal
    return code_of[best]


def _largest(
    padded: np.ndarray, kernel: Pair, strides: Pair, dilation: Pair, size: Pair
) -> np.ndarray:
    """The largest element that each window meets."""
    best = np.zeros((*padded.shape[:2], *size), padded.dtype)
    for _, _, patch in taps(padded, kernel, strides, dilation, size):
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


def convert(x: np.ndarray, x_format: LnsFormat, out_format: LnsFormat) -> np.ndarray:
    """The same values in another format, rounded once; integers only."""
    if x.size > 1 << x_format.width:  # less work for every code once
        return table(x, convert(all_codes(x_format), x_format, out_format))
    sign, magnitude = split(x, x_format)
    return encode_logarithm(sign, magnitude, code_scale(x_format), out_format)


def mul(
    a: np.ndarray,
    a_format: LnsFormat,
    b: np.ndarray,
    b_format: LnsFormat,
    out_format: LnsFormat,
    *,
    relu: bool = False,
) -> np.ndarray:
    """a · b, elementwise: exponents add, and are rounded once; shapes broadcast as in NumPy."""
    sign, p = multiply(a, a_format, b, b_format)
    if relu:
        sign = np.maximum(sign, 0)
    return encode_logarithm(sign, p, product_scale(a_format, b_format), out_format)


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


def concat(
    parts: Sequence[np.ndarray], formats: Sequence[LnsFormat], out_format: LnsFormat, axis: int = 1
) -> np.ndarray:
    """The parts side by side, each converted to the output's format."""
    converted = [convert(part, format, out_format) for part, format in zip(parts, formats)]
    return np.concatenate(converted, axis)


def argmax(x: np.ndarray, x_format: LnsFormat, axis: int = 1) -> np.ndarray:
    """The index of the largest value along `axis`, the lowest one of equals; int64."""
    return np.argmax(ranks(x_format).take(x), axis)
