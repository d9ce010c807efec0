"""split-peaks: rank rows of large heat maps as they come, so that memory need not hold all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.chip.hardware import MAX_MEMORY
from recog.dialects.chip.peaks import SIDE
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.lowering.common.layer_names import LAYER
from recog.lowering.common.rewriting import new_symbol
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.split_pools import LEAST_GAIN, SHARE
from recog.lowering.schedule.unplaced import show_outputs_as_made, unplaced_programs
from recog.lowering.select.allocation import aligned
from recog.lowering.select.program_builder import element_fields

INDEX_BYTES = 8


@dataclass(frozen=True)
class SplitPeaksPass(ModulePass):
    """Take the peaks of large heat maps in programs without places in two steps.

    Peaks take their heat map whole. Where that takes more than an eighth of activation memory, and
    what is found in its rows half as much or less, the highest of each row are found as it comes,
    and the highest of all among those. Both compare codes as one instruction does, so no bit
    changes.
    """

    name = "split-peaks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            split_peaks(program)


def split_peaks(program: chip.ProgramOp) -> None:
    """Take the peaks of large heat maps of a program without places in two steps."""
    show_outputs_as_made(program)
    splitter = _Splitter(program)
    for op in program.instructions:
        if isinstance(op, chip.PeaksOp):
            splitter.split(op)


class _Splitter:
    """Takes the peaks of one program in steps."""

    def __init__(self, program: chip.ProgramOp):
        self._program, self._network = program, Network(program)
        self._scope = program.scope
        self._room = program.target.data.size(ACTIVATION_MEMORY) // SHARE
        self._end = max((aligned(unit.stop) for unit in self._network.units), default=0)
        named = (*program.ports, *program.segments, *program.descriptors)
        self._names = {op.sym_name.data for op in named}

    def split(self, op: chip.PeaksOp) -> None:
        """Take peaks in two steps, if that is worth it."""
        heat = self._scope.tensor(op.heat)
        if self._network.unit_of[heat.sym_name.data] not in self._network.with_rows:
            return
        channels, height, width = heat.shape
        count = self._scope.tensor(op.output).shape[0]
        row = channels * width * heat.element_bytes
        candidates = count * height * (heat.element_bytes + INDEX_BYTES)
        held = min(SIDE, height) * row + candidates
        if height * row > max(self._room, LEAST_GAIN * held - 1):
            self._replace(op, heat, count)

    def _replace(self, op: chip.PeaksOp, heat: chip.TensorOp, count: int) -> None:
        elements = element_fields(heat.element_type), element_fields(IntegerType(8 * INDEX_BYTES))
        named = zip((op.output, op.indices), elements)
        codes, found = (
            self._rows(each.string_value(), heat, count, fields) for each, fields in named
        )
        if self._end > MAX_MEMORY:
            return  # the addresses of tensors without places have no more bits
        logits = op.sigmoid is not None
        made = {"output": codes.sym_name.data, "indices": found.sym_name.data}
        rows = chip.PeaksRowsOp(**made, heat=heat.sym_name.data, logits=logits)
        rows.attributes |= {k: v for k, v in op.attributes.items() if k == LAYER}
        rows.attributes[chip.PARTIAL] = UnitAttr()
        best = chip.PeaksBestOp(
            output=op.output,
            indices=op.indices,
            codes=codes.sym_name.data,
            found=found.sym_name.data,
            sigmoid=logits,
        )
        best.attributes |= op.attributes
        rows.location = best.location = op.location
        block = self._program.body.block
        block.insert_ops_before([codes, found], self._program.instructions[0])
        block.insert_ops_before([rows, best], op)
        op.detach()
        op.erase()

    def _rows(
        self, name: str, heat: chip.TensorOp, count: int, fields: Mapping[str, object]
    ) -> chip.TensorOp:
        """A tensor of so many elements for each row of a heat map."""
        tensor = chip.TensorOp(
            sym_name=new_symbol(f"{name}.rows", self._names),
            address=self._end,
            channels=count,
            height=heat.shape[1],
            width=1,
            **fields,
        )
        self._end = aligned(self._end + tensor.extent)
        return tensor
