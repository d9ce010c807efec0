"""Converters of recurrent layers, step by step: each step's ops stand in the module."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import Constant, ConverterContext, Registry, Unsupported
from recog.frontend.torch.ops.sampling import slice_axis

OPS = Registry()

LSTM = 2
"""The mode that stands for an LSTM in torch's enumeration of recurrent layers."""


@OPS.add("aten.mkldnn_rnn_layer.default")
def lstm_layer(
    c: ConverterContext,
    input: Any,
    weight0: Any,
    weight1: Any,
    weight2: Any,
    weight3: Any,
    hx_: Any,
    cx_: Any,
    reverse: bool,
    batch_sizes: Any,
    mode: int,
    hidden_size: int,
    num_layers: int,
    has_biases: bool,
    bidirectional: bool,
    batch_first: bool,
    train: bool,
) -> tuple[SSAValue | None, ...]:
    """One direction of one layer (Hochreiter & Schmidhuber 1997), gates in the order i, f, g, o.

    input (T, N, I), weights (4H, I) and (4H, H), biases (4H), states (N, H) → (T, N, H).
    """
    if mode != LSTM or batch_sizes:
        raise Unsupported("a recurrent layer of packed sequences, or of another kind than LSTM")
    steps, batch, _ = c.shape(input)
    bias = None
    if isinstance(weight2, Constant) and isinstance(weight3, Constant) and has_biases:
        bias = c.value(Constant(weight2.tensor + weight3.tensor, weight2.name, True))
    if has_biases and bias is None:
        raise Unsupported("the biases of a recurrent layer are computed by the network")
    driven = c.emit(nn.LinearOp(c.value(input), c.value(weight0), bias))
    recurrent = c.value(weight1)
    hidden, cell = c.value(hx_), c.value(cx_)
    first: Tensor | None = None  # what a state that is known gives at the first step
    if isinstance(hx_, Constant) and isinstance(weight1, Constant):
        first = hx_.tensor @ weight1.tensor.mT
    outputs: dict[int, SSAValue] = {}
    for step in reversed(range(steps)) if reverse else range(steps):
        now = slice_axis(c, driven, 0, step, step + 1, 1)
        now = c.emit(nn.ReshapeOp(now, (batch, 4 * hidden_size)))
        if first is not None and len(outputs) == 0:
            fed_back = c.value(Constant(first, "state", True))
        else:
            fed_back = c.emit(nn.LinearOp(hidden, recurrent, None))
        gates = c.emit(nn.AddOp(now, fed_back))
        hidden, cell = _step(c, gates, cell, hidden_size)
        outputs[step] = c.emit(nn.ReshapeOp(hidden, (1, batch, hidden_size)))
    joined = [outputs[step] for step in range(steps)]
    output = joined[0] if steps == 1 else c.emit(nn.ConcatOp(joined, 0))
    return output, hidden, cell, None


def _step(
    c: ConverterContext, gates: SSAValue, cell: SSAValue, size: int
) -> tuple[SSAValue, SSAValue]:
    parts = [slice_axis(c, gates, 1, k * size, (k + 1) * size, 1) for k in range(4)]
    enter, forget, leave = (c.emit(nn.SigmoidOp(parts[k])) for k in (0, 1, 3))
    candidate = c.emit(nn.TanhOp(parts[2]))
    kept, new = c.emit(nn.MulOp(forget, cell)), c.emit(nn.MulOp(enter, candidate))
    cell = c.emit(nn.AddOp(kept, new))
    return c.emit(nn.MulOp(leave, c.emit(nn.TanhOp(cell)))), cell
