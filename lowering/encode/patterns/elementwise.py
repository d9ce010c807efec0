"""Patterns of encode-lns for elementwise ops: sums, products, functions of one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.lns import format_of, holds_pixels
from recog.dialects.number_format import Arithmetic
from recog.lowering.common.rewriting import replace_op
from recog.lowering.encode.accumulator_room import coarser_term
from recog.lowering.encode.elementwise_fusion import table_ending_at
from recog.lowering.encode.legality import absorbed_activation, has_elementwise_shape
from recog.lowering.encode.output_scales import output_exponents
from recog.lowering.encode.values import (
    Encoding,
    calibrated_format,
    inserted,
    output_format,
    replace_chain,
    replace_with_codes,
)


@dataclass(frozen=True)
class EncodeOutputScalesPattern(RewritePattern):
    """nn.mul that gives the channels of an output their scales → lns.decode with their biases."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        exponents = output_exponents(op)
        if exponents is None:
            return
        x = self.encoding.encoded(op.lhs, rewriter, op)
        format = format_of(x)
        biases = (format.biases[0] - each * 2**format.frac for each in exponents.tolist())
        replace_op(rewriter, op, [lns.DecodeOp(x, list(biases))])


@dataclass(frozen=True)
class EncodeTablePattern(RewritePattern):
    """A chain of elementwise functions of one value → lns.table, computed once, here.

    Where some code has no value (the root of a negative number) the chain stays float.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NnOp, rewriter: PatternRewriter, /) -> None:
        chain = table_ending_at(op, self.encoding.chains)
        if chain is None:
            return
        from recog.lowering.encode.function_tables import function_table

        pixels = holds_pixels(chain.source)
        x = chain.source
        if not pixels:
            x = self.encoding.encoded(x, rewriter, chain.ops[0])
        table = function_table(chain, None if pixels else format_of(x), output_format(op))
        if table is None:
            return
        result = lns.TableOp(x, inserted(rewriter, table, op), chain.axis)
        replace_chain(rewriter, chain, result)


@dataclass(frozen=True)
class EncodeAddPattern(RewritePattern):
    """nn.add of two tensors [+ nn.relu or clamp] → lns.add."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AddOp, rewriter: PatternRewriter, /) -> None:
        _encode_sum(self.encoding, op, lns.AddOp, rewriter)


@dataclass(frozen=True)
class EncodeSubPattern(RewritePattern):
    """nn.sub of two tensors [+ nn.relu or clamp] → lns.sub."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SubOp, rewriter: PatternRewriter, /) -> None:
        _encode_sum(self.encoding, op, lns.SubOp, rewriter)


def _encode_sum(
    encoding: Encoding,
    op: nn.AddOp | nn.SubOp,
    sum_type: type[lns.AddOp | lns.SubOp],
    rewriter: PatternRewriter,
) -> None:
    if op in encoding.chains or not has_elementwise_shape(op):
        return
    activation = absorbed_activation(op)
    lhs, rhs = encoding.encoded(op.lhs, rewriter, op), encoding.encoded(op.rhs, rewriter, op)
    output = calibrated_format((activation or op).output)
    relu, arithmetic = activation is not None, encoding.arithmetic
    terms = _fitting(lhs, rhs, arithmetic, rewriter, op)
    result = sum_type(*terms, output, relu=relu, arithmetic=arithmetic)
    replace_with_codes(rewriter, op, result, activation)


def _fitting(
    lhs: SSAValue, rhs: SSAValue, arithmetic: Arithmetic, rewriter: PatternRewriter, op: nn.NnOp
) -> tuple[SSAValue, SSAValue]:
    """The terms of a sum in formats that its accumulators hold.

    Of two terms that lie far apart, the small one gets codes that reach higher: it loses what is
    further below the other than accumulators are wide.
    """
    formats = format_of(lhs), format_of(rhs)
    tops = [(each.max_magnitude - each.biases[0]) / 2**each.frac for each in formats]
    small = int(tops[1] < tops[0])
    coarse = coarser_term(formats[small], formats[1 - small], arithmetic)
    if coarse == formats[small]:
        return lhs, rhs
    terms = [lhs, rhs]
    terms[small] = inserted(rewriter, lns.ConvertOp(terms[small], coarse), op)
    return terms[0], terms[1]


@dataclass(frozen=True)
class EncodeMulPattern(RewritePattern):
    """nn.mul of two tensors [+ nn.relu or clamp] → lns.mul."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        if op in self.encoding.chains or not has_elementwise_shape(op):
            return
        activation = absorbed_activation(op)
        lhs = self.encoding.encoded(op.lhs, rewriter, op)
        rhs = self.encoding.encoded(op.rhs, rewriter, op)
        output = calibrated_format((activation or op).output)
        product = lns.MulOp(lhs, rhs, output, relu=activation is not None)
        replace_with_codes(rewriter, op, product, activation)


@dataclass(frozen=True)
class EncodeDivPattern(RewritePattern):
    """nn.div of two tensors [+ nn.relu or clamp] → lns.mul by the reciprocal.

    That is a table, and rounds nothing.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        if op in self.encoding.chains or not has_elementwise_shape(op):
            return
        from recog.lowering.encode.function_tables import reciprocal_table

        lhs = self.encoding.encoded(op.lhs, rewriter, op)
        rhs = self.encoding.encoded(op.rhs, rewriter, op)
        table = inserted(rewriter, reciprocal_table(format_of(rhs)), op)
        reciprocal = inserted(rewriter, lns.TableOp(rhs, table), op)
        activation = absorbed_activation(op)
        output = calibrated_format((activation or op).output)
        quotient = lns.MulOp(lhs, reciprocal, output, relu=activation is not None)
        replace_with_codes(rewriter, op, quotient, activation)


@dataclass(frozen=True)
class EncodeWherePattern(RewritePattern):
    """nn.where of a constant mask → lns.mul by 1 and 0, which are exact, and their lns.add."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.WhereOp, rewriter: PatternRewriter, /) -> None:
        mask, rank = constant_array(op.mask), len(nn.shape_of(op.output))
        values = [value for value in (op.lhs, op.rhs) if constant_array(value) is None]
        ranks = {len(nn.shape_of(value)) for value in values}
        if mask is None or op in self.encoding.chains or ranks != {rank}:
            return
        kept = mask.astype(bool)
        lhs, rhs = self._term(op, op.lhs, kept, rewriter), self._term(op, op.rhs, ~kept, rewriter)
        for term, other in ((lhs, rhs), (rhs, lhs)):
            if _is_zero(other) and nn.shape_of(term) == nn.shape_of(op.output):
                replace_with_codes(rewriter, op, lns.ReshapeOp(term, nn.shape_of(term)))
                return
        arithmetic = self.encoding.arithmetic
        terms = _fitting(lhs, rhs, arithmetic, rewriter, op)
        total = lns.AddOp(*terms, output_format(op), arithmetic=arithmetic)
        replace_with_codes(rewriter, op, total)

    def _term(
        self, op: nn.WhereOp, value: SSAValue, kept: np.ndarray, rewriter: PatternRewriter
    ) -> SSAValue:
        """An operand, and zero where it is not kept."""
        constants, constant = self.encoding.constants, constant_array(value)
        factor = kept if constant is None else np.where(kept, constant, 0)
        array = ConstantOp.from_array(factor.astype(np.float32), f32)
        codes = constants.encode_activation(op, inserted(rewriter, array, op), rewriter)
        if constant is not None:
            return codes
        x = self.encoding.encoded(value, rewriter, op)
        return inserted(rewriter, lns.MulOp(x, codes, format_of(x)), op)


def _is_zero(codes: SSAValue) -> bool:
    """Whether a value is a constant of zeros only, whose code is 0."""
    array = constant_array(codes)
    return array is not None and not array.any()


@dataclass(frozen=True)
class EncodeReluPattern(RewritePattern):
    """nn.relu that no layer took in → lns.relu; the sign bit goes, the magnitudes stay.

    As a magnitude bit it would double the octaves that layers after it have to reckon with.
    """

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReluOp, rewriter: PatternRewriter, /) -> None:
        if op in self.encoding.chains:
            return
        x = self.encoding.encoded(op.input, rewriter, op)
        if format_of(x).unsigned:
            if isinstance(op.input.owner, lns.DecodeOp):
                rewriter.replace(op, [], [op.input])
            else:
                rewriter.replace(op, lns.DecodeOp(x))  # of an input: what is returned is codes
            return
        replace_with_codes(rewriter, op, lns.ReluOp(x, format_of(x).without_sign()))


PATTERNS = (
    EncodeOutputScalesPattern,
    EncodeTablePattern,
    EncodeAddPattern,
    EncodeSubPattern,
    EncodeMulPattern,
    EncodeDivPattern,
    EncodeWherePattern,
    EncodeReluPattern,
)
