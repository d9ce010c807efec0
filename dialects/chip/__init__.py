"""The chip dialect: programs of the accelerator, one op an instruction or descriptor.

The op definitions are the only description of the instruction set: the assembler, the
disassembler, the verifier, the assembly text and docs/isa.md read opcodes and fields there.
"""

from xdsl.ir import Dialect

from recog.dialects.chip.boxes import Boxdec2dOp, Boxdec3dOp, BoxdecOp, NmsOp, PeaksOp
from recog.dialects.chip.descriptors import (
    CodebookOp,
    DescriptorOp,
    InputOp,
    OutputOp,
    PortOp,
    SegmentOp,
    TensorDescriptorOp,
    TensorOp,
    WeightsOp,
)
from recog.dialects.chip.instructions import (
    DmaInOp,
    DmaOutOp,
    HaltOp,
    InstructionOp,
    LdwOp,
    MarkOp,
)
from recog.dialects.chip.layers import (
    ConvolutionOp,
    ConvOp,
    DeconvOp,
    DwconvOp,
    LayerOp,
)
from recog.dialects.chip.maps import (
    ArgmaxOp,
    ConstantOp,
    CopyOp,
    EltOp,
    PoolOp,
    ResizeOp,
    TableOp,
    ZeroOp,
)
from recog.dialects.chip.program import ProgramOp
from recog.dialects.chip.records import RecordOp
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.stereo import (
    CorrOp,
    Disp2depthOp,
    ExpectAddOp,
    ExpectationOp,
    ExpectOp,
)
from recog.dialects.chip.target import ChipTarget, Memory, TargetAttr
from recog.dialects.chip.weight_memory import LayerWeights, WeightMemory

Chip = Dialect(
    "chip",
    [
        ArgmaxOp,
        Boxdec2dOp,
        Boxdec3dOp,
        CodebookOp,
        ConstantOp,
        ConvOp,
        CopyOp,
        CorrOp,
        DeconvOp,
        Disp2depthOp,
        DmaInOp,
        DmaOutOp,
        DwconvOp,
        EltOp,
        ExpectAddOp,
        ExpectOp,
        HaltOp,
        InputOp,
        LdwOp,
        MarkOp,
        NmsOp,
        OutputOp,
        PeaksOp,
        PoolOp,
        ProgramOp,
        ResizeOp,
        SegmentOp,
        TableOp,
        TensorOp,
        WeightsOp,
        ZeroOp,
    ],
    [TargetAttr],
)

__all__ = [
    "ArgmaxOp",
    "Boxdec2dOp",
    "Boxdec3dOp",
    "BoxdecOp",
    "Chip",
    "ChipTarget",
    "CodebookOp",
    "ConstantOp",
    "ConvOp",
    "ConvolutionOp",
    "CopyOp",
    "CorrOp",
    "DeconvOp",
    "DescriptorOp",
    "Disp2depthOp",
    "DmaInOp",
    "DmaOutOp",
    "DwconvOp",
    "EltOp",
    "ExpectAddOp",
    "ExpectOp",
    "ExpectationOp",
    "HaltOp",
    "InputOp",
    "InstructionOp",
    "LayerOp",
    "LayerWeights",
    "LdwOp",
    "MarkOp",
    "Memory",
    "NmsOp",
    "OutputOp",
    "PeaksOp",
    "PoolOp",
    "PortOp",
    "ProgramOp",
    "RecordOp",
    "ResizeOp",
    "Scope",
    "SegmentOp",
    "TableOp",
    "TargetAttr",
    "TensorDescriptorOp",
    "TensorOp",
    "WeightMemory",
    "WeightsOp",
    "ZeroOp",
    "ChipTarget",
]
