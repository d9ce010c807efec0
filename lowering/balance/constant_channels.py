"""Channels of layers that give their bias alone: weights too small to change a code beside it.

Such as a batch norm leaves whose scale training has brought to nothing, but not its shift. Codes
hold neither the weights beside the bias nor the bias beside the weights: accumulators would have to
be wide enough for both.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.words import counted
from recog.lowering.common.notes import Note
from recog.lowering.encode.label_layers import layer_name
from recog.lowering.encode.legality import absorbed_activation
from recog.lowering.encode.precision_analysis import wide_values

SHARE = 2.0**-7
"""Of a bias: a change by less is under half of a step of the finest 8-bit codes."""
REACH = 0.5
"""Of a bias: what the weights could add to it for any input in the range of those seen."""


class ConstantChannels:
    """Watches the layers of a function on example inputs."""

    def __init__(self, function: func.FuncOp):
        wide = wide_values(function)
        self._biases = {
            op: np.abs(bias.astype(np.float64))
            for op in function.body.block.ops
            if isinstance(op, nn.LayerOp) and (bias := _own_bias(op, wide)) is not None
        }
        self._change: dict[nn.LayerOp, np.ndarray] = {}
        self._largest: dict[SSAValue, float] = {}

    def see(self, value: SSAValue, low: np.ndarray, high: np.ndarray) -> None:
        """Look at the lowest and the highest of each channel (axis 1) of a value, float64 (C)."""
        if any(use.operation in self._biases for use in value.uses):
            largest = float(max(high.max(), -low.min()))
            self._largest[value] = max(self._largest.get(value, 0.0), largest)
        op = value.owner
        if isinstance(op, nn.LayerOp) and op in self._biases and op.bias is not None:
            bias = constant_array(op.bias)
            change = np.maximum(high - bias, bias - low)
            self._change[op] = np.maximum(self._change.get(op, 0.0), change)

    def drop_weights(self) -> list[Note]:
        """Set the weights of constant channels to 0; a note on the layers that have some."""
        places: list[str] = []
        for op, change in self._change.items():
            weight, largest = constant_array(op.weight), self._largest.get(op.input, 0.0)
            if weight is None or not largest:
                continue
            rows = np.abs(weight.reshape(len(weight), -1).astype(np.float64))
            reach, bias = largest * rows.sum(axis=1), self._biases[op]
            constant = (change <= SHARE * bias) & (reach <= REACH * bias) & (reach > 0)
            if constant.any():
                _zero(op, weight, constant)
                name, count = layer_name(op), int(constant.sum())
                places.append(f"{name} ({count} of {counted(len(weight), 'channel')})")
        if not places:
            return []
        text = (
            "channels give their bias whatever the input: weights too small to change a code "
            "beside it became 0"
        )
        return [Note("constant-channels", text, "", tuple(places))]


def _own_bias(op: nn.LayerOp, wide: set[SSAValue]) -> np.ndarray | None:
    """The bias of a layer whose result has 8 bits or so, and whose constants are its own."""
    if not isinstance(op.weight.owner, ConstantOp) or not op.weight.has_one_use():
        return None
    if op.CHANNEL_AXIS != 1 and len(nn.shape_of(op.output)) != 2:
        return None
    activation = absorbed_activation(op)
    result = op.output if activation is None else activation.output
    returned = any(isinstance(use.operation, func.ReturnOp) for use in result.uses)
    if returned or op.bias is None or {op.output, result} & wide:
        return None
    return constant_array(op.bias)


def _zero(op: nn.LayerOp, weight: np.ndarray, channels: np.ndarray) -> None:
    values = weight.astype(np.float32)
    values[channels] = 0
    constant = ConstantOp.from_array(values, f32)
    owner = op.weight.owner
    constant.location = owner.location  # pyright: ignore[reportAttributeAccessIssue]
    constant.output.name_hint = op.weight.name_hint
    Rewriter.insert_op(constant, InsertPoint.after(owner))  # pyright: ignore[reportArgumentType]
    op.operands[1] = constant.output
