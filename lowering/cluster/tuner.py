"""Gradient steps on the codebooks, biases and pointers of a clustered module, for any objective."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from xdsl.dialects.builtin import Float32Type, ModuleOp, TensorType
from xdsl.ir import SSAValue

from recog.backend.threads import fixed_threads
from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.dialects.refusals import OpenRefusal
from recog.lowering.cluster.pointer_reassignment import MovingPointers, can_move
from recog.lowering.common.batches import cuts_of_a_step
from recog.lowering.common.shared_options import EntryOptions, SeedOptions, WeightFormatOptions
from recog.lowering.encode.constants import rounded_codebook

if TYPE_CHECKING:
    import torch


DIVERGED = OpenRefusal(
    "tuning diverged in step {step}", "by the weights, the example inputs and the learning rate"
)

LOSSES = ("auto", "mse", "kl", "cross-entropy")


@dataclass(frozen=True, kw_only=True)
class TuneSettings(WeightFormatOptions, SeedOptions, EntryOptions):
    """How to tune: the options of tune-centroids but for its data."""

    epochs: int = 10
    """Passes of tuning over the data."""
    batch: int = 32
    """Inputs per training step."""
    learning_rate: float = 2e-3
    """Learning rate of Adam, for centroids of root mean square 1; decays to zero along a cosine."""
    loss: str = "auto"
    """Loss of tuning; auto is cross-entropy for integer targets, else mse."""
    reassign: int = 1
    """Reassign blocks to their nearest centroid every so many steps; 0 keeps the pointers of
    clustering."""

    RANGES = {
        "epochs": (1, 10**6),
        "batch": (1, 10**6),
        "learning_rate": (0.0, 10.0),
        "reassign": (0, 10**6),
    }
    CHOICES = {"loss": LOSSES}


class StepPart(NamedTuple):
    """Some of the inputs of a step, their objective, and its share in the step's."""

    inputs: Sequence[np.ndarray | torch.Tensor]
    objective: Callable[[tuple[torch.Tensor, ...]], torch.Tensor]
    share: float


class Resumable(Protocol):
    """A tuning that can go on from its state, to the same bits."""

    @property
    def done(self) -> int:
        """The steps that are done."""
        ...

    def state(self) -> dict[str, Any]:
        """All that going on from here takes."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises RecogError where it is of another tuning."""
        ...


class KeptTuning(Protocol):
    """Where a tuning leaves its state from time to time, and finds it after an interruption."""

    def begin(self, tuner: Resumable) -> None:
        """Restore the tuner's state, where there is one."""
        ...

    def offer(self, tuner: Resumable) -> None:
        """Called after each step, when the state may be kept."""
        ...


SETTLED = 0.8
"""Share of the steps after which pointers stay, so that centroids settle on them."""


class Tuner:
    """Adam on the codebooks and biases of a module, with a learning rate that falls to zero.

    Where the settings say so, pointers move too, see `moving_pointers`. The module must not change
    between the first step and `store`.
    """

    def __init__(
        self,
        module: ModuleOp,
        settings: TuneSettings,
        steps: int,
        originals: Mapping[SSAValue, np.ndarray] | None = None,
    ):
        """
        Args:
            steps: how many there will be.
            originals: the weights before clustering, by the lookup's result, where they are known.

        Raises:
            RecogError: the module has no codebook.
        """
        import torch

        from recog.backend.interpreters.nn_runner import NnRunner

        self.runner = NnRunner(module, settings.entry)
        self.parameters = _parameters(module, settings.weight_format)
        if not self.parameters:
            raise RecogError("the module has no codebook to tune", hint="run cluster-weights first")
        self._reassign, self._last_move = settings.reassign, int(SETTLED * steps)
        self._moving = self._moving_pointers(originals or {}) if settings.reassign else []
        tensors = [parameter.tensor for parameter in self.parameters]
        tensors += [moving.points for moving, _ in self._moving]
        self._optimizer = torch.optim.Adam(tensors, lr=settings.learning_rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, steps)
        self._done = 0
        self._known_cuts: dict[int, list[int]] = {}

    @property
    def done(self) -> int:
        """How many steps there were."""
        return self._done

    def state(self) -> dict[str, Any]:
        """All that going on from here takes, to the same bits; it changes with the next step."""
        return {
            "done": self._done,
            **self._tensors(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of an equal tuner. Raises RecogError where it is of another."""
        try:
            for name, own in self._tensors().items():
                for mine, kept in zip(own, state[name], strict=True):
                    if (mine.shape, mine.dtype) != (kept.shape, kept.dtype):
                        raise ValueError(f"{name} of {list(kept.shape)}, not {list(mine.shape)}")
                    mine.copy_(kept)
            for moving, codebook in self._moving:
                if moving.pointers.min() < 0 or moving.pointers.max() >= len(codebook.tensor):
                    raise ValueError("a pointer leads out of its codebook")
            self._optimizer.load_state_dict(state["optimizer"])
            self._schedule.load_state_dict(state["schedule"])
            self._done = int(state["done"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise RecogError(f"is of another tuning: {reason}") from None

    def _tensors(self) -> dict[str, list[torch.Tensor]]:
        """What moves: the tensors themselves, without their gradients."""
        return {
            "values": [parameter.tensor.detach() for parameter in self.parameters],
            "points": [moving.points.detach() for moving, _ in self._moving],
            "pointers": [moving.pointers for moving, _ in self._moving],
        }

    def _moving_pointers(
        self, originals: Mapping[SSAValue, np.ndarray]
    ) -> list[tuple[MovingPointers, Parameter]]:
        """The pointers that one lookup of a codebook being tuned has, and that codebook."""
        found: list[tuple[MovingPointers, Parameter]] = []
        for parameter in self.parameters:
            for lookup in [use.operation for use in parameter.value.uses]:
                if isinstance(lookup, LookupOp) and can_move(lookup):
                    original = originals.get(lookup.output)
                    moving = MovingPointers(lookup, parameter.tensor, original)
                    found.append((moving, parameter))
        return found

    @fixed_threads()
    def step(
        self,
        inputs: Sequence[np.ndarray | torch.Tensor],
        objective: Callable[[tuple[torch.Tensor, ...]], torch.Tensor],
    ) -> float:
        """One step down the objective of the module's outputs; returns it.

        Raises:
            RecogError: the objective is not finite.
        """
        return self.step_in_parts([StepPart(inputs, objective, 1.0)])

    def step_in_parts(self, parts: Iterable[StepPart]) -> float:
        """One step down an objective that is the sum of its parts', each run by itself, so that
        the values of one are held at once; returns it. Raises RecogError as `step` does."""
        import torch

        self._done += 1
        self._optimizer.zero_grad()
        total = 0.0
        for part in parts:
            cuts = self._cuts(len(part.inputs[0]))
            outputs = self.runner(*part.inputs, constants=self._values(), cuts=cuts)
            loss = part.objective(outputs) * part.share
            if not bool(torch.isfinite(loss)):
                hint = "a lower learning-rate"
                raise RecogError(DIVERGED.message(step=self._done), hint=hint)
            loss.backward()
            total += float(loss.detach())
        self._optimizer.step()
        self._schedule.step()
        if self._reassign and self._done % self._reassign == 0 and self._done <= self._last_move:
            for moving, codebook in self._moving:
                moving.reassign(codebook.rounded())
        return total

    @fixed_threads()
    def loss(self, parts: Iterable[StepPart]) -> float:
        """The objective, the sum of its parts', as it is now."""
        import torch

        with torch.no_grad():
            values = self._values()
            return sum(
                float(part.objective(self.runner(*part.inputs, constants=values)) * part.share)
                for part in parts
            )

    def _values(self) -> dict[Any, torch.Tensor]:
        """What stands in the place of the module's constants."""
        values: dict[Any, torch.Tensor] = {p.value: p.rounded() for p in self.parameters}
        for moving, codebook in self._moving:
            values[moving.lookup.output] = moving.weight(values[codebook.value])
        return values

    def _cuts(self, frames: int) -> list[int]:
        """Where to cut the network so that so many frames fit in memory."""
        if frames not in self._known_cuts:
            self._known_cuts[frames] = cuts_of_a_step(self.runner.function, frames)
        return self._known_cuts[frames]

    def store(self) -> None:
        """Write the tuned values into the module."""
        for parameter in self.parameters:
            parameter.store()
        for moving, _ in self._moving:
            moving.store()


@dataclass
class Parameter:
    """A constant of the module that is being tuned: a codebook, or a layer's bias."""

    value: SSAValue
    tensor: torch.Tensor
    format: LnsFormat | None
    """Of the codes that a codebook is rounded to, but for their bias; None for a layer's bias."""

    def rounded(self) -> torch.Tensor:
        """The values that the chip will have, with the gradient of the unrounded ones."""
        if self.format is None:
            return self.tensor
        import torch

        exact = self.tensor.detach().numpy()
        codes = rounded_codebook(exact, self.format, np.float32)
        return self.tensor + torch.from_numpy(codes - exact)

    def store(self) -> None:
        """Write the tuned values back into the module."""
        constant = self.value.owner
        if isinstance(constant, ConstantOp):
            constant.set_array(self.tensor.detach().numpy())


def _parameters(module: ModuleOp, format: LnsFormat) -> list[Parameter]:
    """Every codebook, and the biases of all convolutions and linear layers, each once."""
    import torch

    found: dict[SSAValue, bool] = {}
    for op in module.walk():
        if isinstance(op, LookupOp):
            found[op.codebook] = True
        elif isinstance(op, nn.LayerOp) and op.bias is not None:
            found.setdefault(op.bias, False)
    if not any(found.values()):
        return []
    parameters: list[Parameter] = []
    for value, is_codebook in found.items():
        owner, type_ = value.owner, value.type
        if not isinstance(owner, ConstantOp) or not isinstance(type_, TensorType):
            continue
        if isinstance(type_.element_type, Float32Type):
            tensor = torch.tensor(owner.value.to_array().copy(), requires_grad=True)
            parameters.append(Parameter(value, tensor, format if is_codebook else None))
    return parameters
