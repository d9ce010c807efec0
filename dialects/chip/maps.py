"""Instructions on feature maps without weights: pools, elementwise functions, moves, argmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import ClassVar

from xdsl.utils.exceptions import VerifyException

from recog.dialects import sampling_shapes
from recog.dialects.chip.costs import Queue, WeightRead
from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.fields import (
    address_field,
    choice_field,
    flag_field,
    int_field,
    reference_field,
)
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    InstructionOp,
    pair_of,
    same_maps,
    verify_codes,
    verify_equal,
    verify_sign,
)
from recog.dialects.chip.layers import padding_of_part, reaches
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import AxisMap, Box, Maps
from recog.dialects.lns.pooling import MAX_STEPS
from recog.dialects.lns.types import NumberType
from recog.dialects.tensors import PIXEL_TYPE
from recog.dialects.windows import PoolWindow
from recog.dialects.words import counted

__all__ = ["ArgmaxOp", "ConstantOp", "CopyOp", "EltOp", "PoolOp", "ResizeOp", "TableOp", "ZeroOp"]


@record(0x12, INSTRUCTION)
class PoolOp(InstructionOp):
    """Largest value, mean or sum of each window; every channel on its own.

    `max` compares signed codes, padding never wins. `avg` sums antilogs exactly and encodes
    with thresholds times the count: the whole window, or, without `count_padding`, the
    positions inside.

    `sum` sums antilogs likewise and leaves them as they are: elements of the output are integers,
    `sums` of codes. Such sums may be summed once more, and `avg` encodes sums of them with
    thresholds times `count`. So a window can be summed in steps, along its rows first, with the
    bits of one step:

    chip.pool @means = @x {mode = avg, kernel_h = 90, kernel_w = 160}

    chip.pool @rows = @x {mode = sum, kernel_h = 1, kernel_w = 160}
    chip.pool @means = @rows {mode = avg, kernel_h = 90, kernel_w = 1, count = 14400}
    """

    name = "chip.pool"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(C, H', W')", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    mode = choice_field(2, "what a window gives", "max", "avg", "sum")
    kernel_h = int_field(10, "rows of a window", minimum=1)
    kernel_w = int_field(10, "columns of a window", minimum=1)
    stride_h = int_field(8, "rows from a window to the next", minimum=1, default=1)
    stride_w = int_field(8, "columns from a window to the next", minimum=1, default=1)
    pad_top = int_field(7, "rows of padding above", default=0)
    pad_left = int_field(7, "columns of padding to the left", default=0)
    pad_bottom = int_field(7, "rows of padding below", default=0)
    pad_right = int_field(7, "columns of padding to the right", default=0)
    count_padding = flag_field("avg: padding counts as zeros")
    dilation_h = int_field(6, "max: rows from a tap to the next", minimum=1, default=1)
    dilation_w = int_field(6, "max: columns from a tap to the next", minimum=1, default=1)
    count = int_field(32, "avg of sums: how many codes a mean is of", default=0, at=160)

    @property
    def kernel(self) -> tuple[int, int]:
        return pair_of(self, "kernel_h", "kernel_w")

    @property
    def strides(self) -> tuple[int, int]:
        return pair_of(self, "stride_h", "stride_w")

    @property
    def dilation(self) -> tuple[int, int]:
        return pair_of(self, "dilation_h", "dilation_w")

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right)."""
        top, left, bottom, right = self.pad_top, self.pad_left, self.pad_bottom, self.pad_right
        return (top.value.data, left.value.data, bottom.value.data, right.value.data)

    @property
    def window(self) -> PoolWindow:
        """How the window moves over the input, and whether padding counts in a mean."""
        count_padding = self.count_padding is not None
        return PoolWindow(
            self.strides,
            self.padding,
            self.dilation,
            kernel=self.kernel,
            count_padding=count_padding,
        )

    def maps(self, scope: Scope) -> Maps:
        x = scope.tensor(self.input).shape
        rows, columns = (
            AxisMap.window(x[1 + axis], self.strides[axis], self.padding[axis], reach)
            for axis, reach in enumerate(reaches(self.dilation, self.kernel))
        )
        return {"input": (rows, columns)}

    def window_of(self, computed: Box, read: Box) -> PoolWindow:
        """How the window moves over a part of the input to give a part of the output."""
        reach = reaches(self.dilation, self.kernel)
        padding = padding_of_part(self.strides, self.padding, reach, computed, read)
        return replace(self.window, padding=padding)

    def held_elements(self, scope: Scope) -> int:
        channels, height, width = self.part(scope, "input")
        top, left, bottom, right = self.padding
        padded = channels * (top + height + bottom) * (left + width + right)
        return max(super().held_elements(scope), padded)

    def work(self, scope: Scope) -> int:
        """Elements of all windows."""
        return super().work(scope) + self.output_elements(scope) * prod(self.kernel)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        try:
            _, *shape = sampling_shapes.window_shape(
                (1, *x.shape), self.kernel, self.strides, self.padding, self.dilation
            )
        except ValueError as error:
            raise VerifyException(str(error)) from None
        verify_equal("output shape", shape, list(y.shape))
        if self.mode.data == "max":
            verify_codes(x, y)
            verify_equal("element type", x.element_type, y.element_type)
        else:
            what = "mean" if self.mode.data == "avg" else "sum"
            verify_equal(f"dilation of a {what}", (1, 1), self.dilation)
            self._verify_sums(x, y)
        of_sums = self.mode.data == "avg" and x.summed is not None
        if of_sums != bool(self.count.value.data):
            raise VerifyException("a mean of sums has a count, and nothing else has")
        if self.count_padding is not None and (of_sums or self.mode.data == "sum"):
            raise VerifyException("count_padding goes with means of codes only")

    def _verify_sums(self, x: TensorOp, y: TensorOp) -> None:
        """What is summed, and what becomes of it."""
        if x.summed is None:
            verify_codes(x)
        if self.mode.data == "avg":
            verify_codes(y)
            verify_sign(y, False, x)
            return
        if y.summed is None:
            raise VerifyException(f"@{y.sym_name.data} must hold sums")
        formats = (NumberType(each) for each in (x.summed or x.format, y.summed))
        verify_equal("codes that are summed", *formats)
        summed = prod(self.kernel) * (x.sums.value.data or 1)
        if summed > y.sums.value.data:
            raise VerifyException(
                f"an element adds up {counted(summed, 'code')}, @{y.sym_name.data} is for sums of "
                f"{y.sums.value.data}"
            )

    def vector_steps(self, scope: Scope) -> int:
        """One for each element of each window."""
        return self.moved(scope)["output"] * prod(self.kernel)


@record(0x13, INSTRUCTION)
class EltOp(InstructionOp):
    """Elementwise operation on two tensors, whose axes of size 1 broadcast.

    `add` and `sub`: both antilogs, the exact sum or difference, encoded once. `mul`: the sum of
    the logarithms, rounded once; no antilog.
    """

    name = "chip.elt"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    lhs = reference_field("(C, H, W), or 1 in place of any of them", "chip.tensor", role="input")
    rhs = reference_field("(C, H, W), or 1 in place of any of them", "chip.tensor", role="input")
    mode = choice_field(3, "the operation", "add", "sub", "mul")
    relu = flag_field("negative results become zero")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, lhs=self.lhs, rhs=self.rhs)

    def verify_in(self, scope: Scope) -> None:
        lhs, rhs, y = (scope.tensor(each) for each in (self.lhs, self.rhs, self.output))
        verify_codes(lhs, rhs, y)
        try:
            _, *shape = sampling_shapes.elementwise_shape((1, *lhs.shape), (1, *rhs.shape))
        except ValueError:
            raise VerifyException(
                f"shapes {list(lhs.shape)} and {list(rhs.shape)} do not broadcast"
            ) from None
        verify_equal("output shape", shape, list(y.shape))
        relu = self.relu is not None
        if self.mode.data == "sub" and y.unsigned is not None and not relu:
            raise VerifyException("an unsigned difference needs relu")
        verify_sign(y, relu, lhs, rhs)


@record(0x17, INSTRUCTION)
class ResizeOp(InstructionOp):
    """Another height and width, those of the output; every channel on its own.

    `nearest`: output y is input floor(y * H / H'), in the same format. `bilinear`: output y lies
    at ((2y + 1) * H - H') / 2H', with `align_corners` at y * (H - 1) / (H' - 1), rounded to
    1 / steps_h of an input and clipped to the inputs; antilogs of the four neighbours are
    summed with integer weights exactly and encoded with thresholds times steps_h * steps_w.
    """

    name = "chip.resize"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(C, H', W')", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    mode = choice_field(2, "how elements in between are made", "nearest", "bilinear")
    align_corners = flag_field("bilinear: the outermost elements stay the outermost")
    steps_h = int_field(
        13, "bilinear: positions between two rows", minimum=1, maximum=MAX_STEPS, default=1
    )
    steps_w = int_field(
        13, "bilinear: positions between two columns", minimum=1, maximum=MAX_STEPS, default=1
    )

    @property
    def steps(self) -> tuple[int, int]:
        return pair_of(self, "steps_h", "steps_w")

    def maps(self, scope: Scope) -> Maps:
        x, y = scope.tensor(self.input).shape, scope.tensor(self.output).shape
        rows, columns = (self._map(axis, x[1 + axis], y[1 + axis]) for axis in (0, 1))
        return {"input": (rows, columns)}

    def _map(self, axis: int, given: int, wanted: int) -> AxisMap:
        if self.mode.data == "nearest":
            return AxisMap(given, given, wanted)
        steps = self.steps[axis]
        # The position in units of 1 / steps, rounded halves up, over steps: one division.
        if self.align_corners is not None:
            scale, first, over = given - 1, 0, max(wanted - 1, 1)
        else:
            scale, first, over = 2 * given, given - wanted, 2 * wanted
        divisor, first = 2 * over * steps, 2 * first * steps + over
        return AxisMap(given, 2 * scale * steps, divisor, first, first + divisor)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        verify_codes(x, y)
        verify_equal("output channels", x.shape[0], y.shape[0])
        if self.mode.data == "bilinear":
            verify_sign(y, False, x)
            return
        verify_equal("element type", x.element_type, y.element_type)
        if self.align_corners is not None or self.steps != (1, 1):
            raise VerifyException("align_corners and steps go with bilinear only")

    def vector_steps(self, scope: Scope) -> int:
        """One for each neighbour that an element is made of."""
        return self.moved(scope)["output"] * (4 if self.mode.data == "bilinear" else 1)


@record(0x18, INSTRUCTION)
class ZeroOp(InstructionOp):
    """Set all elements of a tensor to zero: the border that padding adds."""

    name = "chip.zero"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")

    def maps(self, scope: Scope) -> Maps:
        return {}


@record(0x14, INSTRUCTION)
class TableOp(InstructionOp):
    """Any unary function: entry i of a table in weight memory is what code i becomes.

    The table has 2^code_bits entries of the output's element size in bytes, the entry of the
    illegal negative zero included. Unsigned integers of 8 bits are the pixels of an image: entry
    i is what pixel i becomes.
    """

    name = "chip.table"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    address = address_field("first byte of the table in weight memory")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, input=self.input)

    def region(self, scope: Scope) -> range:
        """The bytes of weight memory that the table takes."""
        entries = 1 << scope.tensor(self.input).code_bits.value.data
        start = self.address.value.data
        return range(start, start + entries * scope.tensor(self.output).element_bytes)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        verify_codes(y)
        if x.element_type != PIXEL_TYPE:
            verify_codes(x)
        verify_equal("shape", list(x.shape), list(y.shape))

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        return (WeightRead("table", len(self.region(scope))),)


@record(0x19, INSTRUCTION)
class ConstantOp(InstructionOp):
    """Copy a constant tensor from weight memory, where its elements lie packed, in bytes."""

    name = "chip.constant"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    address = address_field("first byte of the elements in weight memory")

    def maps(self, scope: Scope) -> Maps:
        return {}

    def region(self, scope: Scope) -> range:
        """The bytes of weight memory that the elements take."""
        y = scope.tensor(self.output)
        start = self.address.value.data
        return range(start, start + prod(y.shape) * y.element_bytes)

    def verify_in(self, scope: Scope) -> None:
        verify_codes(scope.tensor(self.output))

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        element = scope.tensor(self.output).element_bytes
        return (WeightRead("constant", self.moved(scope)["output"] * element),)


@record(0x15, INSTRUCTION)
class CopyOp(InstructionOp):
    """The same values elsewhere, in another format where the formats differ.

    With `relu` negative codes become zero first. Formats of different biases alone differ by a
    saturating offset of the code; else each code is rounded once in the log domain.
    """

    name = "chip.copy"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    relu = flag_field("negative codes become zero")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, input=self.input)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        verify_equal("shape", list(x.shape), list(y.shape))
        if x.integer is not None and self.relu is None:
            verify_equal("element type", x.element_type, y.element_type)
            return
        verify_codes(x, y)
        verify_sign(y, self.relu is not None, x)


@record(0x30, INSTRUCTION)
class ArgmaxOp(InstructionOp):
    """Index of the largest value over the channels, ties to the lowest.

    As integers of any width that holds the index of the last channel.
    """

    name = "chip.argmax"
    QUEUE: ClassVar[Queue] = Queue.VECTOR

    output = reference_field("(1, H, W) integers", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, input=self.input)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        verify_codes(x)
        if y.integer is None or y.summed is not None:
            raise VerifyException("the output must hold integers")
        channels, *plane = x.shape
        verify_equal("output shape", [1, *plane], list(y.shape))
        largest = (1 << (y.code_bits.value.data - (y.unsigned is None))) - 1
        if channels - 1 > largest:
            raise VerifyException(f"{y.element_type} cannot hold the index {channels - 1}")

    def vector_steps(self, scope: Scope) -> int:
        """A comparison for each element of the input."""
        return self.moved(scope)["input"]
