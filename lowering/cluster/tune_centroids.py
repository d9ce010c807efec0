"""tune-centroids: train codebooks and biases by backpropagation through the IR itself.

The module runs on its own interpreter with the codebooks as torch parameters. Scales stay; so do
pointers, unless `reassign` says otherwise (see `moving_pointers`). The forward pass sees each
centroid as the LNS code that it will become, the backward pass sees the identity (straight-through
estimator, Bengio et al. 2013; tuning centroids: Han et al., ICLR 2016, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.dialects.number_format import LnsFormat
from recog.dialects.refusals import OpenRefusal
from recog.lowering.cluster.data_parallel import worker_count
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.distillation import Unchanged, distilled
from recog.lowering.cluster.targets import (
    ComputedTargets,
    Examples,
    KnownTargets,
    Targets,
    Teacher,
    checked_array,
)
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import DIVERGED, Descent, KeptTuning, StepPart, Tuner
from recog.lowering.common.batches import TARGET_BYTES, frames_of_a_step, output_bytes
from recog.lowering.common.data_files import check_frames, inputs_of, load_arrays
from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.encode.calibrate import frames_without_outliers

if TYPE_CHECKING:
    from torch import Tensor

NAME = "tune-centroids"
MEASURED = 64
"""Frames that the loss before tuning and the one after it are measured on."""
LEAST_HELD_OUT = 8 * MEASURED
"""Frames from which those are not learned from."""


@dataclass(frozen=True, kw_only=True)
class TuneCentroidsPass(TuneSettings, ModulePass):
    """Tune codebooks and biases so that the module's outputs come close to the targets."""

    name = NAME

    OPEN_REFUSALS: ClassVar[Sequence[OpenRefusal]] = (DIVERGED,)

    data: str
    """An .npz file of `inputs` (N, ...) and `targets`: the float network's outputs, or labels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        where = f"{self.name} data {self.data}"
        arrays = load_arrays(self.data, what=f"{self.name} data")
        if "targets" not in arrays:
            raise RecogError(
                "has no array named targets", where=where, hint=f"it has {', '.join(arrays)}"
            )
        targets = arrays.pop("targets")
        count = len(find_function(op, self.entry).body.block.args)
        log_notes(tune(op, inputs_of(arrays, count, where=where), targets, self))


@fixed_threads()
def tune(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    targets: np.ndarray | list[np.ndarray] | tuple[np.ndarray, ...] | Teacher | None,
    settings: TuneSettings,
    *,
    originals: Mapping[SSAValue, np.ndarray] | None = None,
    formats: Mapping[SSAValue, LnsFormat] | None = None,
    dense: ModuleOp | None = None,
    progress: Callable[[float, float], None] | None = None,
    kept: KeptTuning | None = None,
) -> list[Note]:
    """Tune the module in place; leave it as it is if that does not lower the loss, of many inputs
    that of some which are not learned from.

    Args:
        inputs: the network's inputs, float (N, ...); single values far beyond all others are cut
            off, as calibration does.
        targets: the outputs wanted, float of the first output's shape, or labels, integer (N,);
            a list is for as many of the outputs, whose losses are averaged. A function that gives
            float targets is called for the frames of each step. None aims at what
            `dense` gives, or at what its decoders take.
        originals: the weights before clustering, see `Tuner`.
        formats: of the values that will be codes, see `Tuner`.
        dense: the network before clustering, whose values between the tuned ones are compared with.
        progress: called with the share of work done and the loss of the last step.
        kept: where the state is left; what it holds of an equal tuning is gone on from.

    Returns:
        A note if the module is as it was.

    Raises:
        RecogError: targets that do not fit, nothing to tune, or tuning that diverges.
    """
    import torch

    known = [] if targets is None or callable(targets) else targets
    known = list(known) if isinstance(known, list | tuple) else [known]
    count = check_frames(inputs, *known, what="tuning")
    checked = [checked_array(x, f"input {i}") for i, x in enumerate(inputs)]
    examples = Examples(frames_without_outliers(checked, find_function(module, settings.entry)))
    learned, measured = _divided(count, settings.seed)
    steps = settings.epochs * -(-len(learned) // settings.batch)
    at_once = frames_of_a_step(find_function(module, settings.entry))
    by_teacher = targets is None or callable(targets)
    wanted = _targets(module, examples, targets if callable(targets) else known, settings, dense)
    generator = torch.Generator().manual_seed(settings.seed)

    def unchanged(frames: Sequence[int]) -> Sequence[np.ndarray]:
        return examples.frames(np.asarray(frames))

    compared = distilled(
        module,
        dense,
        settings.entry,
        output_weight=0.0 if by_teacher else settings.distill,
        feature_weight=settings.features,
        unchanged=Unchanged(count, unchanged) if settings.epochs > 1 else None,
    )
    with compared as comparison:
        tuner = Tuner(module, settings, steps, originals, formats)

        def parts(batch: torch.Tensor) -> Iterator[StepPart]:
            for chosen in batch.split(min(at_once, -(-len(batch) // worker_count()))):
                inputs = examples.frames(chosen.numpy())
                own = wanted.objective(chosen.numpy(), inputs)
                objective = comparison.objective(inputs, own, chosen.tolist())
                yield StepPart(inputs, objective, len(chosen) / len(batch))

        descent = Descent(tuner, lambda: parts(measured), steps, progress=progress, kept=kept)
        number = 0
        for _ in range(settings.epochs):
            order = torch.randperm(len(learned), generator=generator)
            for batch in learned[order].split(settings.batch):
                number += 1
                if number > descent.done:  # the seed gives the order of those before, too
                    descent.step(parts(batch))
        lowered = descent.lowered()
    if not lowered:
        return [nothing_tuned(held_out=len(learned) < count)]
    tuner.store()
    return []


def _divided(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """The numbers of the frames to learn from, and of those that the loss is measured on: some of
    the same, where there are few."""
    import torch

    if count < LEAST_HELD_OUT:
        return torch.arange(count), torch.arange(min(count, MEASURED))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[MEASURED:].sort().values, order[:MEASURED].sort().values


def nothing_tuned(*, held_out: bool = False) -> Note:
    """That a module is as it was.

    Args:
        held_out: whether the loss is that of frames which were not learned from.
    """
    where = " on examples that it did not learn from" if held_out else ""
    text = f"has not lowered its loss{where}, centroids and pointers stay as they were clustered"
    hint = "give more epochs or a lower learning rate"
    hint = "give more and other examples, or a lower learning rate" if held_out else hint
    return Note("nothing-tuned", text, hint, (NAME,))


def _targets(
    module: ModuleOp,
    examples: Examples,
    given: Sequence[np.ndarray] | Teacher,
    settings: TuneSettings,
    dense: ModuleOp | None,
) -> Targets:
    """What the module's outputs, or its heads where it has decoders, are to come near.

    Args:
        given: none aims at what `dense` gives.
    """
    import torch

    from recog.backend.interpreters.nn_runner import NnRunner

    entry = settings.entry
    if callable(given):
        return ComputedTargets(given, examples.batches(module, entry), settings.loss)
    if given or dense is None:
        with torch.no_grad():
            outputs = NnRunner(module, entry)(*examples.frames(slice(1)))
        return KnownTargets(given, outputs, settings.loss)
    with returning_heads(dense, entry):
        teacher = torch.no_grad()(NnRunner(dense, entry).__call__)
        size = output_bytes(find_function(dense, entry)) * len(examples)
        if size > TARGET_BYTES:
            return ComputedTargets(teacher, examples.batches(dense, entry), settings.loss)
        known = module_outputs(dense, examples.arrays, entry)
        with torch.no_grad():
            outputs = teacher(*examples.frames(slice(1)))
        return KnownTargets(known, outputs, settings.loss)
