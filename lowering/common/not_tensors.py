"""What a network returns that is no tensor: said, since no level of a conversion gives it."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from recog.dialects import nn
from recog.lowering.common.notes import Note


def not_tensor_notes(module: ModuleOp) -> list[Note]:
    """A note of what the import of a network found among its outputs that is no tensor."""
    found = module.attributes.get(nn.NOT_TENSORS)
    if not isinstance(found, ArrayAttr):
        return []
    values = tuple(each.data for each in found.data if isinstance(each, StringAttr))
    if not values:
        return []
    return [
        Note("not-tensors", "what the network returns that is no tensor is left out", "", values)
    ]
