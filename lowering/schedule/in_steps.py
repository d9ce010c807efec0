"""What passes have in common that take an instruction of a program without places in steps."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute

from recog.dialects import chip
from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.lowering.common.layer_names import LAYER
from recog.lowering.common.rewriting import new_symbol
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.unplaced import show_outputs_as_made
from recog.lowering.select.allocation import aligned
from recog.lowering.select.program_builder import element_fields

SHARE = 8
"""What instructions read is large that takes more than this part of activation memory."""
LEAST_GAIN = 2
"""How many times less the rows of steps have to take."""


class Steps:
    """Adds steps to one program, and the tensors between them.

    Attributes:
        room: bytes of activation memory that one instruction may take before steps are tried.
    """

    def __init__(self, program: chip.ProgramOp):
        show_outputs_as_made(program)
        self._program, self._network = program, Network(program)
        self.scope, self.target = program.scope, program.target.data
        self.room = self.target.size(ACTIVATION_MEMORY) // SHARE
        self._end = max((aligned(unit.stop) for unit in self._network.units), default=0)
        named = (*program.ports, *program.segments, *program.descriptors)
        self._names = {op.sym_name.data for op in named}

    def has_rows(self, tensor: chip.TensorOp) -> bool:
        """Whether rows of what a tensor lies in can come and go."""
        return self._network.unit_of[tensor.sym_name.data] in self._network.with_rows

    def tensor(self, name: str, shape: tuple[int, int, int], element: Attribute) -> chip.TensorOp:
        """A tensor (channels, rows, columns) behind all others, whose name resembles `name`."""
        channels, height, width = shape
        tensor = chip.TensorOp(
            sym_name=new_symbol(name, self._names),
            address=self._end,
            channels=channels,
            height=height,
            width=width,
            **element_fields(element),
        )
        self._end = aligned(self._end + tensor.extent)
        return tensor

    def insert(
        self,
        op: chip.InstructionOp,
        tensors: Sequence[chip.TensorOp],
        parts: Sequence[chip.InstructionOp],
    ) -> bool:
        """Let parts of an instruction's layer come before it; False, and nothing is changed, where
        the addresses of tensors without places have no more bits."""
        if self._end > MAX_MEMORY:
            return False
        for part in parts:
            part.location = op.location
            part.attributes |= {k: v for k, v in op.attributes.items() if k == LAYER}
            part.attributes[chip.PARTIAL] = UnitAttr()
        block = self._program.body.block
        block.insert_ops_before(tensors, self._program.instructions[0])
        block.insert_ops_before(parts, op)
        return True
