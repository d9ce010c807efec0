"""Operators without a converter, as torch itself writes them with others.

torch has a decomposition for most operators: composite ones (`aten.divide` is `aten.div`) when it
traces them, others in its tables. One operator is traced at a time, with the table that says the
least about it; operators inside that have a converter stay whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import getitem
from typing import Any

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions, decomposition_table
from torch._ops import OpOverload
from torch.func import functionalize
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from recog.frontend.torch.graph import is_computation, mutated_node, operator_name

_PLACE = ("stack_trace", "nn_module_stack")
"""What a node's meta says of where it comes from."""


def decomposed(node: Node, known: frozenset[str]) -> GraphModule | None:
    """The graph of the operator that a node calls, None where torch has nothing simpler.

    Its placeholders are the node's tensor operands, see `tensor_operands`; its output has the
    structure of the operator's result. What the operator writes to is a result instead.

    Args:
        known: the operators that have a converter, and stay as they are.
    """
    if not isinstance(node.target, OpOverload) or not is_computation(node.target):
        return None
    operands = tensor_operands(node)
    leaves, spec = tree_flatten((node.args, node.kwargs))
    target, written = node.target, mutated_node(node)

    def call(*tensors: Tensor) -> Any:
        values = dict(zip(operands, tensors))
        if written in values:
            values[written] = values[written].clone()
        args, kwargs = tree_unflatten([values.get(x, x) for x in leaves], spec)
        return target(*args, **kwargs)

    examples = [operand.meta["val"] for operand in operands]
    found: GraphModule | None = None
    for table in _tables(known):
        traced = _traced(call, examples, table)
        if traced is None or _calls(traced, operator_name(node)):
            continue
        for each in traced.graph.nodes:
            each.meta |= {key: node.meta[key] for key in _PLACE if key in node.meta}
        if all(_has_form(each, known) for each in traced.graph.nodes):
            return traced
        found = found or traced  # its error names the operator inside
    return found


def _has_form(node: Node, known: frozenset[str]) -> bool:
    """Whether a node of a traced operator has a converter, or torch has a simpler form of it."""
    if node.op != "call_function" or node.target is getitem or not tensor_operands(node):
        return True
    return operator_name(node) in known or decomposed(node, known) is not None


def tensor_operands(node: Node) -> list[Node]:
    """The nodes that give an operator's tensors, each once, in their order."""
    leaves = tree_leaves((node.args, node.kwargs))
    nodes = dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, Node))
    return [each for each in nodes if isinstance(each.meta.get("val"), Tensor)]


def _tables(known: frozenset[str]) -> Iterator[Mapping[Any, Callable[..., Any]]]:
    yield {}
    yield _without(known, core=True)
    yield _without(known, core=False)


@lru_cache(maxsize=4)
def _without(known: frozenset[str], *, core: bool) -> dict[Any, Callable[..., Any]]:
    """torch's table of its core operators, or of all, without the operators that are known."""
    table = core_aten_decompositions() if core else decomposition_table
    return {operator: rule for operator, rule in table.items() if str(operator) not in known}


def _traced(
    call: Callable[..., Any], examples: list[Any], table: Mapping[Any, Callable[..., Any]]
) -> GraphModule | None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            traced = make_fx(functionalize(call, remove="mutations"), table)(*examples)
            if any(mutated_node(each) is not None for each in traced.graph.nodes):
                # Rules of the table write in place, below what made the call functional.
                traced = make_fx(functionalize(traced, remove="mutations"))(*examples)
        except Exception:
            return None  # the operator's own name says more than an error inside it
        if any(mutated_node(each) is not None for each in traced.graph.nodes):
            return None
    traced.graph.eliminate_dead_code()
    return traced


def _calls(traced: GraphModule, name: str) -> bool:
    return any(
        each.op == "call_function" and operator_name(each) == name for each in traced.graph.nodes
    )
