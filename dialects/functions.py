"""Functions of straight-line SSA code: finding one, its nn ops, what depends on its inputs."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
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


def result_names(function: func.FuncOp) -> list[str]:
    """What the results of a network's function are called, each otherwise.

    Those without a name are `output`, or `output0`, … where there are several.
    """
    count = len(function.function_type.outputs)
    names: list[str] = []
    for index in range(count):
        name = _name_of_result(function, index) or ("output" if count == 1 else f"output{index}")
        while name in names:
            name += "_"
        names.append(name)
    return names


def _name_of_result(function: func.FuncOp, index: int) -> str | None:
    attributes = function.res_attrs.data if function.res_attrs is not None else ()
    name = attributes[index].data.get(nn.RESULT_NAME) if index < len(attributes) else None
    return name.data if isinstance(name, StringAttr) else None


def name_results(function: func.FuncOp, names: Sequence[str]) -> None:
    """Give each result its name, "" for none."""
    if any(names):
        function.properties["res_attrs"] = ArrayAttr(
            DictionaryAttr({nn.RESULT_NAME: StringAttr(name)} if name else {}) for name in names
        )
