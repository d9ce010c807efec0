"""Convert a network tuned on a loss, data and augmentation of your own, in a few lines.

    from recog.tools.tuning import tune

    conversion = tune(network, batches, loss)
    Path("program.recog").write_bytes(conversion.assemble())

`examples/own_segmentation.py` is a whole program of this kind.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import ModuleOp

from recog.dialects.errors import RecogError
from recog.dialects.words import kind
from recog.lowering.cluster.own_objective import Augment, Loss, OwnObjective
from recog.lowering.cluster.tune_own import check_objective
from recog.lowering.pipeline import CALIBRATION_FRAMES, Conversion, ConversionOptions, convert
from recog.lowering.pipeline.arguments import checked_options

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
    _warn_of_spinning()
    settings = ConversionOptions() if options is None else checked_options(options)
    _check(loss, augment, settings)
    own = OwnObjective(loss, batches, augment)
    inputs = own.examples(CALIBRATION_FRAMES, settings.seed)
    module = network
    if not isinstance(module, ModuleOp):
        import torch

        from recog.frontend.torch.importer import import_torch

        example = tuple(torch.from_numpy(x[:1]) for x in inputs)
        module = import_torch(module, example)
    check_objective(module, own, settings)
    return convert(module, inputs, own=own, options=settings, progress=progress)


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


def _warn_of_spinning() -> None:
    """Say once that PyTorch's threads, in which all is computed, wait in the way of others."""
    if "OMP_WAIT_POLICY" not in os.environ:
        warnings.warn(
            "torch was imported before recog, so its threads wait by spinning, which takes "
            "several times as long where other processes run. Import recog first, or set "
            "OMP_WAIT_POLICY=PASSIVE",
            RuntimeWarning,
            stacklevel=3,
        )
