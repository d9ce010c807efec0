"""The chip dialect: programs of the accelerator, one op an instruction or descriptor.

The op definitions are the only description of the instruction set: the assembler, the
disassembler, the verifier, the assembly text and docs/isa.md read opcodes and fields there.
"""

from xdsl.ir import Dialect

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
    ArgmaxOp,
    ConvolutionOp,
    ConvOp,
    CopyOp,
    DmaInOp,
    DmaOutOp,
    DwconvOp,
    EltOp,
    HaltOp,
    InstructionOp,
    LdwOp,
    MarkOp,
    PoolOp,
    TableOp,
)
from recog.dialects.chip.program import ProgramOp
from recog.dialects.chip.records import RecordOp
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.target import ChipTarget, TargetAttr
from recog.dialects.chip.weight_memory import LayerWeights, WeightMemory

Chip = Dialect(
    "chip",
    [
        ArgmaxOp,
        CodebookOp,
        ConvOp,
        CopyOp,
        DmaInOp,
        DmaOutOp,
        DwconvOp,
        EltOp,
        HaltOp,
        InputOp,
        LdwOp,
        MarkOp,
        OutputOp,
        PoolOp,
        ProgramOp,
        SegmentOp,
        TableOp,
        TensorOp,
        WeightsOp,
    ],
    [TargetAttr],
)

__all__ = [
    "ArgmaxOp",
    "Chip",
    "ChipTarget",
    "CodebookOp",
    "ConvOp",
    "ConvolutionOp",
    "CopyOp",
    "DescriptorOp",
    "DmaInOp",
    "DmaOutOp",
    "DwconvOp",
    "EltOp",
    "HaltOp",
    "InputOp",
    "InstructionOp",
    "LayerWeights",
    "LdwOp",
    "MarkOp",
    "OutputOp",
    "PoolOp",
    "PortOp",
    "ProgramOp",
    "RecordOp",
    "Scope",
    "SegmentOp",
    "TableOp",
    "TargetAttr",
    "TensorDescriptorOp",
    "TensorOp",
    "WeightMemory",
    "WeightsOp",
    "ChipTarget",
]
