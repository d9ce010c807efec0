"""Runs one function of straight-line SSA code op by op, freeing values after their last use.

The meaning of each op is an implementation registered with xdsl.interpreter; this loop
adds what networks need on top of it: bounded memory and an observer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from xdsl.dialects import func
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue
from xdsl.traits import ConstantLike
from xdsl.utils.exceptions import InterpretationError

from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import check_body
from recog.dialects.words import counted

Observer = Callable[[Operation, tuple[Any, ...]], None]
"""Called with every op and its results, in execution order."""
RunOp = Callable[[Interpreter, Operation, tuple[Any, ...]], tuple[Any, ...]]
"""Gives the results of an op for its operands."""


def execute(
    interpreter: Interpreter,
    function: func.FuncOp,
    inputs: Sequence[Any],
    *,
    observe: Observer | None = None,
    overrides: dict[SSAValue, Any] | None = None,
    run: RunOp | None = None,
) -> tuple[Any, ...]:
    """The values that `function` returns for these inputs.

    Args:
        observe: sees every op and its results, constants left out.
        overrides: values that replace the results of their ops (parameters being tuned).
        run: gives the results of an op in place of the interpreter.

    Raises:
        RecogError: an op has no implementation, or refuses its operands.
    """
    ops, wanted = _body(function, inputs)
    values: dict[SSAValue, Any] = dict(zip(function.body.block.args, inputs))
    return _run_ops(interpreter, ops, values, wanted, overrides or {}, observe, run or run_op)


def execute_in_parts(
    interpreter: Interpreter,
    function: func.FuncOp,
    inputs: Sequence[Any],
    cuts: Sequence[int],
    *,
    overrides: dict[SSAValue, Any] | None = None,
    run: RunOp | None = None,
) -> tuple[Any, ...]:
    """As `execute`, cut before the ops of these numbers: a gradient holds the values at the cuts,
    and computes those of one part at a time anew (activation checkpointing, Chen et al. 2016).
    """
    from torch.utils.checkpoint import checkpoint

    ops, wanted = _body(function, inputs)
    values: dict[SSAValue, Any] = dict(zip(function.body.block.args, inputs))
    for start, stop in pairwise([0, *cuts, len(ops)]):
        part = ops[start:stop]
        needed = {*wanted, *(operand for op in ops[stop:] for operand in op.operands)}
        gives = [result for op in part for result in op.results if result in needed]
        takes = list(dict.fromkeys(v for op in part for v in op.operands if v in values))
        run_part = partial(
            _run_part, interpreter, part, takes, gives, overrides or {}, run or run_op
        )
        operands = [values[value] for value in takes]
        results = checkpoint(run_part, *operands, use_reentrant=False, preserve_rng_state=False)
        values = {v: x for v, x in (*values.items(), *zip(gives, results)) if v in needed}
    return tuple(values[value] for value in wanted)


def _body(
    function: func.FuncOp, inputs: Sequence[Any]
) -> tuple[list[Operation], Sequence[SSAValue]]:
    """The ops of a function that takes these inputs, and what it returns."""
    check_body(function)
    block = function.body.block
    if len(inputs) != len(block.args):
        raise RecogError(
            f"@{function.sym_name.data} takes {counted(len(block.args), 'input')}, got "
            f"{len(inputs)}"
        )
    ops, end = list(block.ops), block.last_op
    if not isinstance(end, func.ReturnOp):
        fail(function, "the function has no func.return")
    return ops[:-1], end.operands


def _run_part(
    interpreter: Interpreter,
    ops: Sequence[Operation],
    takes: Sequence[SSAValue],
    gives: Sequence[SSAValue],
    overrides: Mapping[SSAValue, Any],
    run: RunOp,
    *operands: Any,
) -> tuple[Any, ...]:
    return _run_ops(interpreter, ops, dict(zip(takes, operands)), gives, overrides, None, run)


def _run_ops(
    interpreter: Interpreter,
    ops: Sequence[Operation],
    values: dict[SSAValue, Any],
    wanted: Sequence[SSAValue],
    overrides: Mapping[SSAValue, Any],
    observe: Observer | None,
    run: RunOp,
) -> tuple[Any, ...]:
    """The values that are wanted; those in `values` are freed after their last use."""
    uses_left = Counter(operand for op in ops for operand in op.operands)
    uses_left.update(wanted)
    for op in ops:
        if op.results and all(result in overrides for result in op.results):
            results = tuple(overrides[result] for result in op.results)
        else:
            operands = tuple(values[operand] for operand in op.operands)
            results = run(interpreter, op, operands)
        if observe and not op.has_trait(ConstantLike):
            observe(op, results)
        values.update(zip(op.results, results))
        for operand in op.operands:
            uses_left[operand] -= 1
            if not uses_left[operand]:
                del values[operand]
    return tuple(values[value] for value in wanted)


def run_op(interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results of one op; raises RecogError as `execute` does."""
    try:
        return interpreter.run_op(op, operands)
    except InterpretationError as error:
        fail(op, f"cannot be interpreted: {error}")
    except RecogError as error:
        if error.where is not None:
            raise
        fail(op, error.message, hint=error.hint)
