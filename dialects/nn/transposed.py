"""Transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def

from recog.dialects.facts import Sign
from recog.dialects.nn.layers import LayerOp
from recog.dialects.sampling_shapes import conv_transpose2d_shape
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, integer, ints, shape_of

__all__ = ["ConvTranspose2dOp"]


@irdl_op_definition
class ConvTranspose2dOp(LayerOp):
    """2-D transposed convolution, `torch.nn.functional.conv_transpose2d`.

    input (N, I, H, W), weight (O, I / groups, kh, kw), bias (O) → (N, O, H', W'). Element
    (y, x) of channel i adds input · weight[o, i, r, c] to output (y · stride + r · dilation −
    top, ...) for each o of i's group. Padding is (top, left, bottom, right) and crops; then
    `output_padding` adds rows at the bottom and columns at the right, which hold the bias where
    nothing reaches them.

    The weight has its output channels first, as that of every other layer: torch's is
    (I, O / groups, kh, kw). So batch norm folding, clustering, per-channel formats and
    accumulator bounds are those of `nn.conv2d`.
    """

    name = "nn.conv_transpose2d"
    CHANNEL_AXIS: ClassVar[int] = 1
    SIGN: ClassVar[Sign] = Sign.ANY

    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    output_padding = prop_def(INTS, default_value=ints((0, 0)))
    dilation = prop_def(INTS, default_value=ints((1, 1)))
    groups = prop_def(IntegerAttr, default_value=integer(1))

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
        *,
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        output_padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        groups: int = 1,
    ):
        super().__init__(
            [input, weight, bias],
            {
                "strides": ints(strides),
                "padding": ints(padding),
                "output_padding": ints(output_padding),
                "dilation": ints(dilation),
                "groups": integer(groups),
            },
        )

    def infer_shape(self) -> Shape:
        shape = conv_transpose2d_shape(
            shape_of(self.input),
            shape_of(self.weight),
            self.strides.get_values(),
            self.padding.get_values(),
            self.output_padding.get_values(),
            self.dilation.get_values(),
            self.groups.value.data,
        )
        self.check_bias()
        return shape

    @property
    def group_count(self) -> int:
        return self.groups.value.data
