"""The engine `fast`: the definition's bits at the speed of vector hardware.

Layers of formats of up to 8 bits run on the kernels of `emit`, everything on codes through tables,
and once those are loaded, correlations, averages and interpolations on compiled loops.
What the kernels do not take, formats of 16 bits or products beyond int32, goes to `gemm`.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from recog.backend.arithmetic.fast import cache
from recog.backend.arithmetic.fast.memo import remembered
from recog.backend.arithmetic.fast.paths import chosen_path, thread_count
from recog.backend.arithmetic.gemm import lookup, transposed
from recog.backend.arithmetic.gemm.engine import GemmEngine, encoded
from recog.backend.arithmetic.operands import Layer, Operands
from recog.backend.arithmetic.reference.definition import Padding
from recog.dialects.number_format import Arithmetic, LnsFormat

if TYPE_CHECKING:
    from recog.backend.arithmetic.fast.assembly import Kernels

MAX_WIDTH = 8
"""Bits of the codes that the kernels take."""


WORTH_LOADING = 1 << 22
"""Products of a layer for which the kernels, which take a second to load, are loaded."""

SMALL_PAIR = 1 << 12
"""Elements up to which NumPy looks up pairs as fast."""

_loaded: list[Any] = []


def _kinds() -> list[Any]:
    """The modules of the kinds of kernels, imported when a layer first needs them."""
    if not _loaded:
        from recog.backend.arithmetic.fast import convolution, narrow

        _loaded.extend((narrow, convolution))
    return _loaded


def _load(path: str) -> Kernels:
    """The kernels of a path; what surrounds them is compiled if it has not been kept."""
    from recog.backend.arithmetic.fast.assembly import kernels

    if not _loaded and cache.load(f"ready-{path}") is None:
        with _status("compiling the arithmetic for this processor, once"):
            _kinds()
            _warm_up()
        cache.keep(f"ready-{path}", b"")
    return kernels(path)


def _warm_up() -> None:
    """Compile what the usual layers need."""
    made, format = FastEngine(), LnsFormat(8, 4)
    codes = np.ones((1, 16, 8, 8), np.uint8)
    for groups in (1, 16):
        w = np.ones((16, 16 // groups, 3, 3), np.uint8)
        made.conv2d(codes, format, w, format, None, format, groups=groups, arithmetic=Arithmetic())


def _status(message: str) -> AbstractContextManager[Any]:
    """What is going on, to a person at a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(message)


def _prepare(layer: Layer, code: Kernels) -> Any:
    """What the first kind of kernel that takes a layer needs for it; None where none does."""
    from recog.backend.arithmetic.fast.layer import fit_of

    fit = fit_of(layer)
    for kind in _kinds():
        if kind.takes(layer, fit, code):
            return kind.prepare(layer, fit, code)
    return None


def _narrow(*formats: LnsFormat) -> bool:
    """Whether kernels take codes of these formats."""
    return max(format.width for format in formats) <= MAX_WIDTH


class FastEngine(GemmEngine):
    """Compiled kernels on threads.

    Args:
        code: the kernels to run, for tests; by default those of the path.

    Attributes:
        path: the name of the kernels, see `paths`.
        taken: how many layers ran on which path.
    """

    def __init__(self, code: Kernels | None = None):
        self._code = code
        self.path = code.path if code else chosen_path()
        thread_count()  # refused now, if it is, rather than in the first layer
        self.taken = Counter[str]()

    def _conv2d(self, layer: Layer) -> np.ndarray:
        result = self._run(layer)
        return super()._conv2d(layer) if result is None else result

    def _linear(self, layer: Layer) -> np.ndarray:
        result = self._run(layer.as_convolution())
        if result is None:
            return super()._linear(layer)
        return result.reshape(*layer.x.shape[:-1], len(layer.w))

    def _conv_transpose2d(self, layer: Layer) -> np.ndarray:
        unreached = encoded(layer.initial, layer, axis=0)
        return transposed.conv_transpose2d(self._conv2d, layer, unreached)

    def _run(self, layer: Layer) -> np.ndarray | None:
        """A convolution's result on a kernel; None where none takes it."""
        narrow = _narrow(layer.x_format, layer.w_format)
        if narrow and (_loaded or self._code or layer.products >= WORTH_LOADING):
            self._code = code = self._code or _load(self.path)
            prepared = remembered(layer, code, lambda: _prepare(layer, code))
            if prepared is not None:
                self.taken[f"{self.path} {prepared.NAME}"] += 1
                return prepared.convolve(layer)
        self.taken["gemm"] += 1
        return None

    def _look_up_pairs(self, operands: Operands, entries: np.ndarray) -> np.ndarray:
        a, _, b, b_format = operands
        if not _loaded or a.shape != b.shape or a.size <= SMALL_PAIR:
            return super()._look_up_pairs(operands, entries)
        from recog.backend.arithmetic.fast.elementwise import look_up_pairs

        return look_up_pairs(a, b, b_format.width, entries)

    def _correlation(
        self, operands: Operands, out_format: LnsFormat, disparities: int, arithmetic: Arithmetic
    ) -> np.ndarray:
        left, left_format, _, right_format = operands
        if _loaded and _narrow(left_format, right_format, out_format):
            formats = left_format.with_bias(0), right_format.with_bias(0)
            table = lookup.product_table(*formats, left.shape[1], arithmetic)
            if table is not None:
                from recog.backend.arithmetic.fast import maps

                return maps.correlation(operands, table, out_format, disparities, arithmetic)
        return super()._correlation(operands, out_format, disparities, arithmetic)

    def _avg_pool2d(
        self,
        x: np.ndarray,
        x_format: LnsFormat,
        out_format: LnsFormat,
        *,
        padding: Padding,
        count_include_pad: bool,
        **how: Any,
    ) -> np.ndarray:
        padding_counts = count_include_pad or not any(padding)
        if not _loaded or not _narrow(x_format, out_format) or not padding_counts:
            how["count_include_pad"] = count_include_pad
            return super()._avg_pool2d(x, x_format, out_format, padding=padding, **how)
        from recog.backend.arithmetic.fast import maps

        return maps.avg_pool2d(x, x_format, out_format, padding=padding, **how)

    def _resize_bilinear(
        self, x: np.ndarray, x_format: LnsFormat, out_format: LnsFormat, **how: Any
    ) -> np.ndarray:
        if not _loaded or not _narrow(x_format, out_format):
            return super()._resize_bilinear(x, x_format, out_format, **how)
        from recog.backend.arithmetic.fast import maps

        return maps.resize_bilinear(x, x_format, out_format, **how)
