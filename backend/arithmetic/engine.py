"""Engines: the operations with arithmetic, checked, behind one interface.

Every engine gives the same bits; they differ in speed. Operations on codes alone (relu,
max_pool2d, table, convert, concat, argmax) have one implementation, in `definition`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from recog.backend.arithmetic import checks, definition
from recog.backend.arithmetic.definition import Padding, Pair
from recog.backend.arithmetic.tables import add_scale, product_scale
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat


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

    def add(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat | None,
        *,
        relu: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        """a + b of one shape."""
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


class ReferenceEngine:
    """The definition behind the engine interface; subclasses replace the slow parts of it."""

    _accumulate_conv2d = staticmethod(definition.accumulate_conv2d)
    _accumulate_linear = staticmethod(definition.accumulate_linear)
    _linearize = staticmethod(definition.linearize)
    _reencode = staticmethod(definition.reencode)

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
        acc = self._accumulate_conv2d(
            x,
            x_format,
            w,
            w_format,
            init,
            strides=strides,
            padding=padding,
            dilation=dilation,
            groups=groups,
            arithmetic=arithmetic,
        )
        scale = product_scale(x_format, w_format)
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu)

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
        acc = self._accumulate_linear(x, x_format, w, w_format, init, arithmetic=arithmetic)
        scale = product_scale(x_format, w_format)
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu, axis=-1)

    def add(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat | None,
        *,
        relu: bool = False,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        checks.check_add(a, a_format, b, b_format, out_format, arithmetic)
        scale = add_scale(a_format, b_format)
        acc = self._linearize(a, a_format, scale, arithmetic)
        acc += self._linearize(b, b_format, scale, arithmetic)
        return self._reencode(acc, scale, out_format, arithmetic, relu=relu, axis=-1)

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
        return definition.avg_pool2d(
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


def _gemm_engine() -> Engine:
    from recog.backend.arithmetic.gemm import GemmEngine

    return GemmEngine()


ENGINES: dict[str, Callable[[], Engine]] = {
    "reference": ReferenceEngine,
    "gemm": _gemm_engine,
}
"""Engines by name; made lazily, so that one with heavy imports costs only those who use it."""


def get_engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        RecogError: there is none.
    """
    if name not in ENGINES:
        raise RecogError(f"unknown engine '{name}'", hint=f"choose from: {', '.join(ENGINES)}")
    return ENGINES[name]()
