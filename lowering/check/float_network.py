"""A float network whose values are kept, and whose layers can be given other ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function, nn_ops
from recog.dialects.words import counted
from recog.lowering.common.batches import FRAMES, frames_of_a_step
from recog.lowering.common.data_files import check_frames
from recog.lowering.common.layer_names import label_of
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.partition.join import join

Values = dict[SSAValue, np.ndarray]
"""What every op of the network gave for some frames, and its inputs."""


class FloatNetwork:
    """The whole network in float, for some frames at a time.

    Args:
        chip: the module of what the chip runs, which gets labels; without a host, of all.
        host: the module of the host's functions.
    """

    def __init__(self, chip: ModuleOp, host: ModuleOp | None = None, entry: str = "main"):
        from recog.backend.interpreters.nn_runner import NnRunner

        label_layers(find_function(chip, entry))
        joined = join(chip, host, entry)
        self._runner = NnRunner(joined.module, entry if host is None else "main")
        self._inputs, self._chip_inputs = joined.inputs, joined.chip_inputs
        ops = nn_ops(self._runner.function)
        self.layers = {label: op for op in ops if (label := label_of(op)) is not None}
        """The ops that layers of the converted network are compared with, by label."""

    def check(self, inputs: Sequence[np.ndarray]) -> None:
        """Raise InputError for arrays (N, ...) that the network does not take."""
        from recog.backend.interpreters.nn_runner import check_input

        for index, argument in zip(self._inputs, self._runner.function.args):
            check_input(index, inputs[index], argument.type)

    def batches(self, inputs: Sequence[np.ndarray]) -> list[slice]:
        """Which frames run at once, so that all their values fit in memory.

        Raises:
            RecogError: there are too few inputs, or they differ in frames.
        """
        if len(inputs) <= max(self._inputs, default=-1):
            count = 1 + max(self._inputs)
            raise RecogError(f"the network takes {counted(count, 'input')}, got {len(inputs)}")
        frames = check_frames(inputs, what="the comparison")
        function = self._runner.function
        if nn.batch_mixing_op(function) is not None:
            step = nn.shape_of(function.body.block.args[0])[0]
        else:
            step = min(FRAMES, frames_of_a_step(function))
        return [slice(start, start + step) for start in range(0, frames, step)]

    def values(self, inputs: Sequence[np.ndarray]) -> Values:
        """What the ops give for these frames, constants left out."""
        values: Values = {}

        def observe(op: Operation, results: Sequence[Any]) -> None:
            values.update(zip(op.results, map(_array, results)))

        taken = [inputs[i] for i in self._inputs]
        self._run(taken, {}, observe)
        values.update(zip(self._runner.function.body.block.args, taken))
        return values

    def chip_inputs(self, values: Values) -> list[np.ndarray]:
        """The inputs of the chip's part, of which the host gives some."""
        return [values[value] for value in self._chip_inputs]

    def outputs(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """The network's outputs for these frames."""
        return self._run([inputs[i] for i in self._inputs], {}, None)

    def outputs_with(
        self, values: Values, label: str, results: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        """The outputs where a layer gives other results: only what follows from them runs anew.

        Args:
            values: of the same frames; they stay as they are.
            results: as many as the layer's op has, of as many elements.
        """
        import torch

        layer = self.layers[label]
        follows = set[SSAValue](layer.results)
        function = self._runner.function
        for op in function.body.block.ops:
            if any(operand in follows for operand in op.operands):
                follows.update(op.results)
        follows.update(function.body.block.args)
        kept: dict[SSAValue | Operation, torch.Tensor] = {
            v: torch.from_numpy(x) for v, x in values.items() if v not in follows
        }
        for value, new in zip(layer.results, results, strict=True):
            old = values[value]
            kept[value] = torch.from_numpy(new.reshape(old.shape).astype(old.dtype))
        inputs = [values[argument] for argument in function.body.block.args]
        return self._run(inputs, kept, None)

    def _run(
        self, inputs: Sequence[np.ndarray], kept: Mapping[SSAValue | Operation, Any], observe: Any
    ) -> tuple[np.ndarray, ...]:
        import torch

        with torch.no_grad():
            outputs = self._runner(*inputs, constants=kept, observe=observe)
        return tuple(map(_array, outputs))


def _array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.detach().numpy()
