"""Runs one function of straight-line SSA code op by op, freeing values after their last use.

The meaning of each op is an implementation registered with xdsl.interpreter; this loop
adds what networks need on top of it: bounded memory and an observer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from xdsl.dialects import func
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue
from xdsl.traits import ConstantLike
from xdsl.utils.exceptions import InterpretationError

from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import check_body

Observer = Callable[[Operation, tuple[Any, ...]], None]
"""Called with every op and its results, in execution order."""


def execute(
    interpreter: Interpreter,
    function: func.FuncOp,
    inputs: Sequence[Any],
    *,
    observe: Observer | None = None,
    overrides: dict[SSAValue, Any] | None = None,
) -> tuple[Any, ...]:
    """The values that `function` returns for these inputs.

    Args:
        observe: sees every op and its results, constants left out.
        overrides: values that replace the results of their ops (parameters being tuned).

    Raises:
        RecogError: an op has no implementation, or refuses its operands.
    """
    check_body(function)
    block = function.body.block
    if len(inputs) != len(block.args):
        raise RecogError(
            f"@{function.sym_name.data} takes {len(block.args)} inputs, got {len(inputs)}"
        )
    values: dict[SSAValue, Any] = dict(zip(block.args, inputs))
    uses_left = Counter(operand for op in block.ops for operand in op.operands)
    for op in block.ops:
        if isinstance(op, func.ReturnOp):
            return tuple(values[operand] for operand in op.operands)
        if overrides and all(result in overrides for result in op.results) and op.results:
            results = tuple(overrides[result] for result in op.results)
        else:
            results = _run_op(interpreter, op, tuple(values[operand] for operand in op.operands))
        if observe and not op.has_trait(ConstantLike):
            observe(op, results)
        values.update(zip(op.results, results))
        for operand in op.operands:
            uses_left[operand] -= 1
            if not uses_left[operand]:
                del values[operand]
    fail(function, "the function has no func.return")


def _run_op(interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return interpreter.run_op(op, operands)
    except InterpretationError as error:
        fail(op, f"cannot be interpreted: {error}")
    except RecogError as error:
        if error.where is not None:
            raise
        fail(op, error.message, hint=error.hint)
