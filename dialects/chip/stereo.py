"""Instructions of stereo matching: correlation volumes, expected disparities, depths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.costs import Products, Queue, WeightRead
from recog.dialects.chip.fields import address_field, flag_field, int_field, reference_field
from recog.dialects.chip.instructions import (
    INSTRUCTION,
    InstructionOp,
    same_maps,
    verify_codes,
    verify_equal,
    verify_sign,
)
from recog.dialects.chip.records import record
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import AxisMap, Maps
from recog.dialects.lns.stereo import MAX_FIXED_FRAC, MAX_LOG_NUMERATOR

__all__ = ["CorrOp", "Disp2depthOp", "ExpectAddOp", "ExpectOp", "ExpectationOp"]

BIN_BYTES = 4
LOGIT_STEPS = 4


@record(0x20, INSTRUCTION)
class CorrOp(InstructionOp):
    """Correlation volume: plane d is the mean over channels of left(x) * right(x - d).

    D is the output's channels. Products are summed exactly, zero left of the image, and encoded
    once with thresholds times C.
    """

    name = "chip.corr"
    QUEUE: ClassVar[Queue] = Queue.MAC

    output = reference_field("(D, H, W)", "chip.tensor", role="output")
    left = reference_field("(C, H, W)", "chip.tensor", role="input")
    right = reference_field("(C, H, W)", "chip.tensor", role="input")

    def maps(self, scope: Scope) -> Maps:
        _, height, width = scope.tensor(self.left).shape
        disparities = scope.tensor(self.output).shape[0]
        both = AxisMap.same(height), AxisMap.window(width, 1, disparities - 1, disparities)
        return {"left": both, "right": both}

    def work(self, scope: Scope) -> int:
        """Products: every output sums one a channel."""
        return self.output_elements(scope) * scope.tensor(self.left).shape[0]

    def verify_in(self, scope: Scope) -> None:
        left, right, y = (scope.tensor(each) for each in (self.left, self.right, self.output))
        verify_codes(left, right, y)
        verify_equal("shape of right", list(left.shape), list(right.shape))
        disparities, *plane = y.shape
        verify_equal("output plane", list(left.shape[1:]), plane)
        if disparities > left.shape[2]:
            raise VerifyException(
                f"{disparities} disparities are more than the width {left.shape[2]}"
            )
        verify_sign(y, False, left, right)

    def products(self, scope: Scope) -> Sequence[Products]:
        """Disparities are the output channels; no operand stays, the right image is shifted by."""
        left, right = scope.tensor(self.left), scope.tensor(self.right)
        disparities, rows, columns = self.part(scope, "output")
        bits = max(left.code_bits.value.data, right.code_bits.value.data)
        return (Products(1, disparities, left.shape[0], 1, rows, columns, bits, stationary=False),)


class ExpectationOp(InstructionOp):
    """What expect and expect.add have in common."""

    output = reference_field("(1, H, W)", "chip.tensor", role="output")
    logits = reference_field("(D, H, W)", "chip.tensor", role="input")
    bins = address_field("first byte of the bins in weight memory")
    frac = int_field(5, "fraction bits of a bin", maximum=MAX_FIXED_FRAC)

    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 2

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, logits=self.logits)

    def region(self, scope: Scope) -> range:
        """The bytes of weight memory that the bins take."""
        start = self.bins.value.data
        return range(start, start + BIN_BYTES * scope.tensor(self.logits).shape[0])

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.logits), scope.tensor(self.output)
        verify_codes(x, y)
        verify_equal("output shape", [1, *x.shape[1:]], list(y.shape))

    def vector_steps(self, scope: Scope) -> int:
        """For a logit a comparison, a look-up and two sums; for a result quotient and rounding."""
        return super().vector_steps(scope) + LOGIT_STEPS * self.moved(scope)["logits"]

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        return (WeightRead("bins", len(self.region(scope))),)


@record(0x21, INSTRUCTION)
class ExpectOp(ExpectationOp):
    """The expected bin under the softmax over channels: soft argmin, in fixed point.

    The bins are 32-bit two's-complement integers in units of 2^-frac, little-endian. Logits go
    through a table of fixed-point octaves, exponentials relative to the largest through one of
    mantissas; the quotient of the sums is rounded to nearest and encoded.
    """

    name = "chip.expect"


@record(0x22, INSTRUCTION)
class ExpectAddOp(ExpectationOp):
    """As expect, and a residual in fixed point is added before the result is encoded."""

    name = "chip.expect.add"
    STEPS: ClassVar[int] = 3

    residual = reference_field("(1, H, W)", "chip.tensor", role="input")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, logits=self.logits, residual=self.residual)

    def verify_in(self, scope: Scope) -> None:
        super().verify_in(scope)
        residual, y = scope.tensor(self.residual), scope.tensor(self.output)
        verify_codes(residual)
        verify_equal("shape of the residual", list(y.shape), list(residual.shape))
        if y.unsigned is not None and residual.unsigned is None:
            raise VerifyException("an unsigned output needs an unsigned residual")


@record(0x23, INSTRUCTION)
class Disp2depthOp(InstructionOp):
    """A constant over the input: depth from disparity as one subtraction of logarithms.

    The magnitude of the constant is 2^(log_numerator / 2^12). What is divided by zero becomes the
    largest code, of the constant's sign.
    """

    name = "chip.disp2depth"
    QUEUE: ClassVar[Queue] = Queue.VECTOR
    STEPS: ClassVar[int] = 1

    output = reference_field("(C, H, W)", "chip.tensor", role="output")
    input = reference_field("(C, H, W)", "chip.tensor", role="input")
    log_numerator = int_field(
        24, "logarithm of the constant in units of 2^-12", signed=True, maximum=MAX_LOG_NUMERATOR
    )
    negative = flag_field("the constant is negative")

    def maps(self, scope: Scope) -> Maps:
        return same_maps(scope, input=self.input)

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.tensor(self.output)
        verify_codes(x, y)
        verify_equal("shape", list(x.shape), list(y.shape))
        if self.negative is not None and y.unsigned is not None:
            raise VerifyException("a negative constant needs a signed output")
        verify_sign(y, False, x)
