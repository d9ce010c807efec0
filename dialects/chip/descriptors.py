"""Descriptors of tensors: what lies where in activation memory and DRAM, inputs and outputs too."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    IntAttr,
    IntegerType,
    Signedness,
    StringAttr,
    SymbolNameConstraint,
)
from xdsl.irdl import prop_def, traits_def
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from recog.dialects.bits import packed_size, unpack_signed
from recog.dialects.chip.fields import (
    Table,
    address_field,
    flag_field,
    int_field,
)
from recog.dialects.chip.records import RecordOp, RecordSize, record
from recog.dialects.chip.spans import Box
from recog.dialects.chip.sums import SumsType
from recog.dialects.lns.fixed import FIXED_WIDTH, FixedFormat, FixedType
from recog.dialects.lns.types import NumberType
from recog.dialects.number_format import MAX_BIAS, MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat
from recog.dialects.words import counted

__all__ = [
    "MAX_SUMMED",
    "BufferOp",
    "DescriptorOp",
    "InnerDescriptorOp",
    "InputOp",
    "OutputOp",
    "PortOp",
    "TensorDescriptorOp",
    "TensorOp",
    "verify_apart",
]

MAX_AXES = 4
"""Axes of an array that the host gives or takes, N included."""

SUMMED_BITS = 25
MAX_SUMMED = (1 << SUMMED_BITS) - 1
"""Codes that an element of a tensor of sums adds up at most: those of a frame of 33 megapixels."""

DESCRIPTOR = RecordSize(320, 256)


class DescriptorOp(RecordOp):
    """A record of what lies where that instructions refer to by its number in a table."""

    TABLE: ClassVar[Table] = "descriptors"

    sym_name: StringAttr = prop_def(SymbolNameConstraint())

    traits = traits_def(SymbolOpInterface())


class TensorDescriptorOp(DescriptorOp):
    """What tensors in activation memory and in DRAM have in common."""

    address = address_field("first byte")
    channels = int_field(24, "C", minimum=1)
    height = int_field(16, "H", minimum=1, default=1)
    width = int_field(16, "W", minimum=1, default=1)
    code_bits = int_field(
        7, "bits of an element; it takes 1, 2, 4 or 8 bytes", minimum=2, maximum=64, default=8
    )
    frac = int_field(
        4, "fraction bits: of the logarithm, or of fixed point", maximum=MAX_FRAC, default=4
    )
    bias = int_field(
        24,
        "the B of a code's value 2^((m - B) / 2^frac)",
        signed=True,
        maximum=MAX_BIAS,
        default=0,
    )
    unsigned = flag_field("elements have no sign")
    integer = flag_field("elements are integers, not LNS codes")
    fixed = flag_field("the integers are fixed point: they count 2^-frac", at=255)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels.value.data, self.height.value.data, self.width.value.data)

    @property
    def element_bytes(self) -> int:
        return next(size for size in (1, 2, 4, 8) if 8 * size >= self.code_bits.value.data)

    @property
    def format(self) -> LnsFormat:
        """The format of the codes; raises ValueError for integers."""
        if self.integer is not None:
            raise ValueError(f"@{self.sym_name.data} holds integers, not codes")
        return self._described_format()

    def _described_format(self) -> LnsFormat:
        bits, frac, bias = self.code_bits, self.frac, self.bias
        return LnsFormat(
            bits.value.data, frac.value.data, bias.value.data, unsigned=self.unsigned is not None
        )

    @property
    def element_type(self) -> NumberType | FixedType | IntegerType | SumsType:
        if self.integer is None:
            return NumberType(self.format)
        if self.fixed is not None:
            return FixedType(FixedFormat(self.frac.value.data))
        unsigned = self.unsigned is not None
        signedness = Signedness.UNSIGNED if unsigned else Signedness.SIGNLESS
        return IntegerType(self.code_bits.value.data, signedness)

    @property
    def holds_sums(self) -> bool:
        """Whether elements are sums of codes that are not encoded yet."""
        return False

    @property
    def summed(self) -> LnsFormat | None:
        """The format of the codes that elements are sums of; None where they are no sums."""
        return None

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type of an element in memory, little-endian."""
        signed = self.integer is not None and self.unsigned is None
        return np.dtype(f"<{'i' if signed else 'u'}{self.element_bytes}")

    @property
    def held_shape(self) -> tuple[int, int, int]:
        """(C, rows, columns) that memory holds."""
        return self.shape

    @property
    def strides(self) -> tuple[int, int, int]:
        """Bytes from one channel, row and element to the next."""
        _, height, width = self.shape
        step = self.element_bytes
        return (height * width * step, width * step, step)

    @property
    def extent(self) -> int:
        """Bytes from the first byte to the end of the last element."""
        steps = zip(self.held_shape, self.strides)
        return sum((size - 1) * stride for size, stride in steps) + self.element_bytes

    def verify_(self) -> None:
        bits = self.code_bits.value.data
        codes = self.integer is None or self.holds_sums
        if codes and not MIN_WIDTH <= bits <= MAX_WIDTH:
            raise VerifyException(
                f"code_bits of LNS codes must be in [{MIN_WIDTH}, {MAX_WIDTH}], got {bits}"
            )
        if not codes and bits not in (8, 16, 32, 64):
            raise VerifyException(f"code_bits of integers must be 8, 16, 32 or 64, got {bits}")
        if self.fixed is not None:
            plain = self.integer is None or self.unsigned is not None
            if plain or bits != FIXED_WIDTH:
                raise VerifyException(
                    f"fixed point is made of signed integers of {FIXED_WIDTH} bits"
                )


class InnerDescriptorOp(TensorDescriptorOp):
    """What tensors in activation memory and those put aside in DRAM have in common, which the host
    does not see: they may hold sums that are not encoded yet."""

    sums = int_field(
        SUMMED_BITS,
        "of integers: codes whose antilogs an element adds up at most, 0: they are no such sums",
        default=0,
        at=229,
    )
    wide = flag_field("sums take 8 bytes, not 4", at=254)

    @property
    def holds_sums(self) -> bool:
        return self.sums.value.data > 0

    @property
    def summed(self) -> LnsFormat | None:
        return self._described_format() if self.holds_sums else None

    @property
    def element_bytes(self) -> int:
        if not self.holds_sums:
            return super().element_bytes
        return 4 if self.wide is None else 8

    @property
    def element_type(self) -> NumberType | FixedType | IntegerType | SumsType:
        codes = self.summed
        if codes is None:
            return super().element_type
        count, width = self.sums.value.data, 8 * self.element_bytes
        return SumsType(IntAttr(count), NumberType(codes), IntAttr(width))

    @property
    def dtype(self) -> np.dtype:
        return super().dtype if self.summed is None else np.dtype(f"<i{self.element_bytes}")

    def verify_(self) -> None:
        super().verify_()
        if self.holds_sums and (self.integer is None or self.fixed is not None):
            raise VerifyException("sums are integers, not codes or fixed point")
        if self.wide is not None and not self.holds_sums:
            raise VerifyException("wide goes with sums only")


@record(0x01, DESCRIPTOR)
class TensorOp(InnerDescriptorOp):
    """A tensor in activation memory, channel after channel, row after row.

    Strides other than the packed ones describe a part of a larger tensor, every second
    element, or other axes first: so concatenation, slices and permutations move no data.

    Memory may hold less than the tensor. With `ring_rows` it holds so many rows, one after the
    other: row y lies in place y mod `ring_rows`, so a later row takes the place of an earlier one.
    With `columns` it holds so many columns from `first_column` on. Height, width and all positions
    are those of the whole tensor.

    Tensors that name the same `ring`, a number above 0, are channels, every one or every so many,
    and columns of one: the same rows lie in the same places, and no two channels or columns share a
    byte. Of them the machine knows which row lies where, and an instruction that reads a row waits
    until that row is there. In program order a row that is not there can never come: nothing wrote
    it, another row has its place, or something else was written over it.
    It is an error. Rings that begin at the same byte, with the same channels, rows and strides,
    have their places in common, so that a row of one can take the place of a row of another which
    is no longer needed; of other rings in the same bytes all rows are lost.

    Integers with `sums` are what `chip.pool` adds up in several steps: exact sums of the antilogs
    of up to so many codes, whose format `code_bits`, `frac`, `bias` and `unsigned` say, as signed
    integers of 32 bits, or with `wide` of 64. One that no so many codes can give is an error.

    chip.tensor @x {address = 0, channels = 16, height = 108, width = 192, ring_rows = 5, ring = 1}
    """

    name = "chip.tensor"

    row_stride = int_field(32, "bytes from a row to the next, 0 where rows are packed", default=0)
    channel_stride = int_field(
        32, "bytes from a channel to the next, 0 where channels are packed", default=0
    )
    column_stride = int_field(
        32, "bytes from an element of a row to the next, 0 where they are packed", default=0
    )
    ring_rows = int_field(16, "rows that memory holds, 0: all", default=0, at=256)
    first_column = int_field(16, "first column that memory holds", default=0, at=272)
    columns = int_field(
        16, "columns that memory holds, 0: all from the first on", default=0, at=288
    )
    ring = int_field(16, "which rows it has in common with others, 0: none", default=0, at=304)

    @property
    def held_rows(self) -> int:
        """How many rows memory holds at one time."""
        return self.ring_rows.value.data or self.shape[1]

    @property
    def held_columns(self) -> range:
        """The columns that memory holds."""
        first, count = self.first_column.value.data, self.columns.value.data
        return range(first, first + count if count else self.shape[2])

    @property
    def whole(self) -> Box:
        """All rows, and the columns that memory holds."""
        return Box(range(self.shape[1]), self.held_columns)

    @property
    def is_whole(self) -> bool:
        """Whether memory holds all of it."""
        _, height, width = self.shape
        return self.held_rows == height and len(self.held_columns) == width

    @property
    def held_shape(self) -> tuple[int, int, int]:
        """(C, rows, columns) that memory holds."""
        return (self.shape[0], self.held_rows, len(self.held_columns))

    @property
    def strides(self) -> tuple[int, int, int]:
        _, height, width = self.held_shape
        column = self.column_stride.value.data or self.element_bytes
        row = self.row_stride.value.data or width * column
        return (self.channel_stride.value.data or height * row, row, column)

    def verify_(self) -> None:
        super().verify_()
        _, height, width = self.shape
        if self.held_rows > height:
            raise VerifyException(f"ring_rows must be at most the height {height}")
        if self.held_columns.stop > width or not self.held_columns:
            raise VerifyException(f"columns must lie within the width {width}")
        verify_apart(self.strides, self.held_shape, self.element_bytes)


def verify_apart(strides: Sequence[int], shape: Sequence[int], element_bytes: int) -> None:
    """Raise VerifyException where two elements of (channels, rows, columns) have a byte in common.

    Args:
        strides: bytes from one channel, row and column to the next.
    """
    axes = zip(strides, shape, ("channel", "row", "column"))
    reach = element_bytes
    for stride, size, name in sorted(axes, key=lambda axis: axis[0]):
        if size > 1 and stride < reach:
            raise VerifyException(
                f"{name}s of {counted(reach, 'byte')} overlap at a {name}_stride of {stride}"
            )
        reach += (size - 1) * stride


@record(0x06, RecordSize(320, None))
class BufferOp(InnerDescriptorOp):
    """A packed tensor in DRAM that the host does not see: what a program puts aside.

    Buffers overlap neither each other nor inputs and outputs.
    """

    name = "chip.buffer"


class PortOp(TensorDescriptorOp):
    """What inputs and outputs have in common: a packed tensor in DRAM that the host sees.

    The host's array has shape (N, C, H, W)[:rank]; N frames run one after the other.
    """

    TABLE: ClassVar[Table] = "io"

    rank = int_field(
        3, "axes of the host's array, N included", minimum=1, maximum=MAX_AXES, default=MAX_AXES
    )

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of the host's array without N."""
        return self.shape[: self.rank.value.data - 1]

    def verify_(self) -> None:
        super().verify_()
        if prod(self.frame_shape) != prod(self.shape):
            raise VerifyException(
                f"an array of rank {self.rank.value.data} cannot hold {list(self.shape)}"
            )


@record(0x02, DESCRIPTOR)
class InputOp(PortOp):
    """An input of the program; its symbol names it, the order of inputs is the host's."""

    name = "chip.input"

    encoded = flag_field("the host gives float32, which become codes before the program starts")

    def verify_(self) -> None:
        super().verify_()
        if self.encoded is not None and self.integer is not None:
            raise VerifyException("integers have no float encoding")


@record(0x03, DESCRIPTOR)
class OutputOp(PortOp):
    """An output of the program; its symbol names it, the order of outputs is the host's.

    With bias bits the host decodes channel c with the bias B = bias + entry c of the bias table,
    bit-packed two's complement in weight memory, low bits first: channels of one tensor can have
    units of their own.

    With host bits the host takes signed integers of so many bits, of the same values: DRAM holds no
    more of each than the program needs.

    chip.output @map {address = 0, channels = 9, integer, unsigned, rank = 2, host_bits = 64}
    """

    name = "chip.output"

    decoded = flag_field("the host takes float32, made of the elements at the end")
    bias_table = address_field("first byte of the bias table in weight memory", default=0)
    bias_bits = int_field(5, "bits of an entry of the bias table", maximum=22, default=0)
    host_bits = int_field(
        7,
        "bits of an integer as the host takes it, 0: as it is stored",
        maximum=64,
        default=0,
        at=256,
    )

    @property
    def host_dtype(self) -> np.dtype:
        """The NumPy type of an element as the host takes it, where it is not decoded."""
        bits = self.host_bits.value.data
        return np.dtype(f"<i{bits // 8}") if bits else self.dtype

    @property
    def bias_region(self) -> range:
        """The bytes of weight memory that the bias table takes."""
        start = self.bias_table.value.data
        size = packed_size(self.channels.value.data, self.bias_bits.value.data)
        return range(start, start + size)

    def decoding(self, table: bytes) -> LnsFormat:
        """The format that the host decodes frames (N, C, ...) from, with its bias table's bytes.

        Raises:
            ValueError: the bytes are no such table.
        """
        bits, least = self.bias_bits.value.data, self.bias.value.data
        if not bits:
            return self.format
        offsets = unpack_signed(table, bits, self.channels.value.data)
        return self.format.with_bias(tuple(least + each for each in offsets.tolist()), 1)

    def verify_(self) -> None:
        super().verify_()
        if self.bias_bits.value.data and (self.decoded is None or self.integer is not None):
            raise VerifyException("only codes that are decoded have a bias table")
        if self.bias_bits.value.data and self.rank.value.data < 2:
            raise VerifyException("a bias table needs an array with an axis of channels")
        if self.decoded is not None and self.integer is not None and self.fixed is None:
            raise VerifyException("integers have no float decoding")
        self._verify_host_bits()

    def _verify_host_bits(self) -> None:
        bits, stored = self.host_bits.value.data, self.code_bits.value.data
        if not bits:
            return
        if self.integer is None or self.fixed is not None:
            raise VerifyException("only integers, not codes or fixed point, have host_bits")
        if bits not in (16, 32, 64):
            raise VerifyException(f"host_bits must be 16, 32 or 64, or 0 for none, got {bits}")
        if bits <= stored:
            raise VerifyException(
                f"host_bits must be more than the {stored} bits that are stored, got {bits}"
            )
