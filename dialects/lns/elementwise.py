"""Elementwise ops: sums, products, functions of one value, conversions."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from xdsl.dialects.builtin import UnitAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects import sampling_shapes
from recog.dialects.lns.types import (
    DEFAULT_ARITHMETIC,
    NUMBERS,
    ArithmeticAttr,
    format_of,
    number_tensor,
    shape_of,
    verify_shape,
    verify_sign,
    verify_single_bias,
)
from recog.dialects.number_format import Arithmetic, LnsFormat


class BinaryOp(IRDLOperation, ABC):
    """An elementwise function of two tensors of one rank, whose axes of size 1 broadcast."""

    lhs = operand_def(NUMBERS)
    rhs = operand_def(NUMBERS)
    relu = opt_prop_def(UnitAttr)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def _verify_operands(self) -> None:
        lhs, rhs = shape_of(self.lhs), shape_of(self.rhs)
        verify_shape(self, lambda: sampling_shapes.elementwise_shape(lhs, rhs))
        verify_single_bias(lhs=self.lhs, rhs=self.rhs, output=self.output)


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
        a, b = SSAValue.get(lhs), SSAValue.get(rhs)
        shape = sampling_shapes.elementwise_shape(shape_of(a), shape_of(b))
        super().__init__(
            operands=[a, b],
            properties={
                "relu": UnitAttr() if relu else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape, output)],
        )


@irdl_op_definition
class AddOp(_SumOp):
    """Elementwise sum: both operands through the antilog, added exactly, encoded once."""

    name = "lns.add"

    def verify_(self) -> None:
        self._verify_operands()
        verify_sign(self, self.relu is not None)


@irdl_op_definition
class SubOp(_SumOp):
    """Elementwise lhs − rhs: both operands through the antilog, subtracted exactly, encoded once.

    The result of unsigned operands has a sign too: an unsigned result needs `relu`.
    """

    name = "lns.sub"

    def verify_(self) -> None:
        self._verify_operands()
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
        a, b = SSAValue.get(lhs), SSAValue.get(rhs)
        shape = sampling_shapes.elementwise_shape(shape_of(a), shape_of(b))
        super().__init__(
            operands=[a, b],
            properties={"relu": UnitAttr() if relu else None},
            result_types=[number_tensor(shape, output)],
        )

    def verify_(self) -> None:
        self._verify_operands()
        verify_sign(self, self.relu is not None)


class _UnaryOp(IRDLOperation):
    """input → output of the same shape."""

    input = operand_def(NUMBERS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, output: LnsFormat):
        x = SSAValue.get(input)
        super().__init__(operands=[x], result_types=[number_tensor(shape_of(x), output)])


@irdl_op_definition
class ReluOp(_UnaryOp):
    """Negative codes become zero; the format stays, or loses only its sign bit.

    A signed width-w format and the unsigned one of width w - 1 hold the same magnitudes,
    so dropping the sign changes no value.
    """

    name = "lns.relu"

    def verify_(self) -> None:
        verify_shape(self, lambda: shape_of(self.input))
        verify_single_bias(input=self.input)
        x, y = format_of(self.input), format_of(self.output)
        if (x.frac, x.bias) != (y.frac, y.bias) or y.magnitude_bits < x.magnitude_bits:
            raise VerifyException(
                "the result must keep frac, bias and all magnitudes of the operand"
            )


@irdl_op_definition
class ConvertOp(_UnaryOp, HasFolderInterface):
    """The same values in another format: a saturating code offset where only biases differ,

    else one rounding to the nearest code in the log domain.
    """

    name = "lns.convert"

    def verify_(self) -> None:
        verify_shape(self, lambda: shape_of(self.input))
        verify_single_bias(input=self.input, output=self.output)
        verify_sign(self, relu=False)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class TableOp(IRDLOperation):
    """Any unary function: entry i of `table` is the result's code for the operand's code i.

    The table has 2^width entries, the illegal code of a signed operand included.
    """

    name = "lns.table"

    input = operand_def(NUMBERS)
    table = operand_def(NUMBERS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input `,` $table attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, table: SSAValue | Operation):
        x, t = SSAValue.get(input), SSAValue.get(table)
        super().__init__(operands=[x, t], result_types=[number_tensor(shape_of(x), format_of(t))])

    def verify_(self) -> None:
        verify_shape(self, lambda: shape_of(self.input))
        verify_single_bias(input=self.input, table=self.table)
        entries = 1 << format_of(self.input).width
        if shape_of(self.table) != (entries,):
            raise VerifyException(
                f"a table for {format_of(self.input).width}-bit codes has shape [{entries}], "
                f"got {list(shape_of(self.table))}"
            )
        if format_of(self.table) != format_of(self.output):
            raise VerifyException("the table must hold codes of the result's format")
