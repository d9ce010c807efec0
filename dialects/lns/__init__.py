"""The lns dialect: tensors of logarithmic codes and the exact integer arithmetic on them.

The semantics of every op is written out in docs/arithmetic.md and, executable, in
recog.backend.arithmetic.reference.definition and .sampling. All ops take and give NCHW tensors of
`!lns.number`; a result's format is part of its type, so the IR alone fixes every bit.
"""

from xdsl.ir import Dialect

from recog.dialects.data import MaterializeConstant
from recog.dialects.lns.boxes import (
    BOX_OPS,
    DecodeBoxes2dOp,
    DecodeBoxes3dOp,
    PeaksOp,
    SuppressOp,
)
from recog.dialects.lns.conversion import ArgmaxOp, DecodeOp, EncodeOp
from recog.dialects.lns.elementwise import (
    AddOp,
    BinaryOp,
    ConvertOp,
    MulOp,
    ReluOp,
    SubOp,
    TableOp,
)
from recog.dialects.lns.fixed import DecodeFixedOp, FixedType, frac_of
from recog.dialects.lns.layers import (
    Conv2dOp,
    ConvTranspose2dOp,
    LinearOp,
    MultiplyAccumulateOp,
)
from recog.dialects.lns.pooling import AvgPool2dOp, MaxPool2dOp, ResizeOp
from recog.dialects.lns.stereo import CorrelationOp, ExpectationOp, ReciprocalOp
from recog.dialects.lns.structure import ConcatOp, PadOp, PermuteOp, ReshapeOp, SliceOp
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
        ConvTranspose2dOp,
        ConvertOp,
        CorrelationOp,
        DecodeBoxes2dOp,
        DecodeBoxes3dOp,
        DecodeFixedOp,
        DecodeOp,
        EncodeOp,
        ExpectationOp,
        LinearOp,
        MaxPool2dOp,
        MulOp,
        PadOp,
        PeaksOp,
        PermuteOp,
        ReciprocalOp,
        ReluOp,
        ReshapeOp,
        ResizeOp,
        SliceOp,
        SubOp,
        SuppressOp,
        TableOp,
    ],
    [ArithmeticAttr, FixedType, NumberType],
    [MaterializeConstant()],
)

__all__ = [
    "AddOp",
    "ArgmaxOp",
    "ArithmeticAttr",
    "AvgPool2dOp",
    "BOX_OPS",
    "BinaryOp",
    "ConcatOp",
    "Conv2dOp",
    "ConvTranspose2dOp",
    "ConvertOp",
    "CorrelationOp",
    "DecodeBoxes2dOp",
    "DecodeBoxes3dOp",
    "DecodeFixedOp",
    "DecodeOp",
    "EncodeOp",
    "ExpectationOp",
    "FixedType",
    "LinearOp",
    "Lns",
    "MaxPool2dOp",
    "MulOp",
    "MultiplyAccumulateOp",
    "NumberType",
    "PadOp",
    "PeaksOp",
    "PermuteOp",
    "ReciprocalOp",
    "ReluOp",
    "ReshapeOp",
    "ResizeOp",
    "SliceOp",
    "SubOp",
    "SuppressOp",
    "TableOp",
    "codes_type",
    "format_of",
    "frac_of",
    "number_tensor",
    "shape_of",
]
