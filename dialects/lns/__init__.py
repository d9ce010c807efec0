"""The lns dialect: tensors of logarithmic codes and the exact integer arithmetic on them."""

from xdsl.ir import Dialect

from recog.dialects.data import MaterializeConstant
from recog.dialects.lns.ops import (
    AddOp,
    ArgmaxOp,
    AvgPool2dOp,
    ConcatOp,
    Conv2dOp,
    ConvertOp,
    DecodeOp,
    EncodeOp,
    LinearOp,
    MaxPool2dOp,
    MultiplyAccumulateOp,
    ReluOp,
    ReshapeOp,
    TableOp,
)
from recog.dialects.lns.types import (
    ArithmeticAttr,
    NumberType,
    codes_type,
    format_of,
    number_tensor,
    shape_of,
)

Lns = Dialect(
    "lns",
    [
        AddOp,
        ArgmaxOp,
        AvgPool2dOp,
        ConcatOp,
        Conv2dOp,
        ConvertOp,
        DecodeOp,
        EncodeOp,
        LinearOp,
        MaxPool2dOp,
        ReluOp,
        ReshapeOp,
        TableOp,
    ],
    [ArithmeticAttr, NumberType],
    [MaterializeConstant()],
)

__all__ = [
    "AddOp",
    "ArgmaxOp",
    "ArithmeticAttr",
    "AvgPool2dOp",
    "ConcatOp",
    "Conv2dOp",
    "ConvertOp",
    "DecodeOp",
    "EncodeOp",
    "LinearOp",
    "Lns",
    "MaxPool2dOp",
    "MultiplyAccumulateOp",
    "NumberType",
    "ReluOp",
    "ReshapeOp",
    "TableOp",
    "codes_type",
    "format_of",
    "number_tensor",
    "shape_of",
]
