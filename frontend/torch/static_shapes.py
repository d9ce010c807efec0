"""Programs exported with dynamic sizes, as one of fixed sizes: a batch stands for any."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import SymInt, Tensor
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.utils._pytree import TreeSpec, tree_unflatten

from recog.dialects.errors import RecogError
from recog.frontend.torch.export import first_lines, quiet_torch
from recog.frontend.torch.graph import is_computation


def static_program(program: ExportedProgram) -> ExportedProgram:
    """The program at its smallest sizes, where some are dynamic; else the program itself.

    Raises:
        RecogError: it cannot be traced at these.
    """
    values = _user_inputs(program)
    if not any(isinstance(x, Tensor) and _is_dynamic(x) for x in values):
        return program
    _check_computes(program)
    _detach_out_of_place(program)
    examples = smallest_inputs(program)
    arguments, keywords = tree_unflatten(examples, _spec(program))
    try:
        with quiet_torch(), torch.no_grad():
            return torch.export.export(program.module(), tuple(arguments), dict(keywords))
    except Exception as error:
        sizes = ", ".join(str(list(x.shape)) for x in examples if isinstance(x, Tensor))
        raise RecogError(
            f"has dynamic shapes, and cannot be traced at {sizes}: {first_lines(error)}",
            hint="export it with static shapes; the batch may be 1",
        ) from None


def smallest_inputs(program: ExportedProgram) -> list[Any]:
    """Inputs of a program, in a row, at its smallest sizes."""
    smallest = {
        symbol: max(1, int(bounds.lower)) for symbol, bounds in program.range_constraints.items()
    }
    values = _user_inputs(program)
    return [_example(x, smallest) if isinstance(x, Tensor) else x for x in values]


def run_program(program: ExportedProgram, inputs: list[Any]) -> Any:
    """What a program gives for inputs in a row, of any sizes that it takes."""
    arguments, keywords = tree_unflatten(inputs, _spec(program))
    return program.module()(*arguments, **keywords)


def have_frames(program: ExportedProgram) -> list[bool]:
    """Which inputs have any number of frames along axis 0."""
    values = _user_inputs(program)
    return [isinstance(x, Tensor) and isinstance((*x.shape, 0)[0], SymInt) for x in values]


def _user_inputs(program: ExportedProgram) -> list[Any]:
    nodes = [node for node in program.graph.nodes if node.op == "placeholder"]
    kinds = [spec.kind for spec in program.graph_signature.input_specs]
    users = [node for node, kind in zip(nodes, kinds) if kind == InputKind.USER_INPUT]
    return [node.meta.get("val") for node in users]


def _spec(program: ExportedProgram) -> TreeSpec:
    if program.call_spec.in_spec is None:
        raise RecogError("has dynamic shapes", hint="export it with static shapes")
    return program.call_spec.in_spec


def _is_dynamic(x: Tensor) -> bool:
    return any(isinstance(size, SymInt) for size in x.shape)


def _example(x: Tensor, smallest: dict[Any, int]) -> Tensor:
    """Zeros of a tensor's type, of the sizes that its symbols give."""
    sizes = [
        int(size.node.expr.subs(smallest)) if isinstance(size, SymInt) else int(size)
        for size in x.shape
    ]
    return torch.zeros(sizes, dtype=x.dtype)


def _detach_out_of_place(program: ExportedProgram) -> None:
    """Constants that a network writes down are detached in place, which tracing them anew refuses
    to do to what it takes for a view."""
    for node in program.graph.nodes:
        if node.target is torch.ops.aten.detach_.default:
            node.target = torch.ops.aten.detach.default
    program.graph_module.recompile()


def _check_computes(program: ExportedProgram) -> None:
    """Tracing calls what a program names: raise RecogError where that could be anything."""
    for node in program.graph.nodes:
        if node.op != "call_function" or node.target is operator.getitem:
            continue
        if not isinstance(node.target, OpOverload) and not is_computation(node.target):
            raise RecogError(
                f"has dynamic shapes, and calls {node.target}",
                hint="export it with static shapes; the batch may be 1",
            )
