"""Activations, elementwise arithmetic and softmax."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, StringAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import constant_array
from recog.dialects.nn.base import TENSORS, NnOp, UnaryOp, real
from recog.dialects.shapes import Shape, broadcast_shape, check_axis
from recog.dialects.tensors import integer, shape_of

__all__ = [
    "AddOp",
    "BinaryOp",
    "ClampOp",
    "DivOp",
    "GeluOp",
    "HardsigmoidOp",
    "HardswishOp",
    "LeakyReluOp",
    "MulOp",
    "ReluOp",
    "SigmoidOp",
    "SiluOp",
    "SoftmaxOp",
    "SubOp",
    "TanhOp",
]


@irdl_op_definition
class ReluOp(UnaryOp, HasFolderInterface):
    """max(x, 0), `torch.relu`."""

    name = "nn.relu"

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        match self.input.owner:
            case ReluOp() | SigmoidOp() | SoftmaxOp() | HardsigmoidOp():
                return (self.input,)
            case ClampOp(min=FloatAttr() as low) if low.value.data >= 0:
                return (self.input,)
            case _:
                return None


@irdl_op_definition
class ClampOp(UnaryOp):
    """min(max(x, min), max), `torch.clamp`; `torch.nn.ReLU6` is 0 to 6."""

    name = "nn.clamp"

    min = prop_def(FloatAttr[Float64Type])
    max = prop_def(FloatAttr[Float64Type])

    def __init__(self, input: SSAValue | Operation, min: float, max: float):
        NnOp.__init__(self, [input], {"min": real(min), "max": real(max)})

    def verify_(self) -> None:
        super().verify_()
        low, high = self.min.value.data, self.max.value.data
        if not low <= high:
            raise VerifyException(f"min must not be above max, got {low} and {high}")


@irdl_op_definition
class LeakyReluOp(UnaryOp):
    """x where x > 0, else negative_slope · x, `torch.nn.functional.leaky_relu`."""

    name = "nn.leaky_relu"

    negative_slope = prop_def(FloatAttr[Float64Type], default_value=real(0.01))

    def __init__(self, input: SSAValue | Operation, negative_slope: float = 0.01):
        NnOp.__init__(self, [input], {"negative_slope": real(negative_slope)})

    def verify_(self) -> None:
        super().verify_()
        if not np.isfinite(self.negative_slope.value.data):
            raise VerifyException(
                f"negative_slope must be finite, got {self.negative_slope.value.data}"
            )


@irdl_op_definition
class SigmoidOp(UnaryOp):
    """1 / (1 + exp(-x)), `torch.sigmoid`."""

    name = "nn.sigmoid"


@irdl_op_definition
class TanhOp(UnaryOp):
    """Hyperbolic tangent, `torch.tanh`."""

    name = "nn.tanh"


@irdl_op_definition
class SiluOp(UnaryOp):
    """x · sigmoid(x), `torch.nn.functional.silu`."""

    name = "nn.silu"


@irdl_op_definition
class HardswishOp(UnaryOp):
    """x · clamp(x + 3, 0, 6) / 6, `torch.nn.functional.hardswish`."""

    name = "nn.hardswish"


@irdl_op_definition
class HardsigmoidOp(UnaryOp):
    """clamp(x + 3, 0, 6) / 6, `torch.nn.functional.hardsigmoid`."""

    name = "nn.hardsigmoid"


@irdl_op_definition
class GeluOp(UnaryOp):
    """x · Φ(x), `torch.nn.functional.gelu`; `approximate` is "none" or "tanh"."""

    name = "nn.gelu"

    approximate = prop_def(StringAttr, default_value=StringAttr("none"))

    def __init__(self, input: SSAValue | Operation, approximate: str = "none"):
        NnOp.__init__(self, [input], {"approximate": StringAttr(approximate)})

    def verify_(self) -> None:
        super().verify_()
        if self.approximate.data not in ("none", "tanh"):
            raise VerifyException(
                f'approximate must be "none" or "tanh", got "{self.approximate.data}"'
            )


@irdl_op_definition
class SoftmaxOp(UnaryOp):
    """exp(x) / Σ exp(x) along `axis`, `torch.softmax`."""

    name = "nn.softmax"

    axis = prop_def(IntegerAttr)

    def __init__(self, input: SSAValue | Operation, axis: int):
        NnOp.__init__(self, [input], {"axis": integer(axis)})

    def infer_shape(self) -> Shape:
        shape = shape_of(self.input)
        check_axis(self.axis.value.data, len(shape))
        return shape

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return self.axis.value.data != 0


def broadcast_keeps_batch(op: NnOp, with_batch: Sequence[bool]) -> bool:
    """`keeps_batch` of ops that broadcast all operands: those without a batch must be the
    same for all images, the others must not be broadcast along it."""
    rank = len(shape_of(op.output))
    return all(
        len(shape_of(value)) == rank if batch else (1, *shape_of(value))[-rank:][0] == 1
        for value, batch in zip(op.operands, with_batch)
    )


class BinaryOp(NnOp, ABC):
    """An elementwise function of two tensors, broadcast as in NumPy."""

    lhs = operand_def(TENSORS)
    rhs = operand_def(TENSORS)

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation):
        super().__init__([lhs, rhs])

    def infer_shape(self) -> Shape:
        return broadcast_shape(shape_of(self.lhs), shape_of(self.rhs))

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return broadcast_keeps_batch(self, with_batch)


@irdl_op_definition
class AddOp(BinaryOp):
    """lhs + rhs, `torch.add`; of floats or of indices."""

    name = "nn.add"
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class SubOp(BinaryOp):
    """lhs - rhs, `torch.sub`; of floats or of indices."""

    name = "nn.sub"
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class MulOp(BinaryOp, HasFolderInterface):
    """lhs · rhs, `torch.mul`; of floats or of indices."""

    name = "nn.mul"
    INTEGERS_TOO: ClassVar[bool] = True

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        for value, other in ((self.lhs, self.rhs), (self.rhs, self.lhs)):
            if value.type == self.output.type and _is_all_ones(other):
                return (value,)
        return None


@irdl_op_definition
class DivOp(BinaryOp, HasFolderInterface):
    """lhs / rhs, `torch.div`."""

    name = "nn.div"

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.lhs.type == self.output.type and _is_all_ones(self.rhs):
            return (self.lhs,)
        return None


def _is_all_ones(value: SSAValue) -> bool:
    array = constant_array(value)
    return array is not None and bool((array == 1).all())
