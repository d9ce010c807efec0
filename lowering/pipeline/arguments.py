"""What a conversion is given, checked before any work: calls in Python name no types."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.errors import RecogError
from recog.dialects.words import kind
from recog.lowering.cluster.own_objective import OwnObjective
from recog.lowering.pipeline.named import ConversionOptions


def check_arguments(
    module: object, inputs: object, targets: object, own: object, weight_budget: object
) -> None:
    """Raise RecogError for arguments of `convert` of other types than it takes."""
    if not isinstance(module, ModuleOp):
        raise RecogError(
            f"the network is {kind(module)}, not a module of the IR",
            hint="recog.import_torch(network, example_inputs) makes one of a torch.nn.Module",
        )
    if not isinstance(inputs, Sequence) or isinstance(inputs, str | bytes) or not inputs:
        empty = " without elements" if isinstance(inputs, Sequence) and not inputs else ""
        raise RecogError(
            f"inputs are {kind(inputs)}{empty}, not a list of one array (N, ...) for each input "
            "of the network",
            hint="[images]",
        )
    for number, each in enumerate(inputs):
        if not hasattr(each, "shape"):
            raise RecogError(f"input {number} is {kind(each)}, not an array (N, ...)")
    if not isinstance(targets, np.ndarray | None):
        raise RecogError(
            f"targets are {kind(targets)}, not an array (N, ...)", hint="np.asarray(targets)"
        )
    if not isinstance(own, OwnObjective | None):
        raise RecogError(
            f"own is {kind(own)}, not an OwnObjective",
            hint="recog.tune(network, batches, loss) tunes on a loss of your own",
        )
    if weight_budget is not None and (not isinstance(weight_budget, int) or weight_budget < 1):
        raise RecogError(f"weight_budget is an integer of at least 1 byte, got {weight_budget!r}")


def checked_options(options: object) -> ConversionOptions:
    """The options. Raises RecogError for what is none, such as a dictionary."""
    if isinstance(options, ConversionOptions):
        return options
    raise RecogError(
        f"options are a recog.ConversionOptions, got {kind(options)}",
        hint="ConversionOptions(ratio=29, epochs=4)",
    )
