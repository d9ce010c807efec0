"""partition: a float network in two, the part that the chip runs and the part of the host.

Heads and decoders pick boxes by computed positions or normalize what they see; the chip has
no instructions for that. All ops that stay on the host, and all after them, move to the
function @host; so do results that are inputs or constants as they are. @main keeps the rest and
returns what @host needs:

    main(inputs) = boundary      host(boundary, some of the inputs) = the network's outputs

Each op that cannot run on the chip itself says why, in `stays_because`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, FunctionType, ModuleOp, StringAttr, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from recog.dialects import nn
from recog.dialects.errors import RecogError, describe_op, fail
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.partition.placement import host_reasons

HOST = "host"
"""The name of the host's function."""
STAYS_BECAUSE = "stays_because"
"""The attribute of an op on the host that says why it cannot run on the chip."""
INPUTS = "network_inputs"
"""The attribute of @host: which of the network's inputs follow the boundary values."""


@dataclass(frozen=True, kw_only=True)
class PartitionPass(EntryOptions, ModulePass):
    """Move what the chip cannot run, and all that depends on it, into the function @host."""

    name = "partition"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        partition(op, self.entry)


def partition(module: ModuleOp, entry: str = "main") -> bool:
    """Divide a folded nn module; whether there was something to divide.

    Raises:
        RecogError: nothing of the network can run on the chip, or there is an @host already.
    """
    function = find_function(module, entry)
    reasons = host_reasons(module, entry)
    if not reasons and not _passes_on(function):
        return False
    if any(isinstance(op, FuncOp) and op.sym_name.data == HOST for op in module.body.block.ops):
        raise RecogError(f"the module has a function @{HOST} already")
    if all(
        op in reasons or op.output not in depends_on_inputs(function) for op in nn_ops(function)
    ):
        if not reasons:
            raise RecogError("nothing of the network can run on the chip: it computes nothing")
        op, reason = next(iter(reasons.items()))
        fail(op, f"nothing of the network can run on the chip: {reason.text}")
    for op, reason in reasons.items():
        if not reason.follows:
            op.attributes[STAYS_BECAUSE] = StringAttr(reason.text)
    _outline(module, function, list(reasons))
    return True


def _passes_on(function: FuncOp) -> bool:
    """Whether a result is an input or a constant as it is: no instruction gives those."""
    end, variable = function.body.block.last_op, depends_on_inputs(function)
    return isinstance(end, ReturnOp) and any(
        isinstance(value, BlockArgument) or value not in variable for value in end.operands
    )


def _outline(module: ModuleOp, function: FuncOp, host_ops: list[nn.NnOp]) -> None:
    block = function.body.block
    end = block.last_op
    if not isinstance(end, ReturnOp):
        raise RecogError("the function has no func.return")
    variable = depends_on_inputs(function)
    moved = set[Operation](host_ops)
    needed = dict.fromkeys(
        operand for op in (*host_ops, end) for operand in op.operands if operand.owner not in moved
    )
    crossing = [value for value in needed if value in variable]
    boundary = [value for value in crossing if not isinstance(value, BlockArgument)]
    inputs = [value for value in crossing if isinstance(value, BlockArgument)]
    host = Block(arg_types=[value.type for value in (*boundary, *inputs)])
    renamed: dict[SSAValue, SSAValue] = dict(zip((*boundary, *inputs), host.args))
    for old, new in renamed.items():
        new.name_hint = old.name_hint
    outputs = list(end.operands)
    for op in _constant_ops(function, needed):
        _copy_into(host, op, renamed)
    for op in host_ops:
        _copy_into(host, op, renamed)
    host.add_op(ReturnOp(*(renamed[value] for value in outputs)))
    types = FunctionType.from_lists(list(host.arg_types), [value.type for value in outputs])
    host_function = FuncOp(HOST, types, Region(host))
    host_function.attributes[INPUTS] = DenseArrayBase.from_list(i64, [v.index for v in inputs])
    if function.res_attrs is not None:
        host_function.properties["res_attrs"] = function.properties.pop("res_attrs")
    module.body.block.add_op(host_function)
    end.detach()
    end.erase()
    for op in reversed(host_ops):
        op.detach()
        op.erase()
    block.add_op(ReturnOp(*boundary))
    function.properties["function_type"] = FunctionType.from_lists(
        list(block.arg_types), [value.type for value in boundary]
    )
    _erase_unused(block)


def _copy_into(host: Block, op: Operation, renamed: dict[SSAValue, SSAValue]) -> None:
    copy = op.clone(value_mapper=renamed)
    host.add_op(copy)


def _constant_ops(function: FuncOp, needed: dict[SSAValue, None]) -> list[Operation]:
    """The ops that compute the needed constants, in execution order."""
    variable = depends_on_inputs(function)
    wanted = {value for value in needed if value not in variable}
    ops: list[Operation] = []
    for op in reversed(list(function.body.block.ops)):
        if any(result in wanted for result in op.results):
            wanted.update(op.operands)
            ops.append(op)
    return ops[::-1]


def _erase_unused(block: Block) -> None:
    """Erase weights that only the host uses."""
    for op in reversed(list(block.ops)):
        if op.results and not any(result.uses for result in op.results):
            op.detach()
            op.erase()


def split_modules(module: ModuleOp) -> tuple[ModuleOp, ModuleOp | None]:
    """A partitioned module as one without @host, and the host's as a module of its own."""
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    host = next((op for op in functions if op.sym_name.data == HOST), None)
    if host is None:
        return module, None
    host.detach()
    return module, ModuleOp([host])


def host_inputs(host_module: ModuleOp) -> tuple[int, ...]:
    """Which inputs of the network @host takes after the boundary values."""
    attribute = find_function(host_module, HOST).attributes.get(INPUTS)
    if not isinstance(attribute, DenseArrayBase):
        raise RecogError(f"@{HOST} does not say which inputs of the network it takes")
    return tuple(attribute.get_values())


def boundary_lines(host_module: ModuleOp) -> list[str]:
    """What crosses the boundary and why it is there, as lines for people."""
    function = find_function(host_module, HOST)
    ops = nn_ops(function)
    names = [argument.name_hint or f"argument {argument.index}" for argument in function.args]
    shapes = [list(nn.shape_of(argument)) for argument in function.args]
    crossing = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes))
    lines = [f"the host runs the last {len(ops)} ops on {crossing}"]
    if not ops:
        lines = [f"the host passes on {crossing}, and the network's constants among its outputs"]
    reasons: dict[str, Operation] = {}
    for op in ops:
        why = op.attributes.get(STAYS_BECAUSE)
        if isinstance(why, StringAttr):
            reasons.setdefault(why.data, op)
    for reason, op in reasons.items():
        lines.append(f"  {reason}: first {describe_op(op)}")
    return lines
