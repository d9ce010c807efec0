"""share-constants: one constant for a parameter that several layers use.

Left and right images go through one backbone. A batch norm folded once for each of them leaves
each with its own copy of the weights, equal in every bit: copies that clustering would group
twice, and that tuning would pull apart.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import LocationAttr, ModuleOp, UnknownLoc
from xdsl.ir import Attribute, Block
from xdsl.passes import ModulePass

from recog.dialects.data import ConstantOp


class ShareConstantsPass(ModulePass):
    """Make equal constants that come of one parameter one constant; others may differ later."""

    name = "share-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for block in {
            constant.parent for constant in op.walk() if isinstance(constant, ConstantOp)
        }:
            if block is not None:
                share_constants(block)


def share_constants(block: Block) -> None:
    """Use the first of equal constants of one location in place of the others."""
    known: dict[tuple[LocationAttr, Attribute, bytes], ConstantOp] = {}
    for op in list(block.ops):
        if not isinstance(op, ConstantOp) or isinstance(op.location, UnknownLoc):
            continue
        first = known.setdefault((op.location, op.value.type, op.value.content), op)
        if first is not op:
            op.output.replace_all_uses_with(first.output)
            op.detach()
            op.erase()
