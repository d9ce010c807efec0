"""Instructions with weights: codes times codes, accumulated exactly, encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.bits import packed_size
from recog.dialects.chip.costs import Products, Queue, WeightRead, phases
from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.fields import flag_field, int_field, reference_field
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    InstructionOp,
    pair_of,
    verify_codes,
    verify_equal,
    verify_sign,
)
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import AxisMap, Box, Maps
from recog.dialects.windows import Padding, Window
from recog.dialects.words import counted

__all__ = ["ConvOp", "ConvolutionOp", "DeconvOp", "DwconvOp", "LayerOp"]


class LayerOp(InstructionOp):
    """What the instructions with weights have in common."""

    output = reference_field("(O, H', W')", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    weights = reference_field("(O, C / groups, kh, kw)", "chip.weights", role="input")

    QUEUE: ClassVar[Queue] = Queue.MAC

    @property
    def strides(self) -> tuple[int, int]:
        return pair_of(self, "stride_h", "stride_w")

    @property
    def dilation(self) -> tuple[int, int]:
        return pair_of(self, "dilation_h", "dilation_w")

    def groups(self, scope: Scope) -> int:
        """Input channels over the weights' input channels."""
        return scope.tensor(self.input).shape[0] // scope.weights(self.weights).shape[1]

    def work(self, scope: Scope) -> int:
        """Products: every output sums those of its weights."""
        terms = prod(scope.weights(self.weights).shape[1:])
        return super().work(scope) + self.output_elements(scope) * terms

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        weights = scope.weights(self.weights)
        relu = "relu" in self.properties
        verify_codes(x, y)
        verify_sign(y, relu, x, scope.codebook(weights.codebook))
        if y.unsigned is not None and not relu and weights.initial_bits.value.data:
            raise VerifyException("an unsigned output of signed initial values needs relu")
        if x.shape[0] % weights.shape[1]:
            raise VerifyException(
                f"the weights want a multiple of {weights.shape[1]} channels, "
                f"the input has {x.shape[0]}"
            )

    def products(self, scope: Scope) -> Sequence[Products]:
        _, rows, columns = self.part(scope, "output")
        return (self._products(scope, prod(scope.weights(self.weights).shape[2:]), rows, columns),)

    def _products(self, scope: Scope, taps: int, rows: int, columns: int) -> Products:
        weights, groups = scope.weights(self.weights), self.groups(scope)
        outputs, inputs, *_ = weights.shape
        codes = (scope.codebook(weights.codebook).code_bits, scope.tensor(self.input).code_bits)
        bits = max(each.value.data for each in codes)
        return Products(groups, outputs // groups, inputs, taps, rows, columns, bits)

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        weights = scope.weights(self.weights)
        book = scope.codebook(weights.codebook)
        elements = prod(weights.shape)
        codes = packed_size(elements, book.code_bits.value.data)
        blocks = elements // prod(book.block)
        regions = {name: len(each) for name, each in weights.table_regions(blocks).items()}
        pointers = regions.pop("pointers", None)
        if pointers is None:
            read = WeightRead("weights", codes, again=True)
        else:
            read = WeightRead("pointers", pointers, True, codes, len(book.region))
        return (read, *(WeightRead(name, size) for name, size in regions.items()))


class ConvolutionOp(LayerOp):
    """What conv and dwconv have in common."""

    stride_h = int_field(8, "rows from a window to the next", minimum=1, default=1)
    stride_w = int_field(8, "columns from a window to the next", minimum=1, default=1)
    dilation_h = int_field(8, "rows from a tap to the next", minimum=1, default=1)
    dilation_w = int_field(8, "columns from a tap to the next", minimum=1, default=1)
    pad_top = int_field(8, "rows of zeros above", default=0)
    pad_left = int_field(8, "columns of zeros to the left", default=0)
    pad_bottom = int_field(8, "rows of zeros below", default=0)
    pad_right = int_field(8, "columns of zeros to the right", default=0)
    relu = flag_field("negative sums become zero")

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right)."""
        top, left, bottom, right = self.pad_top, self.pad_left, self.pad_bottom, self.pad_right
        return (top.value.data, left.value.data, bottom.value.data, right.value.data)

    def maps(self, scope: Scope) -> Maps:
        x, kernel = scope.tensor(self.input).shape, scope.weights(self.weights).shape[2:]
        rows, columns = (
            AxisMap.window(x[1 + axis], self.strides[axis], self.padding[axis], reach)
            for axis, reach in enumerate(reaches(self.dilation, kernel))
        )
        return {"input": (rows, columns)}

    def window(self, scope: Scope) -> Window:
        """How the kernel moves over the input."""
        return Window(self.strides, self.padding, self.dilation, self.groups(scope))

    def window_of(self, scope: Scope, computed: Box, read: Box) -> Window:
        """How the kernel moves over a part of the input to compute a part of the output.

        Padding is negative where the part computed lies in the padding and needs nothing of what
        is read.
        """
        reach = reaches(self.dilation, scope.weights(self.weights).shape[2:])
        padding = padding_of_part(self.strides, self.padding, reach, computed, read)
        return Window(self.strides, padding, self.dilation, self.groups(scope))

    def verify_in(self, scope: Scope) -> None:
        super().verify_in(scope)
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        try:
            _, *shape = shapes.conv2d_shape(
                (1, *x.shape),
                scope.weights(self.weights).shape,
                self.strides,
                self.padding,
                self.dilation,
                self.groups(scope),
            )
        except ValueError as error:
            raise VerifyException(str(error)) from None
        verify_equal("output shape", shape, list(y.shape))


@record(0x10, INSTRUCTION)
class ConvOp(ConvolutionOp):
    """Convolution (cross-correlation) of codes, accumulated exactly, encoded once.

    The input's channels over the weights' give the groups. A fully connected layer is the
    convolution of a (C, 1, 1) tensor with a 1x1 kernel.
    """

    name = "chip.conv"


@record(0x11, INSTRUCTION)
class DwconvOp(ConvolutionOp):
    """Depthwise convolution: every input channel is a group of its own."""

    name = "chip.dwconv"

    def verify_in(self, scope: Scope) -> None:
        super().verify_in(scope)
        in_channels = scope.weights(self.weights).shape[1]
        if in_channels != 1:
            raise VerifyException(f"depthwise weights have 1 input channel, got {in_channels}")


@record(0x16, INSTRUCTION)
class DeconvOp(LayerOp):
    """Transposed convolution: each input element adds its products to a window of sums.

    Element (y, x) of a channel counts for the sums at (y * stride_h + r * dilation_h - crop_top,
    x * stride_w + c * dilation_w - crop_left) with the weight of tap (r, c), which is that of the
    transposed layer, not turned around. The output's size says where it ends: sums beyond it
    are not computed, and those that nothing reaches hold the initial value.
    """

    name = "chip.deconv"

    stride_h = int_field(8, "rows from a window to the next", minimum=1, default=1)
    stride_w = int_field(8, "columns from a window to the next", minimum=1, default=1)
    dilation_h = int_field(8, "rows from a tap to the next", minimum=1, default=1)
    dilation_w = int_field(8, "columns from a tap to the next", minimum=1, default=1)
    crop_top = int_field(8, "rows of sums above the output", default=0)
    crop_left = int_field(8, "columns of sums to the left of the output", default=0)
    relu = flag_field("negative sums become zero")

    @property
    def crop(self) -> tuple[int, int]:
        """Rows and columns of sums before the output."""
        return pair_of(self, "crop_top", "crop_left")

    def maps(self, scope: Scope) -> Maps:
        x, kernel = scope.tensor(self.input).shape, scope.weights(self.weights).shape[2:]
        rows, columns = (
            # The first input that reaches the output, and no later one than begins at it or before.
            AxisMap(x[1 + i], 1, stride, self.crop[i] + min(stride - reach, 0), self.crop[i])
            for i, (stride, reach) in enumerate(zip(self.strides, reaches(self.dilation, kernel)))
        )
        return {"input": (rows, columns)}

    def crops(self, scope: Scope, computed: Box, read: Box) -> tuple[int, int, int, int]:
        """Rows and columns of sums around a part of the output: (top, left, bottom, right).

        Negative at the bottom and right where nothing reaches the end of the part.
        """
        reach = reaches(self.dilation, scope.weights(self.weights).shape[2:])
        before = [
            part.start + self.crop[i] - given.start * self.strides[i]
            for i, (part, given) in enumerate(zip(computed, read))
        ]
        after = [
            (len(given) - 1) * self.strides[i] + reach[i] - before[i] - len(part)
            for i, (part, given) in enumerate(zip(computed, read))
        ]
        return (before[0], before[1], after[0], after[1])

    def window(self, scope: Scope) -> Window:
        """How the kernel moves; sums that nothing is added to count as output padding."""
        whole = (_whole_box(scope.tensor(each)) for each in (self.output, self.input))
        return self.window_of(scope, *whole)

    def window_of(self, scope: Scope, computed: Box, read: Box) -> Window:
        """How the kernel moves over a part of the input to compute a part of the output."""
        top, left, bottom, right = self.crops(scope, computed, read)
        padding = (top, left, max(bottom, 0), max(right, 0))
        more = (max(-bottom, 0), max(-right, 0))
        return Window(self.strides, padding, self.dilation, self.groups(scope), more)

    def verify_in(self, scope: Scope) -> None:
        super().verify_in(scope)
        y, weight = scope.tensor(self.output), scope.weights(self.weights).shape
        groups = self.groups(scope)
        if weight[0] % groups:
            raise VerifyException(
                f"{counted(weight[0], 'output channel')} cannot be divided into "
                f"{counted(groups, 'group')}"
            )
        verify_equal("output channels", weight[0], y.shape[0])
        whole = (_whole_box(scope.tensor(each)) for each in (self.output, self.input))
        top, left, bottom, right = self.crops(scope, *whole)
        if bottom + y.shape[1] < 1 or right + y.shape[2] < 1:
            raise VerifyException(f"crops of {top} and {left} leave nothing of the sums")

    def products(self, scope: Scope) -> Sequence[Products]:
        """Positions that equally many taps reach, each a convolution of its own."""
        weights, computed = scope.weights(self.weights), self.touched(scope)["output"]
        along = [
            phases(
                len(part),
                self.strides[i],
                weights.shape[2 + i],
                self.dilation[i],
                self.crop[i] + part.start,
            )
            for i, part in enumerate(computed)
        ]
        return [
            self._products(scope, row_taps * column_taps, rows, columns)
            for rows, row_taps in along[0]
            for columns, column_taps in along[1]
            if row_taps and column_taps
        ]


def reaches(dilation: tuple[int, int], kernel: Sequence[int]) -> list[int]:
    """Rows and columns from a window's first tap to its last, both counted."""
    return [step * (taps - 1) + 1 for step, taps in zip(dilation, kernel)]


def padding_of_part(
    strides: tuple[int, int],
    padding: tuple[int, int, int, int],
    reach: Sequence[int],
    computed: Box,
    read: Box,
) -> Padding:
    """The padding with which windows over a part of the input give a part of the output.

    It is negative where that part lies in the padding alone and needs nothing of the input.
    """
    before, after = list[int](), list[int]()
    for axis, (part, given) in enumerate(zip(computed, read)):
        first = part.start * strides[axis] - padding[axis]
        last = (part.stop - 1) * strides[axis] - padding[axis] + reach[axis]
        before.append(given.start - first)
        after.append(last - given.stop)
    return (before[0], before[1], after[0], after[1])


def _whole_box(tensor: TensorOp) -> Box:
    _, height, width = tensor.shape
    return Box(range(height), range(width))
