"""Linear fixed-point numbers: what boxes are when they leave the chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Data, SSAValue, TypeAttribute
from xdsl.irdl import base, irdl_attr_definition, irdl_op_definition, operand_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from recog.dialects.element_types import StorableType
from recog.dialects.lns.conversion import ToFloatOp
from recog.dialects.number_format import MAX_FRAC

__all__ = ["FIXED", "DecodeFixedOp", "FixedFormat", "FixedType", "frac_of"]

FIXED_WIDTH = 32


@dataclass(frozen=True)
class FixedFormat:
    """Two's-complement integers of 32 bits that count 2^-frac."""

    frac: int

    def __post_init__(self):
        if not 0 <= self.frac <= MAX_FRAC:
            raise ValueError(f"fixed-point frac must be in [0, {MAX_FRAC}] bits, got {self.frac}")


@irdl_attr_definition
class FixedType(Data[FixedFormat], TypeAttribute, StorableType):
    """A linear fixed-point number, `!lns.fixed<32, frac>`: an integer that counts 2^-frac."""

    name = "lns.fixed"

    @property
    def frac(self) -> int:
        return self.data.frac

    @property
    def storage_width(self) -> int:
        return FIXED_WIDTH

    @property
    def storage_dtype(self) -> np.dtype:
        return np.dtype(np.int32)

    def to_literal(self, element: int) -> int:
        return element

    def from_literal(self, literal: int) -> int:
        if not -(1 << (FIXED_WIDTH - 1)) <= literal < 1 << (FIXED_WIDTH - 1):
            raise ValueError(f"{literal} does not fit {self}")
        return literal

    def verify_elements(self, elements: np.ndarray) -> None:
        """All integers of 32 bits are legal."""

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> FixedFormat:
        start = parser.pos
        with parser.in_angle_brackets():
            width = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            frac = parser.parse_integer(allow_boolean=False)
        if width != FIXED_WIDTH:
            parser.raise_error(
                f"fixed-point numbers have {FIXED_WIDTH} bits, got {width}", start, parser.pos
            )
        try:
            return FixedFormat(frac)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        printer.print_string(f"<{FIXED_WIDTH}, {self.frac}>")


FIXED = TensorType.constr(base(FixedType))


def frac_of(value: SSAValue) -> int:
    """The fraction bits of a value that holds fixed-point numbers."""
    type_ = value.type
    if not isinstance(type_, TensorType) or not isinstance(type_.element_type, FixedType):
        raise VerifyException(f"expected a tensor of !lns.fixed, got {type_}")
    return type_.element_type.frac


@irdl_op_definition
class DecodeFixedOp(ToFloatOp):
    """Fixed point → float32, correctly rounded."""

    name = "lns.decode_fixed"

    input = operand_def(FIXED)
