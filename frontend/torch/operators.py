"""One operator at a time as nn ops: by its converter, by torch's decomposition, or computed now."""

from __future__ import annotations

import inspect
import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg
from torch.utils._pytree import tree_leaves, tree_map
from xdsl.dialects.builtin import TensorType, UnrealizedConversionCastOp
from xdsl.ir import Block, SSAValue

from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.frontend.torch import graph
from recog.frontend.torch.converters import (
    ELEMENT_TYPES,
    Constant,
    ConstantPool,
    Converter,
    ConverterContext,
    Unsupported,
    identifier,
    merged,
)
from recog.frontend.torch.decompose import decomposed, tensor_operands
from recog.frontend.torch.export import first_lines
from recog.frontend.torch.ops import (
    arithmetic,
    boxes,
    complex_numbers,
    elementwise,
    functions,
    indexing,
    layers,
    logic,
    matrix,
    one_dimensional,
    padding,
    pools,
    recurrent,
    reductions,
    sampling,
    selection,
    structure,
    volumes,
)

CONVERTERS = merged(
    layers.OPS,
    arithmetic.OPS,
    boxes.OPS,
    complex_numbers.OPS,
    elementwise.OPS,
    functions.OPS,
    indexing.OPS,
    logic.OPS,
    matrix.OPS,
    one_dimensional.OPS,
    padding.OPS,
    pools.OPS,
    recurrent.OPS,
    reductions.OPS,
    sampling.OPS,
    selection.OPS,
    structure.OPS,
    volumes.OPS,
)
complex_numbers.add_linear(CONVERTERS)
_OF_COMPLEX = frozenset(complex_numbers.OPS) | frozenset(complex_numbers.COMPLEX)
_KNOWN = frozenset(CONVERTERS) | _OF_COMPLEX

UNKNOWN = object()
"""Stands for what could not be converted and is no float tensor."""

_NOT_SUPPORTED = (
    "the operator is not supported",
    "write it with other operators, or leave it to the code after the network",
)

_NOT_OF_COMPLEX = ("of complex numbers is not supported", "compute with their parts")


class OperatorConverter:
    """Converts the operators of one graph, into one block.

    Args:
        before_write: called with the node that gives a tensor of constants, before an operator
            writes to it.
    """

    def __init__(self, block: Block, constants: ConstantPool, before_write: Callable[[Node], None]):
        self.block = block
        self.constants = constants
        self.before_write = before_write
        self.decomposed = Counter[str]()
        """The operators that torch's decomposition took the place of, and how often."""

    def convert(self, node: Node, args: Any, kwargs: Any) -> Any:
        """What an operator gives for its arguments: SSA values, constants, or numbers.

        Raises:
            Unsupported, ValueError: it has no form in nn.
        """
        if any(leaf is UNKNOWN for leaf in tree_leaves((args, kwargs))):
            return self._unknown(node)
        name = graph.operator_name(node)
        if name in graph.FACTORIES:
            args = tree_map(_shape_alone, args)
        leaves = tree_leaves((args, kwargs))
        if not any(isinstance(leaf, SSAValue | complex_numbers.Complex) for leaf in leaves):
            return self._evaluate(node, args, kwargs)
        if name in graph.READS_A_VALUE:
            raise Unsupported(
                "reads the value of a tensor: neither control flow nor sizes may depend on it",
                "choose with torch.where, or leave it to the code around the network",
            )
        if graph.size_depends_on_data(node):
            raise Unsupported(
                "gives a size that depends on the data",
                "pick a fixed number with topk, or leave it to the code after the network",
            )
        of_complex = any(map(complex_numbers.is_complex, leaves))
        if of_complex or (_gives_complex(node) and name not in complex_numbers.OPS):
            converters = complex_numbers.COMPLEX
        else:
            converters = CONVERTERS
        if name in converters:
            return self._call(converters[name], node, args, kwargs)
        return self._decompose(node, args, kwargs, of_complex)

    def stand_in(self, example: Any) -> Any:
        """A value of the right type, so that the rest of the graph is checked too."""
        if isinstance(example, (list, tuple)):
            return tuple(self.stand_in(part) for part in example)
        if not isinstance(example, Tensor) or example.dtype not in ELEMENT_TYPES:
            return UNKNOWN
        if not all(isinstance(size, int) for size in example.shape):
            return UNKNOWN
        op = UnrealizedConversionCastOp(operands=[[]], result_types=[[type_of(example)]])
        self.block.add_op(op)
        return op.results[0]

    def _unknown(self, node: Node) -> Any:
        """What stands for the result of an operator of something that was not converted."""
        if graph.on_symbols(node):
            return UNKNOWN
        fits = graph.size_depends_on_data(node) or graph.operator_name(node) in _KNOWN
        if not fits and decomposed(node, _KNOWN) is None:
            raise Unsupported(*_NOT_SUPPORTED)
        return self.stand_in(node.meta.get("val"))

    def _call(self, converter: Converter, node: Node, args: Any, kwargs: Any) -> Any:
        conversion = ConverterContext(node, self.block, self.constants, graph.node_location(node))
        try:
            inspect.signature(converter).bind(conversion, *args, **kwargs)
        except TypeError as error:
            raise Unsupported(f"this form of the operator is not supported: {error}") from None
        result = converter(conversion, *args, **kwargs)
        name = graph.node_module_path(node) if graph.in_library_module(node) else node.name
        for value, example in zip(tree_leaves(result), tree_leaves(node.meta.get("val"))):
            if isinstance(value, SSAValue):
                _check_result(value, example)
                value.name_hint = value.name_hint or identifier(name)
        return result

    def _decompose(self, node: Node, args: Any, kwargs: Any, of_complex: bool) -> Any:
        """The values of an operator without a converter, by way of torch's own decomposition."""
        inside = decomposed(node, _OF_COMPLEX if of_complex else _KNOWN)
        if inside is None:
            raise Unsupported(*(_NOT_OF_COMPLEX if of_complex else _NOT_SUPPORTED))
        handles = dict(zip(tree_leaves((node.args, node.kwargs)), tree_leaves((args, kwargs))))
        operands = iter(tensor_operands(node))
        values: dict[Node, Any] = {}
        for each in inside.graph.nodes:
            inner = map_arg((each.args, each.kwargs), lambda n: values[n])
            match each.op:
                case "placeholder":
                    values[each] = handles[next(operands)]
                case "get_attr":
                    values[each] = Constant(getattr(inside, str(each.target)), node.name, True)
                case "call_function" if each.target is operator.getitem:
                    values[each] = inner[0][0][inner[0][1]]
                case "call_function":
                    values[each] = self._convert_part(each, *inner)
                case _:
                    (result,) = inner[0]
                    self.decomposed[graph.operator_name(node)] += 1
                    return result
        raise RecogError("a traced operator has no output")

    def _convert_part(self, part: Node, args: Any, kwargs: Any) -> Any:
        try:
            return self.convert(part, args, kwargs)
        except Unsupported as problem:
            reason = f"torch writes it with {part.target}, and there {problem.reason}"
            raise Unsupported(reason, problem.hint) from None

    def _evaluate(self, node: Node, args: Any, kwargs: Any) -> Any:
        """Run an operator of constants now. In-place ones write to what torch's views share."""
        if graph.draws_random_numbers(node):
            raise Unsupported(
                "draws random numbers: a network must give the same for the same inputs",
                "draw them once and keep them in a buffer",
            )
        if not callable(node.target) or not graph.is_computation(node.target):
            raise Unsupported("the operator is not supported")
        changed = graph.mutated_node(node)
        if changed is not None:
            self.before_write(changed)
        tensors: Any = tree_map(
            lambda x: x.tensor if isinstance(x, Constant) else x, (args, kwargs)
        )
        try:
            with torch.no_grad():
                result = node.target(*tensors[0], **tensors[1])
        except Exception as error:
            raise Unsupported(f"cannot be evaluated at import: {first_lines(error)}") from None
        if graph.is_uninitialized(node):
            result = _marked(result)
        name = graph.node_module_path(node) or node.name
        return tree_map(lambda r: Constant(r, name, True) if isinstance(r, Tensor) else r, result)


def _gives_complex(node: Node) -> bool:
    """Whether an operator gives complex numbers; raises Unsupported for other than complex64."""
    example = node.meta.get("val")
    if not isinstance(example, Tensor) or not example.is_complex():
        return False
    if example.dtype != torch.complex64:
        raise Unsupported(f"computes with {example.dtype}", "use float32 and complex64")
    return True


def type_of(example: Tensor) -> TensorType:
    """The type of a tensor in nn; raises Unsupported where it has none."""
    if example.dtype not in ELEMENT_TYPES:
        raise Unsupported(f"is {example.dtype}; only float32 is supported", "call model.float()")
    return TensorType(ELEMENT_TYPES[example.dtype], list(example.shape))


def _shape_alone(value: Any) -> Any:
    """A tensor of the shape and dtype of a value, for operators that look at nothing else."""
    if isinstance(value, complex_numbers.Complex):
        shape = nn.shape_of(value.real)
        return Constant(torch.zeros(shape, dtype=torch.complex64), "shape", True)
    if not isinstance(value, SSAValue):
        return value
    element_type = nn.element_type_of(value)
    dtype = next(each for each, known in ELEMENT_TYPES.items() if known == element_type)
    return Constant(torch.zeros(nn.shape_of(value), dtype=dtype), "shape", True)


def _check_result(value: SSAValue, example: Any) -> None:
    """The shape inferred here must be the one torch saw."""
    if isinstance(example, Tensor) and value.type != type_of(example):
        raise Unsupported(f"gives {value.type} here, {list(example.shape)} in torch")


def _marked(memory: Tensor) -> Tensor:
    """Memory that holds anything, as NaN: what is read before it is written to is found."""
    if not memory.is_floating_point():
        raise Unsupported("gives memory that holds anything", "use zeros in its place")
    return memory.fill_(torch.nan)
