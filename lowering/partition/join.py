"""join: the opposite of `partition`, the chip's part and the host's as one function again.

What is measured on a divided network, such as the cost of a layer, is measured at its outputs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from recog.backend.split_network import HostCall, HostPlan
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function
from recog.lowering.common.layer_names import LAYER


class JoinedNetwork(NamedTuple):
    """A whole network, in float.

    Attributes:
        module: its function @main.
        inputs: which inputs of the network @main takes, in order.
        chip_inputs: the values of @main that are the arguments of the chip's part.
    """

    module: ModuleOp
    inputs: tuple[int, ...]
    chip_inputs: tuple[SSAValue, ...]


def join(chip: ModuleOp, host: ModuleOp | None, entry: str = "main") -> JoinedNetwork:
    """Put the ops of the host's functions where they are called; labels stay the chip's alone.

    Args:
        chip: the module of the function `entry`, left as it is. Without a host it is the network.
        host: the module of the functions @host_0, …, @host, left as it is.

    Raises:
        RecogError: the two parts are not of one network.
    """
    function = find_function(chip, entry)
    if host is None:
        arguments = tuple(function.body.block.args)
        return JoinedNetwork(chip, tuple(range(len(arguments))), arguments)
    with of_one_network():
        return _Join(function, host).run()


@contextmanager
def of_one_network() -> Generator[None]:
    """Say so where what is looked up of the host's functions is not there for the chip's part."""
    try:
        yield
    except (IndexError, KeyError, StopIteration):
        raise RecogError(
            "the functions of the host are not those of the chip's part",
            hint="give both as one conversion wrote them",
        ) from None


class _Join:
    def __init__(self, chip: FuncOp, host: ModuleOp):
        self.chip, self.plan = chip, HostPlan.of(host)
        self.functions = [find_function(host, call.name) for call in self.plan.calls]
        own = self.plan.chip_inputs
        if own is None:
            given = sum(len(call.to_chip) for call in self.plan.calls)
            own = range(len(chip.args) - given)
        self.own = tuple(own)
        types = self._input_types()
        self.inputs = tuple(sorted(types))
        self.block = Block(arg_types=[types[index] for index in self.inputs])
        self.network = dict(zip(self.inputs, self.block.args))
        self.values: dict[SSAValue, SSAValue] = {}
        """What stands for the values of the chip's function."""
        self.given = iter(chip.body.block.args[len(self.own) :])
        self.results: list[list[SSAValue]] = []

    def _input_types(self) -> dict[int, Attribute]:
        """The types of the inputs that either part takes."""
        types = {i: value.type for i, value in zip(self.own, self.chip.body.block.args)}
        for call, function in zip(self.plan.calls, self.functions):
            arguments = function.body.block.args[len(call.from_chip) :]
            types |= {i: value.type for i, value in zip(call.from_network, arguments)}
        return types

    def run(self) -> JoinedNetwork:
        block = self.chip.body.block
        self.values.update(zip(block.args, (self.network[i] for i in self.own)))
        end = block.last_op
        returned: Sequence[SSAValue] = () if end is None else end.operands
        for op in block.ops:
            while any(operand not in self.values for operand in op.operands):
                self._call(op, returned)
            if not isinstance(op, ReturnOp):
                self.values.update(zip(op.results, self._copy(op, self.values).results))
        while len(self.results) < len(self.plan.calls):
            self._call(self.chip, returned)
        self.block.add_op(ReturnOp(*self.results[-1]))
        inputs = [argument.type for argument in self.block.args]
        outputs = [value.type for value in self.results[-1]]
        function = FuncOp("main", (inputs, outputs), Region(self.block))
        chip_inputs = tuple(self.values[argument] for argument in block.args)
        return JoinedNetwork(ModuleOp([function]), self.inputs, chip_inputs)

    def _copy(self, op: Operation, values: dict[SSAValue, SSAValue]) -> Operation:
        copy = op.clone(value_mapper=dict(values))
        self.block.add_op(copy)
        return copy

    def _call(self, wanting: Operation, returned: Sequence[SSAValue]) -> None:
        """Put in the host's next call, for an op of the chip that wants what it gives."""
        number = len(self.results)
        if number == len(self.plan.calls):
            fail(wanting, "no function of the host gives what it takes")
        call, function = self.plan.calls[number], self.functions[number]
        arguments = function.body.block.args
        given = self._arguments(call, wanting, returned)
        if [value.type for value in given] != [argument.type for argument in arguments]:
            fail(function, f"@{call.name} takes other values than it is given")
        values: dict[SSAValue, SSAValue] = dict(zip(arguments, given))
        for op in function.body.block.ops:
            if isinstance(op, ReturnOp):
                self.results.append([values[operand] for operand in op.operands])
                continue
            copy = self._copy(op, values)
            copy.attributes.pop(LAYER, None)
            values.update(zip(op.results, copy.results))
        for i in call.to_chip:
            argument, value = next(self.given), self.results[-1][i]
            if argument.type != value.type:
                fail(wanting, f"takes another value than the host's @{call.name} gives")
            self.values[argument] = value

    def _arguments(
        self, call: HostCall, wanting: Operation, returned: Sequence[SSAValue]
    ) -> list[SSAValue]:
        if any(i >= len(returned) or returned[i] not in self.values for i in call.from_chip):
            fail(wanting, f"the chip does not give what the host's @{call.name} takes")
        values = [self.values[returned[i]] for i in call.from_chip]
        values += [self.network[i] for i in call.from_network]
        return values + [self.results[which][i] for which, i in call.from_host]
