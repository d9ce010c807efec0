"""check-hazards: every row that an instruction reads is there when it is read."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects import chip
from recog.dialects.verification import verify_module


@dataclass(frozen=True, kw_only=True)
class CheckHazardsPass(ModulePass):
    """Walk through each program and follow which row lies where, as every loader does.

    Fails at the first instruction that would wait for ever: a row that it reads was never written,
    or another has taken its place.
    """

    name = "check-hazards"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for program in op.body.block.ops:
            if isinstance(program, chip.ProgramOp):
                verify_module(program)
