"""The schedule of a program that does not fit memory whole: all passes of this folder, in order."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.lowering.schedule.emit_stripes import EmitStripesPass
from recog.lowering.schedule.place_tensors import PlaceTensorsPass
from recog.lowering.schedule.plan_cascades import PlanCascadesPass
from recog.lowering.schedule.size_rings import SizeRingsPass

SCHEDULE: tuple[type[ModulePass], ...] = (
    PlanCascadesPass,
    SizeRingsPass,
    EmitStripesPass,
    PlaceTensorsPass,
)
"""Without check-hazards, which verifies a program alone: whatever runs this verifies it next."""


@dataclass(frozen=True, kw_only=True)
class SchedulePass(ModulePass):
    """Let programs whose tensors do not fit memory whole run some rows at a time.

    Runs plan-cascades, size-rings, emit-stripes and place-tensors.
    """

    name = "schedule"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for each in SCHEDULE:
            each().apply(ctx, op)
