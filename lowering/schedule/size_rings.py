"""size-rings: how many rows of each tensor memory holds while a cascade goes down the image."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.lowering.schedule.demand import Cascade, Rows
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.plan import read_plan, write_plan
from recog.lowering.schedule.unplaced import unplaced_programs


@dataclass(frozen=True, kw_only=True)
class SizeRingsPass(ModulePass):
    """Write the fewest rows that do into the `rings` of each cascade that plan-cascades chose."""

    name = "size-rings"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            network = Network(program)
            plan = read_plan(program, network)
            for each in plan.cascades:
                cascade = Cascade(network, each.first, each.last)
                rows = Rows(cascade, each.rows)
                units = network.with_rows.difference(plan.beside(each), cascade.gathered)
                each.rings = {u.name: rows.held(u) for u in cascade.units if u in units}
            write_plan(program, network, plan)
