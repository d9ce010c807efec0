"""Decompositions that are made only where they bring an op to the chip.

What the host computes anyway is faster and easier to read as the one op that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from recog.dialects import nn
from recog.lowering.partition.placement import host_reasons

Op = TypeVar("Op", bound=nn.NnOp)


def decompose_where_on_chip(
    module: ModuleOp,
    find: Callable[[FuncOp], Sequence[Op]],
    decompose: Callable[[Op], Operation],
) -> None:
    """Decompose those ops of each function whose results the chip then computes.

    Functions with control flow, or without a body, stay as they are.

    Args:
        find: the ops in question, in one order for a function and its clone.
        decompose: replaces an op, and returns the op that gives its result now.
    """
    for function in module.body.block.ops:
        if not isinstance(function, FuncOp) or len(function.body.blocks) != 1:
            continue
        wanted = find(function)
        if not wanted:
            continue
        clone = function.clone()
        trial = ModuleOp([clone])
        results = [decompose(op) for op in find(clone)]
        on_host = host_reasons(trial, function.sym_name.data)
        for op, result in zip(wanted, results):
            if result not in on_host:
                decompose(op)
