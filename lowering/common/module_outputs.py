"""What an nn module gives for many frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.functions import find_function
from recog.lowering.common.batches import groups_of_frames


def module_outputs(
    module: ModuleOp, inputs: Sequence[np.ndarray], entry: str = "main"
) -> tuple[np.ndarray, ...]:
    """All outputs of an nn module for all inputs, (N, ...) each; constants as they are."""
    import torch

    from recog.backend.interpreters.nn_runner import NnRunner

    groups = groups_of_frames(find_function(module, entry), len(inputs[0]))
    run = NnRunner(module, entry, frames_first=True)
    with torch.no_grad():
        parts = [run(*(np.asarray(x)[group] for x in inputs)) for group in groups]
    return tuple(
        np.concatenate([value.numpy() for value in values])
        if run.has_frames(index)
        else values[0].numpy()
        for index, values in enumerate(zip(*parts))
    )
