"""Graphs that torch.export nests: the bodies of `with torch.no_grad():` and the like."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg

from recog.frontend.torch.converters import Unsupported

_AUTOCAST = "wrap_with_autocast"


class _Scope(NamedTuple):
    body: GraphModule
    inputs: tuple[Any, ...]


def flat_graph(module: GraphModule) -> Graph:
    """The graph with the bodies of scopes that change no number in place of the calls to them.

    The module stays as it is; where it has no such scope, its own graph is the result.
    """
    if not any(_scope(node, module) for node in module.graph.nodes):
        return module.graph
    graph = Graph()
    values: dict[Node, Any] = {}
    output = _copy(module, graph, values)
    graph.node_copy(output, values.__getitem__)
    return graph


def check_no_scope(node: Node) -> None:
    """Refuse a call of another graph that `flat_graph` left; raises Unsupported."""
    if getattr(node.target, "namespace", None) != "higher_order":
        return
    if str(node.target) == _AUTOCAST:
        raise Unsupported(f"computes with {node.args[1]} (autocast)", "leave autocast out")
    raise Unsupported(
        "calls another graph: neither control flow nor loops can be converted",
        "choose with torch.where, or leave it to the code around the network",
    )


def _copy(module: GraphModule, graph: Graph, values: dict[Node, Any]) -> Node:
    """Append a module's nodes to `graph` under the values of its inputs; its output node."""
    for node in module.graph.nodes:
        if node.op == "output":
            return node
        scope = _scope(node, module)
        if scope is not None:
            given = map_arg(scope.inputs, values.__getitem__)
            inputs = [each for each in scope.body.graph.nodes if each.op == "placeholder"]
            inside: dict[Node, Any] = dict(zip(inputs, given))
            output = _copy(scope.body, graph, inside)
            values[node] = map_arg(output.args[0], inside.__getitem__)
        elif node.target is operator.getitem and not isinstance(values[node.args[0]], Node):
            values[node] = values[node.args[0]][node.args[1]]
        elif node not in values:
            values[node] = graph.node_copy(node, values.__getitem__)
    raise ValueError("a graph without an output")


def _scope(node: Node, module: GraphModule) -> _Scope | None:
    """The body and inputs of a scope without effect on numbers, None where it is none."""
    match str(node.target), node.args:
        case "wrap_with_set_grad_enabled", (_, Node() as body, *inputs):
            pass
        case "wrap_with_autocast", (_, _, False, _, Node() as body, *inputs):
            pass
        case _:
            return None
    return _Scope(getattr(module, str(body.target)), tuple(inputs))
