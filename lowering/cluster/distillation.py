"""What the float network gives for the same frames, beside the targets of tuning.

Its outputs are what the tuned network's should be (Hinton et al. 2015); so are some values between
(Romero et al., ICLR 2015), whose error a layer can mend near where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.tuner import channels_last
from recog.lowering.common.batches import TARGET_BYTES

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from recog.lowering.cluster.targets import Objective

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


class RememberedOutputs:
    """What a network gives for frames that come again as they were: computed once, if it fits.

    Args:
        count: how many frames there are.
    """

    def __init__(self, network: Callable[..., Sequence[Tensor]], count: int):
        self._network, self._count = network, count
        self._of_frame: dict[int, list[Tensor]] = {}
        self._orders: list[torch.memory_format] = []

    def __call__(
        self, inputs: Callable[[], Sequence[Tensor]], frames: Sequence[int]
    ) -> Sequence[Tensor]:
        """The outputs of a batch.

        Args:
            inputs: gives the batch, where it was not seen before.
            frames: their numbers.
        """
        import torch

        if all(frame in self._of_frame for frame in frames):
            known = zip(*(self._of_frame[frame] for frame in frames))
            return [
                torch.stack(parts).contiguous(memory_format=order)
                for parts, order in zip(known, self._orders)
            ]
        outputs = self._network(*inputs())
        size = sum(y.nbytes for y in outputs) // len(frames)
        if size * self._count <= TARGET_BYTES:
            # Sums over outputs are the same in every bit where elements lie in the same order.
            self._orders = [_order(y) for y in outputs]
            for i, frame in enumerate(frames):
                self._of_frame[frame] = [y[i].clone() for y in outputs]
        return outputs


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
        unchanged: how many frames there are, if each comes again as it was; 0 if they change.
    """

    def __init__(
        self,
        teacher: Callable[..., Sequence[Tensor]] | None,
        features: int = 0,
        output_weight: float = 0.0,
        feature_weight: float = 0.0,
        output_error: OutputError = relative_errors,
        unchanged: int = 0,
    ):
        self._teacher, self._features = teacher, features
        self._remembered = RememberedOutputs(teacher, unchanged) if teacher and unchanged else None
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

        def given() -> list[Tensor]:
            return [channels_last(torch.as_tensor(x)) for x in inputs]

        def objective(outputs: Sequence[Tensor]) -> Tensor:
            with torch.no_grad():
                if remembered is None or frames is None:
                    wanted = teacher(*given())
                else:
                    wanted = remembered(given, frames)
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
    unchanged: int = 0,
) -> Generator[Distillation, None, None]:
    """Within the context both networks return their heads and features; gives what compares them.

    Args:
        dense: the same network before clustering; None compares nothing.
        unchanged: see `Distillation`.
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
        weights = output_weight, feature_weight
        yield Distillation(teacher, len(numbers), *weights, output_error, unchanged)


def _feature_errors(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    import torch

    each = [
        (y - t).square().mean() / t.square().mean().clamp_min(SMALLEST_POWER)
        for y, t in zip(features, wanted, strict=True)
    ]
    return torch.stack(each).mean()
