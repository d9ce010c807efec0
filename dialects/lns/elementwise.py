"""Elementwise ops: sums, products, functions of one value, conversions."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, UnitAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def
from xdsl.utils.exceptions import VerifyException

from recog.dialects.facts import Kind
from recog.dialects.lns.base import CodesOp, UnaryOp, elements_of
from recog.dialects.lns.types import (
    DEFAULT_ARITHMETIC,
    NUMBERS,
    PIXELS,
    ArithmeticAttr,
    NumberType,
    format_of,
    holds_codes,
    holds_pixels,
    verify_sign,
    verify_single_bias,
)
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.sampling_shapes import elementwise_shape
from recog.dialects.shapes import Shape, check_data_axis
from recog.dialects.tensors import flag, integer, shape_of

__all__ = ["AddOp", "BinaryOp", "ConvertOp", "MulOp", "ReluOp", "SubOp", "TableOp"]


class BinaryOp(CodesOp, ABC):
    """An elementwise function of two tensors of one rank, whose axes of size 1 broadcast."""

    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    lhs = operand_def(NUMBERS)
    rhs = operand_def(NUMBERS)
    relu = opt_prop_def(UnitAttr)

    def infer_shape(self) -> Shape:
        return elementwise_shape(shape_of(self.lhs), shape_of(self.rhs))

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(lhs=self.lhs, rhs=self.rhs, output=self.output)
        self._verify_sign()

    def _verify_sign(self) -> None:
        verify_sign(self, self.relu is not None)


class _SumOp(BinaryOp, ABC):
    """A sum or a difference: both operands through the antilog, added exactly, encoded once."""

    arithmetic = prop_def(ArithmeticAttr, default_value=DEFAULT_ARITHMETIC)

    def __init__(
        self,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
        output: LnsFormat,
        *,
        relu: bool = False,
        arithmetic: Arithmetic | None = None,
    ):
        properties = {
            "relu": flag(relu),
            "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
        }
        super().__init__([lhs, rhs], properties, elements=[NumberType(output)])


@irdl_op_definition
class AddOp(_SumOp):
    """Elementwise sum: both operands through the antilog, added exactly, encoded once."""

    name = "lns.add"


@irdl_op_definition
class SubOp(_SumOp):
    """Elementwise lhs − rhs: both operands through the antilog, subtracted exactly, encoded once.

    The result of unsigned operands has a sign too: an unsigned result needs `relu`.
    """

    name = "lns.sub"

    def _verify_sign(self) -> None:
        if self.relu is None and format_of(self.output).unsigned:
            raise VerifyException("an unsigned difference needs relu")


@irdl_op_definition
class MulOp(BinaryOp):
    """Elementwise product: exponents add and are rounded once; there is no antilog.

    At one frac the magnitude is m_lhs + m_rhs + B_output − B_lhs − B_rhs, saturated; zero if
    either operand is zero. Squeeze-excite scales (N, C, H, W) by (N, C, 1, 1) with it.
    """

    name = "lns.mul"

    def __init__(
        self,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
        output: LnsFormat,
        *,
        relu: bool = False,
    ):
        super().__init__([lhs, rhs], {"relu": flag(relu)}, elements=[NumberType(output)])


@irdl_op_definition
class ReluOp(UnaryOp):
    """Negative codes become zero; the format stays, or loses only its sign bit.

    A signed width-w format and the unsigned one of width w - 1 hold the same magnitudes,
    so dropping the sign changes no value.
    """

    name = "lns.relu"

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(input=self.input)
        x, y = format_of(self.input), format_of(self.output)
        if (x.frac, x.bias) != (y.frac, y.bias) or y.magnitude_bits < x.magnitude_bits:
            raise VerifyException(
                "the result must keep frac, bias and all magnitudes of the operand"
            )


@irdl_op_definition
class ConvertOp(UnaryOp, HasFolderInterface):
    """The same values in another format: a saturating code offset where only biases differ,

    else one rounding to the nearest code in the log domain.
    """

    name = "lns.convert"

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(input=self.input, output=self.output)
        verify_sign(self, relu=False)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class TableOp(CodesOp):
    """Any unary function: entry i of `table` is the result's code for the operand's code i.

    The table has 2^width entries, the illegal code of a signed operand included. The operand may
    also be an image of 8-bit pixels, which are then the numbers of the entries. With `axis` there
    is a table (n, 2^width) with a row for each of the n indices along that axis of the operand.
    """

    name = "lns.table"
    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    CONSTANTS: ClassVar[tuple[str, ...]] = ("table",)

    input = operand_def(NUMBERS | PIXELS)
    table = operand_def(NUMBERS)
    axis = opt_prop_def(IntegerAttr)

    def __init__(
        self, input: SSAValue | Operation, table: SSAValue | Operation, axis: int | None = None
    ):
        properties = {"axis": None if axis is None else integer(axis)}
        super().__init__([input, table], properties, elements=[elements_of(table)])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)

    @property
    def input_width(self) -> int:
        """Bits of an element of the operand."""
        return 8 if holds_pixels(self.input) else format_of(self.input).width

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(table=self.table)
        if holds_codes(self.input):
            verify_single_bias(input=self.input)
        wanted: tuple[int, ...] = (1 << self.input_width,)
        if self.axis is not None:
            shape, axis = shape_of(self.input), self.axis.value.data
            check_data_axis(axis, len(shape))
            wanted = (shape[axis], *wanted)
        if shape_of(self.table) != wanted:
            raise VerifyException(
                f"a table for {self.input_width}-bit codes has shape {list(wanted)}, "
                f"got {list(shape_of(self.table))}"
            )
        if format_of(self.table) != format_of(self.output):
            raise VerifyException("the table must hold codes of the result's format")
