"""Tuning on a loss of the user's own: the same steps as tune-centroids takes, other batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.data_parallel import worker_count
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.distillation import distilled
from recog.lowering.cluster.own_objective import PAIR, Batch, OwnObjective
from recog.lowering.cluster.tune_centroids import MEASURED, nothing_tuned
from recog.lowering.cluster.tune_settings import TuneSettings
from recog.lowering.cluster.tuner import Descent, KeptTuning, StepPart, Tuner
from recog.lowering.common.notes import Note


class OwnTuning:
    """Steps on batches of the user's own, as many as there will be; each has the loss of several.

    The module and the float network return other values until `finish`, or `close`.
    """

    def __init__(
        self,
        module: ModuleOp,
        own: OwnObjective,
        settings: TuneSettings,
        steps: int,
        *,
        originals: Mapping[SSAValue, np.ndarray] | None = None,
        formats: Mapping[SSAValue, LnsFormat] | None = None,
        dense: ModuleOp | None = None,
        progress: Callable[[float, float], None] | None = None,
        kept: KeptTuning | None = None,
    ):
        """
        Args:
            own: whose first batches the loss is measured on, before and after.
            steps: how many there will be: the learning rate falls to zero in them.
            originals, formats, dense, progress, kept: as of `tune`.
        """
        compared = distilled(
            module,
            dense,
            settings.entry,
            output_weight=settings.distill,
            feature_weight=settings.features,
        )
        self._own, self._open = own, ExitStack()
        with ExitStack() as opened:
            self._comparison = opened.enter_context(compared)
            self._tuner = Tuner(module, settings, steps, originals, formats)
            measured = _first(own, settings.seed)
            self._descent = Descent(
                self._tuner, lambda: map(self._part, measured), steps, progress=progress, kept=kept
            )
            self._open = opened.pop_all()

    @property
    def done(self) -> int:
        """How many steps there were, with those before an interruption."""
        return self._descent.done

    def state(self) -> dict[str, Any]:
        """As of `Tuner.state`."""
        return self._tuner.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """As of `Tuner.restore`."""
        self._tuner.restore(state)

    def step(self, batches: Sequence[Batch]) -> float:
        """One step on these batches; returns the mean of their losses, with what is added to them.

        Raises:
            RecogError: a loss that is not as it should be, tuning that diverges.
        """
        return self._descent.step([self._part(batch, 1 / len(batches)) for batch in batches])

    def finish(self) -> list[Note]:
        """Tune the module in place, or leave it as it is if that does not lower the loss; a note if
        so."""
        with self._open:
            lowered = self._descent.lowered()
        if not lowered:
            return [nothing_tuned()]
        self._tuner.store()
        return []

    def close(self) -> None:
        """Let both networks return what they did before."""
        self._open.close()

    def _part(self, batch: Batch, share: float = 1.0) -> StepPart:
        objective = partial(self._own.value, targets=batch.targets)
        return StepPart(batch.inputs, self._comparison.objective(batch.inputs, objective), share)


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
    batches = own.count(settings.seed)
    at_once = worker_count()
    per_epoch = -(-batches // at_once)
    steps = settings.epochs * per_epoch
    tuning = OwnTuning(
        *(module, own, settings, steps),
        originals=originals,
        formats=formats,
        dense=dense,
        progress=progress,
        kept=kept,
    )
    with closing(tuning):
        for epoch in range(settings.epochs):
            if tuning.done >= (epoch + 1) * per_epoch:
                continue
            # Batches before an interruption are drawn again, so that those after it are the same.
            drawn = islice(own.epoch(epoch, settings.seed), batches)
            for number, step in enumerate(_steps(drawn, at_once)):
                if epoch * per_epoch + number >= tuning.done:
                    tuning.step(step)
            if tuning.done < (epoch + 1) * per_epoch:
                raise RecogError(
                    f"epoch {epoch + 1} has fewer batches than the first, which has {batches}",
                    hint=PAIR,
                )
        return tuning.finish()


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
        raise RecogError(
            f"the loss of the float network's outputs is {float(loss.detach())}",
            hint="give a loss, and targets, for which it is a finite number",
        )
    loss.backward()


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
