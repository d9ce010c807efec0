"""What crosses the border between codes and other values: encode, decode, argmax."""

from __future__ import annotations

from xdsl.dialects.builtin import Float32Type, IntegerAttr, IntegerType, TensorType, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.lns.types import (
    NUMBERS,
    number_tensor,
    shape_of,
    verify_shape,
    verify_single_bias,
)
from recog.dialects.number_format import LnsFormat


@irdl_op_definition
class ArgmaxOp(IRDLOperation):
    """Index of the largest value along `axis` (not the batch axis), ties to the lowest.

    The result holds signless integers of 8, 16, 32 or 64 bits.
    """

    name = "lns.argmax"

    input = operand_def(NUMBERS)
    axis = prop_def(IntegerAttr, default_value=IntegerAttr(1, i64))
    output = result_def(TensorType.constr(base(IntegerType)))

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, axis: int, element_type: IntegerType):
        x = SSAValue.get(input)
        shape = shape_of(x)
        super().__init__(
            operands=[x],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[TensorType(element_type, (*shape[:axis], *shape[axis + 1 :]))],
        )

    def verify_(self) -> None:
        verify_shape(self, self._infer_shape)
        verify_single_bias(input=self.input)
        element = self.output.type.element_type
        if element not in [IntegerType(width) for width in (8, 16, 32, 64)]:
            raise VerifyException(f"indices must be i8, i16, i32 or i64, got {element}")
        largest = shape_of(self.input)[self.axis.value.data] - 1
        if largest >= 1 << (element.width.data - 1):
            raise VerifyException(f"index {largest} does not fit {element}")

    def _infer_shape(self) -> tuple[int, ...]:
        shape, axis = shape_of(self.input), self.axis.value.data
        shapes.check_data_axis(axis, len(shape))
        return (*shape[:axis], *shape[axis + 1 :])


@irdl_op_definition
class EncodeOp(IRDLOperation):
    """Float → code, by the table of log-domain midpoints; saturates; NaN is an error."""

    name = "lns.encode"

    input = operand_def(TensorType.constr(base(Float32Type)))
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, output: LnsFormat):
        x = SSAValue.get(input)
        super().__init__(operands=[x], result_types=[number_tensor(shape_of(x), output)])

    def verify_(self) -> None:
        verify_shape(self, lambda: shape_of(self.input))
        verify_single_bias(output=self.output)


@irdl_op_definition
class DecodeOp(IRDLOperation):
    """Code → float32, the value of the code correctly rounded."""

    name = "lns.decode"

    input = operand_def(NUMBERS)
    output = result_def(TensorType.constr(base(Float32Type)))

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation):
        x = SSAValue.get(input)
        super().__init__(operands=[x], result_types=[TensorType(Float32Type(), shape_of(x))])

    def verify_(self) -> None:
        verify_shape(self, lambda: shape_of(self.input))
