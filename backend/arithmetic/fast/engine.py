"""The engine `fast`: the definition's bits at the speed of vector hardware.

Layers of formats of up to 8 bits run on the kernels of `emit`, everything on codes through tables.
What the kernels do not take, formats of 16 bits or products beyond int32, goes to `gemm`.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from recog.backend.arithmetic import tabulated, transposed
from recog.backend.arithmetic.definition import Pair
from recog.backend.arithmetic.engine import LayerTensors
from recog.backend.arithmetic.fast import cache
from recog.backend.arithmetic.fast.layer import Layer, Window
from recog.backend.arithmetic.fast.memo import remembered
from recog.backend.arithmetic.fast.paths import chosen_path, thread_count
from recog.backend.arithmetic.gemm import GemmEngine
from recog.backend.arithmetic.tables import product_scale
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


def _load(path: str) -> Any:
    """The modules with the kernels, imported when a layer first needs them."""
    if not _loaded:
        if cache.load(f"ready-{path}") is None:
            with _status("compiling the arithmetic for this processor, once"):
                _import()
                _warm_up()
            cache.keep(f"ready-{path}", b"")
        else:
            _import()
    return _loaded


def _import() -> None:
    from recog.backend.arithmetic.fast import convolution, narrow
    from recog.backend.arithmetic.fast.assembly import kernels

    _loaded.extend(((narrow, convolution), kernels))


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


def _prepare(layer: Layer, code: Kernels) -> tuple[Any, Any]:
    """The kind of kernel that takes a layer, and what it needs; None where none does."""
    if not _loaded:
        _import()
    kinds, _ = _loaded
    fit = kinds[-1].fit(layer)
    for kind in kinds:
        if kind.takes(layer, fit, code):
            return kind, kind.prepare(layer, fit, code)
    return None, None


class FastEngine(GemmEngine):
    """Compiled kernels on threads.

    Args:
        code: the kernels to run, for tests; by default those of the path.

    Attributes:
        path: the form of the kernels, see `paths`.
        taken: how many layers ran on which path.
    """

    def __init__(self, code: Kernels | None = None):
        self._code = code
        self.path = chosen_path()
        thread_count()  # refused now, if it is, rather than in the first layer
        self.taken = Counter[str]()

    def _conv2d(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        window: dict[str, Any],
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        layer = Layer(*tensors, out_format, Window(**window), relu, arithmetic)
        result = self._run(layer)
        if result is None:
            return super()._conv2d(tensors, out_format, window, relu, arithmetic)
        return result

    def _run(self, layer: Layer) -> np.ndarray | None:
        """The layer's result on a kernel; None where none takes it."""
        wide = max(layer.x_format.width, layer.w_format.width) > MAX_WIDTH
        if not wide and (_loaded or self._code or layer.products >= WORTH_LOADING):
            code = self._code or _load(self.path)[1](self.path)
            kind, prepared = remembered(layer, code, lambda: _prepare(layer, code))
            if kind is not None:
                self.taken[f"{self.path} {kind.NAME}"] += 1
                return kind.convolve(layer, prepared)
        self.taken["gemm"] += 1
        return None

    def _linear(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        x, x_format, w, w_format, init = tensors
        rows, kernels = x.reshape(-1, x.shape[-1], 1, 1), w[:, :, None, None]
        as_one = rows, x_format, kernels, w_format, init
        layer = Layer(*as_one, out_format, Window(), relu, arithmetic)
        result = self._run(layer)
        if result is None:
            return super()._linear(tensors, out_format, relu, arithmetic)
        return result.reshape(*x.shape[:-1], len(w))

    def _conv_transpose2d(
        self,
        tensors: LayerTensors,
        out_format: LnsFormat | None,
        window: dict[str, Any],
        relu: bool,
        arithmetic: Arithmetic,
    ) -> np.ndarray:
        x, x_format, w, w_format, init = tensors
        groups = window["groups"]

        def convolve(met: np.ndarray, weights: np.ndarray, dilation: Pair) -> np.ndarray:
            own = Window(dilation=dilation, groups=groups)._asdict()
            phase = met, x_format, weights, w_format, init
            return self._conv2d(phase, out_format, own, relu, arithmetic)

        start = np.zeros(len(w), np.int64) if init is None else init
        scale = product_scale(x_format, w_format)
        unreached = self._reencode(start, scale, out_format, arithmetic, relu=relu, axis=0)
        others = {name: value for name, value in window.items() if name != "groups"}
        return transposed.conv_transpose2d(convolve, x, w, unreached, **others)

    def _add(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat | None,
        **how: Any,
    ) -> np.ndarray:
        if out_format is None or not _large_pair(a, a_format, b, b_format):
            return tabulated.add(a, a_format, b, b_format, out_format, **how)
        settings = how["subtract"], how["relu"], how["arithmetic"]
        entries = tabulated.add_table(a_format, b_format, out_format, *settings)
        return _look_up_pairs(a, b, b_format, entries)

    def _mul(
        self,
        a: np.ndarray,
        a_format: LnsFormat,
        b: np.ndarray,
        b_format: LnsFormat,
        out_format: LnsFormat,
        *,
        relu: bool,
    ) -> np.ndarray:
        if not _large_pair(a, a_format, b, b_format):
            return tabulated.mul(a, a_format, b, b_format, out_format, relu=relu)
        entries = tabulated.mul_table(a_format, b_format, out_format, relu)
        return _look_up_pairs(a, b, b_format, entries)


def _large_pair(a: np.ndarray, a_format: LnsFormat, b: np.ndarray, b_format: LnsFormat) -> bool:
    """Whether a table of pairs serves, and the kernels are there."""
    fits = a_format.width + b_format.width <= tabulated.PAIR_BITS and a.shape == b.shape
    return fits and bool(_loaded) and a.size > SMALL_PAIR


def _look_up_pairs(
    a: np.ndarray, b: np.ndarray, b_format: LnsFormat, entries: np.ndarray
) -> np.ndarray:
    from recog.backend.arithmetic.fast.elementwise import look_up_pairs

    return look_up_pairs(a, b, b_format.width, entries)
