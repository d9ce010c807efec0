"""estimate-cost: write on each instruction when it runs and what it is bound by."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.passes import ModulePass

from recog.backend.chips import load_chip
from recog.backend.cost import ProgramCost, program_cost
from recog.backend.cost.replay import Slice
from recog.dialects.chip import ChipTarget, ProgramOp, Queue
from recog.dialects.errors import RecogError, fail

COST = "cost"
"""The attribute of an instruction, and of a program, that holds what it costs."""


@dataclass(frozen=True)
class EstimateCostPass(ModulePass):
    """Write on each instruction of a program its start, end and cycles by resource, and what it is
    bound by; on the program the cycles of a frame and from one frame to the next.

    The cost model is that of `recog cost` (docs/cost.md). Nothing else changes.
    """

    name = "estimate-cost"

    target: str | None = None
    """The chip, by name or TOML file; by default the one that each program is made for."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        programs = [each for each in op.body.block.ops if isinstance(each, ProgramOp)]
        if not programs:
            raise RecogError("the module has no chip program", hint="run convert-lns-to-chip first")
        for program in programs:
            if program.unplaced is not None:
                fail(
                    program,
                    "its tensors have no places in memory yet",
                    hint="run schedule first, or emit-stripes and place-tensors",
                )
            _annotate(program, program_cost(program, self._chip(program), called=self.target))

    def _chip(self, program: ProgramOp) -> ChipTarget | None:
        if self.target is None:
            return None
        return load_chip(self.target, ChipTarget().computing(program.target.data.arithmetic))


def _annotate(program: ProgramOp, cost: ProgramCost) -> None:
    program.attributes[COST] = _dictionary(cycles=cost.latency, period=cost.period)
    for each in cost.replay.slices:
        if each.cost.queue is not Queue.CONTROL:
            each.cost.op.attributes[COST] = _slice(each)


def _slice(each: Slice) -> DictionaryAttr:
    return _dictionary(
        queue=each.cost.queue.value,
        start=each.start,
        end=each.end,
        **each.cost.cycles,
        bound=each.cost.bound,
    )


def _dictionary(**values: int | str) -> DictionaryAttr:
    return DictionaryAttr(
        {
            name: StringAttr(value) if isinstance(value, str) else IntegerAttr(value, i64)
            for name, value in values.items()
        }
    )
