"""What the ops of the lns dialect share: facts, shape inference, verification."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, OpResult, SSAValue, SSAValues
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, operand_def, result_def, traits_def
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from recog.dialects.facts import Kind
from recog.dialects.lns.types import (
    NUMBERS,
    NumberType,
    format_of,
    verify_same_format,
    verify_tensors,
)
from recog.dialects.number_format import LnsFormat
from recog.dialects.shapes import Shape, check_sizes
from recog.dialects.tensors import shape_of

__all__ = ["CodesOp", "LnsOp", "UnaryOp"]


class LnsOp(IRDLOperation, ABC):
    """A pure function of tensors, whose results have the shape that `infer_shape` gives."""

    KIND: ClassVar[Kind]
    """What the elements of the results are made of."""
    CONSTANTS: ClassVar[tuple[str, ...]]
    """Which of the operands are no feature maps, but tables and weights that the chip stores."""

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "operands attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        operands: Sequence[SSAValue | Operation | Sequence[SSAValue | Operation] | None],
        properties: Mapping[str, Attribute | None] | None = None,
        *,
        elements: Sequence[Attribute],
        shape: Shape = (),
    ):
        """Build with the inferred shape; raises ValueError where operands do not fit.

        Args:
            elements: the element type of each result, where it is a choice the one chosen.
            shape: the result's, where it is a choice: of a reshape or a resize.
        """
        super().__init__(
            operands=operands,
            properties=properties or {},
            result_types=[TensorType(element, shape) for element in elements],
        )
        try:
            shape = self.infer_shape()
        except VerifyException as error:
            raise ValueError(str(error)) from None
        types = [TensorType(element, shape) for element in elements]
        self.results = SSAValues(OpResult(type_, self, i) for i, type_ in enumerate(types))

    @abstractmethod
    def infer_shape(self) -> Shape:
        """The shape of the results; raises ValueError with a sentence where there is none."""

    @property
    def constant_operands(self) -> dict[str, SSAValue]:
        """Those operands that `CONSTANTS` names and that are there, by name."""
        values = {name: getattr(self, name) for name in self.CONSTANTS}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def map_operands(self) -> list[SSAValue]:
        """The operands that are feature maps, in order."""
        found: list[SSAValue] = []
        for name, _ in self.get_irdl_definition().operands:
            value = getattr(self, name)
            if name not in self.CONSTANTS and value is not None:
                found += [value] if isinstance(value, SSAValue) else value
        return found

    def verify_(self) -> None:
        verify_tensors(self)
        try:
            for value in (*self.operands, *self.results):
                check_sizes(shape_of(value))
            expected = self.infer_shape()
        except ValueError as error:
            raise VerifyException(str(error)) from None
        if shape_of(self.results[0]) != expected:
            raise VerifyException(
                f"the result has shape {list(shape_of(self.results[0]))}, "
                f"the operands give {list(expected)}"
            )
        if self.KIND.keeps_format:
            verify_same_format(self)


class CodesOp(LnsOp, ABC):
    """An op whose result holds codes."""

    output = result_def(NUMBERS)


class UnaryOp(CodesOp, ABC):
    """An elementwise function: input → output of the same shape, its format a choice."""

    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    input = operand_def(NUMBERS)

    def __init__(self, input: SSAValue | Operation, output: LnsFormat):
        super().__init__([input], elements=[NumberType(output)])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)


def elements_of(value: SSAValue | Operation) -> NumberType:
    """The element type of a result whose format is that of an operand."""
    return NumberType(format_of(SSAValue.get(value)))
