"""The chip's instructions: 128-bit words that name descriptors."""

from __future__ import annotations

from xdsl.irdl import traits_def
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.chip.descriptors import CodebookOp, TensorOp
from recog.dialects.chip.fields import (
    address_field,
    choice_field,
    flag_field,
    int_field,
    reference_field,
)
from recog.dialects.chip.records import RecordOp, record
from recog.dialects.chip.scope import Scope

INSTRUCTION_BITS = 128


class InstructionOp(RecordOp):
    """An instruction. They run in program order.

    Each may wait for and signal one of 31 counting semaphores, which start at zero: `wait`
    takes one from its semaphore before the instruction starts, `signal` adds one when it has
    ended. In program order a wait for an empty semaphore can never end; it is an error.
    """

    wait = int_field(5, "semaphore to take from before the start, 0: none", default=0, at=118)
    signal = int_field(5, "semaphore to add to at the end, 0: none", default=0, at=123)

    def verify_in(self, scope: Scope) -> None:
        """Raise VerifyException unless the instruction fits the descriptors that it names."""


@record(0x01, INSTRUCTION_BITS)
class LdwOp(InstructionOp):
    """Load weights: copy a part of a segment from DRAM into weight memory.

    Weights are resident: no two loads write the same byte.
    """

    name = "chip.ldw"

    segment = reference_field("where from", "chip.segment", table="segments", role="input")
    offset = int_field(32, "first byte in the segment", default=0, hex=True)
    size = int_field(32, "bytes", minimum=1)
    address = address_field("first byte in weight memory")

    @property
    def region(self) -> range:
        """The bytes of weight memory that it writes."""
        start = self.address.value.data
        return range(start, start + self.size.value.data)

    def verify_in(self, scope: Scope) -> None:
        available = len(scope.segment(self.segment).data)
        end = self.offset.value.data + self.size.value.data
        if end > available:
            raise VerifyException(f"the load ends at byte {end} of a segment of {available} bytes")


@record(0x02, INSTRUCTION_BITS)
class DmaInOp(InstructionOp):
    """Copy an input from DRAM into activation memory."""

    name = "chip.dma.in"

    output = reference_field("where to", "chip.tensor", role="output")
    input = reference_field("where from", "chip.input", table="io", role="input")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.port(self.input), scope.tensor(self.output)
        _verify_equal("shape", list(x.shape), list(y.shape))
        _verify_equal("element type", x.element_type, y.element_type)


@record(0x03, INSTRUCTION_BITS)
class DmaOutOp(InstructionOp):
    """Copy a tensor from activation memory to an output in DRAM."""

    name = "chip.dma.out"

    output = reference_field("where to", "chip.output", table="io", role="output")
    input = reference_field("where from", "chip.tensor", role="input")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.port(self.output)
        _verify_equal("shape", list(x.shape), list(y.shape))
        _verify_equal("element type", x.element_type, y.element_type)


class ConvolutionOp(InstructionOp):
    """What conv and dwconv have in common."""

    output = reference_field("(O, H', W')", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    weights = reference_field("(O, C / groups, kh, kw)", "chip.weights", role="input")
    stride_h = int_field(5, "rows from a window to the next", minimum=1, default=1)
    stride_w = int_field(5, "columns from a window to the next", minimum=1, default=1)
    dilation_h = int_field(5, "rows from a tap to the next", minimum=1, default=1)
    dilation_w = int_field(5, "columns from a tap to the next", minimum=1, default=1)
    pad_top = int_field(5, "rows of zeros above", default=0)
    pad_left = int_field(5, "columns of zeros to the left", default=0)
    pad_bottom = int_field(5, "rows of zeros below", default=0)
    pad_right = int_field(5, "columns of zeros to the right", default=0)
    relu = flag_field("negative sums become zero")

    @property
    def strides(self) -> tuple[int, int]:
        return (self.stride_h.value.data, self.stride_w.value.data)

    @property
    def dilation(self) -> tuple[int, int]:
        return (self.dilation_h.value.data, self.dilation_w.value.data)

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right)."""
        top, left, bottom, right = self.pad_top, self.pad_left, self.pad_bottom, self.pad_right
        return (top.value.data, left.value.data, bottom.value.data, right.value.data)

    def groups(self, scope: Scope) -> int:
        """Input channels over the weights' input channels."""
        return scope.tensor(self.input).shape[0] // scope.weights(self.weights).shape[1]

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        weights = scope.weights(self.weights)
        weight = weights.shape
        _verify_codes(x, y)
        _verify_sign(y, self.relu is not None, x, scope.codebook(weights.codebook))
        if y.unsigned is not None and self.relu is None and weights.initial_bits.value.data:
            raise VerifyException("an unsigned output of signed initial values needs relu")
        if x.shape[0] % weight[1]:
            raise VerifyException(
                f"the weights want a multiple of {weight[1]} channels, the input has {x.shape[0]}"
            )
        try:
            _, *shape = shapes.conv2d_shape(
                (1, *x.shape),
                weight,
                self.strides,
                self.padding,
                self.dilation,
                self.groups(scope),
            )
        except ValueError as error:
            raise VerifyException(str(error)) from None
        _verify_equal("output shape", shape, list(y.shape))


@record(0x10, INSTRUCTION_BITS)
class ConvOp(ConvolutionOp):
    """Convolution (cross-correlation) of codes, accumulated exactly, encoded once.

    The input's channels over the weights' give the groups. A fully connected layer is the
    convolution of a (C, 1, 1) tensor with a 1x1 kernel.
    """

    name = "chip.conv"


@record(0x11, INSTRUCTION_BITS)
class DwconvOp(ConvolutionOp):
    """Depthwise convolution: every input channel is a group of its own."""

    name = "chip.dwconv"

    def verify_in(self, scope: Scope) -> None:
        super().verify_in(scope)
        in_channels = scope.weights(self.weights).shape[1]
        if in_channels != 1:
            raise VerifyException(f"depthwise weights have 1 input channel, got {in_channels}")


@record(0x12, INSTRUCTION_BITS)
class PoolOp(InstructionOp):
    """Largest value or mean of each window; every channel on its own.

    `max` compares signed codes, padding never wins. `avg` sums antilogs exactly and encodes
    with thresholds times the count: the whole window, or, without `count_padding`, the
    positions inside.
    """

    name = "chip.pool"

    output = reference_field("(C, H', W')", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    mode = choice_field(2, "what a window gives", "max", "avg")
    kernel_h = int_field(8, "rows of a window", minimum=1)
    kernel_w = int_field(8, "columns of a window", minimum=1)
    stride_h = int_field(8, "rows from a window to the next", minimum=1, default=1)
    stride_w = int_field(8, "columns from a window to the next", minimum=1, default=1)
    pad_top = int_field(7, "rows of padding above", default=0)
    pad_left = int_field(7, "columns of padding to the left", default=0)
    pad_bottom = int_field(7, "rows of padding below", default=0)
    pad_right = int_field(7, "columns of padding to the right", default=0)
    count_padding = flag_field("avg: padding counts as zeros")

    @property
    def kernel(self) -> tuple[int, int]:
        return (self.kernel_h.value.data, self.kernel_w.value.data)

    @property
    def strides(self) -> tuple[int, int]:
        return (self.stride_h.value.data, self.stride_w.value.data)

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right)."""
        top, left, bottom, right = self.pad_top, self.pad_left, self.pad_bottom, self.pad_right
        return (top.value.data, left.value.data, bottom.value.data, right.value.data)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        _verify_codes(x, y)
        try:
            _, *shape = shapes.pool2d_shape((1, *x.shape), self.kernel, self.strides, self.padding)
        except ValueError as error:
            raise VerifyException(str(error)) from None
        _verify_equal("output shape", shape, list(y.shape))
        if self.mode.data == "max":
            _verify_equal("element type", x.element_type, y.element_type)
        else:
            _verify_sign(y, False, x)


@record(0x13, INSTRUCTION_BITS)
class EltOp(InstructionOp):
    """Elementwise operation on two tensors: both antilogs, the exact sum, encoded once."""

    name = "chip.elt"

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    lhs = reference_field("(C, H, W)", "chip.tensor", role="input")
    rhs = reference_field("(C, H, W)", "chip.tensor", role="input")
    mode = choice_field(3, "the operation", "add")
    relu = flag_field("negative sums become zero")

    def verify_in(self, scope: Scope) -> None:
        lhs, rhs, y = (scope.tensor(each) for each in (self.lhs, self.rhs, self.output))
        _verify_codes(lhs, rhs, y)
        _verify_equal("shape", list(lhs.shape), list(rhs.shape))
        _verify_equal("shape", list(lhs.shape), list(y.shape))
        _verify_sign(y, self.relu is not None, lhs, rhs)


@record(0x14, INSTRUCTION_BITS)
class TableOp(InstructionOp):
    """Any unary function: entry i of a table in weight memory is what code i becomes.

    The table has 2^code_bits entries of the output's element size in bytes, the entry of the
    illegal negative zero included.
    """

    name = "chip.table"

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    address = address_field("first byte of the table in weight memory")

    def region(self, scope: Scope) -> range:
        """The bytes of weight memory that the table takes."""
        entries = 1 << scope.tensor(self.input).format.width
        start = self.address.value.data
        return range(start, start + entries * scope.tensor(self.output).element_bytes)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        _verify_codes(x, y)
        _verify_equal("shape", list(x.shape), list(y.shape))


@record(0x15, INSTRUCTION_BITS)
class CopyOp(InstructionOp):
    """The same values elsewhere, in another format where the formats differ.

    With `relu` negative codes become zero first. Formats of different biases alone differ by a
    saturating offset of the code; else each code is rounded once in the log domain.
    """

    name = "chip.copy"

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    relu = flag_field("negative codes become zero")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        _verify_equal("shape", list(x.shape), list(y.shape))
        if x.integer is not None and self.relu is None:
            _verify_equal("element type", x.element_type, y.element_type)
            return
        _verify_codes(x, y)
        _verify_sign(y, self.relu is not None, x)


@record(0x30, INSTRUCTION_BITS)
class ArgmaxOp(InstructionOp):
    """Index of the largest value over the channels, ties to the lowest, as integers."""

    name = "chip.argmax"

    output = reference_field("(1, H, W) integers", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        _verify_codes(x)
        if y.integer is None:
            raise VerifyException("the output must hold integers")
        channels, *plane = x.shape
        _verify_equal("output shape", [1, *plane], list(y.shape))
        largest = (1 << (y.code_bits.value.data - (y.unsigned is None))) - 1
        if channels - 1 > largest:
            raise VerifyException(f"{y.element_type} cannot hold the index {channels - 1}")


@record(0x7E, INSTRUCTION_BITS)
class MarkOp(InstructionOp):
    """A point in time for traces; the machine does nothing."""

    name = "chip.mark"

    number = int_field(16, "which point")


@record(0x7F, INSTRUCTION_BITS)
class HaltOp(InstructionOp):
    """The end of the program: its last instruction, and no other."""

    name = "chip.halt"

    traits = traits_def(IsTerminator())


def _verify_codes(*tensors: TensorOp) -> None:
    for tensor in tensors:
        if tensor.integer is not None:
            raise VerifyException(f"@{tensor.sym_name.data} must hold codes, not integers")


def _verify_equal(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise VerifyException(f"{what} must be {expected}, got {actual}")


def _verify_sign(output: TensorOp, relu: bool, *inputs: TensorOp | CodebookOp) -> None:
    """Unsigned results drop negative values: ask for a ReLU rather than do it in silence."""
    if output.unsigned is None or relu or all(x.unsigned is not None for x in inputs):
        return
    raise VerifyException("an unsigned output of signed inputs needs relu")
