"""Patterns of encode-lns for stereo heads: correlation, expected disparity, depth."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

import numpy as np
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.backend.arithmetic.reference.definition import encode
from recog.backend.arithmetic.reference.stereo import (
    EXP_BITS,
    SUM_BITS,
    check_expectation,
    log_numerator,
)
from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType, format_of
from recog.dialects.lns.fixed import FIXED_WIDTH
from recog.dialects.lns.stereo import MAX_FIXED_FRAC
from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, LnsFormat
from recog.lowering.encode.elementwise_fusion import Chain, table_ending_at
from recog.lowering.encode.samples import covering_bias
from recog.lowering.encode.values import (
    Encoding,
    calibrated_format,
    inserted,
    output_format,
    replace_chain,
    replace_with_codes,
)

TABLE_WIDTH = 8
"""Codes of more bits are scaled by a product: a table of theirs would fill weight memory."""


@dataclass(frozen=True)
class EncodeCorrelationPattern(RewritePattern):
    """nn.correlation → lns.correlation."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.CorrelationOp, rewriter: PatternRewriter, /) -> None:
        volume = lns.CorrelationOp(
            self.encoding.encoded(op.left, rewriter, op),
            self.encoding.encoded(op.right, rewriter, op),
            op.disparities.value.data,
            output_format(op),
            arithmetic=self.encoding.arithmetic,
        )
        replace_with_codes(rewriter, op, volume)


@dataclass(frozen=True)
class EncodeExpectationPattern(RewritePattern):
    """nn.expectation of constant bins → lns.expectation."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ExpectationOp, rewriter: PatternRewriter, /) -> None:
        values = constant_array(op.bins)
        if values is None:
            return
        frac = bin_frac(values)
        bins = fixed_bins(values, frac)
        try:
            check_expectation(bins)
        except RecogError as error:
            fail(op, error.message)
        expectation = lns.ExpectationOp(
            self.encoding.encoded(op.logits, rewriter, op),
            inserted(rewriter, ConstantOp.from_array(bins, i32), op),
            None if op.residual is None else self.encoding.encoded(op.residual, rewriter, op),
            output_format(op),
            frac=frac,
        )
        replace_with_codes(rewriter, op, expectation)


def bin_frac(bins: np.ndarray) -> int:
    """The most fraction bits, up to 16, with which the sums of an expectation cannot overflow."""
    largest = float(np.abs(bins).max(initial=0))
    octave = frexp(largest)[1]
    room = SUM_BITS - 2 - EXP_BITS - 1 - octave - bins.size.bit_length()
    return max(0, min(MAX_FIXED_FRAC, room))


def fixed_bins(bins: np.ndarray, frac: int) -> np.ndarray:
    """Bins as int32 in units of 2^−frac, to nearest even, saturated."""
    limit = (1 << 31) - 1
    scaled = np.rint(np.ldexp(bins.astype(np.float64), frac))
    return np.clip(scaled, -limit, limit).astype(np.int32)


@dataclass(frozen=True)
class EncodeMonomialPattern(RewritePattern):
    """A chain that computes c / x → lns.reciprocal; c · x of wide codes → lns.mul.

    Other chains, and products of codes that are narrow, are tables.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NnOp, rewriter: PatternRewriter, /) -> None:
        chain = table_ending_at(op, self.encoding.chains)
        if chain is None:
            return
        monomial = monomial_of(chain)
        if monomial is None or monomial.coefficient == 0 or not np.isfinite(monomial.coefficient):
            return
        wide = calibrated_width(chain.source) > TABLE_WIDTH
        if not (wide or monomial.inverse):
            return
        x = self.encoding.encoded(chain.source, rewriter, chain.ops[0])
        output, negative = output_format(op), monomial.coefficient < 0
        if output.unsigned and (negative or not format_of(x).unsigned):
            return
        if monomial.inverse:
            logarithm = log_numerator(abs(monomial.coefficient))
            result = lns.ReciprocalOp(x, output, log_numerator=logarithm, negative=negative)
        else:
            factor = _factor(monomial.coefficient, x, rewriter, op)
            result = lns.MulOp(x, factor, output)
        replace_chain(rewriter, chain, result)


def calibrated_width(value: SSAValue) -> int:
    """Bits of the codes that a float value has or will have."""
    match value.owner:
        case lns.DecodeOp() as decode:
            return format_of(decode.input).width
        case lns.DecodeFixedOp():
            return FIXED_WIDTH
        case _:
            return calibrated_format(value).width


@dataclass(frozen=True)
class Monomial:
    """coefficient · x, or coefficient / x."""

    coefficient: float
    inverse: bool = False


def monomial_of(chain: Chain) -> Monomial | None:
    """The function of a chain of products, quotients and negations; None for any other."""
    current, value = Monomial(1.0), chain.source
    for op in chain.ops:
        after = _then(op, value, current)
        if after is None:
            return None
        current, value = after, op.output
    return current


def _then(op: nn.NnOp, value: SSAValue, before: Monomial) -> Monomial | None:
    """The monomial after `op`, which takes `value`."""
    c, inverse = before.coefficient, before.inverse
    match op:
        case nn.NegOp():
            return Monomial(-c, inverse)
        case nn.PowOp():
            power = op.exponent.value.data
            return Monomial(1 / c, not inverse) if power == -1 and c else None
        case nn.MulOp() | nn.DivOp():
            on_left = op.lhs is value
            factor = _scalar(op.rhs if on_left else op.lhs)
        case _:
            return None
    if factor is None or factor == 0 or c == 0 or (op.lhs is value) == (op.rhs is value):
        return None
    if isinstance(op, nn.MulOp):
        return Monomial(c * factor, inverse)
    return Monomial(c / factor, inverse) if on_left else Monomial(factor / c, not inverse)


def _scalar(value: SSAValue) -> float | None:
    array = constant_array(value)
    return None if array is None or array.size == 0 else float(array.reshape(-1)[0])


def _factor(value: float, x: SSAValue, rewriter: PatternRewriter, at: nn.NnOp) -> SSAValue:
    """A factor as one code, the nearest of the finest there are; exact for powers of two."""
    unsigned = value > 0
    format = LnsFormat(MAX_WIDTH, MAX_FRAC - (not unsigned), unsigned=unsigned)
    format = format.with_bias(covering_bias(format, abs(value)))
    codes = encode(np.full((1,) * len(lns.shape_of(x)), value), format)
    return inserted(rewriter, ConstantOp.from_array(codes, NumberType(format)), at)


PATTERNS = (
    EncodeMonomialPattern,
    EncodeCorrelationPattern,
    EncodeExpectationPattern,
)
