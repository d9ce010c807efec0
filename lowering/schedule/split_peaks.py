"""split-peaks: rank rows of large heat maps as they come, so that memory need not hold all."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from recog.dialects import chip
from recog.dialects.chip.peaks import SIDE
from recog.lowering.schedule.in_steps import LEAST_GAIN, Steps
from recog.lowering.schedule.unplaced import unplaced_programs

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
    steps = Steps(program)
    for op in program.instructions:
        if isinstance(op, chip.PeaksOp) and _is_worth_it(op, steps):
            _replace(op, steps)


def _is_worth_it(op: chip.PeaksOp, steps: Steps) -> bool:
    heat = steps.scope.tensor(op.heat)
    channels, height, width = heat.shape
    count = steps.scope.tensor(op.output).shape[0]
    row = channels * width * heat.element_bytes
    candidates = count * height * (heat.element_bytes + INDEX_BYTES)
    held = min(SIDE, height) * row + candidates
    large = height * row > max(steps.room, LEAST_GAIN * held - 1)
    return large and steps.has_rows(heat)


def _replace(op: chip.PeaksOp, steps: Steps) -> None:
    heat, count = steps.scope.tensor(op.heat), steps.scope.tensor(op.output).shape[0]
    shape, index = (count, heat.shape[1], 1), IntegerType(8 * INDEX_BYTES)
    codes = steps.tensor(f"{op.output.string_value()}.rows", shape, heat.element_type)
    found = steps.tensor(f"{op.indices.string_value()}.rows", shape, index)
    logits = op.sigmoid is not None
    made = {"output": codes.sym_name.data, "indices": found.sym_name.data}
    rows = chip.PeaksRowsOp(**made, heat=heat.sym_name.data, logits=logits)
    if not steps.insert(op, [codes, found], [rows]):
        return
    best = chip.PeaksBestOp(
        output=op.output,
        indices=op.indices,
        codes=codes.sym_name.data,
        found=found.sym_name.data,
        sigmoid=logits,
    )
    best.attributes |= op.attributes
    best.location = op.location
    Rewriter.replace_op(op, best, [])
