"""Work that threads take from each other without Python's lock, compiled by numba.

A job is a kernel with all its arguments, and units of work that threads take as they get to them.
Who has a job opens it on a board; helpers that watch the board take part until no unit is left.
"""

# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportReturnType=false, reportArgumentType=false
from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from recog.backend.arithmetic.fast.intrinsics import inner, jit

LINE = 8
"""Numbers of a cache line: what different threads write lies in different ones."""

OPEN, NEXT, ENDED, FAILED, CODE, MEMORY, UNITS, STEP = range(0, 8 * LINE, LINE)
"""Where a board has the claims that are open, the next unit, how many helpers have ended, whether
a part failed; and of the job the kernel, its arguments, all units and how many are taken at once.

`OPEN` counts the claims in its low bits and the jobs above: a helper's claim on a job is one step
of memory, and fails where that job has ended or another has begun.
"""

CLAIMS = 1 << 16
"""More than there can be helpers."""

FAILURE, STALL = 1, 2
"""What can be said of a job: its kernel raised an error; a helper did not get on with its part."""

YIELDING = 1_000
"""How often to look for the end of others' work before they may have this core."""


class Crew(NamedTuple):
    """Whom a job is shared with, and in what parts.

    Attributes:
        board: int64, see `OPEN`.
        helpers: how many may take part, 0 to `CLAIMS` − 1.
        step: units that are taken at once.
        patience: nanoseconds to wait for the end of others' work until they have stalled.
    """

    board: np.ndarray
    helpers: int
    step: int
    patience: int


def new_board() -> np.ndarray:
    """A board without a job."""
    return np.zeros(8 * LINE, np.int64)


def shared(kernel: Any) -> Callable[[Crew, int, tuple[Any, ...]], int]:
    """From kernel(first, last, worker, *arguments): run(crew, units, arguments).

    That runs the kernel on the units 0, ..., units − 1, on this thread, which is worker 0, and on
    the crew's helpers, workers 1 to `crew.helpers`, as far as they begin before the end. It returns
    0, or `FAILURE` where the kernel raised an error, which of compiled code is want of memory, plus
    `STALL` where a helper kept all waiting.
    """

    def run(crew: Crew, units: int, arguments: tuple[Any, ...]) -> int:
        code, memory = _job(kernel, arguments)
        if crew.helpers == 0:
            well = units == 0 or _run_part(code, 0, units, 0, memory)
            return 0 if well else FAILURE
        return _share(crew, units, code, memory)

    # By which the cache tells such functions apart.
    run.__qualname__ = f"{kernel.py_func.__qualname__}_shared"
    return jit(run)


@inner
def _share(crew: Crew, units: int, code: int, memory: int) -> int:
    board = crew.board
    address = board.ctypes.data
    board[CODE], board[MEMORY], board[UNITS], board[STEP] = code, memory, units, crew.step
    board[NEXT] = board[ENDED] = board[FAILED] = 0
    number = (board[OPEN] // CLAIMS + 1) * CLAIMS
    _store(address + 8 * OPEN, number + crew.helpers)
    _take(board, 0)
    begun = number + crew.helpers - _exchange(address + 8 * OPEN, number)
    ready, turns = _now(), 0
    while _load(address + 8 * ENDED) != begun:
        _pause()
        turns += 1
        if turns % YIELDING == 0:
            _yield_core()
    return FAILURE * np.int64(board[FAILED] != 0) + STALL * np.int64(_now() - ready > crew.patience)


@inner
def _take(board: np.ndarray, worker: int) -> None:
    """Run parts of the board's job until none is left."""
    code, memory, units, step = board[CODE], board[MEMORY], board[UNITS], board[STEP]
    next_unit = board.ctypes.data + 8 * NEXT
    first = _add(next_unit, step)
    while first < units:
        if not _run_part(code, first, min(first + step, units), worker, memory):
            _store(board.ctypes.data + 8 * FAILED, 1)
        first = _add(next_unit, step)


@jit
def help_out(board: np.ndarray, turns: int) -> None:
    """Take part in the board's jobs until none was open for so many turns.

    The claim says which worker of a job this is, so that each has its own scratch.
    """
    address, waited = board.ctypes.data, 0
    while waited < turns:
        seen = _load(address + 8 * OPEN)
        claim = seen % CLAIMS
        if claim and _swap_if(address + 8 * OPEN, seen, seen - 1):
            _take(board, claim)
            _add(address + 8 * ENDED, 1)
            waited = 0
        else:
            _pause()
            waited += 1


_PART = (types.int64,) * 4
"""What a part of a job takes: its first unit, the one behind the last, the worker, the arguments'
address."""


@intrinsic
def _job(typingctx: Any, kernel: Any, arguments: Any) -> Any:
    """The address of a function that runs a part of a job, and of the job's arguments.

    Both last until the function returns that this is called in.
    """
    called = typingctx.resolve_function_type(kernel, (*_PART[:3], *arguments.types), {})

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        convention, module = context.call_conv, builder.module
        function = context.get_function(kernel, called)
        context.add_linking_libs(function.libs)
        type_ = convention.get_function_type(types.none, _PART)
        part = ir.Function(module, type_, module.get_unique_name("part"))
        part.linkage = "internal"
        convention.decorate_function(part, ["first", "last", "worker", "memory"], _PART)
        inner = ir.IRBuilder(part.append_basic_block("entry"))
        *place, memory = convention.get_arguments(part)
        kept = context.get_value_type(arguments).as_pointer()
        held = inner.load(inner.inttoptr(memory, kept))
        function(inner, (*place, *cgutils.unpack_tuple(inner, held, len(arguments.types))))
        convention.return_value(inner, context.get_dummy_value())
        here = cgutils.alloca_once_value(builder, _uncounted(context, builder, arguments, args[1]))
        addresses = [builder.ptrtoint(each, ir.IntType(64)) for each in (part, here)]
        return context.make_tuple(builder, signature.return_type, addresses)

    return types.UniTuple(types.int64, 2)(kernel, arguments), emit


def _uncounted(context: Any, builder: Any, type_: Any, value: Any) -> Any:
    """A value whose arrays nobody counts the users of: each view of one would else write to a
    cache line that all threads write to. Who has the job keeps them alive."""
    if isinstance(type_, types.BaseTuple):
        members = cgutils.unpack_tuple(builder, value, len(type_))
        pairs = zip(type_, members, strict=True)
        return context.make_tuple(
            builder, type_, [_uncounted(context, builder, *each) for each in pairs]
        )
    if not isinstance(type_, types.Array):
        return value
    array = context.make_array(type_)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    return array._getvalue()


@intrinsic
def _run_part(typingctx: Any, code: Any, first: Any, last: Any, worker: Any, memory: Any) -> Any:
    """Run a part of a job; whether it raised no error."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        convention = context.call_conv
        type_ = convention.get_function_type(types.none, _PART)
        function = builder.inttoptr(args[0], type_.as_pointer())
        status, _ = convention.call_function(builder, function, types.none, _PART, args[1:])
        return status.is_ok

    return types.boolean(types.int64, *_PART), emit


@intrinsic
def _load(typingctx: Any, address: Any) -> Any:
    """The int64 at an address that other threads write."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), emit


@intrinsic
def _store(typingctx: Any, address: Any, value: Any) -> Any:
    """Write an int64 that other threads read, after all that was written before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic
def _add(typingctx: Any, address: Any, value: Any) -> Any:
    """Add to an int64 in one step of memory; what it was before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, args[0]), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), emit


@intrinsic
def _exchange(typingctx: Any, address: Any, value: Any) -> Any:
    """Write an int64 in one step of memory; what it was before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("xchg", _pointer(builder, args[0]), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), emit


@intrinsic
def _swap_if(typingctx: Any, address: Any, expected: Any, value: Any) -> Any:
    """Write an int64 where another one stands, in one step of memory; whether it stood there."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(builder, args[0])
        found = builder.cmpxchg(pointer, args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), emit


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def _pause(typingctx: Any) -> Any:
    """Let the other thread of a core, where it has two, have it for a moment."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if builder.module.triple.startswith(("x86_64", "i686")):
            type_ = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), type_), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def _now(typingctx: Any) -> Any:
    """Nanoseconds that pass, from some time on; where the system has no such clock, none do."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        long = ir.IntType(64)
        if not hasattr(time, "clock_gettime") or ctypes.sizeof(ctypes.c_long) != 8:
            return ir.Constant(long, 0)
        seen = cgutils.alloca_once(builder, ir.LiteralStructType([long, long]))
        type_ = ir.FunctionType(ir.IntType(32), [ir.IntType(32), seen.type])
        clock = cgutils.get_or_insert_function(builder.module, type_, "clock_gettime")
        builder.call(clock, [ir.Constant(ir.IntType(32), time.CLOCK_MONOTONIC), seen])
        seconds, rest = (builder.load(cgutils.gep(builder, seen, 0, i)) for i in range(2))
        return builder.add(builder.mul(seconds, ir.Constant(long, 10**9)), rest)

    return types.int64(), emit


@intrinsic
def _yield_core(typingctx: Any) -> Any:
    """Let another thread run here, where the system has a word for it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if hasattr(os, "sched_yield"):
            type_ = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, type_, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), emit
