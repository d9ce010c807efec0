"""partition: a float network in two, the part that the chip runs and the part of the host.

Heads and decoders pick boxes by computed positions or look at what they see as a whole; the chip
has no instructions for that. The ops that stay on the host move to functions of their own, one for
each call of the host (see `division`), and @main keeps the rest:

    main(inputs, what the host gives) = what the host needs
    host_0(…), host_1(…), … give what the chip goes on with
    host(…) = the network's outputs

Each op that cannot run on the chip itself says why, in `stays_because`; each of the host's
functions says what its arguments are (see `split_network`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import (
    DenseArrayBase,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from recog.backend.split_network import (
    BETWEEN_CALLS,
    CHIP_INPUTS,
    FROM_CHIP,
    FROM_HOST,
    FROM_NETWORK,
    HOST,
    INPUT_COUNT,
    TO_CHIP,
    HostPlan,
)
from recog.dialects import nn
from recog.dialects.errors import RecogError, describe_op, fail
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops
from recog.dialects.words import counted
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.partition.division import Division
from recog.lowering.partition.placement import division

STAYS_BECAUSE = "stays_because"
"""The attribute of an op on the host that says why it cannot run on the chip."""


@dataclass(frozen=True, kw_only=True)
class PartitionPass(EntryOptions, ModulePass):
    """Move what the chip cannot run into functions of the host, @host_0, … and @host."""

    name = "partition"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        partition(op, self.entry)


def partition(module: ModuleOp, entry: str = "main") -> bool:
    """Divide a folded nn module; whether there was something to divide.

    Raises:
        RecogError: nothing of the network can run on the chip, or there is an @host already.
    """
    function = find_function(module, entry)
    _check_batch(function)
    divided = division(module, entry)
    if not divided.reasons and not _passes_on(function):
        return False
    names = {op.sym_name.data for op in module.body.block.ops if isinstance(op, FuncOp)}
    taken = next((name for name in sorted(names) if name.startswith(HOST)), None)
    if taken is not None:
        raise RecogError(f"the module has a function @{taken} already")
    if all(op in divided.reasons for op in divided.stages):
        _fail_without_work(divided)
    for op, reason in divided.reasons.items():
        if not reason.follows:
            op.attributes[STAYS_BECAUSE] = StringAttr(reason.text)
    _Outline(module, function, divided).run()
    return True


def _check_batch(function: FuncOp) -> None:
    """Raise RecogError where the first axis of the inputs is no batch of one, and matters."""
    mixing = nn.batch_mixing_op(function)
    sizes = {nn.shape_of(argument)[:1] for argument in function.args}
    if mixing is not None and sizes != {(1,)}:
        shown = ", ".join(str(list(nn.shape_of(argument))) for argument in function.args)
        fail(
            mixing,
            f"mixes the batch with other axes, and the network takes {shown}: a chip's program "
            "runs one frame at a time",
            hint="let axis 0 of each input be a batch, of one image in the example inputs",
        )


def _passes_on(function: FuncOp) -> bool:
    """Whether the network returns what the chip does not compute, or leaves an input alone."""
    variable = depends_on_inputs(function)
    end = function.body.block.last_op
    returned = () if end is None else end.operands
    plain = any(isinstance(v, BlockArgument) or v not in variable for v in returned)
    return plain or any(not argument.uses for argument in function.args)


def _fail_without_work(divided: Division) -> None:
    if not divided.reasons:
        raise RecogError("nothing of the network can run on the chip: it computes nothing")
    op, reason = next(iter(divided.reasons.items()))
    fail(op, f"nothing of the network can run on the chip: {reason.text}")


@dataclass
class _Call:
    """A function of the host on its way."""

    name: str
    ops: Sequence[nn.NnOp]
    results: list[SSAValue] = field(default_factory=list[SSAValue])


class _Outline:
    """Moves the ops of the host into functions of their own."""

    def __init__(self, module: ModuleOp, function: FuncOp, divided: Division):
        self.module, self.function = module, function
        self.block = function.body.block
        end = self.block.last_op
        if not isinstance(end, ReturnOp):
            raise RecogError("the function has no func.return")
        self.end = end
        self.variable = depends_on_inputs(function)
        self.stages = divided.stages
        self.calls = [_Call(f"{HOST}_{i}", divided.call(i)) for i in range(divided.calls)]
        self.calls.append(_Call(HOST, divided.call(divided.calls)))
        self.moved = {op: number for number, call in enumerate(self.calls) for op in call.ops}
        self.boundary: list[SSAValue] = []
        """What the chip gives the host, in order."""
        self.arguments = list(self.block.args)

    def run(self) -> None:
        needed = [self._needed(number) for number in range(len(self.calls))]
        for values in needed:
            self.boundary += [v for v in values if self._is_chip(v) and v not in self.boundary]
        self._choose_results(needed)
        functions = [self._function(number, values) for number, values in enumerate(needed)]
        self._replace_with_arguments()
        self._order_by_stage()
        self._finish_main()
        used = [v.index for values in needed for v in values if isinstance(v, BlockArgument)]
        kept = [i for i, argument in enumerate(self.arguments) if argument.uses]
        if max([*kept, *used], default=-1) + 1 < len(self.arguments):
            functions[-1].attributes[INPUT_COUNT] = IntegerAttr(len(self.arguments), i64)
        if kept != list(range(len(self.arguments))):
            functions[-1].attributes[CHIP_INPUTS] = _numbers(kept)
        for argument in reversed(self.arguments):
            if not argument.uses:
                self.block.erase_arg(argument)
        self._set_type()
        for function in functions:
            self.module.body.block.add_op(function)

    def _is_chip(self, value: SSAValue) -> bool:
        return (
            value in self.variable
            and not isinstance(value, BlockArgument)
            and value.owner not in self.moved
        )

    def _needed(self, number: int) -> list[SSAValue]:
        """What a call needs of what it does not compute itself; the last gives the outputs."""
        call = self.calls[number]
        users: list[Operation] = [*call.ops, *([self.end] if call.name == HOST else [])]
        own = set[Operation](call.ops)
        values = (v for op in users for v in op.operands if v.owner not in own)
        return list(dict.fromkeys(values))

    def _choose_results(self, needed: Sequence[Iterable[SSAValue]]) -> None:
        """What each call but the last gives: to the chip, and to later calls."""
        wanted = {value for values in needed for value in values}
        for call in self.calls[:-1]:
            for op in call.ops:
                to_chip = any(use.operation not in self.moved for use in op.output.uses)
                if to_chip or op.output in wanted:
                    call.results.append(op.output)
        self.calls[-1].results = list(self.end.operands)

    def _function(self, number: int, needed: Sequence[SSAValue]) -> FuncOp:
        call = self.calls[number]
        chip = [v for v in needed if self._is_chip(v)]
        inputs = [v for v in needed if isinstance(v, BlockArgument)]
        host = [v for v in needed if v.owner in self.moved]
        body = Block(arg_types=[v.type for v in (*chip, *inputs, *host)])
        renamed: dict[SSAValue, SSAValue] = dict(zip((*chip, *inputs, *host), body.args))
        for old, new in renamed.items():
            new.name_hint = old.name_hint
        for op in (*_constant_ops(self.function, needed), *call.ops):
            body.add_op(op.clone(value_mapper=renamed))
        body.add_op(ReturnOp(*(renamed[value] for value in call.results)))
        types = FunctionType.from_lists(list(body.arg_types), [v.type for v in call.results])
        function = FuncOp(call.name, types, Region(body))
        self._describe(function, number, chip, inputs, host)
        return function

    def _describe(
        self,
        function: FuncOp,
        number: int,
        chip: Sequence[SSAValue],
        inputs: Sequence[BlockArgument],
        host: Sequence[SSAValue],
    ) -> None:
        """Say in a function's attributes where its arguments come from, and its results go."""
        call = self.calls[number]
        if list(chip) != self.boundary:
            function.attributes[FROM_CHIP] = _numbers(self.boundary.index(v) for v in chip)
        function.attributes[FROM_NETWORK] = _numbers(v.index for v in inputs)
        if host:
            owners = [self.moved[v.owner] for v in host]  # pyright: ignore[reportArgumentType]
            places = [self.calls[n].results.index(v) for n, v in zip(owners, host)]
            pairs = [each for pair in zip(owners, places) for each in pair]
            function.attributes[FROM_HOST] = _numbers(pairs)
        if call.name != HOST:
            given = [i for i, value in enumerate(call.results) if self._goes_to_chip(value)]
            function.attributes[TO_CHIP] = _numbers(given)
        elif self.function.res_attrs is not None:
            function.properties["res_attrs"] = self.function.properties.pop("res_attrs")

    def _goes_to_chip(self, value: SSAValue) -> bool:
        return any(use.operation not in (*self.moved, self.end) for use in value.uses)

    def _replace_with_arguments(self) -> None:
        """Give the chip arguments for what the host gives it, in place of the host's values."""
        for call in self.calls[:-1]:
            for value in call.results:
                if not self._goes_to_chip(value):
                    continue
                argument = self.block.insert_arg(value.type, len(self.block.args))
                argument.name_hint = value.name_hint
                for use in list(value.uses):
                    if use.operation not in self.moved and use.operation is not self.end:
                        use.operation.operands[use.index] = argument

    def _order_by_stage(self) -> None:
        """Let what comes before a call of the host stand before all that comes after it."""
        if len(self.calls) == 1:
            return
        self.function.attributes[BETWEEN_CALLS] = UnitAttr()
        kept = [op for op in nn_ops(self.function) if op not in self.moved and op in self.stages]
        for op in sorted(kept, key=lambda op: self.stages[op]):
            op.detach()
            self.block.insert_op_before(op, self.end)

    def _finish_main(self) -> None:
        self.end.detach()
        self.end.erase()
        for op in reversed(list(self.moved)):
            op.detach()
            op.erase()
        self.block.add_op(ReturnOp(*self.boundary))
        _erase_unused(self.block)

    def _set_type(self) -> None:
        self.function.properties["function_type"] = FunctionType.from_lists(
            [argument.type for argument in self.block.args], [v.type for v in self.boundary]
        )


def _numbers(values: Iterable[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(values))


def _constant_ops(function: FuncOp, needed: Iterable[SSAValue]) -> list[Operation]:
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
    """A partitioned module as one without the host's functions, and one of these."""
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    host = [op for op in functions if _is_of_host(op.sym_name.data)]
    for function in host:
        function.detach()
    return module, ModuleOp(list[Operation](host)) if host else None


def _is_of_host(name: str) -> bool:
    return name == HOST or (name.startswith(f"{HOST}_") and name[len(HOST) + 1 :].isdecimal())


def boundary_lines(host_module: ModuleOp) -> list[str]:
    """What crosses the boundary at each call and why it is there, as lines for people."""
    lines: list[str] = []
    calls = HostPlan.of(host_module).calls
    for number, call in enumerate(calls, 1):
        function = find_function(host_module, call.name)
        ops = nn_ops(function)
        names = [argument.name_hint or f"argument {argument.index}" for argument in function.args]
        shapes = [list(nn.shape_of(argument)) for argument in function.args]
        crossing = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes))
        which = "the last " if call.name == HOST else ""
        does = f"runs {which}{counted(len(ops), 'op')} on" if ops else "passes on"
        line = f"the host {does} {crossing or 'nothing'}"
        if call.name != HOST:
            back = [list(nn.shape_of(_returned(function)[index])) for index in call.to_chip]
            line += f", and gives the chip {', '.join(map(str, back))}"
        lines.append(f"call {number}: {line}" if len(calls) > 1 else line)
        reasons: dict[str, Operation] = {}
        for op in ops:
            why = op.attributes.get(STAYS_BECAUSE)
            if isinstance(why, StringAttr):
                reasons.setdefault(why.data, op)
        for reason, op in reasons.items():
            lines.append(f"  {reason}: first {describe_op(op)}")
    return lines


def _returned(function: FuncOp) -> Sequence[SSAValue]:
    end = function.body.block.last_op
    return () if end is None else end.operands
