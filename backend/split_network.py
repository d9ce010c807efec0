"""A network in parts run as one: the chip's program on the machine, the host's ops between.

The host's parts are the functions @host_0, @host_1, … of a module, each called when the chip has
what it needs, and @host, which gives the network's outputs. Each says in its attributes what its
arguments are; where some are missing, as in modules of one part, they are all of that kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp

from recog.backend.machine import Machine, Observer
from recog.backend.machine.host import check_input
from recog.dialects.functions import find_function, result_names

Run = Callable[..., "np.ndarray | tuple[np.ndarray, ...]"]

HOST = "host"
"""The name of the host's function that gives the network's outputs; the others are HOST_0, …."""
FROM_CHIP = "chip_outputs"
"""Attribute of a host's function: which outputs of the chip its first arguments are."""
FROM_NETWORK = "network_inputs"
"""Attribute of a host's function: which inputs of the network its next arguments are."""
FROM_HOST = "host_results"
"""Attribute of a host's function: of which calls the last arguments are results, and which of
theirs, in pairs."""
TO_CHIP = "to_chip"
"""Attribute of a host's function: which of its results are inputs of the chip."""
BETWEEN_CALLS = "between_calls"
"""Attribute of the chip's function: the host is called before its end, and needs what is there."""
CHIP_INPUTS = "chip_inputs"
"""Attribute of @host: which inputs of the network the chip takes, before what the host gives it."""

INPUT_COUNT = "input_count"
"""Attribute of @host: how many inputs the network takes, where the last of them are not used."""


@dataclass(frozen=True)
class HostCall:
    """One function of the host, and where its arguments come from."""

    name: str
    from_chip: tuple[int, ...]
    from_network: tuple[int, ...]
    from_host: tuple[tuple[int, int], ...]
    to_chip: tuple[int, ...]


@dataclass(frozen=True)
class HostPlan:
    """The host's calls in order, of which the last gives the outputs."""

    calls: tuple[HostCall, ...]
    chip_inputs: tuple[int, ...] | None
    """Which inputs of the network the chip takes; None for all."""
    input_count: int = 0
    """How many inputs the network takes at least, used or not."""

    @staticmethod
    def of(module: ModuleOp) -> HostPlan:
        """What a module of the host's functions says; raises RecogError if it has no @host."""
        last = find_function(module, HOST)
        names = {op.sym_name.data for op in module.body.block.ops if isinstance(op, FuncOp)}
        count = next(i for i in range(len(names) + 1) if f"{HOST}_{i}" not in names)
        calls = [_call(find_function(module, f"{HOST}_{i}")) for i in range(count)]
        count = last.attributes.get(INPUT_COUNT)
        given = count.value.data if isinstance(count, IntegerAttr) else 0
        return HostPlan((*calls, _call(last)), _numbers(last, CHIP_INPUTS), given)


def _call(function: FuncOp) -> HostCall:
    inputs = _numbers(function, FROM_NETWORK) or ()
    pairs = _numbers(function, FROM_HOST) or ()
    rest = len(function.args) - len(inputs) - len(pairs) // 2
    chip = _numbers(function, FROM_CHIP)
    return HostCall(
        function.sym_name.data,
        tuple(range(rest)) if chip is None else chip,
        inputs,
        tuple(zip(pairs[::2], pairs[1::2])),
        _numbers(function, TO_CHIP) or (),
    )


def _numbers(function: FuncOp, name: str) -> tuple[int, ...] | None:
    attribute = function.attributes.get(name)
    return attribute.get_values() if isinstance(attribute, DenseArrayBase) else None


class SplitNetwork:
    """Runs the chip's part, and the host's where it needs what the chip gives.

    Args:
        chip: the machine with the chip's program, or a function in its place: of its inputs
            (N, ...), float32, those of the network first, then what the host gives. Such a
            function runs once for each call of the host.
        host: the module of the host's functions; None where the chip does all.
    """

    def __init__(self, chip: Machine | Run, host: ModuleOp | None):
        self._chip, self._host = chip, host
        self._plan = None if host is None else HostPlan.of(host)
        self._runners: list[Callable[..., Sequence[np.ndarray]]] = []
        self._shapes: list[tuple[int, ...]] = []
        if host is not None and self._plan is not None:
            self._runners = [_runner(host, call.name) for call in self._plan.calls]
            self._shapes = _shapes_to_chip(host, self._plan)

    @property
    def input_count(self) -> int:
        """How many inputs the network takes."""
        taken = [len(self._chip.inputs)] if isinstance(self._chip, Machine) else [0]
        if self._plan is not None:
            taken = [taken[0] - len(self._shapes)] if self._plan.chip_inputs is None else []
            used = [i for call in self._plan.calls for i in call.from_network]
            taken += [1 + index for index in (*(self._plan.chip_inputs or ()), *used)]
            taken.append(self._plan.input_count)
        return max(taken, default=0)

    @property
    def output_names(self) -> list[str]:
        """What the network's outputs are called."""
        if self._host is not None:
            return result_names(find_function(self._host, HOST))
        ports = self._chip.outputs if isinstance(self._chip, Machine) else []
        return [port.sym_name.data for port in ports]

    def __call__(
        self, *inputs: np.ndarray, observe: Observer | None = None
    ) -> tuple[np.ndarray, ...]:
        """The network's outputs for N frames; raises RecogError as the parts do.

        Args:
            observe: called after every instruction of the machine, if the chip is one.
        """
        chip = self._chip
        if not isinstance(chip, Machine) or not self._shapes:
            return self._run(inputs, observe)[1]
        step = chip.frames_at_once
        parts = [
            self._run_on_machine(
                chip, [x[start : start + step] for x in inputs], start > 0, observe
            )
            for start in range(0, max(1, len(inputs[0])), step)
        ]
        return tuple(np.concatenate(each) for each in zip(*parts))

    def _run_on_machine(
        self,
        machine: Machine,
        inputs: Sequence[np.ndarray],
        continued: bool,
        observe: Observer | None,
    ) -> Sequence[np.ndarray]:
        """The network's outputs, where the program waits for the host's calls.

        Args:
            continued: they are more frames of one run.
        """
        own, results = self._own(inputs), list[Sequence[np.ndarray]]()

        def host(number: int, outputs: Callable[[], Sequence[np.ndarray]]) -> np.ndarray:
            wanted = number - len(own)
            while wanted >= len(self._to_chip(results)):
                self._call(results, inputs, outputs())
            return self._to_chip(results)[wanted]

        outputs = machine.run_with_host(
            *own, frames=len(inputs[0]), host=host, continued=continued, observe=observe
        )
        while len(results) < len(self._runners):
            self._call(results, inputs, outputs)
        return results[-1]

    def check_inputs(self, inputs: Sequence[np.ndarray]) -> None:
        """Raise InputError for arrays (N, ...) that the program or the host's part do not take."""
        if isinstance(self._chip, Machine):
            for port, x in zip(self._chip.inputs, self._own(inputs)):
                check_input(port, x)
        if self._host is None or self._plan is None:
            return
        from recog.backend.interpreters import nn_runner

        for call in self._plan.calls:
            types = find_function(self._host, call.name).function_type.inputs.data
            for index, type_ in zip(call.from_network, types[len(call.from_chip) :]):
                nn_runner.check_input(index, inputs[index], type_)

    def chip_inputs(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """The inputs of the chip's part for these of the network, the host's results among them."""
        return self._run(inputs)[0] if self._shapes else self._own(inputs)

    def _own(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Those inputs of the network that the chip takes."""
        if self._plan is None or self._plan.chip_inputs is None:
            return tuple(inputs)
        return tuple(inputs[index] for index in self._plan.chip_inputs)

    def _run(
        self, inputs: Sequence[np.ndarray], observe: Observer | None = None
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The inputs of the chip, and the outputs of the network."""
        own = self._own(inputs)
        if self._plan is None:
            return own, self._run_chip(own, observe)
        results: list[Sequence[np.ndarray]] = []
        given, outputs = own, tuple[np.ndarray, ...]()
        for call in self._plan.calls:
            known = self._to_chip(results)
            # What the host has not given yet, nothing that this call needs depends on.
            missing = [np.zeros((len(inputs[0]), *s[1:]), "f4") for s in self._shapes[len(known) :]]
            given = (*own, *known, *missing)
            if call.from_chip and given:
                outputs = self._run_chip(given, None if outputs else observe)
            self._call(results, inputs, outputs)
        return given, tuple(results[-1])

    def _to_chip(self, results: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
        """What the calls so far give the chip, in the order of its inputs."""
        calls = () if self._plan is None else self._plan.calls
        return [of[i] for of, each in zip(results, calls) for i in each.to_chip]

    def _call(
        self,
        results: list[Sequence[np.ndarray]],
        inputs: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
    ) -> None:
        """Run the host's next function, and add what it gives to the results."""
        if self._plan is None:
            raise ValueError("the network has no part on the host")
        call = self._plan.calls[len(results)]
        arguments = [outputs[index] for index in call.from_chip]
        arguments += [inputs[index] for index in call.from_network]
        arguments += [results[number][index] for number, index in call.from_host]
        results.append(self._runners[len(results)](*arguments))

    def _run_chip(
        self, inputs: Sequence[np.ndarray], observe: Observer | None
    ) -> tuple[np.ndarray, ...]:
        if isinstance(self._chip, Machine):
            result = self._chip.run(*inputs, observe=observe)
        else:
            result = self._chip(*inputs)
        return result if isinstance(result, tuple) else (result,)


def _shapes_to_chip(host: ModuleOp, plan: HostPlan) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    for call in plan.calls:
        types = list(find_function(host, call.name).function_type.outputs)
        shapes += [types[index].get_shape() for index in call.to_chip]  # pyright: ignore
    return shapes


def _runner(host: ModuleOp, name: str) -> Callable[..., Sequence[np.ndarray]]:
    from recog.backend.interpreters.nn_runner import NnRunner

    runner = NnRunner(host, name, frames_first=name == HOST)

    def run(*arguments: np.ndarray) -> Sequence[np.ndarray]:
        import torch

        with torch.no_grad():
            return [output.numpy() for output in runner(*arguments)]

    return run
