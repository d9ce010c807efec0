"""Pooling over windows and means over axes."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import UnitAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def

from recog.dialects import shapes
from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, first_has_batch
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, flag, ints, shape_of

__all__ = ["AvgPool2dOp", "MaxPool2dOp", "MeanOp", "PoolOp"]


class PoolOp(NnOp, HasFolderInterface, ABC):
    """A sliding window over H and W of (N, C, H, W), each channel on its own.

    Padding is (top, left, bottom, right). With `ceil_mode` a last window may reach beyond
    the padded input, as in torch.
    """

    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    kernel = prop_def(INTS)
    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    ceil_mode = opt_prop_def(UnitAttr)

    def infer_shape(self) -> Shape:
        return shapes.pool2d_shape(
            shape_of(self.input),
            self.kernel.get_values(),
            self.strides.get_values(),
            self.padding.get_values(),
            ceil_mode=self.ceil_mode is not None,
        )

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.kernel.get_values() == (1, 1) and self.input.type == self.output.type:
            return (self.input,)
        return None


@irdl_op_definition
class MaxPool2dOp(PoolOp):
    """Largest value of each window, `torch.nn.functional.max_pool2d`; padding never wins."""

    name = "nn.max_pool2d"
    KIND: ClassVar[Kind] = Kind.SELECTS
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True

    dilation = prop_def(INTS, default_value=ints((1, 1)))

    def __init__(
        self,
        input: SSAValue | Operation,
        kernel: Sequence[int],
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        *,
        dilation: Sequence[int] = (1, 1),
        ceil_mode: bool = False,
    ):
        super().__init__(
            [input],
            {
                "kernel": ints(kernel),
                "strides": ints(strides),
                "padding": ints(padding),
                "dilation": ints(dilation),
                "ceil_mode": flag(ceil_mode),
            },
        )

    def infer_shape(self) -> Shape:
        return shapes.pool2d_shape(
            shape_of(self.input),
            self.kernel.get_values(),
            self.strides.get_values(),
            self.padding.get_values(),
            self.dilation.get_values(),
            ceil_mode=self.ceil_mode is not None,
        )


@irdl_op_definition
class AvgPool2dOp(PoolOp):
    """Mean of each window, `torch.nn.functional.avg_pool2d`.

    The mean is over the positions inside the padded input, or, without
    `count_include_pad`, over those inside the input.
    """

    name = "nn.avg_pool2d"
    KIND: ClassVar[Kind] = Kind.SUMS
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True

    count_include_pad = opt_prop_def(UnitAttr)

    def __init__(
        self,
        input: SSAValue | Operation,
        kernel: Sequence[int],
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__(
            [input],
            {
                "kernel": ints(kernel),
                "strides": ints(strides),
                "padding": ints(padding),
                "ceil_mode": flag(ceil_mode),
                "count_include_pad": flag(count_include_pad),
            },
        )


@irdl_op_definition
class MeanOp(NnOp):
    """Mean over `axes`, which go or, with `keepdims`, stay as 1.

    `torch.mean`. The frontend writes means over H and W as `nn.avg_pool2d`.
    """

    name = "nn.mean"
    KIND: ClassVar[Kind] = Kind.SUMS
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    axes = prop_def(INTS)
    keepdims = opt_prop_def(UnitAttr)

    def __init__(self, input: SSAValue | Operation, axes: Sequence[int], *, keepdims: bool = False):
        super().__init__([input], {"axes": ints(axes), "keepdims": flag(keepdims)})

    def infer_shape(self) -> Shape:
        axes = self.axes.get_values()
        return shapes.reduced_shape(shape_of(self.input), axes, self.keepdims is not None)

    def keeps_channel_factors(self) -> bool:
        return all(axis > 1 for axis in self.axes.get_values())

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return 0 not in self.axes.get_values()
