"""Tensor values, and the properties that the ops on them have."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    Signedness,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from recog.dialects.shapes import Shape

PIXEL_TYPE = IntegerType(8, Signedness.UNSIGNED)
"""Elements of images as cameras give them."""
INTS = DenseArrayBase.constr(i64)


def ints(values: Sequence[int]) -> DenseArrayBase[I64]:
    """An `array<i64: …>` property."""
    return DenseArrayBase.from_list(i64, list(values))


def integer(value: int) -> IntegerAttr:
    """An `… : i64` property."""
    return IntegerAttr(value, i64)


def flag(value: bool) -> UnitAttr | None:
    """A property that is either there or not."""
    return UnitAttr() if value else None


def shape_of(value: SSAValue) -> Shape:
    """The shape of a tensor value; raises VerifyException for other types."""
    if not isinstance(value.type, TensorType):
        raise VerifyException(f"expected a tensor, got {value.type}")
    return value.type.get_shape()


def element_type_of(value: SSAValue) -> Attribute:
    """The element type of a tensor value; raises VerifyException for other types."""
    if not isinstance(value.type, TensorType):
        raise VerifyException(f"expected a tensor, got {value.type}")
    return value.type.element_type
