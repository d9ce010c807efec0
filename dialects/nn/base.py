"""What the ops of the nn dialect share: typed builders, shape inference, verification."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerType,
    TensorType,
    f64,
    i1,
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

from recog.dialects.facts import Kind, Sign
from recog.dialects.shapes import Shape, check_sizes
from recog.dialects.tensors import PIXEL_TYPE, element_type_of, shape_of

__all__ = [
    "DECOMPOSED",
    "FLOAT_TYPES",
    "INDEX_TYPE",
    "MASK_TYPE",
    "NOT_TENSORS",
    "NnOp",
    "PIXEL_TYPE",
    "RESULT_NAME",
    "TENSORS",
    "UnaryOp",
    "element_type_of",
    "is_float",
    "shape_of",
]

FLOAT_TYPES = (Float32Type, Float64Type)
TENSORS = base(TensorType)
"""Tensors; `NnOp.verify_` asks for float elements, in words that name the type."""
INDEX_TYPE = i64
"""Positions along an axis: of gather, top-k and argmax."""
MASK_TYPE = i1
"""Truth values: of comparisons and `nn.where`."""
DECOMPOSED = "nn.decomposed"
"""The attribute of a module: the torch operators that others stand for in it, and how often."""
NOT_TENSORS = "nn.not_tensors"
"""The attribute of a module: what the network returns that is no tensor, and so in no result."""
RESULT_NAME = "nn.name"
"""The attribute of a function's result: its key in the dict or tuple that the network returns."""


def real(value: float) -> FloatAttr:
    """An `… : f64` property; f64 keeps every digit of a Python float."""
    return FloatAttr(value, f64)


def is_float(element_type: Attribute) -> bool:
    """Whether these are elements that nn computes with."""
    return isinstance(element_type, FLOAT_TYPES)


class NnOp(IRDLOperation, ABC):
    """A pure function of tensors with one result, whose shape `infer_shape` gives.

    Each op states its facts, the names in capitals, or belongs to a family that does.

    Values are float; ops that pick, move or compare elements also take indices (i64) and
    masks (i1), as each says. The batch axis comes first in almost every network, and a
    module all of whose ops keep it there (`keeps_batch`) is valid at every batch size.
    """

    INTEGERS_TOO: ClassVar[bool] = False
    """Whether the operands may be indices or masks."""
    KIND: ClassVar[Kind]
    """What the elements of the result are made of."""
    SIGN: ClassVar[Sign]
    """What is certain of the result's sign."""
    ABSORBS_ACTIVATION: ClassVar[bool]
    """Whether its form on codes can end in a ReLU at no cost."""
    HOMOGENEOUS: ClassVar[bool] = False
    """Whether a positive factor of all operands is one of the result, channel (axis 1) by channel;
    False claims nothing."""
    WIDE: ClassVar[tuple[str, ...]]
    """Which of the operands, and `output`, need codes of more bits than activations have."""

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
            result_type = TensorType(self.infer_element_type(), self.infer_shape())
        except VerifyException as error:
            raise ValueError(str(error)) from None
        self.results = SSAValues((OpResult(result_type, self, 0),))

    @abstractmethod
    def infer_shape(self) -> Shape:
        """The result's shape; raises ValueError with a sentence where there is none."""

    def infer_element_type(self) -> Attribute:
        """The result's element type."""
        return element_type_of(self.operands[0])

    @property
    def wide_values(self) -> list[SSAValue]:
        """The operands and results that `WIDE` names."""
        values = (getattr(self, name) for name in self.WIDE)
        return [value for value in values if value is not None]

    @property
    def coded_values(self) -> list[SSAValue]:
        """The operands and results that become codes: all but indices."""
        return [*self.operands, *self.results]

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        """Whether no element of the result can be negative.

        Args:
            known: whether no element of an operand is.
        """
        if self.SIGN is Sign.KEPT:
            return all(known(operand) for operand in self.operands)
        return self.SIGN is Sign.NEVER_NEGATIVE

    def keeps_digits(self) -> bool:
        """Whether the result needs as many digits as an operand, and gives as many: it is moved,
        interpolated, scaled or inverted."""
        return self.KIND.keeps_digits

    def keeps_channel_factors(self) -> bool:
        """What `HOMOGENEOUS` says, where it does not depend on properties."""
        return self.HOMOGENEOUS

    @abstractmethod
    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        """Whether axis 0 of the result is the batch, and each image is computed by itself.

        Args:
            with_batch: for each operand, whether its axis 0 is the batch; else it is the
                same for all images. At least one is.
        """

    def verify_element_types(self) -> None:
        """Raise VerifyException unless operands and result have the element types they may."""
        element_type = element_type_of(self.operands[0])
        for value in (*self.operands, *self.results):
            if not self.INTEGERS_TOO and not is_float(element_type_of(value)):
                raise VerifyException(f"expected tensors of f32 or f64, got {value.type}")
            if element_type_of(value) != element_type:
                raise VerifyException(
                    f"operands and result must have one element type, got {element_type} "
                    f"and {element_type_of(value)}"
                )
        if element_type == PIXEL_TYPE and not self.KIND.keeps_format:
            raise VerifyException(
                "computes with pixels of 8 bits, whose sums and products wrap: convert them to "
                "float first"
            )

    def verify_(self) -> None:
        self.verify_element_types()
        for value in (*self.operands, *self.results):
            if not isinstance(element_type_of(value), (*FLOAT_TYPES, IntegerType)):
                raise VerifyException(f"expected tensors of numbers, got {value.type}")
            if any(size < 1 for size in shape_of(value)):
                raise VerifyException(f"sizes must be static and at least 1, got {value.type}")
        try:
            for value in (*self.operands, *self.results):
                check_sizes(shape_of(value))
            expected = self.infer_shape()
        except ValueError as error:
            raise VerifyException(str(error)) from None
        if shape_of(self.output) != expected:
            raise VerifyException(
                f"the result has shape {list(shape_of(self.output))}, "
                f"the operands give {list(expected)}"
            )


def first_has_batch(with_batch: Sequence[bool]) -> bool:
    """`keeps_batch` of ops whose further operands are parameters, the same for all images."""
    return with_batch[0] and not any(with_batch[1:])


def expect_elements(value: SSAValue, element_type: Attribute, what: str) -> None:
    """Raise VerifyException unless `what` has elements of this type."""
    if element_type_of(value) != element_type:
        raise VerifyException(f"{what} must have elements of type {element_type}, got {value.type}")


class UnaryOp(NnOp, ABC):
    """An elementwise function: the result has the operand's type."""

    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation):
        super().__init__([input])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)
