"""Patterns of encode-lns for elementwise ops: sums, products, functions of one value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from recog.dialects import lns, nn
from recog.dialects.lns import format_of, holds_pixels
from recog.lowering.common.rewriting import replace_op
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
    result = sum_type(lhs, rhs, output, relu=relu, arithmetic=arithmetic)
    replace_with_codes(rewriter, op, result, activation)


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
class EncodeReluPattern(RewritePattern):
    """nn.relu that no layer took in → lns.relu; the sign bit becomes a magnitude bit."""

    encoding: Encoding

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReluOp, rewriter: PatternRewriter, /) -> None:
        if op in self.encoding.chains:
            return
        x = self.encoding.encoded(op.input, rewriter, op)
        if format_of(x).unsigned:
            rewriter.replace(op, [], [op.input])
            return
        replace_with_codes(rewriter, op, lns.ReluOp(x, replace(format_of(x), unsigned=True)))


PATTERNS = (
    EncodeOutputScalesPattern,
    EncodeTablePattern,
    EncodeAddPattern,
    EncodeSubPattern,
    EncodeMulPattern,
    EncodeDivPattern,
    EncodeReluPattern,
)
