"""The schedule of a program that does not fit memory whole: all passes of this folder, in order."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects.errors import RecogError
from recog.lowering.schedule.emit_stripes import EmitStripesPass
from recog.lowering.schedule.place_tensors import GapsError, PlaceTensorsPass
from recog.lowering.schedule.plan_cascades import PlanCascadesPass
from recog.lowering.schedule.size_rings import SizeRingsPass
from recog.lowering.schedule.split_peaks import SplitPeaksPass
from recog.lowering.schedule.split_pools import SplitPoolsPass
from recog.lowering.schedule.unplaced import unplaced_programs
from recog.lowering.select.allocation import ALIGNMENT

TRIES = 4
"""Plans that are made, each with more bytes left free than the one before, which gaps kept from
fitting."""


def passes(spare: int = 0) -> tuple[ModulePass, ...]:
    """All passes of a schedule, with so many bytes left free for gaps.

    Without check-hazards, which verifies a program alone: whatever runs this verifies it next.
    """
    split = (SplitPoolsPass(), SplitPeaksPass())
    plan = PlanCascadesPass(spare=spare)
    return (*split, plan, SizeRingsPass(), EmitStripesPass(), PlaceTensorsPass())


@dataclass(frozen=True, kw_only=True)
class SchedulePass(ModulePass):
    """Let programs whose tensors do not fit memory whole run some rows at a time.

    Runs split-pools, split-peaks, plan-cascades, size-rings, emit-stripes and place-tensors; again
    with some bytes left free where tensors do not fit for the gaps between them.
    """

    name = "schedule"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if next(unplaced_programs(op), None) is None:
            return
        first: GapsError | None = None
        spare = 0
        for _ in range(TRIES):
            planned = op.clone()
            try:
                for each in passes(spare):
                    each.apply(ctx, planned)
            except GapsError as error:
                first = first or error
                spare = max(spare + ALIGNMENT, error.spare)
                continue
            except RecogError as error:
                raise first or error from None
            _take(op, planned)
            return
        raise first or ValueError("no tries")


def _take(op: ModuleOp, other: ModuleOp) -> None:
    """Give a module what another holds."""
    for each in list(op.body.block.ops):
        each.detach()
        each.erase()
    for each in list(other.body.block.ops):
        each.detach()
        op.body.block.add_op(each)
