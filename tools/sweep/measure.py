"""Converting and measuring the points of a sweep."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly import find_program
from recog.backend.assembly import weight_bytes as program_bytes
from recog.backend.cost import program_cost
from recog.backend.files import atomic_write
from recog.backend.machine import Machine
from recog.lowering.check.metrics import Metric, Outputs
from recog.lowering.pipeline import Conversion, Stage, convert, module_outputs, weight_bytes
from recog.tools.sweep.kept_stages import KeptStages
from recog.tools.sweep.measured import Measured
from recog.tools.sweep.space import Point

MICRO = 1e-6
"""Microjoules of a picojoule."""


class Measurer:
    """Converts a network as points say, and measures what comes out.

    Args:
        module: the network as imported.
        inputs: example inputs (N, ...), one array an argument, and targets where there are any:
            what conversions are made with.
        test_inputs: held-out inputs, on which the loss is measured.
        metric: scores outputs, against the targets of these or the float network's outputs.
        folder: for the files of chips.

    Raises:
        RecogError: the metric does not take what the network gives.
    """

    def __init__(
        self,
        module: ModuleOp,
        inputs: Sequence[np.ndarray],
        targets: np.ndarray | None,
        test_inputs: Sequence[np.ndarray],
        metric: Metric,
        folder: Path,
    ):
        self._module, self._inputs, self._targets = module, inputs, targets
        self._test_inputs, self._metric, self._folder = test_inputs, metric, folder
        self._stages, self._losses = KeptStages(), dict[str, float]()
        self._reference = module_outputs(module, test_inputs)
        self._float_score = self._score(self._reference)

    def measure(
        self, point: Point, progress: Callable[[str, float], None] | None = None
    ) -> Measured:
        """Convert and measure.

        Raises:
            RecogError: what the conversion refuses.
        """
        conversion = convert(
            self._module,
            self._inputs,
            targets=self._targets,
            options=point.on(self._chip_file(point)),
            progress=progress,
            kept=self._stages,
        )
        program = find_program(conversion.chip_module)
        cost = program_cost(program)
        host = 0 if conversion.host_part is None else weight_bytes(conversion.host_part)
        return Measured(
            loss=self._loss(conversion),
            bytes=program_bytes(program) + host,
            cycles=cost.latency,
            energy=cost.energy(cost.chip.energy[0]) * MICRO,
        )

    def _chip_file(self, point: Point) -> str:
        """A file of the point's chip."""
        if point.chip is None:
            return ""
        text = point.chip.to_file()
        path = self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.toml"
        if not path.exists():
            with atomic_write(path) as stream:
                stream.write(text)
        return str(path)

    def _loss(self, conversion: Conversion) -> float:
        """What the machine loses: no chip of the same arithmetic computes other bits."""
        key = self._stages.keys[Stage.LNS]
        if key not in self._losses:
            machine = Machine(conversion.assemble())
            outputs = conversion.network(machine)(*self._test_inputs)
            self._losses[key] = self._float_score - self._score(outputs)
        return self._losses[key]

    def _score(self, outputs: Outputs) -> float:
        frames = np.arange(len(self._test_inputs[0]))
        return float(self._metric.scores(outputs, self._reference, frames).mean())
