"""Windows over images: pooling and resizing."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import StringAttr, TensorType, UnitAttr
from xdsl.ir import Operation, SSAValue
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
    INTS,
    NUMBERS,
    ArithmeticAttr,
    NumberType,
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
from recog.dialects.windows import PoolWindow, padding_of, pair_of


class _PoolOp(IRDLOperation):
    """A sliding window over H and W of (N, C, H, W), each channel on its own.

    Windows lie in the padded input as a whole: what torch calls ceil mode is more padding at
    the bottom and right.
    """

    input = operand_def(NUMBERS)
    kernel = prop_def(INTS)
    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def _window_shape(self) -> tuple[int, ...]:
        return sampling_shapes.window_shape(
            shape_of(self.input),
            self.kernel.get_values(),
            self.strides.get_values(),
            self.padding.get_values(),
        )


@irdl_op_definition
class MaxPool2dOp(_PoolOp):
    """Largest value of each window: an integer compare of signed codes; padding never wins."""

    name = "lns.max_pool2d"

    dilation = prop_def(INTS, default_value=ints((1, 1)))

    def __init__(
        self,
        input: SSAValue | Operation,
        kernel: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[int] = (0, 0, 0, 0),
        *,
        dilation: Sequence[int] = (1, 1),
    ):
        x = SSAValue.get(input)
        shape = sampling_shapes.window_shape(shape_of(x), kernel, strides, padding, dilation)
        super().__init__(
            operands=[x],
            properties={
                "kernel": ints(kernel),
                "strides": ints(strides),
                "padding": ints(padding),
                "dilation": ints(dilation),
            },
            result_types=[number_tensor(shape, format_of(x))],
        )

    @property
    def window(self) -> PoolWindow:
        """How the window moves over the input."""
        return PoolWindow(
            pair_of(self.strides.get_values()),
            padding_of(self.padding.get_values()),
            pair_of(self.dilation.get_values()),
            kernel=pair_of(self.kernel.get_values()),
        )

    def verify_(self) -> None:
        verify_shape(
            self,
            lambda: sampling_shapes.window_shape(
                shape_of(self.input),
                self.kernel.get_values(),
                self.strides.get_values(),
                self.padding.get_values(),
                self.dilation.get_values(),
            ),
        )
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
        shape = sampling_shapes.window_shape(shape_of(x), kernel, strides, padding)
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

    @property
    def window(self) -> PoolWindow:
        """How the window moves over the input, and whether padding counts."""
        return PoolWindow(
            pair_of(self.strides.get_values()),
            padding_of(self.padding.get_values()),
            kernel=pair_of(self.kernel.get_values()),
            count_padding=self.count_include_pad is not None,
        )

    def verify_(self) -> None:
        verify_shape(self, self._window_shape)
        verify_single_bias(input=self.input, output=self.output)
        verify_sign(self, relu=False)


MAX_STEPS = 1 << 12
"""Finer positions than 1/4096 of a pixel change nothing that a code could show."""


@irdl_op_definition
class ResizeOp(IRDLOperation):
    """H and W of (N, C, H, W) become those of the result, whose codes `mode` gives.

    "nearest": output y is input ⌊y · H / H'⌋, in the operand's format.

    "bilinear": output y lies at ((2y + 1) · H − H') / 2H', with `align_corners` at
    y · (H − 1) / (H' − 1), rounded to 1 / `steps`[0] of an input and clipped to the inputs; in
    between, neighbours count (steps − λ) and λ. Antilogs are summed with the products of both
    axes' weights, exactly, and encoded with thresholds times steps[0] · steps[1].
    """

    name = "lns.resize"

    input = operand_def(NUMBERS)
    mode = prop_def(StringAttr)
    align_corners = opt_prop_def(UnitAttr)
    steps = opt_prop_def(INTS)
    arithmetic = opt_prop_def(ArithmeticAttr)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        input: SSAValue | Operation,
        output: TensorType[NumberType],
        mode: str,
        *,
        align_corners: bool = False,
        steps: Sequence[int] | None = None,
        arithmetic: Arithmetic | None = None,
    ):
        super().__init__(
            operands=[input],
            properties={
                "mode": StringAttr(mode),
                "align_corners": UnitAttr() if align_corners else None,
                "steps": None if steps is None else ints(steps),
                "arithmetic": None if arithmetic is None else ArithmeticAttr(arithmetic),
            },
            result_types=[output],
        )

    def verify_(self) -> None:
        size = shape_of(self.output)[2:]
        verify_shape(self, lambda: sampling_shapes.resize_shape(shape_of(self.input), size))
        match self.mode.data:
            case "nearest":
                verify_same_format(self)
                self._verify_only_bilinear_has("steps", "arithmetic", "align_corners")
            case "bilinear":
                verify_single_bias(input=self.input, output=self.output)
                verify_sign(self, relu=False)
                self._verify_steps()
            case other:
                raise VerifyException(f'mode must be "nearest" or "bilinear", got "{other}"')

    def _verify_only_bilinear_has(self, *names: str) -> None:
        for name in names:
            if name in self.properties:
                raise VerifyException(f"{name} goes with bilinear only")

    def _verify_steps(self) -> None:
        if self.steps is None or self.arithmetic is None:
            raise VerifyException("bilinear needs steps and arithmetic")
        steps = self.steps.get_values()
        if len(steps) != 2 or not all(1 <= step <= MAX_STEPS for step in steps):
            raise VerifyException(f"steps takes 2 values from 1 to {MAX_STEPS}, got {list(steps)}")
