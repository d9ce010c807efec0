"""The engine `fast`: the definition's bits at the speed of vector hardware.

Layers run on the kernels of `emit`, sums and products of two tensors through tables or by them, and
correlations, averages and interpolations on compiled loops, once an engine has loaded its kernels.
What the kernels do not take, such as sums beyond 2^53, goes to `gemm`.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from recog.backend.arithmetic.codes import Codes, Interpolation, Layer
from recog.backend.arithmetic.encoding import has_buckets
from recog.backend.arithmetic.fast import cache
from recog.backend.arithmetic.fast.memo import remembered
from recog.backend.arithmetic.fast.paths import chosen_path, thread_count
from recog.backend.arithmetic.gemm import tabulated, transposed
from recog.backend.arithmetic.gemm.engine import GemmEngine, encoded
from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow, Window

if TYPE_CHECKING:
    from recog.backend.arithmetic.fast.assembly import Kernels

WORTH_LOADING = 1 << 22
"""Products of a layer for which the kernels, which take a second to load, are loaded."""

SMALL_PAIR = 1 << 12
"""Elements up to which NumPy looks up pairs, and encodes, as fast."""


def _kinds() -> tuple[Any, ...]:
    """The modules of the kinds of kernels, imported when a layer first needs them."""
    from recog.backend.arithmetic.fast import convolution, narrow

    return narrow, convolution


def check_compiler() -> None:
    """Raise RecogError where the environment keeps numba from compiling."""
    hint = "unset it, or compute slowly with the engine gemm"
    try:
        from numba import config
    except ValueError as error:  # of one of its variables
        raise RecogError(
            f"numba refuses its settings: {error}", where="NUMBA_*", hint=hint
        ) from None
    if getattr(config, "DISABLE_JIT"):  # noqa: B009, numba makes it at run time
        what = "the fast engine is compiled by numba, which this variable switches off"
        raise RecogError(what, where="NUMBA_DISABLE_JIT", hint=hint)


@lru_cache
def _load(path: str) -> Kernels:
    """The kernels of a path; what surrounds them is compiled if it has not been kept."""
    check_compiler()
    from recog.backend.arithmetic.fast.assembly import kernels

    code = kernels(path)
    if cache.load(f"ready-{path}") is None:
        with _status("compiling the arithmetic for this processor, once"):
            _warm_up(code)
        cache.keep(f"ready-{path}", b"")
    return code


def _warm_up(code: Kernels) -> None:
    """Compile what the usual layers need."""
    made, format = FastEngine(threads=1, code=code), LnsFormat(8, 4)
    x = Codes(np.ones((1, 16, 8, 8), np.uint8), format)
    for outputs, groups in ((256, 1), (16, 1), (16, 16)):
        w = Codes(np.ones((outputs, 16 // groups, 3, 3), np.uint8), format)
        made.conv2d(Layer(x, w, None, format, Arithmetic(), Window(groups=groups)))


def _status(message: str) -> AbstractContextManager[Any]:
    """What is going on, to a person at a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(message)


def _prepare(layer: Layer, code: Kernels, threads: int) -> Any:
    """What the first kind of kernel that takes a layer needs for it; None where none does."""
    from recog.backend.arithmetic.fast.layer import fit_of

    fit = fit_of(layer)
    for kind in _kinds():
        if kind.takes(layer, fit, code):
            return kind.prepare(layer, fit, code, threads)
    return None


class FastEngine(GemmEngine):
    """Compiled kernels on threads.

    Args:
        path: the kernels to load, see `paths`; by default those of the environment, or the best
            that this processor runs.
        threads: how many to compute on; by default those of the environment, or one a core.
        code: kernels that are loaded, instead of those of a path.

    Attributes:
        path: the name of the kernels.
        threads: how many threads it computes on.
        taken: how many layers ran on which path.

    Raises:
        RecogError: there is no such path, this processor lacks what it needs, or the number of
            threads is out of range.
    """

    def __init__(
        self, path: str | None = None, threads: int | None = None, *, code: Kernels | None = None
    ):
        self._code = code
        self.path = code.path if code else chosen_path(path)
        self.threads = thread_count(threads)
        self.taken = Counter[str]()
        self._resident = WeakKeyDictionary[Any, tuple[tuple[int, ...], Any]]()

    def conv2d(self, layer: Layer) -> np.ndarray:
        known = None if layer.resident is None else self._resident.get(layer.resident)
        if known is None or known[0] != layer.x.array.shape:
            return super().conv2d(layer)
        return self._convolved(layer, known[1])

    def _conv2d(self, layer: Layer) -> np.ndarray:
        result = self._run(layer)
        return super()._conv2d(layer) if result is None else result

    def _linear(self, layer: Layer) -> np.ndarray:
        result = self._run(layer.as_convolution())
        if result is None:
            return super()._linear(layer)
        return result.reshape(*layer.x.array.shape[:-1], len(layer.w.array))

    def _conv_transpose2d(self, layer: Layer) -> np.ndarray:
        unreached = encoded(layer.initial, layer, axis=0)
        # It is many convolutions, of which none stands for it.
        whole = layer._replace(resident=None)
        return transposed.conv_transpose2d(self._conv2d, whole, unreached)

    def _run(self, layer: Layer) -> np.ndarray | None:
        """A convolution's result on a kernel; None where none takes it."""
        if self._code or layer.products >= WORTH_LOADING:
            self._code = code = self._code or _load(self.path)
            threads = self.threads
            prepared = remembered(layer, (code, threads), lambda: _prepare(layer, code, threads))
            if prepared is not None:
                if layer.resident is not None:
                    self._resident[layer.resident] = layer.x.array.shape, prepared
                return self._convolved(layer, prepared)
        self.taken["gemm"] += 1
        return None

    def _convolved(self, layer: Layer, prepared: Any) -> np.ndarray:
        self.taken[f"{self.path} {prepared.name}"] += 1
        return prepared.convolve(layer, self.threads)

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
        tabulated_here = out is not None and tabulated.pairs_fit(a, b)
        same = a.array.shape == b.array.shape
        if not self._code or not same or tabulated_here or a.array.size <= SMALL_PAIR:
            return super()._add(a, b, out, arithmetic, subtract=subtract, relu=relu)
        from recog.backend.arithmetic.fast import elementwise

        how = out, arithmetic, subtract, relu
        return elementwise.add(a, b, *how, self._code, self.threads)

    def _look_up_pairs(self, a: Codes, b: Codes, entries: np.ndarray) -> np.ndarray:
        same = a.array.shape == b.array.shape
        if not self._code or not same or a.array.size <= SMALL_PAIR:
            return super()._look_up_pairs(a, b, entries)
        from recog.backend.arithmetic.fast.elementwise import look_up_pairs

        return look_up_pairs(a, b, entries, self.threads)

    def _correlation(
        self, left: Codes, right: Codes, disparities: int, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        if not self._code:
            return super()._correlation(left, right, disparities, out, arithmetic)
        from recog.backend.arithmetic.fast import maps

        codes = maps.correlation(left, right, disparities, out, arithmetic, self.threads)
        if codes is None:
            return super()._correlation(left, right, disparities, out, arithmetic)
        return codes

    def encode(self, values: np.ndarray, format: LnsFormat) -> np.ndarray:
        if not self._code or values.size <= SMALL_PAIR or not has_buckets(format):
            return super().encode(values, format)
        from recog.backend.arithmetic.fast import elementwise

        return elementwise.encode(values, format, self.threads)

    def _max_pool2d(self, x: Codes, window: PoolWindow) -> np.ndarray:
        if not self._code:
            return super()._max_pool2d(x, window)
        from recog.backend.arithmetic.fast import maps

        return maps.max_pool2d(x, window, self.threads)

    def _avg_pool2d(
        self,
        x: Codes,
        window: PoolWindow,
        out: LnsFormat | None,
        arithmetic: Arithmetic,
        *,
        relu: bool,
    ) -> np.ndarray:
        whole = out is None or window.count_padding or not any(window.padding)
        if not self._code or not whole:
            return super()._avg_pool2d(x, window, out, arithmetic, relu=relu)
        from recog.backend.arithmetic.fast import maps

        return maps.avg_pool2d(x, window, out, arithmetic, relu, self.threads)

    def _resize_bilinear(
        self, x: Codes, to: Interpolation, out: LnsFormat, arithmetic: Arithmetic
    ) -> np.ndarray:
        if not self._code:
            return super()._resize_bilinear(x, to, out, arithmetic)
        from recog.backend.arithmetic.fast import maps

        return maps.resize_bilinear(x, to, out, arithmetic, self.threads)
