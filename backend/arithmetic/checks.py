"""What an engine checks before it computes: formats, codes, shapes and integer ranges.

Each check raises RecogError with one sentence that says what is wrong.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np

from recog.backend.arithmetic.bounds import (
    accumulator_bounds,
    add_bound,
    largest_product,
    pool_bound,
    resize_bound,
)
from recog.backend.arithmetic.codes import Codes, Interpolation, Layer, LegalCodes
from recog.backend.arithmetic.reference.stereo import correlation_bound
from recog.backend.arithmetic.tables import INT64_MAX
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, Window
from recog.dialects.words import counted


def check_codes(name: str, x: Codes) -> None:
    """Codes have the format's dtype and are legal, and there is a bias for every channel."""
    codes, format = x
    if codes.dtype != format.dtype:
        raise RecogError(f"{name} holds {codes.dtype}, its {format.width}-bit codes {format.dtype}")
    if format.axis is not None and (
        format.axis >= codes.ndim or codes.shape[format.axis] != len(format.biases)
    ):
        raise RecogError(
            f"{name} has shape {codes.shape}, "
            f"its format {counted(len(format.biases), 'bias')} along axis {format.axis}"
        )
    if not isinstance(x, LegalCodes) and _has_illegal(codes, format):
        illegal = format.illegal_codes(codes)
        index = tuple(int(i) for i in np.argwhere(illegal)[0])
        raise RecogError(
            f"{name} holds an illegal code, {int(codes[index]):#x} at {index}, "
            f"for {format.width} {'unsigned' if format.unsigned else 'signed'} bits"
        )


_LEGAL: dict[int, set[tuple[int, bool]]] = {}
"""By the id of an array that cannot be written, the widths and signs of which its codes are."""


def _has_illegal(codes: np.ndarray, format: LnsFormat) -> bool:
    """As `format.has_illegal`; weights, which stay as they are, are looked through once."""
    if codes.flags.writeable:
        return format.has_illegal(codes)
    if id(codes) not in _LEGAL:
        _LEGAL[id(codes)] = set()
        weakref.finalize(codes, _LEGAL.pop, id(codes), None)
    known, kind = _LEGAL[id(codes)], (format.width, format.unsigned)
    if kind not in known and format.has_illegal(codes):
        return True
    known.add(kind)
    return False


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
    _check_ranks(layer)
    check_window(layer.x.array.shape[2:], layer.w.array.shape[2:], layer.window)
    _check_groups(layer)
    _check_layer(layer)


def check_conv_transpose2d(layer: Layer) -> None:
    """x [N, I, H, W] and w [O, I / groups, kh, kw] fit, and the result is not empty."""
    _check_ranks(layer)
    kernel, window = layer.w.array.shape[2:], layer.window
    sizes, margins = (window.strides, window.dilation), (window.padding, window.output_padding)
    if min(*kernel, *map(min, sizes)) < 1 or min(map(min, margins)) < 0:
        raise RecogError(
            f"kernel {kernel}, strides {window.strides} and dilation {window.dilation} must "
            f"be at least 1, padding {window.padding} and output padding "
            f"{window.output_padding} at least 0"
        )
    if min(layer.transposed_size) < 1:
        raise RecogError(f"padding {window.padding} leaves nothing of the result")
    _check_groups(layer)
    _check_layer(layer)


def check_linear(layer: Layer) -> None:
    """x [..., K] and w [O, K] fit."""
    x, w = layer.x.array, layer.w.array
    _check_rank("w", w, 2)
    if x.ndim < 1 or x.shape[-1] != w.shape[1]:
        raise RecogError(f"x of shape {x.shape} and w of shape {w.shape} do not fit")
    _check_layer(layer)


def _check_ranks(layer: Layer) -> None:
    _check_rank("x", layer.x.array, 4)
    _check_rank("w", layer.w.array, 4)


def _check_groups(layer: Layer) -> None:
    x, w, groups = layer.x.array, layer.w.array, layer.window.groups
    if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise RecogError(
            f"x of shape {x.shape} and w of shape {w.shape} do not fit {counted(groups, 'group')}"
        )


def _check_layer(layer: Layer) -> None:
    """What convolutions and linear layers share."""
    x_format, (w, w_format), init = layer.x.format, layer.w, layer.init
    check_codes("x", layer.x)
    check_codes("w", layer.w)
    _check_one_bias("x", x_format)
    _check_one_bias("the output", layer.out)
    if w_format.axis not in (None, 0):
        raise RecogError(f"w's biases run along axis {w_format.axis}; they must along axis 0")
    if init is not None and (init.dtype != np.int64 or init.shape != w.shape[:1]):
        raise RecogError(
            f"init is {init.dtype}{list(init.shape)}, the outputs need int64[{w.shape[0]}]"
        )
    worst = layer.terms * largest_product(x_format, w_format, layer.arithmetic)
    worst += 0 if init is None or not init.size else max(int(init.max()), -int(init.min()))
    if worst >= INT64_MAX:
        _check_range(max(accumulator_bounds(layer.w, x_format, init, layer.arithmetic)))


def check_window(size: Sequence[int], kernel: Sequence[int], window: Window) -> None:
    """A window's parameters are in range, and it fits its padded input at least once."""
    strides, padding, dilation = window.strides, window.padding, window.dilation
    if min(*kernel, *strides, *dilation) < 1:
        raise RecogError(
            f"kernel {tuple(kernel)}, strides {strides} and dilation {dilation} must be at least 1"
        )
    if min(padding) < 0:
        raise RecogError(f"padding {padding} must not be negative")
    if min(window.output_size(size, kernel)) < 1:
        raise RecogError(
            f"a kernel of {tuple(kernel)} does not fit an input of {tuple(size)} "
            f"with padding {padding} and dilation {dilation}"
        )


def check_add(a: Codes, b: Codes, out: LnsFormat | None, arithmetic: Arithmetic) -> None:
    """Two tensors can be added."""
    check_mul(a, b, out)
    _check_range(add_bound(a.format, b.format, arithmetic))


def check_mul(a: Codes, b: Codes, out: LnsFormat | None) -> None:
    """Two tensors can be multiplied."""
    _check_operands(out, a=a, b=b)
    shapes = a.array.shape, b.array.shape
    if a.array.ndim != b.array.ndim or any(m != n and 1 not in (m, n) for m, n in zip(*shapes)):
        raise RecogError(f"a of shape {shapes[0]} and b of shape {shapes[1]} do not broadcast")


def check_correlation(
    left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
) -> None:
    """left and right [N, C, H, W] can be correlated."""
    _check_operands(out, left=left, right=right)
    _check_rank("left", left.array, 4)
    shape, other = left.array.shape, right.array.shape
    if shape != other:
        raise RecogError(f"left of shape {shape} and right of shape {other} differ")
    if not 1 <= disparities <= shape[3]:
        raise RecogError(f"{disparities} disparities do not fit a width of {shape[3]}")
    _check_range(correlation_bound(left.format, right.format, shape[1], arithmetic))


def _check_operands(out: LnsFormat | None, **operands: Codes) -> None:
    for name, codes in operands.items():
        check_codes(name, codes)
    for name, codes in operands.items():
        _check_one_bias(name, codes.format)
    _check_one_bias("the output", out)


def check_avg_pool2d(
    x: Codes, window: PoolWindow, out: LnsFormat | None, arithmetic: Arithmetic
) -> None:
    """x [N, C, H, W] can be pooled."""
    _check_maps(x, out)
    check_window(x.array.shape[2:], window.kernel, window)
    _check_range(pool_bound(x.format, window.kernel[0] * window.kernel[1], arithmetic))


def check_max_pool2d(x: Codes, window: PoolWindow) -> None:
    """x [N, C, H, W] has windows, none of padding alone."""
    _check_maps(x, x.format)
    size = x.array.shape[2:]
    check_window(size, window.kernel, window)
    for axis, (given, count) in enumerate(zip(size, window.pooled_size(size))):
        first = np.arange(count)[:, None] * window.strides[axis] - window.padding[axis]
        tap = first + np.arange(window.kernel[axis]) * window.dilation[axis]
        if not ((tap >= 0) & (tap < given)).any(1).all():
            raise RecogError("a max pool's window holds nothing but padding")


def check_resize_bilinear(
    x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
) -> None:
    """x [N, C, H, W] can be interpolated."""
    _check_maps(x, out)
    if min(*to.size, *to.steps) < 1:
        raise RecogError(f"size {tuple(to.size)} and steps {tuple(to.steps)} must be at least 1")
    _check_range(resize_bound(x.format, to.steps, arithmetic))


def _check_maps(x: Codes, out: LnsFormat | None) -> None:
    check_codes("x", x)
    _check_rank("x", x.array, 4)
    _check_one_bias("x", x.format)
    _check_one_bias("the output", out)
