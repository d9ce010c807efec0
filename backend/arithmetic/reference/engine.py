"""The interface of engines, and the one that computes as the definition says."""

from __future__ import annotations

import numpy as np

from recog.backend.arithmetic import checks
from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.reference import definition, sampling, stereo
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow


class Engine:
    """The operations with arithmetic on codes; docs/arithmetic.md defines every bit.

    Inputs and outputs have one bias for the tensor, weights one or one per output channel (axis
    0). Where `out` may be None, that gives the int64 accumulators. All raise RecogError on
    illegal codes, wrong dtypes and shapes that do not fit, before any arithmetic.

    An engine overrides what it computes in another way than the definition: methods that begin
    with `_` take operands that have been checked.
    """

    def conv2d(self, layer: Layer) -> np.ndarray:
        """x [N, C, H, W], w [O, C / groups, kh, kw] → [N, O, Ho, Wo]."""
        checks.check_conv2d(layer)
        return self._conv2d(layer)

    def conv_transpose2d(self, layer: Layer) -> np.ndarray:
        """x [N, I, H, W], w [O, I / groups, kh, kw] → [N, O, Ho, Wo]."""
        checks.check_conv_transpose2d(layer)
        return self._conv_transpose2d(layer)

    def linear(self, layer: Layer) -> np.ndarray:
        """x [..., K], w [O, K] → [..., O]."""
        checks.check_linear(layer)
        return self._linear(layer)

    def add(
        self,
        a: Codes,
        b: Codes,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        subtract: bool = False,
        relu: bool = False,
    ) -> np.ndarray:
        """a + b, or a − b; axes of size 1 broadcast."""
        checks.check_add(a, b, out, arithmetic)
        return self._add(a, b, out, arithmetic, subtract=subtract, relu=relu)

    def mul(self, a: Codes, b: Codes, out: LnsFormat, *, relu: bool = False) -> np.ndarray:
        """a · b; axes of size 1 broadcast."""
        checks.check_mul(a, b, out)
        return self._mul(a, b, out, relu=relu)

    def encode(self, values: np.ndarray, format: LnsFormat) -> np.ndarray:
        """The codes of real numbers of any shape; RecogError where one is NaN."""
        return encode(values, format)

    def max_pool2d(self, x: Codes, window: PoolWindow) -> np.ndarray:
        """x [N, C, H, W] → [N, C, Ho, Wo]."""
        checks.check_max_pool2d(x, window)
        return self._max_pool2d(x, window)

    def avg_pool2d(
        self,
        x: Codes,
        window: PoolWindow,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        relu: bool = False,
    ) -> np.ndarray:
        """x [N, C, H, W] → [N, C, Ho, Wo]."""
        checks.check_avg_pool2d(x, window, out, arithmetic)
        return self._avg_pool2d(x, window, out, arithmetic, relu=relu)

    def resize_bilinear(
        self, x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        """x [N, C, H, W] → [N, C, *to.size]."""
        checks.check_resize_bilinear(x, to, out, arithmetic)
        return self._resize_bilinear(x, to, out, arithmetic)

    def correlation(
        self, left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        """left and right [N, C, H, W] → [N, disparities, H, W]."""
        checks.check_correlation(left, right, disparities, out, arithmetic)
        return self._correlation(left, right, disparities, out, arithmetic)

    # What engines override

    def _conv2d(self, layer: Layer) -> np.ndarray:
        return definition.conv2d(layer)

    def _conv_transpose2d(self, layer: Layer) -> np.ndarray:
        return sampling.conv_transpose2d(layer)

    def _linear(self, layer: Layer) -> np.ndarray:
        return definition.linear(layer)

    def _add(
        self,
        a: Codes,
        b: Codes,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        subtract: bool,
        relu: bool,
    ) -> np.ndarray:
        return definition.add(a, b, out, arithmetic, subtract=subtract, relu=relu)

    def _mul(self, a: Codes, b: Codes, out: LnsFormat, *, relu: bool) -> np.ndarray:
        return definition.mul(a, b, out, relu=relu)

    def _max_pool2d(self, x: Codes, window: PoolWindow) -> np.ndarray:
        return definition.max_pool2d(x, window)

    def _avg_pool2d(
        self,
        x: Codes,
        window: PoolWindow,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        relu: bool,
    ) -> np.ndarray:
        return definition.avg_pool2d(x, window, out, arithmetic, relu=relu)

    def _resize_bilinear(
        self, x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        return sampling.resize_bilinear(x, to, out, arithmetic)

    def _correlation(
        self, left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        return stereo.correlation(left, right, disparities, out, arithmetic)
