"""What a conversion made: the network at each stage, and its program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.machine import Machine
from recog.backend.split_network import Run, SplitNetwork
from recog.dialects.data import ConstantOp
from recog.lowering.allocation.plan import Plan
from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.common.notes import Note
from recog.lowering.pipeline.named import ConversionOptions
from recog.lowering.pipeline.stages import Stage


@dataclass
class Conversion:
    """What a conversion made: the module after each stage, in order.

    From `Stage.SPLIT` on, where there is one, the stages hold the chip's part.
    """

    stages: dict[Stage, ModuleOp] = field(default_factory=dict[Stage, ModuleOp])
    chip_part: ModuleOp | None = None
    """The folded float network's part for the chip, None where that is all."""
    host_part: ModuleOp | None = None
    """The host's part, the function @host of float ops, None where there is none."""
    options: ConversionOptions = field(default_factory=ConversionOptions)
    plan: Plan | None = None
    """The layouts of layers, where they were chosen now."""
    notes: list[Note] = field(default_factory=list[Note])
    """What calibration did not see or cannot hold, one note a kind."""

    @property
    def float_module(self) -> ModuleOp:
        """The folded float network, or its chip part, balanced: what later stages compare with."""
        return self.stages.get(Stage.BALANCED) or self.chip_part or self.stages[Stage.FOLDED]

    def network(self, chip: Machine | Run) -> SplitNetwork:
        """The whole network, whose chip's part a machine runs, or a function in its place."""
        return SplitNetwork(chip, self.host_part)

    def chip_inputs(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """The inputs of the chip's part, of which the host gives some, in float."""
        module = self.chip_part
        if module is None:
            return tuple(inputs)
        return self.network(lambda *x: module_outputs(module, x)).chip_inputs(*inputs)

    @property
    def lns_module(self) -> ModuleOp:
        return self.stages[Stage.LNS]

    @property
    def chip_module(self) -> ModuleOp:
        return self.stages[Stage.CHIP]

    def assemble(self) -> bytes:
        """The program file's bytes. Every stage was verified when it was reached."""
        from recog.backend.assembly import assemble

        return assemble(self.chip_module, verified=True)


def weight_bytes(module: ModuleOp) -> int:
    """Bytes of all constants of a module, pointers packed: what the weights take at this level."""
    return sum(len(op.value.content) for op in module.walk() if isinstance(op, ConstantOp))
