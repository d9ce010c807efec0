"""Layers with weights: codes times codes, summed exactly, encoded once."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, IntegerType, UnitAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects import sampling_shapes, shapes
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
    verify_shape,
    verify_sign,
    verify_single_bias,
)
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import Window, padding_of, pair_of


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

    @property
    def window(self) -> Window:
        """How the kernel moves over the input."""
        return Window(
            pair_of(self.strides.get_values()),
            padding_of(self.padding.get_values()),
            pair_of(self.dilation.get_values()),
            self.groups.value.data,
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
class ConvTranspose2dOp(MultiplyAccumulateOp):
    """2-D transposed convolution: each input element adds its products to a window of sums.

    input (N, I, H, W), weight (O, I / groups, kh, kw), bias (O) → (N, O, H', W'). Element
    (y, x) of channel i adds input · weight[o, i, r, c] at (y · stride + r · dilation − top,
    x · stride + c · dilation − left) to each output o of i's group. Padding is (top, left,
    bottom, right) and crops; `output_padding` adds rows at the bottom and columns at the right,
    which hold the bias where nothing reaches them. Tap for tap the weight is that of
    `nn.conv_transpose2d`; it is not turned around.
    """

    name = "lns.conv_transpose2d"

    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    output_padding = prop_def(INTS, default_value=ints((0, 0)))
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
        output_padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        groups: int = 1,
        relu: bool = False,
        arithmetic: Arithmetic | None = None,
    ):
        x, w = SSAValue.get(input), SSAValue.get(weight)
        shape = sampling_shapes.conv_transpose2d_shape(
            shape_of(x), shape_of(w), strides, padding, output_padding, dilation, groups
        )
        super().__init__(
            operands=[x, w, bias],
            properties={
                "strides": ints(strides),
                "padding": ints(padding),
                "output_padding": ints(output_padding),
                "dilation": ints(dilation),
                "groups": IntegerAttr(groups, i64),
                "relu": UnitAttr() if relu else None,
                "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
            },
            result_types=[number_tensor(shape, output)],
        )

    @property
    def window(self) -> Window:
        """How the kernel moves over the input."""
        return Window(
            pair_of(self.strides.get_values()),
            padding_of(self.padding.get_values()),
            pair_of(self.dilation.get_values()),
            self.groups.value.data,
            pair_of(self.output_padding.get_values()),
        )

    def verify_(self) -> None:
        verify_shape(
            self,
            lambda: sampling_shapes.conv_transpose2d_shape(
                shape_of(self.input),
                shape_of(self.weight),
                self.strides.get_values(),
                self.padding.get_values(),
                self.output_padding.get_values(),
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
