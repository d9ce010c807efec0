"""What crosses the border between codes and other values: encode, decode, argmax."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    Float32Type,
    IntegerAttr,
    IntegerType,
    Signedness,
    TensorType,
    UnitAttr,
    f32,
)
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import base, irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.facts import Kind
from recog.dialects.lns.base import CodesOp, LnsOp
from recog.dialects.lns.types import (
    NUMBERS,
    NumberType,
    format_of,
    verify_biases,
    verify_single_bias,
)
from recog.dialects.number_format import LnsFormat
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, flag, integer, ints, shape_of

__all__ = ["ArgmaxOp", "DecodeOp", "EncodeOp", "ToFloatOp"]

FLOATS = TensorType.constr(base(Float32Type))


@irdl_op_definition
class ArgmaxOp(LnsOp):
    """Index of the largest value along `axis` (not the batch axis), which goes or, with `keepdims`,
    stays as 1; ties to the lowest.

    The result holds signless integers of 8, 16, 32 or 64 bits; `stored_type` says what the chip
    holds of them.
    """

    name = "lns.argmax"
    KIND: ClassVar[Kind] = Kind.COMBINES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    input = operand_def(NUMBERS)
    axis = prop_def(IntegerAttr, default_value=integer(1))
    keepdims = opt_prop_def(UnitAttr)
    output = result_def(TensorType.constr(base(IntegerType)))

    def __init__(
        self,
        input: SSAValue | Operation,
        axis: int,
        element_type: IntegerType,
        *,
        keepdims: bool = False,
    ):
        properties = {"axis": integer(axis), "keepdims": flag(keepdims)}
        super().__init__([input], properties, elements=[element_type])

    @property
    def stored_type(self) -> IntegerType:
        """Elements for the same indices in as few bytes as can be: unsigned, or the result's own
        where those would be no narrower."""
        own, indices = self.output.type.element_type, shape_of(self.input)[self.axis.value.data]
        width = next(bits for bits in (8, 16, 32, 64) if indices <= 1 << bits)
        narrower = width < own.width.data
        return IntegerType(width, Signedness.UNSIGNED) if narrower else own

    def infer_shape(self) -> Shape:
        shape, axis = shape_of(self.input), self.axis.value.data
        shapes.check_data_axis(axis, len(shape))
        return shapes.reduced_shape(shape, [axis], self.keepdims is not None)

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(input=self.input)
        element = self.output.type.element_type
        if element not in [IntegerType(width) for width in (8, 16, 32, 64)]:
            raise VerifyException(f"indices must be i8, i16, i32 or i64, got {element}")
        largest = shape_of(self.input)[self.axis.value.data] - 1
        if largest >= 1 << (element.width.data - 1):
            raise VerifyException(f"index {largest} does not fit {element}")


@irdl_op_definition
class EncodeOp(CodesOp):
    """Float → code, by the table of log-domain midpoints; saturates; NaN is an error."""

    name = "lns.encode"
    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    input = operand_def(FLOATS)

    def __init__(self, input: SSAValue | Operation, output: LnsFormat):
        super().__init__([input], elements=[NumberType(output)])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(output=self.output)


class ToFloatOp(LnsOp, ABC):
    """Numbers of the chip as those of the code around it; nothing on the chip computes it."""

    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    output = result_def(FLOATS)

    def __init__(self, input: SSAValue | Operation):
        super().__init__([input], elements=[f32])

    def infer_shape(self) -> Shape:
        return shape_of(self.operands[0])


@irdl_op_definition
class DecodeOp(ToFloatOp):
    """Code → float32, the value of the code correctly rounded.

    `biases`, one for each channel (axis 1), take the place of the operand's: so channels of one
    tensor can have units of their own where they leave.
    """

    name = "lns.decode"

    input = operand_def(NUMBERS)
    biases = opt_prop_def(INTS)

    def __init__(self, input: SSAValue | Operation, biases: Sequence[int] | None = None):
        super().__init__(input)
        if biases is not None:
            self.properties["biases"] = ints(biases)

    @property
    def format(self) -> LnsFormat:
        """The format that codes are decoded from."""
        format = format_of(self.input)
        return format if self.biases is None else format.with_bias(self.biases.get_values(), 1)

    def verify_(self) -> None:
        super().verify_()
        if self.biases is None:
            return
        verify_single_bias(input=self.input)
        try:
            verify_biases(self.format, shape_of(self.input))
        except ValueError as error:
            raise VerifyException(str(error)) from None
