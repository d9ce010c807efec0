"""Types and attributes of the lns dialect, and what its ops' verifiers share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import Data, SSAValue, TypeAttribute
from xdsl.irdl import IRDLOperation, base, irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from recog.dialects.element_types import StorableType
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.tensors import INTS, PIXEL_TYPE, ints, shape_of
from recog.dialects.words import counted

__all__ = [
    "ACCUMULATORS",
    "DEFAULT_ARITHMETIC",
    "INTS",
    "NUMBERS",
    "PIXELS",
    "ArithmeticAttr",
    "NumberType",
    "codes_type",
    "format_of",
    "holds_codes",
    "holds_pixels",
    "ints",
    "number_tensor",
    "shape_of",
    "verify_same_format",
    "verify_sign",
    "verify_single_bias",
    "verify_tensors",
]


@irdl_attr_definition
class NumberType(Data[LnsFormat], TypeAttribute, StorableType):
    """One LNS code: `!lns.number<width, frac, bias = B>`.

    `bias = 0:{1, 2}` gives one bias per channel along axis 0; `unsigned` drops the sign bit.
    In text an element is its magnitude with its sign: code 133 of an 8-bit format is -5.
    """

    name = "lns.number"

    @property
    def format(self) -> LnsFormat:
        return self.data

    @property
    def storage_width(self) -> int:
        return self.format.width

    @property
    def storage_dtype(self) -> np.dtype:
        return self.format.dtype

    def to_literal(self, element: int) -> int | None:
        sign = element & self.format.sign_mask
        if sign and element == sign:
            return None
        return -(element ^ sign) if sign else element

    def from_literal(self, literal: int) -> int:
        if abs(literal) > self.format.max_magnitude or (literal < 0 and self.format.unsigned):
            raise ValueError(f"{literal} is no code of {self}")
        return self.format.sign_mask | -literal if literal < 0 else literal

    def verify_elements(self, elements: np.ndarray) -> None:
        verify_biases(self.format, elements.shape)
        illegal = self.format.illegal_codes(elements)
        if illegal.any():
            index = [int(i) for i in np.argwhere(illegal)[0]]
            raise VerifyException(
                f"element {index} holds code {int(elements[tuple(index)])}, "
                f"which {self} does not have"
            )

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> LnsFormat:
        start = parser.pos
        with parser.in_angle_brackets():
            width = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            frac = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            parser.parse_keyword("bias")
            parser.parse_punctuation("=")
            bias: int | tuple[int, ...] = parser.parse_integer(allow_boolean=False)
            axis = None
            if parser.parse_optional_punctuation(":"):
                axis = bias
                bias = tuple(
                    parser.parse_comma_separated_list(
                        parser.Delimiter.BRACES, lambda: parser.parse_integer(allow_boolean=False)
                    )
                )
            unsigned = parser.parse_optional_punctuation(",") is not None
            if unsigned:
                parser.parse_keyword("unsigned")
        try:
            return LnsFormat(width, frac, bias, axis, unsigned)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        f = self.format
        bias = f"{f.axis}:{{{', '.join(map(str, f.biases))}}}" if f.axis is not None else f.bias
        unsigned = ", unsigned" if f.unsigned else ""
        printer.print_string(f"<{f.width}, {f.frac}, bias = {bias}{unsigned}>")


@irdl_attr_definition
class ArithmeticAttr(Data[Arithmetic]):
    """The datapath of an op: `#lns.arithmetic<antilog_bits = 6, accumulator = 32>`,

    optionally with `, fine_antilog_bits = 10` for a finer antilog of finer codes, and `, mitchell`
    in place of the rounded antilog table.
    """

    name = "lns.arithmetic"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Arithmetic:
        start = parser.pos
        with parser.in_angle_brackets():
            parser.parse_keyword("antilog_bits")
            parser.parse_punctuation("=")
            antilog_bits = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            parser.parse_keyword("accumulator")
            parser.parse_punctuation("=")
            width = parser.parse_integer(allow_boolean=False)
            fine, mitchell = 0, False
            more = parser.parse_optional_punctuation(",") is not None
            if more and parser.parse_optional_keyword("fine_antilog_bits") is not None:
                parser.parse_punctuation("=")
                fine = parser.parse_integer(allow_boolean=False)
                more = parser.parse_optional_punctuation(",") is not None
            if more:
                parser.parse_keyword("mitchell")
                mitchell = True
        try:
            return Arithmetic(antilog_bits, width, mitchell, fine)
        except ValueError as error:
            parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        a = self.data
        fine = f", fine_antilog_bits = {a.fine_antilog_bits}" if a.fine_antilog_bits else ""
        mitchell = ", mitchell" if a.mitchell else ""
        width = f"accumulator = {a.accumulator_width}"
        printer.print_string(f"<antilog_bits = {a.antilog_bits}, {width}{fine}{mitchell}>")


DEFAULT_ARITHMETIC = ArithmeticAttr(Arithmetic())


def number_tensor(shape: Sequence[int], format: LnsFormat) -> TensorType[NumberType]:
    """The type of a tensor of codes."""
    return TensorType(NumberType(format), shape)


def codes_type(value: SSAValue) -> TensorType[NumberType]:
    """The type of a value that the op definitions guarantee to hold codes."""
    type_ = value.type
    if not isinstance(type_, TensorType) or not isinstance(type_.element_type, NumberType):
        raise VerifyException(f"expected a tensor of !lns.number, got {type_}")
    return type_


def format_of(value: SSAValue) -> LnsFormat:
    """The format of a value that holds codes."""
    return codes_type(value).element_type.format


NUMBERS = TensorType.constr(base(NumberType))
PIXELS = TensorType.constr(PIXEL_TYPE)
ACCUMULATORS = TensorType.constr(base(IntegerType))


def verify_biases(format: LnsFormat, shape: Sequence[int]) -> None:
    """Raise VerifyException unless biases per channel are as many as there are channels."""
    if format.axis is None:
        return
    if format.axis >= len(shape):
        raise VerifyException(f"biases run along axis {format.axis} of a tensor of {len(shape)}")
    if len(format.biases) != shape[format.axis]:
        raise VerifyException(
            f"{counted(len(format.biases), 'bias')} along axis {format.axis}, which has "
            f"{counted(shape[format.axis], 'channel')}"
        )


def verify_tensors(op: IRDLOperation) -> None:
    """Raise VerifyException unless all shapes are static and not empty, and biases fit them."""
    for value in (*op.operands, *op.results):
        if any(dim < 1 for dim in shape_of(value)):
            raise VerifyException(f"tensors must be static and not empty, got {value.type}")
        if holds_codes(value):
            verify_biases(format_of(value), shape_of(value))


def verify_single_bias(**values: SSAValue) -> None:
    """Raise VerifyException where a value has one bias per channel."""
    for name, value in values.items():
        if format_of(value).axis is not None:
            raise VerifyException(f"{name} must have one bias for the tensor, got {value.type}")


def verify_same_format(op: IRDLOperation) -> None:
    """Raise VerifyException unless all operands and results have one format with one bias."""
    verify_single_bias(**{f"operand #{i}": value for i, value in enumerate(op.operands)})
    first = format_of(op.operands[0])
    for value in (*op.operands[1:], *op.results):
        if format_of(value) != first:
            raise VerifyException(f"operands and result must have one format, got {value.type}")


def verify_sign(op: IRDLOperation, relu: bool) -> None:
    """Unsigned results drop negative sums: ask for a ReLU rather than do it in silence."""
    if relu or not format_of(op.results[0]).unsigned:
        return
    # Accumulators start at a layer's bias, an integer of either sign.
    if all(holds_codes(value) and format_of(value).unsigned for value in op.operands):
        return
    raise VerifyException("an unsigned result of signed operands needs relu")


def holds_pixels(value: SSAValue) -> bool:
    """Whether a value is an image of 8-bit pixels."""
    return isinstance(value.type, TensorType) and value.type.element_type == PIXEL_TYPE


def holds_codes(value: SSAValue) -> bool:
    """Whether a value is a tensor of codes."""
    return isinstance(value.type, TensorType) and isinstance(value.type.element_type, NumberType)
