"""Operations of the lns dialect.

The semantics of every op is DESIGN 4, written out in docs/arithmetic.md and, executable,
in recog.backend.arithmetic.definition. All ops take and give NCHW tensors of
`!lns.number`; a result's format is part of its type, so the IR alone fixes every bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    Float32Type,
    IntegerAttr,
    IntegerType,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.lns.types import (
    ACCUMULATORS,
    DEFAULT_ARITHMETIC,
    INTS,
    NUMBERS,
    ArithmeticAttr,
    format_of,
    ints,
    number_tensor,
    shape_of,
    verify_same_format,
    verify_shape,
    verify_sign,
    verify_single_bias,
)
from recog.dialects.number_format import Arithmetic, LnsFormat


class MultiplyAccumulateOp(IRDLOperation):
    """What convolution and linear layers share: codes times codes, summed exactly.

    `bias` is the accumulators' initial value, one two's-complement integer per output
    channel in units of 2^-(P + (B_weight + B_input) / 2^f) (DESIGN 4). The weight may have
    one bias per output channel (axis 0); input and output have one.
    """

    input = operand_def(NUMBERS)
    weight = operand_def(NUMBERS)
    bias = opt_operand_def(ACCUMULATORS)
    relu = opt_prop_def(UnitAttr)
    arithmetic = prop_def(ArithmeticAttr, default_value=DEFAULT_ARITHMETIC)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)"
    )

    def _verify_accumulation(self) -> None:
        verify_single_bias(input=self.input, output=self.output)
        verify_sign(self, self.relu is not None)
        weight = format_of(self.weight)
        if weight.axis not in (None, 0):
            raise VerifyException(f"the weight's biases must run along axis 0, got {weight.axis}")
        if self.bias is None:
            return
        channels = shape_of(self.weight)[0]
        if shape_of(self.bias) != (channels,):
            raise VerifyException(
                f"bias must have shape [{channels}], got {list(shape_of(self.bias))}"
            )
        element = self.bias.type.element_type  # pyright: ignore[reportAttributeAccessIssue]
        if element != IntegerType(self.arithmetic.data.accumulator_width):
            raise VerifyException(
                f"bias must be of the accumulator's type, "
                f"i{self.arithmetic.data.accumulator_width}, got {element}"
            )


@irdl_op_definition
class Conv2dOp(MultiplyAccumulateOp):
    """2-D convolution (cross-correlation), grouped and depthwise included.

    input (N, C, H, W), weight (O, C / groups, kh, kw), bias (O) → (N, O, H', W').
    Padding is (top, left, bottom, right), with zeros. `relu` turns negative sums to zero.
    """

    name = "lns.conv2d"

    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    dilation = prop_def(INTS, default_value=ints((1, 1)))
    groups = prop_def(IntegerAttr, default_value=IntegerAttr(1, i64))

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None,
        output: LnsFormat,
        *,
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        dilation: Sequence[int] = (1, 1),
        groups: int = 1,
        relu: bool = False,
        arithmetic: Arithmetic | None = None,
    ):
        x, w = SSAValue.get(input), SSAValue.get(weight)
        shape = shapes.conv2d_shape(shape_of(x), shape_of(w), strides, padding, dilation, groups)
        super().__init__(
            operands=[x, w, bias],
            properties={
                "strides": ints(strides),
                "padding": ints(padding),
                "dilation": ints(dilation),
                "groups": IntegerAttr(groups, i64),
                "relu": UnitAttr() if relu else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape, output)],
        )

    def verify_(self) -> None:
        verify_shape(
            self,
            lambda: shapes.conv2d_shape(
                shape_of(self.input),
                shape_of(self.weight),
                self.strides.get_values(),
                self.padding.get_values(),
                self.dilation.get_values(),
                self.groups.value.data,
            ),
        )
        self._verify_accumulation()


@irdl_op_definition
class LinearOp(MultiplyAccumulateOp):
    """Fully connected layer: input (N, ..., I), weight (O, I), bias (O) → (N, ..., O)."""

    name = "lns.linear"

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None,
        output: LnsFormat,
        *,
        relu: bool = False,
        arithmetic: Arithmetic | None = None,
    ):
        x, w = SSAValue.get(input), SSAValue.get(weight)
        shape = shapes.linear_shape(shape_of(x), shape_of(w))
        super().__init__(
            operands=[x, w, bias],
            properties={
                "relu": UnitAttr() if relu else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape, output)],
        )

    def verify_(self) -> None:
        if len(shape_of(self.input)) < 2:
            raise VerifyException("the input needs a batch axis and a feature axis")
        verify_shape(self, lambda: shapes.linear_shape(shape_of(self.input), shape_of(self.weight)))
        self._verify_accumulation()


@irdl_op_definition
class AddOp(IRDLOperation):
    """Elementwise sum: both operands through the antilog, added exactly, encoded once."""

    name = "lns.add"

    lhs = operand_def(NUMBERS)
    rhs = operand_def(NUMBERS)
    relu = opt_prop_def(UnitAttr)
    arithmetic = prop_def(ArithmeticAttr, default_value=DEFAULT_ARITHMETIC)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
        output: LnsFormat,
        *,
        relu: bool = False,
        arithmetic: Arithmetic | None = None,
    ):
        super().__init__(
            operands=[lhs, rhs],
            properties={
                "relu": UnitAttr() if relu else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape_of(SSAValue.get(lhs)), output)],
        )

    def verify_(self) -> None:
        if shape_of(self.lhs) != shape_of(self.rhs):
            raise VerifyException(
                f"operands differ in shape: {list(shape_of(self.lhs))} and "
                f"{list(shape_of(self.rhs))}"
            )
        verify_shape(self, lambda: shape_of(self.lhs))
        verify_single_bias(lhs=self.lhs, rhs=self.rhs, output=self.output)
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


class _PoolOp(IRDLOperation):
    """A sliding window over H and W of (N, C, H, W), each channel on its own."""

    input = operand_def(NUMBERS)
    kernel = prop_def(INTS)
    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def _window_shape(self) -> tuple[int, ...]:
        return shapes.pool2d_shape(
            shape_of(self.input),
            self.kernel.get_values(),
            self.strides.get_values(),
            self.padding.get_values(),
        )


@irdl_op_definition
class MaxPool2dOp(_PoolOp):
    """Largest value of each window: an integer compare of signed codes; padding never wins."""

    name = "lns.max_pool2d"

    def __init__(
        self,
        input: SSAValue | Operation,
        kernel: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[int] = (0, 0, 0, 0),
    ):
        x = SSAValue.get(input)
        shape = shapes.pool2d_shape(shape_of(x), kernel, strides, padding)
        super().__init__(
            operands=[x],
            properties={
                "kernel": ints(kernel),
                "strides": ints(strides),
                "padding": ints(padding),
            },
            result_types=[number_tensor(shape, format_of(x))],
        )

    def verify_(self) -> None:
        verify_shape(self, self._window_shape)
        verify_same_format(self)


@irdl_op_definition
class AvgPool2dOp(_PoolOp):
    """Mean of each window: antilogs summed exactly, encoded with thresholds times the count.

    The count is the whole window, or, without `count_include_pad`, the positions inside.
    """

    name = "lns.avg_pool2d"

    count_include_pad = opt_prop_def(UnitAttr)
    arithmetic = prop_def(ArithmeticAttr, default_value=DEFAULT_ARITHMETIC)

    def __init__(
        self,
        input: SSAValue | Operation,
        output: LnsFormat,
        kernel: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[int] = (0, 0, 0, 0),
        *,
        count_include_pad: bool = True,
        arithmetic: Arithmetic | None = None,
    ):
        x = SSAValue.get(input)
        shape = shapes.pool2d_shape(shape_of(x), kernel, strides, padding)
        super().__init__(
            operands=[x],
            properties={
                "kernel": ints(kernel),
                "strides": ints(strides),
                "padding": ints(padding),
                "count_include_pad": UnitAttr() if count_include_pad else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape, output)],
        )

    def verify_(self) -> None:
        verify_shape(self, self._window_shape)
        verify_single_bias(input=self.input, output=self.output)
        verify_sign(self, relu=False)


@irdl_op_definition
class ReshapeOp(IRDLOperation, HasFolderInterface):
    """The same codes in row-major order under another shape; the batch axis stays first."""

    name = "lns.reshape"

    input = operand_def(NUMBERS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, shape: Sequence[int]):
        x = SSAValue.get(input)
        super().__init__(operands=[x], result_types=[number_tensor(shape, format_of(x))])

    def verify_(self) -> None:
        verify_shape(
            self, lambda: shapes.reshape_shape(shape_of(self.input), shape_of(self.output))
        )
        verify_same_format(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.input.type == self.output.type:
            return (self.input,)
        producer = self.input.owner
        if isinstance(producer, ReshapeOp) and producer.input.type == self.output.type:
            return (producer.input,)
        return None


@irdl_op_definition
class ConcatOp(IRDLOperation):
    """Inputs of one format, one after the other along `axis` (not the batch axis)."""

    name = "lns.concat"

    inputs = var_operand_def(NUMBERS)
    axis = prop_def(IntegerAttr, default_value=IntegerAttr(1, i64))
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$inputs attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[SSAValue | Operation], axis: int = 1):
        values = [SSAValue.get(value) for value in inputs]
        shape = shapes.concat_shape([shape_of(value) for value in values], axis)
        super().__init__(
            operands=[values],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[number_tensor(shape, format_of(values[0]))],
        )

    def verify_(self) -> None:
        verify_shape(self, self._infer_shape)
        verify_same_format(self)

    def _infer_shape(self) -> tuple[int, ...]:
        inputs, axis = [shape_of(value) for value in self.inputs], self.axis.value.data
        if inputs:
            shapes.check_data_axis(axis, len(inputs[0]))
        return shapes.concat_shape(inputs, axis)


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
