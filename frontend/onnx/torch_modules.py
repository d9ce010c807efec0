"""What onnx2torch makes, in forms that torch.export takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.fx import GraphModule, Node

TAKES_NUMBERS = {
    *("OnnxConstantOfShape", "OnnxCumSum", "OnnxExpand", "OnnxPadDynamic", "OnnxResize"),
    *("OnnxSplit13", "OnnxTile"),
}
"""Modules of onnx2torch that read numbers from the tensors that they are given."""


class Numbers(list[Any]):
    """What such a module asks of a tensor, with values that torch.export knows."""

    def tolist(self) -> list[Any]:
        return list(self)

    def item(self) -> Any:
        return self[0]

    def nelement(self) -> int:
        return len(self)


def exportable(model: GraphModule, outputs: Sequence[str]) -> torch.nn.Module:
    """The network with its shapes, axes and scales as numbers, which onnx2torch keeps in buffers;
    its outputs in a dictionary by name."""
    for node in model.graph.nodes:
        if node.op == "call_module":
            kind = type(model.get_submodule(str(node.target))).__name__
            if kind == "OnnxReshape":
                _reshape_to_numbers(model, node)
            elif kind in TAKES_NUMBERS:
                _give_numbers(model, node)
        elif node.op == "output":
            given = node.args[0]
            values = given if isinstance(given, list | tuple) else [given]
            node.args = (dict(zip(outputs, values, strict=True)),)
    model.recompile()
    return model


def _reshape_to_numbers(model: GraphModule, node: Node) -> None:
    """A Reshape to a constant shape; 0 stands for the size that is there."""
    import torch

    shape: Any = node.args[1]
    sizes = None if shape.op != "get_attr" else _buffer(model, shape)
    if sizes is None:
        return
    data = node.args[0]
    with model.graph.inserting_before(node):
        numbers = [
            model.graph.call_method("size", (data, axis)) if size == 0 else size
            for axis, size in enumerate(sizes.tolist())
        ]
        made = model.graph.call_function(torch.reshape, (data, numbers))
    node.replace_all_uses_with(made)
    model.graph.erase_node(node)


def _buffer(model: GraphModule, node: Node) -> torch.Tensor | None:
    import torch

    holder, _, name = str(node.target).rpartition(".")
    value = getattr(model.get_submodule(holder), name)
    return value if isinstance(value, torch.Tensor) else None


def _give_numbers(model: GraphModule, node: Node) -> None:
    """Put constants in the place of buffers: all operands but the first, which is data."""
    for source in node.all_input_nodes:
        if source is node.args[0] or source.op != "get_attr":
            continue
        tensor = _buffer(model, source)
        if tensor is None:
            continue
        holder, _, name = str(source.target).rpartition(".")
        numbers = f"{name}_numbers"
        setattr(model.get_submodule(holder), numbers, Numbers(tensor.reshape(-1).tolist()))
        with model.graph.inserting_before(node):
            known = model.graph.create_node("get_attr", f"{holder}.{numbers}")
        node.replace_input_with(source, known)
