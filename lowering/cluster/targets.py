"""What a network's outputs are tuned toward: arrays, or what another network gives meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.refusals import not_finite
from recog.dialects.words import counted
from recog.lowering.common.batches import groups_of_frames

if TYPE_CHECKING:
    from torch import Tensor

Teacher = Callable[..., "Sequence[Tensor]"]
"""Gives the outputs wanted for some frames of the inputs."""

SMALLEST_SCALE = 1e-12
"""Of the variance that mse divides by."""

Objective = Callable[["Sequence[Tensor]"], "Tensor"]


class TargetError(RecogError):
    """Targets that do not fit a network. Who knows their file names it."""


class Examples:
    """Inputs in memory, (N, ...) each, of which some frames at a time become float32."""

    def __init__(self, arrays: Sequence[np.ndarray]):
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays[0])

    def frames(self, chosen: np.ndarray | slice) -> list[np.ndarray]:
        """The inputs of the frames of these numbers."""
        return [as_float32(x[chosen]) for x in self.arrays]

    def batches(self, module: ModuleOp, entry: str) -> Iterator[list[np.ndarray]]:
        """All frames, as many at a time as a network runs at once."""
        groups = groups_of_frames(find_function(module, entry), len(self))
        return (self.frames(group) for group in groups)


@dataclass
class Loss:
    """A loss by its name, of outputs beside targets.

    Attributes:
        scale: that mse divides by.
    """

    name: str
    scale: float = 1.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        from torch.nn import functional

        if self.name == "cross-entropy":
            return functional.cross_entropy(outputs, targets)
        if self.name == "mse":
            return functional.mse_loss(outputs, targets) / self.scale
        log_targets = targets.log_softmax(1)
        return functional.kl_div(
            outputs.log_softmax(1), log_targets, log_target=True, reduction="batchmean"
        )


def chosen_loss(name: str, *, labels: bool, rank: int) -> Loss:
    """The loss of that name; raises RecogError where it does not fit such targets."""
    if name == "auto":
        name = "cross-entropy" if labels else "mse"
    if labels != (name == "cross-entropy"):
        kind = "integer" if labels else "float"
        raise RecogError(
            f"option loss {name} does not fit {kind} targets",
            hint="labels take cross-entropy" if labels else "cross-entropy takes integer labels",
        )
    if name == "kl" and rank < 2:
        raise RecogError("option loss kl needs outputs with a class axis")
    return Loss(name)


class Targets(ABC):
    """Targets of all examples, and the loss of each output."""

    losses: Sequence[Loss]

    @abstractmethod
    def of(self, chosen: np.ndarray, inputs: Sequence[np.ndarray]) -> Sequence[Tensor]:
        """Those of the examples of these numbers, whose inputs are given."""

    def objective(self, chosen: np.ndarray, inputs: Sequence[np.ndarray]) -> Objective:
        """The mean of the outputs' losses, of these examples."""
        import torch

        def objective(outputs: Sequence[Tensor]) -> Tensor:
            wanted = self.of(chosen, inputs)
            return torch.stack([of(y, t) for of, y, t in zip(self.losses, outputs, wanted)]).mean()

        return objective


class KnownTargets(Targets):
    """Targets in memory."""

    def __init__(self, arrays: Sequence[np.ndarray], outputs: Sequence[Tensor], loss: str):
        """
        Args:
            arrays: for as many of the outputs float of their shapes, or labels of their classes.
            outputs: of one example.

        Raises:
            RecogError: targets that do not fit.
        """
        pairs = zip(outputs, map(np.asarray, arrays))
        self._arrays = [checked_target(tuple(y.shape), array) for y, array in pairs]
        self.losses = [_loss_of(array, loss) for array in self._arrays]

    def of(self, chosen: np.ndarray, inputs: Sequence[np.ndarray]) -> Sequence[Tensor]:
        import torch

        each = [array[chosen] for array in self._arrays]
        return [torch.from_numpy(x.astype("i8") if are_labels(x) else as_float32(x)) for x in each]


def _loss_of(targets: np.ndarray, name: str) -> Loss:
    import torch

    loss = chosen_loss(name, labels=are_labels(targets), rank=targets.ndim)
    if loss.name == "mse":
        values = torch.from_numpy(np.require(as_float32(targets), requirements="W"))
        variance = values.var(correction=0)
        loss.scale = float(variance.clamp_min(SMALLEST_SCALE))
    return loss


class ComputedTargets(Targets):
    """Targets that would not fit in memory, which a teacher gives anew each time."""

    def __init__(self, teacher: Teacher, frames: Iterable[Sequence[np.ndarray]], loss: str):
        """
        Args:
            frames: the inputs of all examples, some examples at a time.
        """
        self.teacher = teacher
        moments: list[np.ndarray] = []
        for part in frames:
            outputs = teacher(*part)
            if not moments:
                moments = [np.zeros(3)] * len(outputs)
                self.losses = [chosen_loss(loss, labels=False, rank=y.ndim) for y in outputs]
            moments = [before + _moments(y) for before, y in zip(moments, outputs)]
        for each, (count, total, squares) in zip(self.losses, moments):
            each.scale = max(SMALLEST_SCALE, squares / count - (total / count) ** 2)

    def of(self, chosen: np.ndarray, inputs: Sequence[np.ndarray]) -> Sequence[Tensor]:
        return self.teacher(*inputs)


def _moments(values: Tensor) -> np.ndarray:
    """How many there are, their sum, and that of their squares."""
    parts = (part.double() for part in values.reshape(-1).split(1 << 20))
    return sum(
        (np.array([len(x), float(x.sum()), float(x.square().sum())]) for x in parts), np.zeros(3)
    )


def checked_array(values: np.ndarray, what: str) -> np.ndarray:
    """The array as it is, whose frames are finite as float32; raises RecogError."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise RecogError(f"holds {array.dtype}, not numbers", where=what)
    if not _finite(array):
        raise RecogError(not_finite(array), where=what)
    return array


def _finite(array: np.ndarray) -> bool:
    """Whether all frames are finite as float32."""
    return all(np.isfinite(as_float32(frame)).all() for frame in array)


def as_float32(values: np.ndarray) -> np.ndarray:
    """The values themselves where they are float32 already."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def checked_target(shape: Sequence[int], targets: np.ndarray) -> np.ndarray:
    """Targets of an output of this shape (N, ...), or labels of its classes, as they are.

    Raises:
        TargetError: they do not fit.
    """
    if targets.dtype.kind not in "fiub":
        raise TargetError(f"targets hold {targets.dtype}, not numbers")
    labels = are_labels(targets)
    wanted, given = tuple(shape[2 if labels else 1 :]), targets.shape[1:]
    if not labels:
        if given != wanted:
            raise TargetError(f"targets have shape {list(given)} each, the output {list(wanted)}")
        if not _finite(targets):
            raise TargetError(f"the array targets {not_finite(targets)}")
        return targets
    if len(shape) < 2 or given != wanted:
        raise TargetError(f"labels have shape {list(given)} each, the output wants {list(wanted)}")
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= shape[1]:
        raise TargetError(
            f"labels are from {low} to {high}, the output has {counted(shape[1], 'class')}"
        )
    return targets


def are_labels(targets: np.ndarray) -> bool:
    """Whether targets name classes, not numbers to come near to."""
    return targets.dtype.kind in "iub"
