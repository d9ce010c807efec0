"""PyTorch networks as nn modules, through torch.export without decompositions.

The operators arrive as the user wrote them (batch norm whole, in-place ReLU in place);
`frontend/torch/ops/` turn each into nn ops. Whatever cannot be converted is reported at
once, every operator with its module path and source line.
"""

from __future__ import annotations

import operator
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, InputKind, InputSpec, OutputKind
from torch.fx import Node
from torch.fx.node import map_arg
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten
from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    Builtin,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    i64,
)
from xdsl.dialects.func import Func, FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.transforms.canonicalize import CanonicalizePass

from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.data import get_data_dialect
from recog.dialects.errors import RecogError, describe_location
from recog.dialects.functions import name_results
from recog.dialects.verification import verify_module
from recog.frontend.torch import graph
from recog.frontend.torch.archive import load_archive
from recog.frontend.torch.converters import (
    Constant,
    ConstantPool,
    Unsupported,
    identifier,
)
from recog.frontend.torch.export import evaluating, export_model, layers_in_training
from recog.frontend.torch.frames import refuse_mixed_frames
from recog.frontend.torch.operators import UNKNOWN, OperatorConverter, type_of
from recog.frontend.torch.ops.complex_numbers import Complex
from recog.frontend.torch.problems import ImportFailure, ImportProblem
from recog.frontend.torch.scopes import check_no_scope, flat_graph
from recog.frontend.torch.static_shapes import (
    have_frames,
    run_program,
    smallest_inputs,
    static_program,
)

LONGEST_VALUE = 40
"""Of a value that is no tensor so many characters are told."""


@fixed_threads()
def import_torch(
    model: torch.nn.Module,
    example_inputs: Tensor | Sequence[Any],
    example_kwargs: Mapping[str, Any] | None = None,
) -> ModuleOp:
    """The nn module of a network in evaluation mode.

    Args:
        model: left as it is.
        example_inputs: the positional arguments of one call; their shapes become the
            module's, where the batch (axis 0) stands for any.

    Raises:
        RecogError: the model cannot be traced, has layers in training mode, or holds operators
            or values that nn cannot express; all of them are listed.
    """
    if not isinstance(model, torch.nn.Module):
        raise RecogError(f"expected a torch.nn.Module, got {type(model).__name__}")
    arguments = (example_inputs,) if isinstance(example_inputs, Tensor) else tuple(example_inputs)
    keywords = dict(example_kwargs or {})
    program = export_model(model, arguments, keywords)
    module = _import(layers_in_training(model), program)
    leaves, spec = tree_flatten((arguments, keywords))
    batched = [isinstance(x, Tensor) and x.shape[:1] == (1,) for x in leaves]
    if any(batched):

        def run(inputs: list[Any]) -> Any:
            positional, named = tree_unflatten(inputs, spec)
            with evaluating(model):
                return model(*positional, **named)

        refuse_mixed_frames(module, run, leaves, batched, any_batch=False)
    return module


def import_pt2(path: str | Path) -> ModuleOp:
    """The nn module of a `torch.export.save` archive; raises RecogError as `import_torch`."""
    return import_exported(load_archive(path))


@fixed_threads()
def import_exported(program: ExportedProgram) -> ModuleOp:
    """The nn module of an exported program; raises RecogError as `import_torch`."""
    static = static_program(program)
    module = _import([], static)
    batched = have_frames(program)
    if static is not program and any(batched):
        refuse_mixed_frames(
            module,
            lambda inputs: run_program(program, inputs),
            smallest_inputs(program),
            batched,
            any_batch=True,
        )
    return module


def _import(problems: list[ImportProblem], program: ExportedProgram) -> ModuleOp:
    """The nn module of a program, if there is none of the problems, nor any in the program."""
    importer = _GraphImporter(program, problems)
    try:
        module = importer.run()
    except RecogError:
        if problems or not importer.stale:
            raise
        # Writes to part of a tensor: torch turns them into new tensors, whole ops stay whole.
        importer = _GraphImporter(_functional(program))
        module = importer.run()
        CanonicalizePass().apply(_context(), module)
    if importer.constants.not_numbers:
        # Memory that was written to, part by part, goes with the parts that nothing reads.
        CanonicalizePass().apply(_context(), module)
        importer.constants.check_numbers()
    verify_module(module)
    return module


def _context() -> Context:
    """The dialects of an imported module."""
    context = Context()
    for dialect in (Builtin, Func, nn.Nn, get_data_dialect()):
        context.load_dialect(dialect)
    return context


def _functional(program: ExportedProgram) -> ExportedProgram:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = torch.export.default_decompositions()
        # Kept whole, these would be new tensors where they are views.
        views = {node.target for node in program.graph.nodes if graph.is_hidden_view(node)}
        return program.run_decompositions({each: known[each] for each in known if each in views})


class _GraphImporter:
    """One walk over an exported graph; collects every problem before it reports."""

    def __init__(self, program: ExportedProgram, problems: Sequence[ImportProblem] = ()):
        self.program = program
        self.nodes = list(flat_graph(program.graph_module).nodes)
        self.block = Block()
        self.constants = ConstantPool(self.block)
        self.operators = OperatorConverter(self.block, self.constants, self._before_write)
        self.values: dict[Node, Any] = {}
        self.aliases = graph.AliasSets()
        self.state = dict[Node, str]()  # parameters and buffers by name
        self.stale = set[Node]()  # views of memory that an in-place operator changed since
        self.problems = list(problems)
        self.not_tensors = list[str]()  # what is returned beside tensors

    def run(self) -> ModuleOp:
        placeholders = [n for n in self.nodes if n.op == "placeholder"]
        for node, spec in zip(placeholders, self.program.graph_signature.input_specs):
            self._guarded(node, lambda node=node, spec=spec: self._input(node, spec))
        for node in self.nodes:
            if node.op == "get_attr":
                self.values[node] = UNKNOWN  # a graph, for the operator that calls it
            if node.op == "call_function":
                self._guarded(node, lambda node=node: self._operator(node))
        outputs = self._outputs()
        if self.problems:
            converted = Counter(op.name for op in self.block.ops if isinstance(op, nn.NnOp))
            raise ImportFailure(self.problems, converted)
        values = [value for value, _ in outputs]
        self.block.add_op(ReturnOp(*values))
        types = [arg.type for arg in self.block.args], [value.type for value in values]
        function = FuncOp("main", types, Region(self.block))
        name_results(function, [name for _, name in outputs])
        module = ModuleOp([function])
        if self.operators.decomposed:
            counts = self.operators.decomposed.items()
            module.attributes[nn.DECOMPOSED] = DictionaryAttr(
                {name: IntegerAttr(count, i64) for name, count in sorted(counts)}
            )
        if self.not_tensors:
            module.attributes[nn.NOT_TENSORS] = ArrayAttr(map(StringAttr, self.not_tensors))
        return module

    def _guarded(self, node: Node, convert: Any) -> None:
        """Convert a node; where that fails, note why and go on with a stand-in."""
        self.aliases.add(node)
        try:
            self.values[node] = convert()
        except (Unsupported, ValueError) as problem:
            self._note(node, problem)
            self.values[node] = self.operators.stand_in(node.meta.get("val"))

    def _note(self, node: Node, problem: Exception) -> None:
        hint = problem.hint if isinstance(problem, Unsupported) else None
        what = node.target if node.op == "call_function" else f"input {node.name}"
        place = describe_location(graph.node_location(node)) or ""
        self.problems.append(ImportProblem(str(what), place, str(problem), hint))

    def _input(self, node: Node, spec: InputSpec) -> Any:
        if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            name = spec.target or node.name
            self.state[node] = name
            state, constants = self.program.state_dict, self.program.constants
            tensor: Any = state[name] if name in state else constants[name]
            return Constant(tensor.detach(), name)
        if isinstance(spec.arg, ConstantArgument):
            return spec.arg.value
        example = node.meta.get("val")
        if spec.kind != InputKind.USER_INPUT or not isinstance(example, Tensor):
            raise Unsupported(f"is {spec.kind.name.lower()}, expected a tensor")
        if not all(isinstance(size, int) for size in example.shape):
            raise Unsupported("has a dynamic shape", "export with static shapes; batch may be 1")
        if not example.is_floating_point() and example.dtype not in (torch.uint8, torch.int64):
            raise Unsupported(
                f"is {example.dtype}; the inputs of a network are float32, images of uint8, or "
                "positions of int64",
                "give it as one of these and convert it in the network, or make it a buffer",
            )
        argument = self.block.insert_arg(type_of(example), len(self.block.args))
        argument.name_hint = identifier(node.name)
        return argument

    def _operator(self, node: Node) -> Any:
        for operand in node.all_input_nodes:
            if operand in self.stale:
                raise Unsupported(
                    f"uses {operand.name}, whose memory an in-place operator changed",
                    "use the out-of-place forms of in-place operators",
                )
        args: Any = map_arg(node.args, lambda n: self.values[n])
        kwargs: Any = map_arg(node.kwargs, lambda n: self.values[n])
        if node.target is operator.getitem:
            known = args[0] is not UNKNOWN
            return args[0][args[1]] if known else self.operators.stand_in(node.meta.get("val"))
        check_no_scope(node)
        result = self.operators.convert(node, args, kwargs)
        changed = graph.mutated_node(node)
        if changed is not None and not _both_constant(self.values[changed], result):
            self._replace(changed, result)
        return result

    def _before_write(self, changed: Node) -> None:
        """An operator writes to a tensor of constants, which may be one inside another's graph."""
        if changed in self.values:
            self._check_stateless(changed)
            self.constants.forget(self.values[changed].tensor)

    def _check_stateless(self, changed: Node) -> None:
        for node in self.aliases.of(changed):
            if node in self.state:
                raise _state_changed(self.state[node])

    def _replace(self, changed: Node, result: Any) -> None:
        """After an in-place operator the same memory reads as `result` from now on."""
        self._check_stateless(changed)
        family = self.aliases.of(changed)
        before = self.values[changed]
        for node in family & self.values.keys():
            if self.values[node] is before and self.aliases.surely(node, changed):
                self.values[node] = result
            else:
                self.stale.add(node)

    def _outputs(self) -> list[tuple[SSAValue, str]]:
        """The tensors that the network returns, each with its name."""
        (node,) = [node for node in self.nodes if node.op == "output"]
        outputs: list[tuple[SSAValue, str]] = []
        names = iter(graph.output_names(self.program))
        specs = self.program.graph_signature.output_specs
        for result, spec in zip(tree_leaves(node.args[0], is_leaf=_is_none), specs):
            if spec.kind in (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION):
                self._note(result, _state_changed(spec.target))
            if spec.kind != OutputKind.USER_OUTPUT:
                continue
            name = next(names, "")
            if not isinstance(result, Node):
                self.not_tensors.append(_not_a_tensor(result, name))
                continue
            self._guarded(result, lambda result=result: self._output(result))
            outputs.append((self.values[result], name))
        if not outputs:
            raise RecogError("the network returns no tensor")
        return outputs

    def _output(self, node: Node) -> Any:
        if node in self.stale:
            raise Unsupported(
                "is returned after an in-place operator changed its memory",
                "use the out-of-place forms of in-place operators",
            )
        value = self.values[node]
        if isinstance(value, Complex):
            raise Unsupported("is returned as complex numbers", "return torch.view_as_real of them")
        return self.constants.materialize(value) if isinstance(value, Constant) else value


def _state_changed(name: str | None) -> Unsupported:
    return Unsupported(
        f"changes {name} in place; the network must keep no state", "return the new value instead"
    )


def _both_constant(*handles: Any) -> bool:
    """Whether an operator has written to memory at import already."""
    return all(isinstance(handle, Constant) for handle in handles)


def _not_a_tensor(value: object, name: str) -> str:
    """What the network returns in place of a tensor: `count = 3`, `None`."""
    text = repr(value)
    shown = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    return f"{name} = {shown}" if name else shown


def _is_none(value: Any) -> bool:
    return value is None
