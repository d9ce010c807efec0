"""What the float network gives for the same frames, beside the targets of tuning.

Its outputs are what the tuned network's should be (Hinton et al. 2015); so are some values between
(Romero et al., ICLR 2015), whose error a layer can mend near where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.tuner import channels_last
from recog.lowering.common.batches import TARGET_BYTES, frames_at_once

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from recog.lowering.cluster.targets import Objective

AT_ONCE = 16
"""Frames of which the float network's outputs are computed together, at most."""
MOST_FEATURES = 6
SMALLEST_POWER = 1e-12
"""Of the values that an error is measured against."""

OutputError = Callable[["Sequence[Tensor]", "Sequence[Tensor]"], "Tensor"]
"""How far outputs are from those of the float network, a scalar."""


def features_of(function: FuncOp) -> list[int]:
    """The values between that two equal networks are compared at, as numbers of nn ops.

    They are what enters a layer that changes the resolution, or joins such: the last of each size.
    """
    ops, variable = nn_ops(function), depends_on_inputs(function)
    number: dict[SSAValue, int] = {op.output: i for i, op in enumerate(ops)}
    found: dict[int, None] = {}
    for op in ops:
        for value in op.operands:
            if value in number and value in variable and _changes_size(op, value):
                found[number[value]] = None
    chosen = sorted(found)
    stride = -(-len(chosen) // MOST_FEATURES) if chosen else 1
    return chosen[::-1][::stride][::-1]


def _changes_size(op: nn.NnOp, value: SSAValue) -> bool:
    shapes = nn.shape_of(value), nn.shape_of(op.output)
    images = all(len(shape) == 4 for shape in shapes)
    return images and nn.is_float(nn.element_type_of(value)) and shapes[0][2:] != shapes[1][2:]


def feature_values(function: FuncOp, numbers: Sequence[int]) -> list[SSAValue]:
    """The results of the nn ops of these numbers."""
    ops = nn_ops(function)
    return [ops[number].output for number in numbers]


def relative_errors(outputs: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The mean, over the outputs, of their squared error over the wanted one's variance."""
    import torch

    each = [
        (y - t).square().mean() / t.var(correction=0).clamp_min(SMALLEST_POWER)
        for y, t in zip(outputs, wanted, strict=True)
    ]
    return torch.stack(each).mean()


@dataclass(frozen=True)
class Unchanged:
    """Frames that come again as they were.

    Attributes:
        count: how many there are.
        inputs: gives the inputs of those of some numbers.
    """

    count: int
    inputs: Callable[[Sequence[int]], Sequence[Tensor | np.ndarray]]


class RememberedOutputs:
    """What a network gives for frames that come again as they were: computed once, if it fits.

    Frames are always computed with the same others: sums of more or fewer of them round in another
    order, and an interrupted tuning that goes on meets frames in other batches than one that does
    not stop.

    Args:
        at_once: how many frames the network is given.
    """

    def __init__(self, network: Callable[..., Sequence[Tensor]], frames: Unchanged, at_once: int):
        self._network, self._frames, self._at_once = network, frames, at_once
        self._of_frame: dict[int, Sequence[Tensor]] = {}
        self._orders: list[torch.memory_format] = []
        self._fits = True

    def __call__(self, frames: Sequence[int]) -> Sequence[Tensor] | None:
        """The outputs for the frames of these numbers; None where they do not fit."""
        import torch

        for frame in frames:
            if self._fits and frame not in self._of_frame:
                self._fits = self._add(int(frame) // self._at_once)
        if not self._fits:
            return None
        each = zip(*(self._of_frame[frame] for frame in frames))
        # Sums over outputs are the same in every bit where elements lie in the same order.
        return [
            torch.cat(parts).contiguous(memory_format=order)
            for parts, order in zip(each, self._orders)
        ]

    def _add(self, group: int) -> bool:
        """Compute some frames, unless outputs of all are more than memory holds."""
        count = self._frames.count
        numbers = range(count)[group * self._at_once : (group + 1) * self._at_once]
        outputs = self._network(*_given(self._frames.inputs(numbers)))
        size = sum(y.nbytes for y in outputs) / len(numbers)
        if size * count > TARGET_BYTES or any(not y.ndim or len(y) % len(numbers) for y in outputs):
            return False
        self._orders = [_order(y) for y in outputs]
        parts = [y.split(len(y) // len(numbers)) for y in outputs]
        for i, number in enumerate(numbers):
            self._of_frame[number] = [each[i].clone() for each in parts]
        return True


def _given(inputs: Sequence[Tensor | np.ndarray]) -> list[Tensor]:
    import torch

    return [channels_last(torch.as_tensor(x)) for x in inputs]


def _order(y: Tensor) -> torch.memory_format:
    import torch

    last = y.ndim == 4 and y.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


class Distillation:
    """Adds to an objective what the float network says of the same frames.

    Args:
        teacher: gives the float network's outputs, and then its features; None adds nothing.
        features: how many of these there are, last in the tuned network's outputs too.
        output_weight: of the error of the outputs, which 0 leaves out.
        feature_weight: of the mean relative squared error of the features.
        remembered: what `teacher` gives for frames that come again as they were; None if they
            change.
    """

    def __init__(
        self,
        teacher: Callable[..., Sequence[Tensor]] | None,
        features: int = 0,
        output_weight: float = 0.0,
        feature_weight: float = 0.0,
        output_error: OutputError = relative_errors,
        remembered: RememberedOutputs | None = None,
    ):
        self._teacher, self._features = teacher, features
        self._remembered = remembered
        self._output_weight, self._feature_weight = output_weight, feature_weight
        self._output_error = output_error

    def objective(
        self,
        inputs: Sequence[Tensor | np.ndarray],
        own: Objective,
        frames: Sequence[int] | None = None,
    ) -> Objective:
        """The objective of these inputs with all that is added.

        Args:
            frames: their numbers, where they come again as they are.
        """
        teacher, remembered = self._teacher, self._remembered
        if teacher is None:
            return own
        import torch

        def objective(outputs: Sequence[Tensor]) -> Tensor:
            with torch.no_grad():
                known = remembered and frames is not None and remembered(frames)
                wanted = known or teacher(*_given(inputs))
            count = len(outputs) - self._features
            total = own(outputs[:count])
            if self._output_weight:
                error = self._output_error(outputs[:count], wanted[:count])
                total = total + self._output_weight * error
            if self._features:
                error = _feature_errors(outputs[count:], wanted[count:])
                total = total + self._feature_weight * error
            return total

        return objective


@contextmanager
def distilled(
    module: ModuleOp,
    dense: ModuleOp | None,
    entry: str,
    *,
    output_weight: float,
    feature_weight: float,
    output_error: OutputError = relative_errors,
    unchanged: Unchanged | None = None,
) -> Generator[Distillation, None, None]:
    """Within the context both networks return their heads and features; gives what compares them.

    Args:
        dense: the same network before clustering; None compares nothing.
        unchanged: the frames, where each comes again as it was.
    """
    from recog.backend.interpreters.nn_runner import NnRunner

    if dense is None:
        yield Distillation(None)
        return
    numbers = features_of(find_function(module, entry)) if feature_weight else []
    values, wanted = (
        feature_values(find_function(each, entry), numbers) for each in (module, dense)
    )
    with returning_heads(module, entry, values), returning_heads(dense, entry, wanted):
        teacher = NnRunner(dense, entry) if numbers or output_weight else None
        remembered = None
        if teacher is not None and unchanged is not None:
            function = find_function(dense, entry)
            if all(nn.shape_of(x)[:1] == (1,) for x in function.args):
                at_once = min(AT_ONCE, frames_at_once(function))
                remembered = RememberedOutputs(teacher, unchanged, at_once)
        weights = output_weight, feature_weight
        yield Distillation(teacher, len(numbers), *weights, output_error, remembered)


def _feature_errors(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    import torch

    each = [
        (y - t).square().mean() / t.square().mean().clamp_min(SMALLEST_POWER)
        for y, t in zip(features, wanted, strict=True)
    ]
    return torch.stack(each).mean()
