"""Functions of straight-line SSA code: finding one, its nn ops, what depends on its inputs."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ModuleOp,
)
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.errors import RecogError, fail


def find_function(module: ModuleOp, name: str) -> func.FuncOp:
    """The function of that name.

    Raises:
        RecogError: there is none, or it is no straight line of ops.
    """
    functions = {op.sym_name.data: op for op in module.walk() if isinstance(op, func.FuncOp)}
    if name in functions:
        check_body(functions[name])
        return functions[name]
    raise RecogError(
        f"the module has no function @{name}",
        hint=f"its functions: {', '.join('@' + known for known in functions) or 'none'}",
    )


def check_body(function: func.FuncOp) -> None:
    if function.is_declaration:
        fail(function, "the function has no body")
    if len(function.body.blocks) != 1:
        fail(function, "cannot be interpreted: the function has control flow")


def nn_ops(function: func.FuncOp) -> list[nn.NnOp]:
    """The nn ops of a function, in execution order."""
    return [op for op in function.body.block.ops if isinstance(op, nn.NnOp)]


def depends_on_inputs(function: func.FuncOp) -> set[SSAValue]:
    """The arguments, and all values computed from them."""
    values: set[SSAValue] = set(function.body.block.args)
    for op in function.body.block.ops:
        if any(operand in values for operand in op.operands):
            values.update(op.results)
    return values
