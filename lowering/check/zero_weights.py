"""Layers that compute nothing: all their weights are zero."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.lowering.common.notes import Note
from recog.lowering.encode.label_layers import layer_name


def zero_weight_notes(module: ModuleOp) -> list[Note]:
    """A note on the layers whose weights are all zero, batch norms of scale 0 folded into them."""
    places: list[str] = []
    for op in module.walk():
        weight = constant_array(op.weight) if isinstance(op, nn.LayerOp) else None
        if weight is not None and weight.size and not weight.any():
            places.append(layer_name(op))
    if not places:
        return []
    text = "weights are all zero, so the output is the bias whatever the input"
    advice = "check the checkpoint, or remove the layer"
    return [Note("zero-weights", text, advice, tuple(dict.fromkeys(places)))]
