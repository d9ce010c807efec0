"""Stereo matching on codes: correlation volumes, expected disparities, depths."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import I64, IntegerAttr, IntegerType, TensorType, UnitAttr, i32
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    base,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
)
from xdsl.utils.exceptions import VerifyException

from recog.dialects.facts import Kind
from recog.dialects.lns.base import CodesOp, UnaryOp
from recog.dialects.lns.types import (
    DEFAULT_ARITHMETIC,
    NUMBERS,
    ArithmeticAttr,
    NumberType,
    format_of,
    verify_sign,
    verify_single_bias,
)
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.shapes import Shape
from recog.dialects.tensors import element_type_of, flag, integer, shape_of
from recog.dialects.words import counted

__all__ = ["CorrelationOp", "ExpectationOp", "ReciprocalOp"]

MAX_FIXED_FRAC = 16
"""Fraction bits of fixed-point bins: more than a code of 16 bits shows of any disparity."""
MAX_LOG_NUMERATOR = (1 << 23) - 1
"""Of a reciprocal: more octaves than float64 has."""


@irdl_op_definition
class CorrelationOp(CodesOp):
    """Correlation volume of rectified stereo features, (N, C, H, W) twice → (N, D, H, W).

    Plane d: products left(y, x) · right(y, x - d), zero where x < d, summed over channels exactly
    and encoded once with thresholds times C.
    """

    name = "lns.correlation"
    KIND: ClassVar[Kind] = Kind.SUMS
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    left = operand_def(NUMBERS)
    right = operand_def(NUMBERS)
    disparities = prop_def(IntegerAttr[I64])
    arithmetic = prop_def(ArithmeticAttr, default_value=DEFAULT_ARITHMETIC)

    def __init__(
        self,
        left: SSAValue | Operation,
        right: SSAValue | Operation,
        disparities: int,
        output: LnsFormat,
        *,
        arithmetic: Arithmetic | None = None,
    ):
        properties = {
            "disparities": integer(disparities),
            "arithmetic": ArithmeticAttr(arithmetic or Arithmetic()),
        }
        super().__init__([left, right], properties, elements=[NumberType(output)])

    def infer_shape(self) -> Shape:
        left, right = shape_of(self.left), shape_of(self.right)
        planes = self.disparities.value.data
        if len(left) != 4 or left != right:
            raise ValueError(
                f"both inputs must have one shape of 4 axes, got {list(left)} and {list(right)}"
            )
        if not 1 <= planes <= left[3]:
            raise ValueError(f"disparities must be from 1 to the width {left[3]}, got {planes}")
        return (left[0], planes, *left[2:])

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(left=self.left, right=self.right, output=self.output)
        verify_sign(self, relu=False)


@irdl_op_definition
class ExpectationOp(CodesOp):
    """Σ_d softmax(logits)_d · bins_d [+ residual], (N, D, H, W) → (N, 1, H, W), in fixed point.

    Bins are integers in units of 2^-frac. Logits become fixed point by a table of all codes, their
    exponentials integers by another, relative to the largest; Σ e · bin is divided by Σ e and
    rounded to nearest. The residual in fixed point is added, and the sum encoded once.
    """

    name = "lns.expectation"
    KIND: ClassVar[Kind] = Kind.COMBINES
    CONSTANTS: ClassVar[tuple[str, ...]] = ("bins",)

    logits = operand_def(NUMBERS)
    bins = operand_def(TensorType.constr(base(IntegerType)))
    residual = opt_operand_def(NUMBERS)
    frac = prop_def(IntegerAttr[I64])

    def __init__(
        self,
        logits: SSAValue | Operation,
        bins: SSAValue | Operation,
        residual: SSAValue | Operation | None,
        output: LnsFormat,
        *,
        frac: int,
    ):
        operands = [logits, bins, residual]
        super().__init__(operands, {"frac": integer(frac)}, elements=[NumberType(output)])

    def infer_shape(self) -> Shape:
        logits, bins = shape_of(self.logits), shape_of(self.bins)
        if len(logits) != 4:
            raise ValueError(f"logits must have 4 axes, got {list(logits)}")
        if bins != logits[1:2]:
            raise ValueError(
                f"bins must be one for each of {counted(logits[1], 'channel')}, got {list(bins)}"
            )
        shape = (logits[0], 1, *logits[2:])
        if self.residual is not None and shape_of(self.residual) != shape:
            raise ValueError(
                f"the residual must have shape {list(shape)}, got {list(shape_of(self.residual))}"
            )
        return shape

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(logits=self.logits, output=self.output)
        if self.residual is not None:
            verify_single_bias(residual=self.residual)
        if element_type_of(self.bins) != i32:
            raise VerifyException(f"bins must be i32, got {self.bins.type}")
        if not 0 <= self.frac.value.data <= MAX_FIXED_FRAC:
            raise VerifyException(
                f"frac must be in [0, {MAX_FIXED_FRAC}], got {self.frac.value.data}"
            )
        if format_of(self.output).unsigned and (
            self.residual is not None and not format_of(self.residual).unsigned
        ):
            raise VerifyException("an unsigned result needs an unsigned residual")


@irdl_op_definition
class ReciprocalOp(UnaryOp):
    """c / input with |c| = 2^(log_numerator / 2^12): one subtraction of logarithms, rounded once.

    c is negative with `negative`. What is divided by zero becomes the largest code, of the sign
    of c. Depth is this of disparity, with c the product of focal length and baseline.
    """

    name = "lns.reciprocal"

    log_numerator = prop_def(IntegerAttr[I64])
    negative = opt_prop_def(UnitAttr)

    def __init__(
        self,
        input: SSAValue | Operation,
        output: LnsFormat,
        *,
        log_numerator: int,
        negative: bool = False,
    ):
        properties = {"log_numerator": integer(log_numerator), "negative": flag(negative)}
        CodesOp.__init__(self, [input], properties, elements=[NumberType(output)])

    def verify_(self) -> None:
        super().verify_()
        verify_single_bias(input=self.input, output=self.output)
        if abs(self.log_numerator.value.data) > MAX_LOG_NUMERATOR:
            raise VerifyException(
                f"log_numerator must be in [-{MAX_LOG_NUMERATOR}, {MAX_LOG_NUMERATOR}], "
                f"got {self.log_numerator.value.data}"
            )
        if self.negative is not None and format_of(self.output).unsigned:
            raise VerifyException("a negative numerator needs a signed result")
        verify_sign(self, relu=False)
