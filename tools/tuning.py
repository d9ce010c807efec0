"""Convert a network tuned on a loss, data and augmentation of your own, in a few lines or by steps.

    from recog.tools.tuning import tune

    conversion = tune(network, batches, loss)
    Path("program.recog").write_bytes(conversion.assemble())

`examples/own_segmentation.py` is a whole program of this kind.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.threads import fixed_threads
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError
from recog.dialects.verification import located_errors
from recog.dialects.words import counted, kind
from recog.lowering.cluster.own_objective import Augment, Loss, OwnObjective, checked_batch
from recog.lowering.cluster.tune_centroids import TuneCentroidsPass
from recog.lowering.cluster.tune_own import check_objective
from recog.lowering.pipeline import CALIBRATION_FRAMES, Conversion, ConversionOptions, convert
from recog.lowering.pipeline.arguments import checked_options
from recog.lowering.pipeline.convert import Run
from recog.lowering.pipeline.kept import data_digest

if TYPE_CHECKING:
    from torch import nn


def tune(
    network: nn.Module | ModuleOp,
    batches: Iterable[Any] | Callable[[], Iterable[Any]],
    loss: Loss,
    *,
    augment: Augment | None = None,
    options: ConversionOptions | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Conversion:
    """Cluster a trained network, tune it on your loss, and convert it to a chip program.

    Args:
        network: in evaluation mode, or as `recog.frontend.torch.importer.import_torch` gives it.
        batches: pairs of inputs and targets: inputs a float tensor or array (N, ...), or a tuple of
            one for each input of the network, targets of any kind. A list or DataLoader is gone
            through once an epoch; a function is called for each, and returns such or a generator.
            With each epoch the global generators of PyTorch, NumPy and Python begin anew: batches
            that are drawn from these are the same in every run.
        loss: of outputs and targets, a scalar tensor, the mean over the frames. The outputs are the
            network's, a tensor or a tuple of several; where they have no gradient, such as indices
            and boxes, what the network's decoders take.
        augment: gives other inputs and targets for those of each batch.
        options: every choice of the conversion, `epochs`, `learning_rate` and `centroids` among
            them. What the float network gives counts too (`distill`, 0 for your loss alone).
        progress: called with what is being done and the share of it that is done.

    Returns:
        The conversion: `assemble()` gives the program's bytes, `stages` the network at each level.

    Raises:
        RecogError: batches or a loss that are not so, options that leave the loss without effect,
            a network that cannot be converted.
    """
    settings, module, inputs, own = _prepared(network, batches, loss, augment, options)
    return convert(module, inputs, own=own, options=settings, progress=progress)


class Tuner:
    """`tune` for a loop of your own: you take the steps, on batches that come from anywhere::

        tuner = Tuner(network, examples, loss, steps=1000)
        for batch in stream:
            tuner.step(batch)
        conversion = tuner.finalize()

    With the batches of `tune` in its order the programs are the same, byte for byte.
    `torch.save(tuner.state_dict(), FILE)` keeps an unfinished tuning.
    """

    def __init__(
        self,
        network: nn.Module | ModuleOp,
        examples: Iterable[Any] | Callable[[], Iterable[Any]],
        loss: Loss,
        *,
        steps: int,
        options: ConversionOptions | None = None,
        progress: Callable[[str, float], None] | None = None,
    ):
        """Cluster the network; its layouts are settled then.

        Args:
            network: as of `tune`.
            examples: batches as of `tune`, a few of them. Formats are found on their inputs, and
                the loss of the first ones is measured before the steps and after them: tuning that
                does not lower it is undone, with a note.
            loss: as of `tune`.
            steps: how many there will be, in which the learning rate rises and falls to zero.
            options: as of `tune`; `epochs` plays no part.
            progress: as of `tune`.

        Raises:
            RecogError: as `tune`, or a network without a layer that clusters would make smaller.
        """
        _check_steps(steps)
        settings, module, inputs, own = _prepared(network, examples, loss, None, options)
        passes = settings.steps()
        tuning = [each.type for each in passes].index(TuneCentroidsPass)
        self._run = Run(module, inputs, None, settings, (), progress)
        self._steps, self._left = steps, passes[tuning:]
        with located_errors():
            self._run.take(passes[:tuning])
            self._tuning = self._run.tuned_in_steps(own, steps)
        self._of = {"steps": steps, "network": _weights_digest(module)}

    @property
    def done(self) -> int:
        """How many steps there were."""
        return self._tuning.done

    def step(self, batch: Any) -> float:
        """One step of Adam on the centroids, biases, scales and dense weights.

        Args:
            batch: a pair of inputs and targets, as of `tune`.

        Returns:
            The loss before the step, with what the float network adds to it (`distill`).

        Raises:
            RecogError: a batch or a loss that is not so, tuning that diverges, or no step left.
        """
        self._check_open()
        if self.done == self._steps:
            raise RecogError(
                f"{counted(self._steps, 'step')} {'is' if self._steps == 1 else 'are'} done, as "
                "many as there were to be",
                hint="give the Tuner more steps",
            )
        with located_errors(), fixed_threads():
            return self._tuning.step([checked_batch(batch)])

    def state_dict(self) -> dict[str, Any]:
        """All that going on from here takes, to the same bits, for `torch.save`. As those of
        PyTorch's optimizers it holds the tensors themselves, which the next step changes."""
        self._check_open()
        return {**self._tuning.state(), **self._of}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, of a Tuner of the same arguments; batches of the `done` steps are not
        needed again.

        Raises:
            RecogError: the state is of other steps, another network or another version, or is none.
        """
        self._check_open()
        _check_state(state)
        for name, own in self._of.items():
            kept = state.get(name)
            if kept is not None and kept != own:
                what = f"{kept} steps, not {own}" if name == "steps" else f"another {name}"
                raise RecogError(
                    f"the state is of {what}", hint="give the Tuner the arguments of then"
                )
        try:
            self._tuning.restore(state)
        except RecogError as error:
            raise RecogError(f"the state {error.message}", hint="begin anew") from None

    def finalize(self) -> Conversion:
        """Convert the tuned network to a chip program, as `tune` does; there are no steps after
        it. After fewer of them than `steps` the learning rate has not fallen to zero."""
        self._check_open()
        left, self._left = self._left, ()
        with located_errors():
            return self._run.take(left)

    def _check_open(self) -> None:
        if not self._left:
            raise RecogError("the tuning is finalized", hint="make another Tuner")


def _prepared(
    network: nn.Module | ModuleOp,
    batches: Iterable[Any] | Callable[[], Iterable[Any]],
    loss: Loss,
    augment: Augment | None,
    options: ConversionOptions | None,
) -> tuple[ConversionOptions, ModuleOp, list[np.ndarray], OwnObjective]:
    """The options, the imported network, its example inputs, and what it is tuned on, checked."""
    _warn_of_spinning()
    settings = ConversionOptions() if options is None else checked_options(options)
    _check(loss, augment, settings)
    own = OwnObjective(loss, batches, augment)
    inputs = own.examples(CALIBRATION_FRAMES, settings.seed)
    module = network
    if not isinstance(module, ModuleOp):
        import torch

        from recog.frontend.torch.importer import import_torch

        module = import_torch(module, tuple(torch.from_numpy(x[:1]) for x in inputs))
    check_objective(module, own, settings)
    return settings, module, inputs, own


def _check_state(state: object) -> None:
    if not isinstance(state, Mapping):
        raise RecogError(f"a state is {kind(state)}, not what state_dict() gives")


def _weights_digest(module: ModuleOp) -> str:
    return data_digest([op.value.to_array() for op in module.walk() if isinstance(op, ConstantOp)])


def _check(loss: object, augment: object, options: ConversionOptions) -> None:
    """Raise RecogError for what would not be called, or cannot be."""
    for name in ("cluster", "tune"):
        if not getattr(options, name):
            raise RecogError(
                f"the loss has no effect with option {name}=False",
                hint="recog.convert takes no loss",
            )
    for name, given in (("loss", loss), ("augment", augment)):
        if not callable(given) and (given is not None or name == "loss"):
            raise RecogError(
                f"{name} is {kind(given)}, not a function",
                hint="loss(outputs, targets) gives a scalar tensor, augment(inputs, targets) other "
                "inputs and targets",
            )


def _check_steps(steps: object) -> None:
    if not isinstance(steps, int) or steps < 1:
        raise RecogError(f"steps are an integer of at least 1, got {steps!r}")


def _warn_of_spinning() -> None:
    """Say once that PyTorch's threads, in which all is computed, wait in the way of others."""
    if "OMP_WAIT_POLICY" not in os.environ:
        warnings.warn(
            "torch was imported before recog, so its threads wait by spinning, which takes "
            "several times as long where other processes run. Import recog first, or set "
            "OMP_WAIT_POLICY=PASSIVE",
            RuntimeWarning,
            stacklevel=4,
        )
