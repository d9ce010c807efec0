"""Activations, elementwise arithmetic and softmax."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, StringAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import constant_array
from recog.dialects.facts import Kind, Sign
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
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    HOMOGENEOUS: ClassVar[bool] = True

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        producer = self.input.owner
        if isinstance(producer, NnOp) and producer.never_negative(lambda operand: False):
            return (self.input,)
        return None


@irdl_op_definition
class ClampOp(UnaryOp):
    """min(max(x, min), max), `torch.clamp`; `torch.nn.ReLU6` is 0 to 6."""

    name = "nn.clamp"
    SIGN: ClassVar[Sign] = Sign.BY_RULE

    min = prop_def(FloatAttr[Float64Type])
    max = prop_def(FloatAttr[Float64Type])

    def __init__(self, input: SSAValue | Operation, min: float, max: float):
        NnOp.__init__(self, [input], {"min": real(min), "max": real(max)})

    def verify_(self) -> None:
        super().verify_()
        low, high = self.min.value.data, self.max.value.data
        if not low <= high:
            raise VerifyException(f"min must not be above max, got {low} and {high}")

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        low, high = self.min.value.data, self.max.value.data
        return low >= 0 or (high >= 0 and known(self.input))


@irdl_op_definition
class LeakyReluOp(UnaryOp):
    """x where x > 0, else negative_slope · x, `torch.nn.functional.leaky_relu`."""

    name = "nn.leaky_relu"
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True

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
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE


@irdl_op_definition
class TanhOp(UnaryOp):
    """Hyperbolic tangent, `torch.tanh`."""

    name = "nn.tanh"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class SiluOp(UnaryOp):
    """x · sigmoid(x), `torch.nn.functional.silu`."""

    name = "nn.silu"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class HardswishOp(UnaryOp):
    """x · clamp(x + 3, 0, 6) / 6, `torch.nn.functional.hardswish`."""

    name = "nn.hardswish"
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class HardsigmoidOp(UnaryOp):
    """clamp(x + 3, 0, 6) / 6, `torch.nn.functional.hardsigmoid`."""

    name = "nn.hardsigmoid"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE


@irdl_op_definition
class GeluOp(UnaryOp):
    """x · Φ(x), `torch.nn.functional.gelu`; `approximate` is "none" or "tanh"."""

    name = "nn.gelu"
    SIGN: ClassVar[Sign] = Sign.KEPT

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
class SoftmaxOp(NnOp):
    """exp(x) / Σ exp(x) along `axis`, `torch.softmax`."""

    name = "nn.softmax"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    axis = prop_def(IntegerAttr)

    def __init__(self, input: SSAValue | Operation, axis: int):
        super().__init__([input], {"axis": integer(axis)})

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

    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    WIDE: ClassVar[tuple[str, ...]] = ()

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
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True
    ABSORBS_ACTIVATION: ClassVar[bool] = True
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class SubOp(BinaryOp):
    """lhs - rhs, `torch.sub`; of floats or of indices."""

    name = "nn.sub"
    SIGN: ClassVar[Sign] = Sign.ANY
    HOMOGENEOUS: ClassVar[bool] = True
    ABSORBS_ACTIVATION: ClassVar[bool] = True
    INTEGERS_TOO: ClassVar[bool] = True


@irdl_op_definition
class MulOp(BinaryOp, HasFolderInterface):
    """lhs · rhs, `torch.mul`; of floats or of indices."""

    name = "nn.mul"
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    ABSORBS_ACTIVATION: ClassVar[bool] = True
    INTEGERS_TOO: ClassVar[bool] = True

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return self.lhs == self.rhs or (known(self.lhs) and known(self.rhs))

    def keeps_digits(self) -> bool:
        return _scales(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        for value, other in ((self.lhs, self.rhs), (self.rhs, self.lhs)):
            if value.type == self.output.type and _is_all_ones(other):
                return (value,)
        return None


@irdl_op_definition
class DivOp(BinaryOp, HasFolderInterface):
    """lhs / rhs, `torch.div`."""

    name = "nn.div"
    SIGN: ClassVar[Sign] = Sign.KEPT
    ABSORBS_ACTIVATION: ClassVar[bool] = True

    def keeps_digits(self) -> bool:
        return _scales(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.lhs.type == self.output.type and _is_all_ones(self.rhs):
            return (self.lhs,)
        return None


def _scales(op: BinaryOp) -> bool:
    """Whether one of the operands is constant."""
    return any(constant_array(value) is not None for value in op.operands)


def _is_all_ones(value: SSAValue) -> bool:
    array = constant_array(value)
    return array is not None and bool((array == 1).all())
