"""plan-cascades: choose which instructions run together, row by row, and what goes to DRAM."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.errors import RecogError, describe_op
from recog.dialects.shapes import LARGEST
from recog.dialects.words import counted
from recog.lowering.common.options import Options
from recog.lowering.schedule.network import Network
from recog.lowering.schedule.plan import write_plan
from recog.lowering.schedule.search import Search, least_memory, least_of
from recog.lowering.schedule.unplaced import show_outputs_as_made, unplaced_programs

TWICE = 15.0


@dataclass(frozen=True, kw_only=True)
class PlanCascadesPass(Options, ModulePass):
    """Choose the cascades of programs whose tensors have no places yet.

    A cascade is a run of instructions that goes down the image together, so that memory holds some
    rows of each tensor between them. What one leaves to another stays in memory, or goes to DRAM
    and back. Chosen are the fewest bytes to and from DRAM, then the fewest products computed twice:
    of a cascade only so many per cent, as long as some plan fits that computes no more.
    """

    name = "plan-cascades"

    spare: int = 0
    """Bytes of activation memory that are left free, for gaps between tensors."""

    twice: float = TWICE
    """Per cent of a cascade's products that may be computed twice, for fewer bytes of DRAM."""

    RANGES = {"spare": (0, LARGEST), "twice": (0.0, 1e6)}

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in unplaced_programs(op):
            plan_cascades(program, self.spare, self.twice)


def plan_cascades(program: chip.ProgramOp, spare: int = 0, twice: float = TWICE) -> None:
    """Write the best plan on a program without places; raises RecogError where none fits.

    Args:
        spare: bytes that are left free.
        twice: per cent of a cascade's products that may be computed twice.
    """
    search, memory = _search_of(program, spare, twice)
    plan = search.best_plan(memory)
    if plan is None:
        raise no_plan(search, memory, spare)
    write_plan(program, search.network, plan)


def check_fits(program: chip.ProgramOp) -> None:
    """Raise RecogError where no plan of a program without places fits; finds out sooner than the
    best one is found."""
    search, memory = _search_of(program)
    if not search.has_plan(memory):
        raise no_plan(search, memory)


def _search_of(program: chip.ProgramOp, spare: int = 0, twice: float = TWICE) -> tuple[Search, int]:
    """A search for plans, and how many bytes they may take."""
    show_outputs_as_made(program)
    memory = max(0, program.target.data.size(ACTIVATION_MEMORY) - spare)
    return Search(Network(program), twice / 100), memory


def no_plan(search: Search, memory: int, spare: int = 0) -> RecogError:
    """Says which instruction takes most, in however few rows and strips, and what would do.

    Args:
        memory: bytes that plans may take.
        spare: bytes that are left free beside them.
    """
    network = search.network
    needed = [least_of(network, number) for number in range(len(network.steps))]
    most = max(needed, key=lambda each: each.bytes)
    listed = "\n".join(f"  {size:>12,} bytes  {what}" for size, what in most.parts)
    how = "" if most.whole else ", computed in parts"
    enough = least_memory(search, max(most.bytes, memory)) + spare
    free = f", with {spare:,} of the chip's left free," if spare else ""
    return RecogError(
        f"activation memory of {counted(memory, 'byte')}{free} is too small: of all "
        f"instructions this one needs most at once, {most.bytes:,} bytes{how}:\n{listed}",
        where=describe_op(network.steps[needed.index(most)].op),
        hint=f"a target with activation_memory = {enough} would do",
    )
