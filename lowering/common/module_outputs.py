"""What an nn module gives for many frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.functions import find_function
from recog.lowering.common.batches import frames_at_once


def module_outputs(
    module: ModuleOp, inputs: Sequence[np.ndarray], entry: str = "main"
) -> tuple[np.ndarray, ...]:
    """All outputs of an nn module for all inputs, (N, ...) each; constants as they are."""
    import torch

    from recog.backend.interpreters.nn_runner import NnRunner

    batch = frames_at_once(find_function(module, entry))
    run = NnRunner(module, entry, frames_first=True)
    with torch.no_grad():
        parts = [
            run(*(np.asarray(x)[i : i + batch] for x in inputs))
            for i in range(0, len(inputs[0]), batch)
        ]
    return tuple(
        np.concatenate([value.numpy() for value in values])
        if run.has_frames(index)
        else values[0].numpy()
        for index, values in enumerate(zip(*parts))
    )
