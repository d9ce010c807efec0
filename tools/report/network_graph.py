"""A converted network as nodes and edges: the chip's ops, the host's, inputs and outputs."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import ModuleOp, ShapedType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from recog.backend.split_network import HostPlan
from recog.dialects import lns
from recog.dialects.errors import describe_location
from recog.dialects.functions import depends_on_inputs, find_function, result_names
from recog.lowering.common.layer_names import label_of
from recog.lowering.encode.label_layers import module_path
from recog.lowering.partition.join import of_one_network

CHIP, HOST, INPUT, OUTPUT = "chip", "host", "input", "output"
_Origin = dict[SSAValue, SSAValue]


def network_graph(chip: ModuleOp, host: ModuleOp | None, entry: str = "main") -> dict[str, Any]:
    """The nodes of a network, in the order of its ops, and the edges between them, for JSON.

    A node has its name (the layer's label where it has one), its op, where it runs, the shape of
    what it gives and its place in the user's source. What only turns numbers into codes and back
    is no node, and neither is what depends on no input.

    Args:
        chip: the lns module.
        host: the module of the host's functions, None where the chip does all.

    Raises:
        RecogError: the two are not of one network.
    """
    with of_one_network():
        return _Graph(chip, host, entry).record()


class _Graph:
    def __init__(self, chip: ModuleOp, host: ModuleOp | None, entry: str):
        self.nodes: list[dict[str, Any]] = []
        self.edges: dict[tuple[int, int], None] = {}
        self.producer: dict[SSAValue, int] = {}
        self.origin = _Origin()
        """What a value stands for in another function, or before it was encoded."""
        self.ops: list[tuple[Operation, int]] = []
        function = find_function(chip, entry)
        if host is None:
            for index, argument in enumerate(function.body.block.args):
                self._input(index, argument)
            self._add(function, CHIP)
            self._outputs(function)
        else:
            self._divided(function, host)
        for op, node in self.ops:
            for operand in op.operands:
                self._edge(operand, node)

    def record(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "edges": [list(edge) for edge in sorted(self.edges)]}

    def _divided(self, function: FuncOp, host: ModuleOp) -> None:
        """Both parts, the host's arguments and the chip's as what they are given."""
        plan = HostPlan.of(host)
        functions = [find_function(host, call.name) for call in plan.calls]
        arguments = function.body.block.args
        given = sum(len(call.to_chip) for call in plan.calls)
        own = plan.chip_inputs
        if own is None:
            own = tuple(range(len(arguments) - given))
        inputs: dict[int, SSAValue] = dict(zip(own, arguments))
        returned = _returned(function)
        results = [_returned(each) for each in functions]
        for call, each in zip(plan.calls, functions):
            taken = iter(each.body.block.args)
            self.origin.update((next(taken), returned[i]) for i in call.from_chip)
            for i in call.from_network:
                argument = next(taken)
                if i in inputs:
                    self.origin[argument] = inputs[i]
                inputs.setdefault(i, argument)
            self.origin.update((next(taken), results[which][i]) for which, i in call.from_host)
        rest = iter(arguments[len(own) :])
        for call, values in zip(plan.calls, results):
            self.origin.update((next(rest), values[i]) for i in call.to_chip)
        for index, argument in sorted(inputs.items()):
            self._input(index, argument)
        self._add(function, CHIP)
        for each in functions:
            self._add(each, HOST)
        self._outputs(functions[-1])

    def _node(self, name: str, op: str, side: str, value: SSAValue, source: str = "") -> int:
        shape = list(value.type.get_shape()) if isinstance(value.type, ShapedType) else []
        self.nodes.append(
            {"name": name, "op": op, "side": side, "shape": shape, "source": source, "layer": None}
        )
        return len(self.nodes) - 1

    def _input(self, index: int, argument: SSAValue) -> None:
        name = argument.name_hint or f"input{index}"
        node = self._node(name, INPUT, INPUT, argument)
        self.nodes[node]["layer"] = name
        self.producer[argument] = node

    def _outputs(self, function: FuncOp) -> None:
        for name, value in zip(result_names(function), _returned(function)):
            node = self._node(name, OUTPUT, OUTPUT, value)
            self.nodes[node]["layer"] = name
            self._edge(value, node)

    def _add(self, function: FuncOp, side: str) -> None:
        """Nodes for the ops of a function."""
        reached = depends_on_inputs(function)
        for op in function.body.block.ops:
            if isinstance(op, ReturnOp) or not any(value in reached for value in op.results):
                continue
            if isinstance(op, lns.EncodeOp | lns.DecodeOp):
                self.origin[op.results[0]] = op.operands[0]
                continue
            label = label_of(op) if side == CHIP else None
            name = label or module_path(op.location) or op.name
            source = describe_location(op.location) or ""
            node = self._node(name, op.name, side, op.results[0], source)
            self.nodes[node]["layer"] = label
            self.producer.update((value, node) for value in op.results)
            self.ops.append((op, node))

    def _edge(self, value: SSAValue, node: int) -> None:
        while value in self.origin:
            value = self.origin[value]
        if value in self.producer:
            self.edges[self.producer[value], node] = None


def _returned(function: FuncOp) -> tuple[SSAValue, ...]:
    last = function.body.block.last_op
    return () if last is None else tuple(last.operands)
