"""NumPy arrays that end, or begin, at a page that nothing may touch.

A kernel that reads or writes one byte beyond such an array is killed (SIGSEGV): run it in a child.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal
from unittest.mock import patch

import numpy as np

from recog.backend.arithmetic.fast import constants, convolution, elementwise, layer, maps, narrow

Edge = Literal["end", "start"]

CACHE_LINE = 64

_LIBC = ctypes.CDLL(None, use_errno=True)


def guarded(size: int, edge: Edge, alignment: int = 1) -> np.ndarray:
    """Bytes between two pages without access, against the one behind or the one before them."""
    page = mmap.PAGESIZE
    kept = -(-size // alignment) * alignment
    inside = max(1, -(-kept // page)) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    whole = np.frombuffer(memory, np.uint8)
    for place in (0, page + inside):
        address = ctypes.c_void_p(whole.ctypes.data + place)
        if _LIBC.mprotect(address, ctypes.c_size_t(page), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    start = page + (inside - kept if edge == "end" else 0)
    return whole[start : start + size]


class GuardedNumpy:
    """NumPy, but that new arrays lie at a guard page."""

    def __init__(self, edge: Edge):
        self._edge: Edge = edge

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any = np.float64) -> np.ndarray:
        kind = np.dtype(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        content = guarded(count * kind.itemsize, self._edge)
        return content.view(kind).reshape(shape)

    zeros = empty  # the system gives pages that are zero

    def ascontiguousarray(self, array: Any, dtype: Any = None) -> np.ndarray:
        given = np.asarray(array, dtype)
        if not given.ndim:
            return np.ascontiguousarray(given)
        copy = self.empty(given.shape, given.dtype)
        copy[...] = given
        return copy


@contextmanager
def guarded_kernels(edge: Edge) -> Iterator[None]:
    """Let inputs, weights, outputs and scratch of the fast engine's kernels lie at guard pages."""
    proxy = GuardedNumpy(edge)

    def scratch(workers: int, size: int) -> np.ndarray:
        each = size if workers == 1 else -(-size // CACHE_LINE) * CACHE_LINE
        return guarded(workers * each, edge, CACHE_LINE).reshape(workers, each)

    with ExitStack() as stack:
        for module in (constants, convolution, elementwise, layer, maps, narrow):
            stack.enter_context(patch.object(module, "np", proxy))
        for module in (convolution, narrow):
            stack.enter_context(patch.object(module, "scratch", scratch))
        yield
