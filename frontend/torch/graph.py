"""Facts about exported torch graphs: where a node comes from, what it aliases and changes."""

from __future__ import annotations

import operator
import os
import re
import sys
from typing import Any

import torch
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import Node
from torch.utils._pytree import (
    SequenceKey,
    tree_flatten_with_path,
    tree_leaves,
    tree_unflatten,
)
from xdsl.dialects.builtin import (
    FileLineColLoc,
    IntAttr,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)

_FRAME = re.compile(r'File "(.+?)", line (\d+)')
_TORCH = os.path.dirname(torch.__file__) + os.sep

FACTORIES = frozenset(
    f"aten.{name}.default"
    for name in ("new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like")
    + ("full_like", "empty_like")
)
"""Operators that look at their operand's shape alone: their results are constants."""

_UNINITIALIZED = frozenset(
    ("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted")
)
"""Operators that give memory as it is, for others to write to."""

READS_A_VALUE = frozenset({"aten.item.default", "aten._local_scalar_dense.default"})
"""Operators that give a tensor's value to Python, for control flow and sizes."""

_ARITHMETIC = frozenset(
    getattr(operator, name)
    for name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "pos", "abs", "pow")
    + ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "xor", "not_", "invert", "lshift")
    + ("rshift", "getitem", "index")
)
"""Of Python's operators those that only compute; others reach any attribute or call anything."""

_MAY_COPY = ("aten.contiguous.", "aten.reshape.", "aten.flatten.", "aten.to.")
"""Operators that give a view where the strides or dtype allow, else a copy."""

_TRAINING_SWITCHES = ("train", "training", "dropout_p")

# They return their operand in evaluation mode, which their schemas do not say.
_DROPOUTS = ("aten.dropout", "aten.feature_dropout", "aten.alpha_dropout")


# They may return views of their operands, which their schemas do not say.
_HIDDEN_VIEWS = ("aten.broadcast_tensors.", "aten.meshgrid.")
_HIDDEN_VIEWS_OF_ONE = ("aten.einsum.",)


def is_computation(target: object) -> bool:
    """Whether a node's function does nothing but compute.

    An archive may name any function of torch, operator or math, such as one that reads files or
    calls what its text names.
    """
    if isinstance(target, OpOverload):
        return target.name() != "aten::from_file"
    if target in _ARITHMETIC or getattr(target, "__module__", None) == "math":
        return True
    return getattr(torch, getattr(target, "__name__", ""), None) is target and (
        getattr(target, "__name__", "").startswith("sym_")
    )


def node_module_path(node: Node) -> str:
    """The path of the innermost module that the operator ran in, "" for the whole model."""
    stack = node.meta.get("nn_module_stack")
    return list(stack.values())[-1][0] if stack else ""


def in_library_module(node: Node) -> bool:
    """Whether the innermost module is one of torch.nn's: then its path names the operator."""
    stack = node.meta.get("nn_module_stack")
    return bool(stack) and str(list(stack.values())[-1][1]).startswith("torch.nn.")


def size_depends_on_data(node: Node) -> bool:
    """Whether a size of the result, or the result itself, is a number that torch cannot know."""
    values = tree_leaves(node.meta.get("val"))
    sizes = [size for value in values for size in getattr(value, "shape", (value,))]
    return any(isinstance(size, torch.SymInt | torch.SymBool | torch.SymFloat) for size in sizes)


def on_symbols(node: Node) -> bool:
    """Whether the node computes with sizes and conditions rather than tensors."""
    return schema_of(node) is None or str(node.target) == "aten._assert_scalar.default"


def output_names(program: ExportedProgram) -> list[str]:
    """The dict key or attribute of each tensor that the network returns, "" for one by number.

    In the order of the flattened outputs; nested ones as `head.boxes`.
    """
    spec = program.call_spec.out_spec
    if spec is None:
        return []
    places = tree_unflatten([0] * spec.num_leaves, spec)
    return [_path_name(path, places) for path, _ in tree_flatten_with_path(places)[0]]


def _path_name(path: tuple[Any, ...], places: Any) -> str:
    keys, named = list[str](), False
    for key in path:
        # Fields of what torch's own operators return, such as `values` of max, are numbers to it.
        fields = getattr(type(places), "__match_args__", ()) if isinstance(places, tuple) else ()
        if isinstance(key, SequenceKey) and not fields:
            keys.append(str(key.idx))
        else:
            field = fields[key.idx] if isinstance(key, SequenceKey) else ""
            keys.append(field or str(getattr(key, "key", getattr(key, "name", ""))))
            named = True
        places = key.get(places)
    return ".".join(keys) if named else ""


def node_location(node: Node) -> LocationAttr:
    """Module path and the innermost line of user code: `loc("layer1.conv"("net.py":12:0))`."""
    found = _FRAME.findall(node.meta.get("stack_trace") or "")
    frames = [frame for frame in found if not frame[0].startswith("<")]  # code torch generated
    outside = [frame for frame in frames if not _is_torch(frame[0])]
    line: LocationAttr | None = None
    if frames:
        filename, number = (outside or frames)[-1]
        line = FileLineColLoc(StringAttr(_short(filename)), IntAttr(int(number)), IntAttr(0))
    path = node_module_path(node)
    if not path:
        return line or UnknownLoc()
    return NameLoc(StringAttr(path), line or NoneAttr())


def _is_torch(filename: str) -> bool:
    """Whether a file is torch's own, also of the torch that wrote an archive elsewhere."""
    return filename.startswith(_TORCH) or "/site-packages/torch/" in filename.replace(os.sep, "/")


def _short(filename: str) -> str:
    """Relative to the innermost folder that modules are imported from, where it is in one; else the
    file and its folder.

    So a network has the same locations from any current folder, on any machine, in any locale, and
    says nothing of where somebody keeps it.
    """
    found = [folder for each in sys.path if each and filename.startswith(folder := _inside(each))]
    if found:
        name = filename.removeprefix(max(found, key=len))
    else:
        name = os.sep.join(filename.split(os.sep)[-2:])
    return os.fsencode(name).decode("utf-8", "replace")


def _inside(folder: str) -> str:
    """How the names of a folder's files begin."""
    return os.path.join(os.path.abspath(folder), "")


def schema_of(node: Node) -> torch.FunctionSchema | None:
    """The ATen schema of the operator that the node calls, if it is one."""
    return getattr(node.target, "_schema", None)


def operator_name(node: Node) -> str:
    """`aten.relu.default`, for its in-place form `aten.relu_.default` too."""
    name = str(node.target)
    if mutated_node(node) is None:
        return name
    parts = name.split(".")
    return ".".join([*parts[:-2], parts[-2].removesuffix("_"), parts[-1]]) if parts[2:] else name


def mutated_node(node: Node) -> Node | None:
    """The tensor that an in-place operator changes."""
    schema = schema_of(node)
    if schema is None:
        return None
    for index, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = node.args[index] if index < len(node.args) else node.kwargs.get(argument.name)
            return value if isinstance(value, Node) else None
    return None


def is_uninitialized(node: Node) -> bool:
    """Whether the operator gives memory that may hold anything."""
    return str(node.target).partition(".")[2].split(".")[0] in _UNINITIALIZED


def draws_random_numbers(node: Node) -> bool:
    """Whether the operator's result differs from run to run, as it is called here."""
    schema = schema_of(node)
    if schema is None or torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    switches = [
        _argument(node, index, argument)
        for index, argument in enumerate(schema.arguments)
        if argument.name in _TRAINING_SWITCHES
    ]
    return not switches or any(switches)


def _argument(node: Node, index: int, argument: torch.Argument) -> object:
    """What the node gives for an argument of its schema, or the default."""
    if index < len(node.args):
        return node.args[index]
    return node.kwargs.get(argument.name, argument.default_value)


def viewed_nodes(node: Node) -> list[Node]:
    """The tensors whose memory the result may share: its first operand, for views."""
    operands, name = node.all_input_nodes, str(node.target)
    if name.startswith(_HIDDEN_VIEWS):
        return operands
    if name.startswith(_HIDDEN_VIEWS_OF_ONE):
        return operands if len(operands) == 1 else []
    source = _viewed_node(node)
    return [] if source is None else [source]


def is_hidden_view(node: Node) -> bool:
    """Whether the result may be a view, which the operator's schema does not say."""
    hidden = str(node.target).startswith((*_HIDDEN_VIEWS, *_HIDDEN_VIEWS_OF_ONE))
    return hidden and bool(viewed_nodes(node))


def _viewed_node(node: Node) -> Node | None:
    schema = schema_of(node)
    first = node.args[0] if node.args and isinstance(node.args[0], Node) else None
    if node.target is operator.getitem or str(node.target).startswith(_DROPOUTS):
        return first
    if schema is None or all(result.alias_info is None for result in schema.returns):
        return None
    return first


class AliasSets:
    """Which graph values may share memory, so that in-place operators are not misread."""

    def __init__(self):
        self._sets: dict[Node, set[Node]] = {}
        self._sure: dict[Node, set[Node]] = {}

    def add(self, node: Node) -> None:
        """Enter a node, in the set of what it views."""
        sources = viewed_nodes(node)
        _join(self._sets, node, sources)
        may_copy = str(node.target).startswith(_MAY_COPY) or is_hidden_view(node)
        _join(self._sure, node, [] if may_copy else sources)

    def of(self, node: Node) -> set[Node]:
        """All nodes that may share memory with this one, itself included."""
        return self._sets.get(node, {node})

    def surely(self, node: Node, other: Node) -> bool:
        """Whether two nodes of one set share memory whatever their strides are."""
        return other in self._sure.get(node, {node})


def _join(sets: dict[Node, set[Node]], node: Node, sources: list[Node]) -> None:
    """Put a node into the set of its sources, whose sets become one."""
    members = sets.get(sources[0], set[Node]()) if sources else set[Node]()
    for source in sources[1:]:
        members |= sets.get(source, set[Node]())
    members.add(node)
    for each in members if len(sources) > 1 else (node,):
        sets[each] = members
