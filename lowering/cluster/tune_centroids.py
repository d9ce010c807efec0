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
from recog.dialects.refusals import OpenRefusal
from recog.lowering.cluster.targets import (
    ComputedTargets,
    KnownTargets,
    Teacher,
    as_float32,
    checked_array,
)
from recog.lowering.cluster.tuner import DIVERGED, KeptTuning, StepPart, Tuner, TuneSettings
from recog.lowering.common.batches import frames_at_once, frames_of_a_step
from recog.lowering.common.data_files import check_frames, inputs_of, load_arrays
from recog.lowering.common.notes import Note, log_notes

if TYPE_CHECKING:
    import torch

NAME = "tune-centroids"
MEASURED = 64
"""Frames that the loss before tuning and the one after it are measured on."""


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
    targets: np.ndarray | list[np.ndarray] | tuple[np.ndarray, ...] | Teacher,
    settings: TuneSettings,
    *,
    originals: Mapping[SSAValue, np.ndarray] | None = None,
    progress: Callable[[float, float], None] | None = None,
    kept: KeptTuning | None = None,
) -> list[Note]:
    """Tune the module in place; leave it as it is if that does not lower the loss.

    Args:
        inputs: the network's inputs, float (N, ...).
        targets: the outputs wanted, float of the first output's shape, or labels, integer (N,);
            a list is for as many of the outputs, whose losses are averaged. A function that gives
            float targets is called for the frames of each step.
        originals: the weights before clustering, see `Tuner`.
        progress: called with the share of work done and the loss of the last step.
        kept: where the state is left; what it holds of an equal tuning is gone on from.

    Returns:
        A note if the module is as it was.

    Raises:
        RecogError: targets that do not fit, nothing to tune, or tuning that diverges.
    """
    import torch

    arrays = [] if callable(targets) else targets
    arrays = list(arrays) if isinstance(arrays, list | tuple) else [arrays]
    count = check_frames(inputs, *arrays, what="tuning")
    examples = [checked_array(x, f"input {i}") for i, x in enumerate(inputs)]
    steps = settings.epochs * -(-count // settings.batch)
    tuner = Tuner(module, settings, steps, originals)
    function = find_function(module, settings.entry)
    at_once = frames_of_a_step(function)

    def frames(chosen: np.ndarray | slice) -> list[np.ndarray]:
        return [as_float32(x[chosen]) for x in examples]

    if callable(targets):
        step = frames_at_once(function)
        each = (frames(slice(i, i + step)) for i in range(0, count, step))
        wanted = ComputedTargets(targets, each, settings.loss)
    else:
        with torch.no_grad():
            outputs = tuner.runner(*frames(slice(1)))
        wanted = KnownTargets(arrays, outputs, settings.loss)

    def parts(batch: torch.Tensor) -> Iterator[StepPart]:
        for chosen in batch.split(at_once):
            inputs = frames(chosen.numpy())
            objective = wanted.objective(chosen.numpy(), inputs)
            yield StepPart(inputs, objective, len(chosen) / len(batch))

    generator = torch.Generator().manual_seed(settings.seed)
    measured = torch.arange(min(count, MEASURED))
    before = tuner.loss(parts(measured))
    if kept is not None:
        kept.begin(tuner)
    done = 0
    for _ in range(settings.epochs):
        for batch in torch.randperm(count, generator=generator).split(settings.batch):
            done += 1
            if done <= tuner.done:
                continue  # before an interruption; the order of the others follows from the seed
            loss = tuner.step_in_parts(parts(batch))
            if kept is not None:
                kept.offer(tuner)
            if progress is not None:
                progress(done / steps, loss)
    if not tuner.loss(parts(measured)) <= before:
        text = "has not lowered its loss, centroids and pointers stay as they were clustered"
        return [Note("nothing-tuned", text, "give more epochs or a lower learning-rate", (NAME,))]
    tuner.store()
    return []
