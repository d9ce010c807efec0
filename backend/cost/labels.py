"""The layers that instructions do parts of, where what they say of themselves is not enough."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from recog.backend.cost.instructions import own_label, written_name
from recog.backend.cost.sources import place_of
from recog.dialects.chip import CopyOp, InstructionOp, Scope
from recog.dialects.chip.steps import steps_of


def labels(ops: Sequence[InstructionOp], scope: Scope) -> list[str]:
    """The label of the layer that each instruction does, or a part of.

    What has none of its own has the name of the tensor that it writes. A schedule gives each strip
    tensors of its own, and copies columns from one to another: the parts of a step, and copies of
    what it gave, have the shortest name of all these tensors, that of the step without strips.

    Args:
        ops: the instructions of a program, in order.
    """
    writers: dict[Hashable, Hashable] = {}
    said: dict[Hashable, str] = {}
    names: dict[Hashable, str] = {}
    parts = list[Hashable]()
    for op, step in zip(ops, steps_of(ops, scope)):
        own, name, tensors = own_label(op), written_name(op), op.tensor_fields(scope)
        part: Hashable = name if step is None else step
        if own is not None:
            part = ("label", own)
            said[part] = own
        elif step is None and isinstance(op, CopyOp):
            part = writers.get(place_of(tensors["input"]), name)
        if "output" in tensors:
            writers[place_of(tensors["output"])] = part
        names[part] = min(names.get(part, name), name, key=lambda each: (len(each), each))
        parts.append(part)
    return [said.get(part, names[part]) for part in parts]


__all__ = ["labels"]
