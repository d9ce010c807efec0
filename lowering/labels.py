"""Names for layers: one for each value that a float and an LNS module have in common.

A label is the torch module path where it is known, else the op's name, made unique in the
function. It is written as the attribute `layer`, follows an op through the levels, and
lets reports and comparisons find the same layer in each.
"""

from __future__ import annotations

from itertools import chain, count

from xdsl.dialects import func
from xdsl.dialects.builtin import FusedLoc, NameLoc, StringAttr
from xdsl.ir import Attribute, Operation

from recog.dialects import nn
from recog.lowering.encodable import absorbed_activation

LAYER = "layer"
"""The attribute that holds a layer's label."""


def label_of(op: Operation) -> str | None:
    """The label of an op, None where it has none."""
    label = op.attributes.get(LAYER)
    return label.data if isinstance(label, StringAttr) else None


def label_layers(function: func.FuncOp) -> None:
    """Label every nn op; an activation that its producer absorbs carries the producer's label."""
    ops = [op for op in function.walk() if isinstance(op, nn.NnOp)]
    taken = {label for op in ops if (label := label_of(op)) is not None}
    for op in ops:
        holder = absorbed_activation(op) or op
        if label_of(holder) is not None:
            continue
        name = _module_path(op.location) or op.name
        candidates = chain([name], (f"{name}#{i}" for i in count(2)))
        label = next(each for each in candidates if each not in taken)
        taken.add(label)
        holder.attributes[LAYER] = StringAttr(label)


def _module_path(location: Attribute) -> str | None:
    match location:
        case NameLoc():
            return location.desc.data or None
        case FusedLoc():
            paths = (_module_path(part) for part in location.locations)  # pyright: ignore
            return next((path for path in paths if path), None)
        case _:
            return None
