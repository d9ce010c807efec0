"""Where in the user's source instructions come from, transfers too."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from recog.backend.cost.instructions import InstructionCost
from recog.backend.dependences import Access, accesses
from recog.dialects.chip import CopyOp, Scope, TensorOp, TransferOp


def sources(costs: Sequence[InstructionCost], scope: Scope) -> list[str]:
    """The source of each instruction, "" where it is not known.

    What only moves a tensor and says nothing of its own has the source of the instruction that
    computed it: the last one where several compute parts of it. Inputs have none.

    Args:
        costs: of instructions in program order.
    """
    written: dict[Hashable, str] = {}
    found = list[str]()
    for each in costs:
        source = each.source
        if source or isinstance(each.op, TransferOp | CopyOp):
            touched = list(accesses(each.op, scope))
            read = (written.get(_place(own), "") for own in touched if not own.written)
            source = source or next(filter(None, read), "")
            written |= {_place(own): source for own in touched if own.written}
        found.append(source)
    return found


def _place(access: Access) -> Hashable:
    """What views of one tensor have in common: its ring or address, or what lies in DRAM."""
    return place_of(access.tensor) if isinstance(access.tensor, TensorOp) else access.tensor


def place_of(tensor: TensorOp) -> Hashable:
    """What views of one tensor in activation memory have in common: its ring or address."""
    return tensor.ring.value.data or ("address", tensor.address.value.data)


__all__ = ["place_of", "sources"]
