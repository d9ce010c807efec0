"""Running a conversion that was read from its folder, in float and on the machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recog.backend.arithmetic.engine import EngineOptions
from recog.backend.machine import Machine
from recog.backend.split_network import SplitNetwork
from recog.dialects.functions import find_function, result_names
from recog.dialects.words import counted
from recog.lowering.pipeline import Stage, module_outputs
from recog.tools.console import stage
from recog.tools.report.conversion_record import ConversionParts

Arrays = Sequence[np.ndarray]


def outputs_of(
    parts: ConversionParts, inputs: Arrays, engine: EngineOptions
) -> tuple[Arrays, Arrays, list[str]]:
    """The float network's outputs, the machine's, and what they are called.

    Args:
        parts: with `Stage.FLOAT`.
        inputs: of the network, (N, ...) each.
    """
    module = parts.stages[Stage.FLOAT]
    with stage(f"run {counted(len(inputs[0]), 'input')} in float and on the machine"):
        network = SplitNetwork(Machine(parts.program, engine), parts.host)
        names = result_names(find_function(module, "main"))
        return module_outputs(module, inputs), network(*inputs), names
