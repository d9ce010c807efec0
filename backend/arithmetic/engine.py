"""Engines: the operations with arithmetic, checked, behind one interface.

Every engine gives the same bits; they differ in speed. Operations on codes alone (relu,
max_pool2d, table, convert, concat, argmax, crop, resize_nearest) have one implementation, in
`definition` and `sampling`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from recog.backend.arithmetic import checks, definition, sampling, stereo
from recog.backend.arithmetic.definition import Padding, Pair
from recog.backend.arithmetic.tables import product_scale
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat

LayerTensors = tuple[np.ndarray, LnsFormat, np.ndarray, LnsFormat, np.ndarray | None]
"""x, its format, w, its format and init of a layer."""


class Engine(Protocol):
    """The operations with arithmetic on code arrays; docs/arithmetic.md defines every bit.

    Inputs and outputs have one bias for the tensor, weights one or one per output channel (axis
    0). `init` is int64[O] from `tables.encode_bias`, or None. Where `out_format` may be None,
    that gives the int64 accumulators. All raise RecogError on illegal codes, wrong dtypes and
    shapes that do not fit, before any arithmetic.
    """

    def conv2d(
        self,
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
        """x [N, C, H, W], w [O, C / groups, kh, kw] → [N, O, Ho, Wo]."""
        ...

    def linear(
        self,
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
        """x [..., K], w [O, K] → [..., O]."""
        ...

    def conv_transpose2d(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        init: np.ndarray | None,
        out_format: LnsFormat | None,
        *,
        strides: Pair = (1, 1),
        padding: Padding = (0, 0, 0, 0),
        output_padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        relu: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        """x [N, I, H, W], w [O, I / groups, kh, kw] → [N, O, Ho, Wo]."""
        ...

    def add(
        self,
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
        """a + b, or a − b; axes of size 1 broadcast."""
        ...

    def mul(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat,
        *,
        relu: bool = False,
    ) -> np.ndarray:
        """a · b; axes of size 1 broadcast."""
        ...

    def avg_pool2d(
        self,
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
        """x [N, C, H, W] → [N, C, Ho, Wo]."""
        ...

    def resize_bilinear(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        out_format: LnsFormat,
        *,
        size: Pair,
        steps: Pair,
        align_corners: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        """x [N, C, H, W] → [N, C, *size]."""
        ...

    def correlation(
        self,
        left: np.ndarray,
        left_format: LnsFormat,
        right: np.ndarray,
        right_format: LnsFormat,
        out_format: LnsFormat,
        *,
        disparities: int,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        """left and right [N, C, H, W] → [N, D, H, W]."""
        ...


class ReferenceEngine:
    """The definition behind the engine interface; subclasses replace the slow parts of it."""

    _accumulate_conv2d = staticmethod(definition.accumulate_conv2d)
    _accumulate_conv_transpose2d = staticmethod(sampling.accumulate_conv_transpose2d)
    _accumulate_linear = staticmethod(definition.accumulate_linear)
    _reencode = staticmethod(definition.reencode)

    def _conv2d(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        window: dict[str, Any],
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        acc = self._accumulate_conv2d(*tensors, **window, arithmetic=arithmetic)
        scale = product_scale(tensors[1], tensors[3])
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu)

    def _conv_transpose2d(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        window: dict[str, Any],
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        acc = self._accumulate_conv_transpose2d(*tensors, **window, arithmetic=arithmetic)
        scale = product_scale(tensors[1], tensors[3])
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu)

    def _linear(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        acc = self._accumulate_linear(*tensors, arithmetic=arithmetic)
        scale = product_scale(tensors[1], tensors[3])
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu, axis=-1)

    _add = staticmethod(definition.add)
    _mul = staticmethod(definition.mul)
    _avg_pool2d = staticmethod(definition.avg_pool2d)
    _resize_bilinear = staticmethod(sampling.resize_bilinear)
    _correlation = staticmethod(stereo.correlation)

    def conv2d(
        self,
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
        checks.check_conv2d_shapes(
            x, w, strides=strides, padding=padding, dilation=dilation, groups=groups
        )
        checks.check_layer(x, x_format, w, w_format, init, out_format, arithmetic)
        window = {
            "strides": strides,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        tensors = x, x_format, w, w_format, init
        return self._conv2d(tensors, out_format, window, relu, arithmetic)

    def conv_transpose2d(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        w: np.ndarray,
        w_format: LnsFormat,
        init: np.ndarray | None,
        out_format: LnsFormat | None,
        *,
        strides: Pair = (1, 1),
        padding: Padding = (0, 0, 0, 0),
        output_padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        relu: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        checks.check_conv_transpose2d_shapes(
            x,
            w,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
            groups=groups,
        )
        checks.check_layer(x, x_format, w, w_format, init, out_format, arithmetic)
        window = {
            "strides": strides,
            "padding": padding,
            "output_padding": output_padding,
            "dilation": dilation,
            "groups": groups,
        }
        tensors = x, x_format, w, w_format, init
        return self._conv_transpose2d(tensors, out_format, window, relu, arithmetic)

    def linear(
        self,
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
        checks.check_linear_shapes(x, w)
        checks.check_layer(x, x_format, w, w_format, init, out_format, arithmetic)
        tensors = x, x_format, w, w_format, init
        return self._linear(tensors, out_format, relu, arithmetic)

    def add(
        self,
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
        checks.check_add(a, a_format, b, b_format, out_format, arithmetic)
        return self._add(
            a,
            a_format,
            b,
            b_format,
            out_format,
            subtract=subtract,
            relu=relu,
            arithmetic=arithmetic,
        )

    def mul(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat,
        *,
        relu: bool = False,
    ) -> np.ndarray:
        checks.check_mul(a, a_format, b, b_format, out_format)
        return self._mul(a, a_format, b, b_format, out_format, relu=relu)

    def avg_pool2d(
        self,
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
        checks.check_avg_pool2d(
            x, x_format, out_format, arithmetic, kernel=kernel, strides=strides, padding=padding
        )
        return self._avg_pool2d(
            x,
            x_format,
            out_format,
            kernel=kernel,
            strides=strides,
            padding=padding,
            count_include_pad=count_include_pad,
            relu=relu,
            arithmetic=arithmetic,
        )

    def resize_bilinear(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        out_format: LnsFormat,
        *,
        size: Pair,
        steps: Pair,
        align_corners: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        checks.check_resize_bilinear(x, x_format, out_format, arithmetic, size=size, steps=steps)
        return self._resize_bilinear(
            x,
            x_format,
            out_format,
            size=size,
            steps=steps,
            align_corners=align_corners,
            arithmetic=arithmetic,
        )

    def correlation(
        self,
        left: np.ndarray,
        left_format: LnsFormat,
        right: np.ndarray,
        right_format: LnsFormat,
        out_format: LnsFormat,
        *,
        disparities: int,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        formats = left_format, right_format
        checks.check_correlation(left, right, *formats, disparities, arithmetic)
        return self._correlation(
            left,
            left_format,
            right,
            right_format,
            out_format,
            disparities=disparities,
            arithmetic=arithmetic,
        )


def _gemm_engine() -> Engine:
    from recog.backend.arithmetic.gemm import GemmEngine

    return GemmEngine()


def _fast_engine() -> Engine:
    from recog.backend.arithmetic.fast.engine import FastEngine

    return FastEngine()


ENGINES: dict[str, Callable[[], Engine]] = {
    "reference": ReferenceEngine,
    "gemm": _gemm_engine,
    "fast": _fast_engine,
}
"""Engines by name; made lazily, so that one with heavy imports costs only those who use it."""


DEFAULT_ENGINE = "fast"


def get_engine(name: str = DEFAULT_ENGINE) -> Engine:
    """The engine of that name.

    Raises:
        RecogError: there is none.
    """
    if name not in ENGINES:
        raise RecogError(f"unknown engine '{name}'", hint=f"choose from: {', '.join(ENGINES)}")
    return ENGINES[name]()
