"""What numba lacks: calls of assembled kernels, unaligned copies, zero counts; and its cache."""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

from recog.backend.arithmetic.fast.cache import cache_folder


def jit(function: Callable) -> Any:
    """Compiled without the GIL, and cached on disk where there is a place for it."""
    folder = cache_folder()
    if folder is None:
        return njit(nogil=True, error_model="numpy")(function)
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before


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
