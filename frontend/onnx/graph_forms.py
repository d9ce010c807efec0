"""ONNX graphs in the forms that onnx2torch knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def prepare(model: onnx.ModelProto) -> None:
    """Bring a graph, in place, into forms that onnx2torch takes without losing anything."""
    _constants_to_initializers(model.graph)
    _name_inputs(model.graph)
    _give_outputs_nodes(model.graph)


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """A weight may be the result of a Constant node; onnx2torch wants initializers."""
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Constant" and [each.name for each in node.attribute] == ["value"]:
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _name_inputs(graph: onnx.GraphProto) -> None:
    """Inputs become arguments of a Python function: `images.1` becomes `images_1`."""
    stored = {each.name for each in graph.initializer}
    used = {value for node in graph.node for value in (*node.input, *node.output)} | stored
    for each in graph.input:
        if each.name in stored or each.name.isidentifier():
            continue
        name = re.sub(r"\W", "_", each.name, flags=re.ASCII)
        name = name if name.isidentifier() else f"input_{name}"
        while name in used:
            name += "_"
        _rename(graph, each.name, name)
        used.add(name)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if value == old else value for value in node.input]
    for each in (*graph.input, *graph.output):
        if each.name == old:
            each.name = new


def _give_outputs_nodes(graph: onnx.GraphProto) -> None:
    """onnx2torch returns nodes, each once: an output that is an input, a weight, or one of several
    results of a node gets a node of its own."""
    import onnx

    for number, each in enumerate(graph.output):
        inside = f"{each.name}__inside"
        produced = [node for node in graph.node if each.name in node.output]
        single = len(produced) == 1 and len(produced[0].output) == 1
        if single and [o.name for o in graph.output].count(each.name) == 1:
            continue
        if produced:
            for node in graph.node:
                node.input[:] = [inside if v == each.name else v for v in node.input]
                node.output[:] = [inside if v == each.name else v for v in node.output]
            source = inside
        else:
            source, each.name = each.name, f"{each.name}__out{number}"
        graph.node.append(onnx.helper.make_node("Identity", [source], [each.name]))
