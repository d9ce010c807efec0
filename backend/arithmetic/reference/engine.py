"""The interface of engines, and the one that computes as the definition says."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic import checks
from recog.backend.arithmetic.operands import Layer, Operands, Window
from recog.backend.arithmetic.reference import definition, sampling, stereo
from recog.backend.arithmetic.reference.definition import Padding, Pair
from recog.dialects.number_format import Arithmetic, LnsFormat


class Engine:
    """The operations with arithmetic on code arrays; docs/arithmetic.md defines every bit.

    Inputs and outputs have one bias for the tensor, weights one or one per output channel (axis
    0). `init` is int64[O] from `tables.encode_bias`, or None. Where `out_format` may be None,
    that gives the int64 accumulators. All raise RecogError on illegal codes, wrong dtypes and
    shapes that do not fit, before any arithmetic.

    An engine overrides what it computes in another way than the definition: methods that begin
    with `_` take operands that have been checked.
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
        window = Window(strides, padding, dilation, groups)
        layer = Layer(x, x_format, w, w_format, init, out_format, window, relu, arithmetic)
        checks.check_conv2d(layer)
        return self._conv2d(layer)

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
        window = Window(strides, padding, dilation, groups, output_padding)
        layer = Layer(x, x_format, w, w_format, init, out_format, window, relu, arithmetic)
        checks.check_conv_transpose2d(layer)
        return self._conv_transpose2d(layer)

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
        layer = Layer(x, x_format, w, w_format, init, out_format, Window(), relu, arithmetic)
        checks.check_linear(layer)
        return self._linear(layer)

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
        operands = Operands(a, a_format, b, b_format)
        checks.check_add(operands, out_format, arithmetic)
        return self._add(operands, out_format, subtract, relu, arithmetic)

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
        operands = Operands(a, a_format, b, b_format)
        checks.check_mul(operands, out_format)
        return self._mul(operands, out_format, relu)

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
        """x [N, C, H, W] → [N, C, *size]."""
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
        """left and right [N, C, H, W] → [N, D, H, W]."""
        operands = Operands(left, left_format, right, right_format)
        checks.check_correlation(operands, out_format, disparities, arithmetic)
        return self._correlation(operands, out_format, disparities, arithmetic)

    # What engines override

    def _conv2d(self, layer: Layer) -> np.ndarray:
        window = layer.window
        return definition.conv2d(
            *layer.tensors,
            strides=window.strides,
            padding=window.padding,
            dilation=window.dilation,
            groups=window.groups,
            relu=layer.relu,
            arithmetic=layer.arithmetic,
        )

    def _conv_transpose2d(self, layer: Layer) -> np.ndarray:
        return sampling.conv_transpose2d(
            *layer.tensors, **layer.window._asdict(), relu=layer.relu, arithmetic=layer.arithmetic
        )

    def _linear(self, layer: Layer) -> np.ndarray:
        return definition.linear(*layer.tensors, relu=layer.relu, arithmetic=layer.arithmetic)

    def _add(
        self,
        operands: Operands,
        out_format: LnsFormat | None,
        subtract: bool,
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        return definition.add(
            *operands, out_format, subtract=subtract, relu=relu, arithmetic=arithmetic
        )

    def _mul(self, operands: Operands, out_format: LnsFormat, relu: bool) -> np.ndarray:
        return definition.mul(*operands, out_format, relu=relu)

    def _correlation(
        self, operands: Operands, out_format: LnsFormat, disparities: int, arithmetic: Arithmetic
    ) -> np.ndarray:
        return stereo.correlation(
            *operands, out_format, disparities=disparities, arithmetic=arithmetic
        )

    _avg_pool2d = staticmethod(definition.avg_pool2d)
    _resize_bilinear = staticmethod(sampling.resize_bilinear)
