"""Gradient steps on the codebooks, biases and pointers of a clustered module, for any objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.freed_memory import give_back_freed_memory
from recog.backend.threads import fixed_threads
from recog.dialects.cluster import LookupOp
from recog.dialects.errors import RecogError, first_line
from recog.dialects.number_format import LnsFormat
from recog.dialects.refusals import OpenRefusal
from recog.lowering.cluster.data_parallel import (
    begin_equal,
    of_first_worker,
    own_parts,
    sum_of_all,
)
from recog.lowering.cluster.pointer_reassignment import MovingPointers, can_move
from recog.lowering.cluster.tune_settings import VERSION, TuneSettings
from recog.lowering.cluster.tuned_parameters import Parameter, tuned_parameters
from recog.lowering.common.batches import cuts_of_a_step

if TYPE_CHECKING:
    import torch


DIVERGED = OpenRefusal(
    "tuning diverged in step {step}",
    "tuning on the example inputs diverges, as it may where the learning rate is too high",
)


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
        formats: Mapping[SSAValue, LnsFormat] | None = None,
    ):
        """
        Args:
            steps: how many there will be.
            originals: the weights before clustering, by the lookup's result, where they are known.
            formats: of the values that will be codes, as far as they are known; the steps compute
                with these rounded.

        Raises:
            RecogError: the module has no codebook.
        """
        import torch

        from recog.backend.interpreters.nn_runner import NnRunner
        from recog.lowering.cluster.rounded_activations import RoundedActivations

        self.runner = NnRunner(module, settings.entry)
        self.parameters = tuned_parameters(module, settings)
        if not self.parameters:
            raise RecogError("the module has no codebook to tune", hint="run cluster-weights first")
        self._activations = RoundedActivations(self.runner.function, formats or {})
        self._settings, self._last_move = settings, int(SETTLED * steps)
        self._moving = self._moving_pointers(originals or {}) if settings.reassign else []
        tensors = [parameter.tensor for parameter in self.parameters]
        tensors += [moving.points for moving, _ in self._moving]
        self._optimizer = torch.optim.Adam(tensors, lr=settings.learning_rate)
        rise = settings.warm_up * steps
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda done: _share_of_rate(done, rise, steps)
        )
        self._usual_norm = 0.0
        self._done = 0
        self._known_cuts: dict[int, list[int]] = {}

    @property
    def done(self) -> int:
        """How many steps there were."""
        return self._done

    def state(self) -> dict[str, Any]:
        """All that going on from here takes, to the same bits; it changes with the next step."""
        return {
            "tuner": VERSION,
            "done": self._done,
            "norm": self._usual_norm,
            **self._tensors(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of an equal tuner. Raises RecogError where it is of another."""
        if state.get("tuner") != VERSION:
            raise RecogError(
                "was left by another version of recog, whose tuning computes otherwise"
            )
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
            self._usual_norm, self._done = float(state["norm"]), int(state["done"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = first_line(error)
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
                if not isinstance(lookup, LookupOp) or lookup.codebook is not parameter.value:
                    continue
                if can_move(lookup):
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
        the values of one are held at once; returns it. Processes that tune together share the
        parts. Raises RecogError as `step` does."""
        import torch

        self._done += 1
        self._optimizer.zero_grad()
        total = 0.0
        for part in own_parts(parts):
            loss = part.objective(self._outputs(part.inputs, self._values())) * part.share
            if not bool(torch.isfinite(loss)):
                hint = "a lower learning rate"
                if self._done == 1:  # it has not counted yet
                    hint = "inputs, targets or weights that are smaller, or no tuning"
                raise RecogError(DIVERGED.message(step=self._done), hint=hint)
            loss.backward()
            total += float(loss.detach())
            del loss
            self._give_back(part)
        total = sum_of_all(self._tensors_that_move(), total)
        self._clip()
        self._optimizer.step()
        self._schedule.step()
        every = self._settings.reassign
        if every and self._done % every == 0 and self._done <= self._last_move:
            for moving, codebook in self._moving:
                moving.reassign(codebook.rounded(), self._settings.move_share)
        return total

    def _outputs(
        self, inputs: Sequence[np.ndarray | torch.Tensor], values: Mapping[Any, torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        """The module's outputs with these values in the place of its constants."""
        import torch

        given = [channels_last(torch.as_tensor(x)) for x in inputs]
        return self.runner(
            *self._activations.inputs(given),
            constants=values,
            cuts=self._cuts(len(given[0])) if torch.is_grad_enabled() else (),
            run=self._activations.run,
        )

    def _clip(self) -> None:
        """Cut gradients that are far longer than usual; raise RecogError for such as are none."""
        import torch

        usual = self._usual_norm
        limit = self._settings.clip * usual if usual and self._settings.clip else math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(self._tensors_that_move(), limit))
        if not math.isfinite(norm):
            hint = "a loss that has derivatives everywhere, as sqrt and log have not at 0"
            if self._done > 1:
                hint = f"a lower learning rate, or {hint}"
            raise RecogError(DIVERGED.message(step=self._done), hint=hint)
        norm = min(norm, limit)
        self._usual_norm = norm if not usual else 0.9 * usual + 0.1 * norm

    def _tensors_that_move(self) -> list[torch.Tensor]:
        return [t for group in self._optimizer.param_groups for t in group["params"]]

    @fixed_threads()
    def loss(self, parts: Iterable[StepPart]) -> float:
        """The objective, the sum of its parts', as it is now."""
        import torch

        with torch.no_grad():
            values, total = self._values(), 0.0
            for part in parts:
                total += float(part.objective(self._outputs(part.inputs, values)) * part.share)
                self._give_back(part)
            return total

    def _give_back(self, part: StepPart) -> None:
        """Leave no freed values of large frames beside those of the next ones."""
        if self._cuts(len(part.inputs[0])):
            give_back_freed_memory()

    def _values(self) -> dict[Any, torch.Tensor]:
        """What stands in the place of the module's constants."""
        values: dict[Any, torch.Tensor] = {p.value: p.rounded() for p in self.parameters}
        for moving, codebook in self._moving:
            scales = values.get(moving.lookup.scales) if moving.lookup.scales is not None else None
            values[moving.lookup.output] = moving.weight(values[codebook.value], scales)
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


def _share_of_rate(done: int, rise: float, steps: int) -> float:
    """The learning rate over its peak after some steps: a linear rise, then half a cosine."""
    if done < rise:
        return (done + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * (done - rise) / max(1.0, steps - rise)))


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Images in the order of elements in which convolutions are fastest; others as they are."""
    import torch

    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


class Descent:
    """Steps of a tuner between two measurements of its loss.

    Args:
        measured: gives what the loss is measured on, before and after.
        total: how many steps there will be.
        progress: called with the share of work done and the loss of the last step.
        kept: where the state is left; what it holds of an equal tuning is gone on from.
    """

    def __init__(
        self,
        tuner: Tuner,
        measured: Callable[[], Iterable[StepPart]],
        total: int,
        *,
        progress: Callable[[float, float], None] | None = None,
        kept: KeptTuning | None = None,
    ):
        self._tuner, self._measured, self._total = tuner, measured, total
        self._progress, self._kept = progress, kept
        self._before = tuner.loss(measured())
        if kept is not None:
            kept.begin(tuner)
        begin_equal(tuner)

    @property
    def done(self) -> int:
        """How many steps there were, with those before an interruption."""
        return self._tuner.done

    def step(self, parts: Iterable[StepPart]) -> float:
        """One step, see `Tuner.step_in_parts`; returns its loss."""
        loss = self._tuner.step_in_parts(parts)
        if self._kept is not None:
            self._kept.offer(self._tuner)
        if self._progress is not None:
            self._progress(self.done / self._total, loss)
        return loss

    def lowered(self) -> bool:
        """Whether the loss is as low as before the steps, or lower."""
        return of_first_worker(self._tuner.loss(self._measured()) <= self._before)
