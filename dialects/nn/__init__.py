"""The nn dialect: the graph level, float tensors in NCHW with static shapes.

The ops mirror torch's functional operators one to one, so that a module of this dialect
reads like the network it came from. Attributes carry the field's usual names; all of
them are properties. Batch normalization is an op of its own until `fold-batch-norm`.

    func.func @main(%x: tensor<1x1x8x8xf32>) -> tensor<1x16x8x8xf32> {
      %w = data.constant dense<0.5> : tensor<16x1x3x3xf32>
      %y = nn.conv2d %x, %w {padding = array<i64: 1, 1, 1, 1>} : (...) -> tensor<1x16x8x8xf32>
      func.return %y : tensor<1x16x8x8xf32>
    }
"""

from __future__ import annotations

from xdsl.ir import Dialect

from recog.dialects.data import MaterializeConstant
from recog.dialects.nn.base import FLOAT_TYPES, TENSORS, NnOp, UnaryOp, element_type_of, shape_of
from recog.dialects.nn.elementwise import (
    AddOp,
    BinaryOp,
    ClampOp,
    DivOp,
    GeluOp,
    HardsigmoidOp,
    HardswishOp,
    LeakyReluOp,
    MulOp,
    ReluOp,
    SigmoidOp,
    SiluOp,
    SoftmaxOp,
    SubOp,
    TanhOp,
)
from recog.dialects.nn.layers import BatchNormOp, Conv2dOp, LinearOp
from recog.dialects.nn.pooling import AvgPool2dOp, MaxPool2dOp, MeanOp
from recog.dialects.nn.sampling import PermuteOp, ResizeOp, SliceOp
from recog.dialects.nn.structure import ConcatOp, PadOp, ReshapeOp
from recog.dialects.nn.transposed import ConvTranspose2dOp

Nn = Dialect(
    "nn",
    [
        AddOp,
        AvgPool2dOp,
        BatchNormOp,
        ClampOp,
        ConcatOp,
        Conv2dOp,
        ConvTranspose2dOp,
        DivOp,
        GeluOp,
        HardsigmoidOp,
        HardswishOp,
        LeakyReluOp,
        LinearOp,
        MaxPool2dOp,
        MeanOp,
        MulOp,
        PadOp,
        PermuteOp,
        ReluOp,
        ReshapeOp,
        ResizeOp,
        SigmoidOp,
        SiluOp,
        SliceOp,
        SoftmaxOp,
        SubOp,
        TanhOp,
    ],
    [],
    [MaterializeConstant()],
)

__all__ = [
    "TENSORS",
    "FLOAT_TYPES",
    "AddOp",
    "AvgPool2dOp",
    "BatchNormOp",
    "BinaryOp",
    "ClampOp",
    "ConcatOp",
    "Conv2dOp",
    "ConvTranspose2dOp",
    "DivOp",
    "GeluOp",
    "HardsigmoidOp",
    "HardswishOp",
    "LeakyReluOp",
    "LinearOp",
    "MaxPool2dOp",
    "MeanOp",
    "MulOp",
    "Nn",
    "NnOp",
    "PadOp",
    "PermuteOp",
    "ReluOp",
    "ReshapeOp",
    "ResizeOp",
    "SigmoidOp",
    "SiluOp",
    "SliceOp",
    "SoftmaxOp",
    "SubOp",
    "TanhOp",
    "UnaryOp",
    "element_type_of",
    "shape_of",
]
