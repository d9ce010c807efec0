"""label_layers: every nn op gets the label that follows it through the levels."""

from __future__ import annotations

from itertools import count

from xdsl.dialects import func
from xdsl.dialects.builtin import FusedLoc, NameLoc, StringAttr
from xdsl.ir import Attribute, Operation

from recog.backend.assembly.strings import printable
from recog.dialects import nn
from recog.lowering.common.layer_names import LAYER, label_of, numbered
from recog.lowering.encode.legality import absorbed_activation


def label_layers(function: func.FuncOp) -> None:
    """Label every nn op; an activation that its producer absorbs carries the producer's label."""
    ops = [op for op in function.walk() if isinstance(op, nn.NnOp)]
    taken = {label for op in ops if (label := label_of(op)) is not None}
    for op in ops:
        holder = absorbed_activation(op) or op
        if label_of(holder) is not None:
            continue
        name = layer_name(op)
        candidates = (numbered(name, i) for i in count(1))
        label = next(each for each in candidates if each not in taken)
        taken.add(label)
        holder.attributes[LAYER] = StringAttr(label)


def layer_name(op: Operation) -> str:
    """What a float op is called in messages: the path of its torch module, else what op it is."""
    return module_path(op.location) or op.name


def module_path(location: Attribute) -> str | None:
    """The path of the torch module that an op is of, where its location has it."""
    match location:
        case NameLoc():
            return printable(location.desc.data) if location.desc.data else None
        case FusedLoc():
            paths = (module_path(part) for part in location.locations)  # pyright: ignore
            return next((path for path in paths if path), None)
        case _:
            return None
