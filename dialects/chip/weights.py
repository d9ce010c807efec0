"""The weights of a program: segments of its bytes, and what lies where in weight memory."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Self

import numpy as np
from xdsl.dialects.builtin import (
    IntegerType,
    Signedness,
    StringAttr,
    SymbolNameConstraint,
)
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from recog.dialects.bits import packed_size
from recog.dialects.chip.descriptors import DESCRIPTOR, DescriptorOp
from recog.dialects.chip.fields import (
    ChoiceField,
    Table,
    address_field,
    flag_field,
    int_field,
    reference_field,
)
from recog.dialects.chip.records import record
from recog.dialects.data import DenseAttr
from recog.dialects.number_format import MAX_BIAS, MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat

__all__ = ["CodebookOp", "SegmentOp", "WeightsOp"]

UI8 = IntegerType(8, Signedness.UNSIGNED)
SEGMENT_KIND = ChoiceField(
    2, "what the bytes are", "kind", choices=("pointers", "tables", "biases")
)


@irdl_op_definition
class SegmentOp(IRDLOperation):
    """Bytes of the program file that `chip.ldw` loads into weight memory.

    `pointers` holds bit-packed pointers of clustered weights, `tables` codebooks, dense
    weights and function tables, `biases` the accumulators' initial values and the weights'
    biases. Together they are the weight bytes of a program.

    chip.segment @codes tables dense<[1, 2]> : tensor<2xui8>
    """

    TABLE: ClassVar[Table] = "segments"

    name = "chip.segment"

    sym_name: StringAttr = prop_def(SymbolNameConstraint())
    kind: StringAttr = prop_def(SEGMENT_KIND)  # pyright: ignore[reportAssignmentType]
    content = prop_def(DenseAttr)

    traits = traits_def(SymbolOpInterface())

    def __init__(self, sym_name: str, kind: str, content: bytes | DenseAttr):
        if isinstance(content, bytes):
            content = DenseAttr.from_array(np.frombuffer(content, np.uint8), UI8)
        super().__init__(
            properties={
                "sym_name": StringAttr(sym_name),
                "kind": StringAttr(kind),
                "content": content,
            }
        )

    @property
    def data(self) -> bytes:
        return self.content.content

    def verify_(self) -> None:
        type_ = self.content.type
        if type_.element_type != UI8 or type_.get_num_dims() != 1:
            raise VerifyException(f"a segment holds bytes, tensor<Nxui8>, got {type_}")
        self.content.verify_content()
        if not self.data:
            raise VerifyException("a segment must not be empty")

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name().data
        kind = parser.parse_identifier()
        if kind not in SEGMENT_KIND.choices:
            parser.raise_error(f"a segment holds {' or '.join(SEGMENT_KIND.choices)}, got {kind}")
        return cls(name, kind, DenseAttr.parse_typed(parser))

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.kind.data} ")
        self.content.print_typed(printer)


@record(0x04, DESCRIPTOR)
class CodebookOp(DescriptorOp):
    """A table of blocks of weight codes in weight memory.

    A block is cut from a weight (O, I, kh, kw) along each axis; its codes are row-major.
    Entries follow each other without gaps, bit-packed. The weights give the bias.
    """

    name = "chip.codebook"

    address = address_field("first byte in weight memory")
    entries = int_field(28, "K, the number of blocks", minimum=1)
    block_out = int_field(8, "output channels of a block", minimum=1, default=1)
    block_in = int_field(8, "input channels of a block", minimum=1, default=1)
    block_h = int_field(8, "rows of a block", minimum=1, default=1)
    block_w = int_field(8, "columns of a block", minimum=1, default=1)
    code_bits = int_field(5, "bits of a code", minimum=MIN_WIDTH, maximum=MAX_WIDTH, default=8)
    frac = int_field(4, "fraction bits of the logarithm", maximum=MAX_FRAC, default=4)
    unsigned = flag_field("codes have no sign")

    @property
    def block(self) -> tuple[int, int, int, int]:
        sizes = (self.block_out, self.block_in, self.block_h, self.block_w)
        out, in_, height, width = (size.value.data for size in sizes)
        return (out, in_, height, width)

    @property
    def format(self) -> LnsFormat:
        """The format of the codes, with bias 0."""
        return LnsFormat(
            self.code_bits.value.data, self.frac.value.data, unsigned=self.unsigned is not None
        )

    @property
    def elements(self) -> int:
        return self.entries.value.data * prod(self.block)

    @property
    def region(self) -> range:
        """The bytes of weight memory that it takes."""
        start = self.address.value.data
        return range(start, start + packed_size(self.elements, self.code_bits.value.data))


@record(0x05, DESCRIPTOR)
class WeightsOp(DescriptorOp):
    """The weights of a layer, (O, I / groups, kh, kw): pointers into a codebook, and biases.

    Blocks tile the weight in row-major order. Pointer b, `pointer_bits` wide, tells which
    codebook entry block b is; with no pointer bits block b is entry b, so the codebook is
    the weight itself, and the layer is dense.

    Output channel c has the bias B_w = bias + entry c of the bias table (none with no
    bias bits), and its accumulator starts at entry c of the two's-complement initial values
    (zero with no initial bits). Pointers, bias table and initial values are bit-packed, low
    bits first, each from a byte on.
    """

    name = "chip.weights"

    codebook = reference_field("the blocks", "chip.codebook", role="input")
    pointers = address_field("first byte of the pointers in weight memory", default=0)
    pointer_bits = int_field(5, "bits of a pointer", maximum=16, default=0)
    out_channels = int_field(24, "O", minimum=1)
    in_channels = int_field(24, "I / groups", minimum=1)
    kernel_h = int_field(8, "kh", minimum=1, default=1)
    kernel_w = int_field(8, "kw", minimum=1, default=1)
    bias = int_field(24, "the least B_w of a channel", signed=True, maximum=MAX_BIAS, default=0)
    bias_table = address_field("first byte of the bias table in weight memory", default=0)
    bias_bits = int_field(5, "bits of an entry of the bias table", maximum=16, default=0)
    initial = address_field("first byte of the initial values in weight memory", default=0)
    initial_bits = int_field(7, "bits of an initial value", maximum=64, default=0)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(O, I / groups, kh, kw)."""
        sizes = (self.out_channels, self.in_channels, self.kernel_h, self.kernel_w)
        out, in_, height, width = (size.value.data for size in sizes)
        return (out, in_, height, width)

    def table_regions(self, blocks: int) -> dict[str, range]:
        """The bytes of weight memory that its own tables take, by name."""
        channels = self.out_channels.value.data
        parts = {
            "pointers": (self.pointers, blocks, self.pointer_bits),
            "bias table": (self.bias_table, channels, self.bias_bits),
            "initial values": (self.initial, channels, self.initial_bits),
        }
        return {
            name: range(
                address.value.data, address.value.data + packed_size(count, bits.value.data)
            )
            for name, (address, count, bits) in parts.items()
            if bits.value.data
        }
