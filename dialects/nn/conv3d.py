"""Convolution over three spatial axes: volumes of disparity, height and width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def

from recog.dialects import shapes
from recog.dialects.facts import Sign
from recog.dialects.nn.layers import WeightedOp
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, integer, ints, shape_of

__all__ = ["Conv3dOp"]


@irdl_op_definition
class Conv3dOp(WeightedOp):
    """3-D convolution (cross-correlation), `torch.nn.functional.conv3d`.

    input (N, C, D, H, W), weight (O, C / groups, kd, kh, kw), bias (O) → (N, O, D', H', W').
    Padding is that of both ends of each axis, (depth, height, width), with zeros.
    """

    name = "nn.conv3d"
    CHANNEL_AXIS: ClassVar[int] = 1
    SIGN: ClassVar[Sign] = Sign.KEPT
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    strides = prop_def(INTS, default_value=ints((1, 1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0)))
    dilation = prop_def(INTS, default_value=ints((1, 1, 1)))
    groups = prop_def(IntegerAttr, default_value=integer(1))

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
        *,
        strides: Sequence[int] = (1, 1, 1),
        padding: Sequence[int] = (0, 0, 0),
        dilation: Sequence[int] = (1, 1, 1),
        groups: int = 1,
    ):
        super().__init__(
            [input, weight, bias],
            {
                "strides": ints(strides),
                "padding": ints(padding),
                "dilation": ints(dilation),
                "groups": integer(groups),
            },
        )

    def infer_shape(self) -> Shape:
        x, weight = shape_of(self.input), shape_of(self.weight)
        if len(x) != 5 or len(weight) != 5:
            raise ValueError(f"input and weight must have 5 axes, got {len(x)} and {len(weight)}")
        windows = {
            "strides": self.strides.get_values(),
            "padding": self.padding.get_values(),
            "dilation": self.dilation.get_values(),
        }
        for name, values in windows.items():
            if len(values) != 3:
                raise ValueError(f"{name} takes 3 values, got {list(values)}")
        strides, padding, dilation = windows.values()
        # Each axis beside the depth is one of an image of a plane, and the depth another's.
        depth, height, width = (
            shapes.conv2d_shape(
                (*x[:2], x[axis], 1),
                (*weight[:2], weight[axis], 1),
                (strides[axis - 2], 1),
                (padding[axis - 2], 0, padding[axis - 2], 0),
                (dilation[axis - 2], 1),
                self.groups.value.data,
            )[2]
            for axis in (2, 3, 4)
        )
        self.check_bias()
        return (x[0], weight[0], depth, height, width)

    @property
    def group_count(self) -> int:
        return self.groups.value.data
