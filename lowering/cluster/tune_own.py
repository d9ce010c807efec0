"""Tuning on a loss of the user's own: the same steps as tune-centroids takes, other batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.data_parallel import worker_count
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.distillation import Distillation, distilled
from recog.lowering.cluster.own_objective import PAIR, Batch, OwnObjective
from recog.lowering.cluster.tune_centroids import MEASURED, nothing_tuned
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import KeptTuning, StepPart, Tuner, descended
from recog.lowering.common.notes import Note


@fixed_threads()
def tune_own(
    module: ModuleOp,
    own: OwnObjective,
    settings: TuneSettings,
    *,
    originals: Mapping[SSAValue, np.ndarray] | None = None,
    formats: Mapping[SSAValue, LnsFormat] | None = None,
    dense: ModuleOp | None = None,
    progress: Callable[[float, float], None] | None = None,
    kept: KeptTuning | None = None,
) -> list[Note]:
    """Tune the module in place; leave it as it is if that does not lower the loss.

    The loss gets what the module returns, or where that has no gradient what its decoders take.
    Processes that tune together take a batch each at every step.

    Args:
        originals, formats, dense, progress, kept: as of `tune`, whose `batch` and `loss` play no
            part here.

    Returns:
        A note if the module is as it was.

    Raises:
        RecogError: a loss or batches that are not as they should be, tuning that diverges.
    """
    seed = settings.seed
    batches = own.count(seed)
    at_once = worker_count()
    per_epoch = -(-batches // at_once)
    steps = settings.epochs * per_epoch
    compared = distilled(
        module,
        dense,
        settings.entry,
        output_weight=settings.distill,
        feature_weight=settings.features,
    )
    with compared as comparison:
        tuner = Tuner(module, settings, steps, originals, formats)
        part = partial(_part, own, comparison)
        measured = _first(own, seed)

        def left() -> Iterator[list[StepPart]]:
            """The steps after an interruption; batches before it are drawn again, so that these
            are the same."""
            for epoch in range(settings.epochs):
                if tuner.done >= (epoch + 1) * per_epoch:
                    continue
                drawn = islice(own.epoch(epoch, seed), batches)
                for number, step in enumerate(_steps(drawn, at_once)):
                    if epoch * per_epoch + number >= tuner.done:
                        yield [part(batch, 1 / len(step)) for batch in step]
                if tuner.done < (epoch + 1) * per_epoch:
                    raise RecogError(
                        f"epoch {epoch + 1} has fewer batches than the first, which has {batches}",
                        hint=PAIR,
                    )

        lower = descended(
            tuner, lambda: map(part, measured), left(), steps, progress=progress, kept=kept
        )
    if not lower:
        return [nothing_tuned()]
    tuner.store()
    return []


def check_objective(module: ModuleOp, own: OwnObjective, settings: TuneSettings) -> None:
    """Try the loss on what a float network gives for the first batch, before hours of work.

    Raises:
        RecogError: as `tune_own`, or for inputs that the network does not take.
    """
    import torch

    from recog.backend.interpreters.nn_runner import NnRunner

    batch = next(own.epoch(0, settings.seed))
    with returning_heads(module, settings.entry):
        with torch.no_grad():
            outputs = NnRunner(module, settings.entry)(*batch.inputs)
        leaves = [y.requires_grad_() if y.is_floating_point() else y for y in outputs]
        loss = own.value(leaves, batch.targets)
    if not bool(torch.isfinite(loss)):
        raise RecogError(f"the loss of the float network's outputs is {float(loss.detach())}")
    loss.backward()


def _part(
    own: OwnObjective, comparison: Distillation, batch: Batch, share: float = 1.0
) -> StepPart:
    objective = partial(own.value, targets=batch.targets)
    return StepPart(batch.inputs, comparison.objective(batch.inputs, objective), share)


def _steps(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """So many batches at a time, the last ones fewer."""
    left = iter(batches)
    while step := list(islice(left, size)):
        yield step


def _first(own: OwnObjective, seed: int) -> list[Batch]:
    """The first batches, as many as the loss is measured on."""
    found: list[Batch] = []
    for batch in own.epoch(0, seed):
        found.append(batch)
        if sum(each.frames for each in found) >= MEASURED:
            break
    return found
