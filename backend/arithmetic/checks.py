"""What an engine checks before it computes: formats, codes, shapes and integer ranges.

Each check raises RecogError with one sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recog.backend.arithmetic.bounds import (
    accumulator_bounds,
    add_bound,
    largest_product,
    pool_bound,
    resize_bound,
)
from recog.backend.arithmetic.operands import Layer, Operands
from recog.backend.arithmetic.reference.definition import Padding, Pair, output_size
from recog.backend.arithmetic.reference.stereo import correlation_bound
from recog.backend.arithmetic.tables import INT64_MAX
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat


def check_codes(name: str, codes: np.ndarray, format: LnsFormat) -> None:
    """Codes have the format's dtype and are legal, and there is a bias for every channel."""
    if codes.dtype != format.dtype:
        raise RecogError(f"{name} holds {codes.dtype}, its {format.width}-bit codes {format.dtype}")
    if format.axis is not None and (
        format.axis >= codes.ndim or codes.shape[format.axis] != len(format.biases)
    ):
        raise RecogError(
            f"{name} has shape {codes.shape}, "
            f"its format {len(format.biases)} biases along axis {format.axis}"
        )
    if format.has_illegal(codes):
        illegal = format.illegal_codes(codes)
        index = tuple(int(i) for i in np.argwhere(illegal)[0])
        raise RecogError(
            f"{name} holds an illegal code, {int(codes[index]):#x} at {index}, "
            f"for {format.width} {'unsigned' if format.unsigned else 'signed'} bits"
        )


def _check_one_bias(name: str, format: LnsFormat | None) -> None:
    if format is not None and format.axis is not None:
        raise RecogError(f"{name}'s format has biases per channel; only weights can have them")


def _check_rank(name: str, array: np.ndarray, rank: int) -> None:
    if array.ndim != rank:
        raise RecogError(f"{name} has shape {array.shape}, which is not of rank {rank}")


def _check_range(bound: int) -> None:
    if bound >= INT64_MAX:
        raise RecogError(
            f"an accumulator may come near 2^{bound.bit_length()}, more than 63 bits hold",
            hint="use narrower formats or fewer antilog bits",
        )


def check_conv2d(layer: Layer) -> None:
    """x [N, C, H, W] and w [O, C / groups, kh, kw] fit, and the result is not empty."""
    strides, padding, dilation, *_ = layer.window
    _check_ranks(layer)
    check_window(layer.x.shape[2:], layer.w.shape[2:], strides, padding, dilation)
    _check_groups(layer)
    _check_layer(layer)


def check_conv_transpose2d(layer: Layer) -> None:
    """x [N, I, H, W] and w [O, I / groups, kh, kw] fit, and the result is not empty."""
    strides, padding, dilation, _, output_padding = layer.window
    kernel = layer.w.shape[2:]
    _check_ranks(layer)
    if min(*kernel, *strides, *dilation) < 1 or min(*padding, *output_padding) < 0:
        raise RecogError(
            f"kernel {kernel}, strides {tuple(strides)} and dilation {tuple(dilation)} must "
            f"be at least 1, padding {tuple(padding)} and output padding "
            f"{tuple(output_padding)} at least 0"
        )
    if min(layer.transposed_size) < 1:
        raise RecogError(f"padding {tuple(padding)} leaves nothing of the result")
    _check_groups(layer)
    _check_layer(layer)


def check_linear(layer: Layer) -> None:
    """x [..., K] and w [O, K] fit."""
    x, w = layer.x, layer.w
    _check_rank("w", w, 2)
    if x.ndim < 1 or x.shape[-1] != w.shape[1]:
        raise RecogError(f"x of shape {x.shape} and w of shape {w.shape} do not fit")
    _check_layer(layer)


def _check_ranks(layer: Layer) -> None:
    _check_rank("x", layer.x, 4)
    _check_rank("w", layer.w, 4)


def _check_groups(layer: Layer) -> None:
    x, w, groups = layer.x, layer.w, layer.window.groups
    if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise RecogError(
            f"x of shape {x.shape} and w of shape {w.shape} do not fit {groups} groups"
        )


def _check_layer(layer: Layer) -> None:
    """What convolutions and linear layers share."""
    x, x_format, w, w_format, init, out_format = layer.tensors
    check_codes("x", x, x_format)
    check_codes("w", w, w_format)
    _check_one_bias("x", x_format)
    _check_one_bias("the output", out_format)
    if w_format.axis not in (None, 0):
        raise RecogError(f"w's biases run along axis {w_format.axis}; they must along axis 0")
    if init is not None and (init.dtype != np.int64 or init.shape != w.shape[:1]):
        raise RecogError(
            f"init is {init.dtype}{list(init.shape)}, the {w.shape[0]} outputs need "
            f"int64[{w.shape[0]}]"
        )
    worst = layer.terms * largest_product(x_format, w_format, layer.arithmetic)
    worst += 0 if init is None or not init.size else max(int(init.max()), -int(init.min()))
    if worst >= INT64_MAX:
        _check_range(max(accumulator_bounds(w, w_format, x_format, init, layer.arithmetic)))


def check_window(
    size: Sequence[int], kernel: Sequence[int], strides: Pair, padding: Padding, dilation: Pair
) -> None:
    """A window's parameters are in range, and it fits its padded input at least once."""
    if min(*kernel, *strides, *dilation) < 1:
        raise RecogError(
            f"kernel {tuple(kernel)}, strides {tuple(strides)} and dilation {tuple(dilation)} "
            "must be at least 1"
        )
    if min(padding) < 0:
        raise RecogError(f"padding {tuple(padding)} must not be negative")
    if min(output_size(size, kernel, strides, padding, dilation)) < 1:
        raise RecogError(
            f"a kernel of {tuple(kernel)} does not fit an input of {tuple(size)} "
            f"with padding {tuple(padding)} and dilation {tuple(dilation)}"
        )


def check_add(operands: Operands, out_format: LnsFormat | None, arithmetic: Arithmetic) -> None:
    """Two tensors can be added."""
    check_mul(operands, out_format)
    _check_range(add_bound(operands.a_format, operands.b_format, arithmetic))


def check_mul(operands: Operands, out_format: LnsFormat | None) -> None:
    """Two tensors can be multiplied."""
    _check_operands(operands, out_format, "a", "b")
    a, b = operands.a, operands.b
    if a.ndim != b.ndim or any(m != n and 1 not in (m, n) for m, n in zip(a.shape, b.shape)):
        raise RecogError(f"a of shape {a.shape} and b of shape {b.shape} do not broadcast")


def check_correlation(
    operands: Operands, out_format: LnsFormat, disparities: int, arithmetic: Arithmetic
) -> None:
    """left and right [N, C, H, W] can be correlated."""
    left, left_format, right, right_format = operands
    _check_operands(operands, out_format, "left", "right")
    _check_rank("left", left, 4)
    if left.shape != right.shape:
        raise RecogError(f"left of shape {left.shape} and right of shape {right.shape} differ")
    if not 1 <= disparities <= left.shape[3]:
        raise RecogError(f"{disparities} disparities do not fit a width of {left.shape[3]}")
    _check_range(correlation_bound(left_format, right_format, left.shape[1], arithmetic))


def _check_operands(
    operands: Operands, out_format: LnsFormat | None, a_name: str, b_name: str
) -> None:
    a, a_format, b, b_format = operands
    check_codes(a_name, a, a_format)
    check_codes(b_name, b, b_format)
    _check_one_bias(a_name, a_format)
    _check_one_bias(b_name, b_format)
    _check_one_bias("the output", out_format)


def check_avg_pool2d(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    arithmetic: Arithmetic,
    *,
    kernel: Pair,
    strides: Pair,
    padding: Padding,
) -> None:
    """x [N, C, H, W] can be pooled."""
    _check_maps(x, x_format, out_format)
    check_window(x.shape[2:], kernel, strides, padding, (1, 1))
    _check_range(pool_bound(x_format, kernel[0] * kernel[1], arithmetic))


def check_resize_bilinear(
    x: np.ndarray,
    x_format: LnsFormat,
    out_format: LnsFormat,
    arithmetic: Arithmetic,
    *,
    size: Pair,
    steps: Pair,
) -> None:
    """x [N, C, H, W] can be interpolated."""
    _check_maps(x, x_format, out_format)
    if min(*size, *steps) < 1:
        raise RecogError(f"size {tuple(size)} and steps {tuple(steps)} must be at least 1")
    _check_range(resize_bound(x_format, steps, arithmetic))


def _check_maps(x: np.ndarray, x_format: LnsFormat, out_format: LnsFormat) -> None:
    check_codes("x", x, x_format)
    _check_rank("x", x, 4)
    _check_one_bias("x", x_format)
    _check_one_bias("the output", out_format)
