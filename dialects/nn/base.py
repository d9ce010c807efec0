"""What the ops of the nn dialect share: typed builders, shape inference, verification."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import (
    I64,
    DenseArrayBase,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    TensorType,
    UnitAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Operation, OpResult, SSAValue, SSAValues
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects.shapes import Shape

FLOAT_TYPES = (Float32Type, Float64Type)
TENSORS = base(TensorType)
"""Tensors; `NnOp.verify_` asks for float elements, in words that name the type."""
INTS = DenseArrayBase.constr(i64)


def ints(values: Sequence[int]) -> DenseArrayBase[I64]:
    """An `array<i64: …>` property."""
    return DenseArrayBase.from_list(i64, list(values))


def integer(value: int) -> IntegerAttr:
    """An `… : i64` property."""
    return IntegerAttr(value, i64)


def real(value: float) -> FloatAttr:
    """An `… : f64` property; f64 keeps every digit of a Python float."""
    return FloatAttr(value, f64)


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


class NnOp(IRDLOperation, ABC):
    """A pure function of float tensors with one result, whose shape `infer_shape` gives.

    The batch axis comes first everywhere. No op looks at more than one image, so a module
    imported at one batch size is valid at every other.
    """

    output = result_def(TENSORS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "operands attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        operands: Sequence[SSAValue | Operation | Sequence[SSAValue | Operation] | None],
        properties: Mapping[str, Attribute | None] | None = None,
    ):
        """Build with the inferred result type; raises ValueError where operands do not fit."""
        super().__init__(
            operands=operands, properties=properties or {}, result_types=[TensorType(f64, [])]
        )
        try:
            result_type = TensorType(element_type_of(self.operands[0]), self.infer_shape())
        except VerifyException as error:
            raise ValueError(str(error)) from None
        self.results = SSAValues((OpResult(result_type, self, 0),))

    @abstractmethod
    def infer_shape(self) -> Shape:
        """The result's shape; raises ValueError with a sentence where there is none."""

    def verify_(self) -> None:
        element_type = element_type_of(self.operands[0])
        for value in (*self.operands, *self.results):
            if not isinstance(element_type_of(value), FLOAT_TYPES):
                raise VerifyException(f"expected tensors of f32 or f64, got {value.type}")
            if element_type_of(value) != element_type:
                raise VerifyException(
                    f"operands and result must have one element type, got {element_type} "
                    f"and {element_type_of(value)}"
                )
            if any(size < 1 for size in shape_of(value)):
                raise VerifyException(f"sizes must be static and at least 1, got {value.type}")
        try:
            expected = self.infer_shape()
        except ValueError as error:
            raise VerifyException(str(error)) from None
        if shape_of(self.output) != expected:
            raise VerifyException(
                f"the result has shape {list(shape_of(self.output))}, "
                f"the operands give {list(expected)}"
            )


class UnaryOp(NnOp, ABC):
    """An elementwise function: the result has the operand's type."""

    input = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation):
        super().__init__([input])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)
