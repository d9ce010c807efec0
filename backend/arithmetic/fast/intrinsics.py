"""What numba lacks: calls of assembled kernels, unaligned copies, zero counts; and its cache."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import config, njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.extending import intrinsic

from recog.backend.arithmetic.fast.cache import cache_folder, keep, load


def jit(function: Callable[..., Any]) -> Any:
    """Compiled without the GIL, and cached on disk where there is a place for it."""
    return _cached(function, njit(nogil=True, error_model="numpy")(function))


def inner(function: Callable[..., Any]) -> Any:
    """As `jit`, for calls by compiled functions alone: a quarter less is compiled."""
    alone = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return _cached(function, alone(function))


def _cached(function: Callable[..., Any], compiled: Any) -> Any:
    if (folder := cache_folder()) is not None:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            compiled._cache = _CheckedCache(function)
        finally:
            config.CACHE_DIR = before
    return compiled


class _CheckedCache(FunctionCache):
    """numba's cache of a function, in files that `cache` checks before numba unpickles them."""

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFiles(self._cache_path, self._impl.filename_base, stamp)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # Numba adds a digest of what a closure holds, which of functions is another in every
        # process. Their code is not, and the folder is that of all the sources.
        held = [cell.cell_contents for cell in self._py_func.__closure__ or ()]
        code = tuple(each.py_func.__code__.co_code for each in held)
        return sig, codegen.magic_tuple(), self._py_func.__code__.co_code, code


class _CheckedFiles(IndexDataCacheFile):
    def _load_index(self) -> Any:
        kept = load(self._kept_name(self._index_path))
        stamp, overloads = (None, {}) if kept is None else pickle.loads(kept)
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: Any) -> None:
        keep(self._kept_name(self._index_path), self._dump((self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        kept = load(self._kept_name(self._data_path(name)))
        if kept is None:
            raise FileNotFoundError(name)  # compiled anew
        return pickle.loads(kept)

    def _save_data(self, name: str, data: Any) -> None:
        keep(self._kept_name(self._data_path(name)), self._dump(data))

    def _kept_name(self, path: str) -> str:
        return os.path.relpath(path, cache_folder())


@intrinsic
def invoke(typingctx: Any, address: Any, arguments: Any) -> Any:
    """Call a kernel of `emit` at an address with a tuple of 64-bit integers."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, arguments = args
        count = len(signature.args[1])
        values = [builder.extract_value(arguments, i) for i in range(count)]
        type_ = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * count)
        builder.call(builder.inttoptr(address, type_.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.int64, types.UniTuple(types.int64, len(arguments))), emit


@jit
def invoke_all(address: int, arguments: Any) -> None:
    """`invoke` from Python."""
    invoke(address, arguments)


@intrinsic
def copy8(typingctx: Any, target: Any, source: Any) -> Any:
    """Copy 8 bytes between addresses."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(64).as_pointer()
        value = builder.load(builder.inttoptr(args[1], pointer), align=1)
        builder.store(value, builder.inttoptr(args[0], pointer), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def leading_zeros(typingctx: Any, value: Any) -> Any:
    """The zero bits above the highest one of a positive int64."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit
