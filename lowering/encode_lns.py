"""encode-lns: from float ops to exact arithmetic on LNS codes.

Each pattern turns one nn op into its lns op between decodes and encodes:

    y = nn.conv2d(x, w, b)   →   y = lns.decode(lns.conv2d(encode(x), codes(w), integers(b)))

where encode of a decode is the code itself. An op without an lns counterpart thus stays
float between a decode and an encode, and every step is a valid module. Formats of
activations are those that `calibrate` wrote; formats of weights are found here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType, format_of
from recog.dialects.number_format import (
    MAX_ACCUMULATOR_WIDTH,
    MAX_ANTILOG_BITS,
    MAX_FRAC,
    MAX_WIDTH,
    MIN_ACCUMULATOR_WIDTH,
    MIN_ANTILOG_BITS,
    MIN_WIDTH,
    Arithmetic,
    LnsFormat,
)
from recog.lowering.calibrate import FORMAT, CalibratePass
from recog.lowering.cluster_weights import erase_dead_constants
from recog.lowering.encode_weights import ConstantEncoder
from recog.lowering.labels import LAYER, absorbed_relu
from recog.lowering.rewriting import check_option, replace_op


@dataclass(frozen=True)
class EncodeLnsPass(ModulePass):
    """Convert nn ops, weights and codebooks to the lns dialect, bit-exact from there on."""

    name = "encode-lns"

    data: str | None = None
    """Example inputs (.npy or .npz): runs `calibrate` first, with its defaults."""
    weight_width: int = 8
    """Bits of a weight or centroid."""
    weight_frac: int = 4
    """Fraction bits of weights and centroids."""
    antilog_bits: int = 6
    """P, fraction bits of the antilog table's entries."""
    accumulator_width: int = 32
    """Bits of the accumulators."""
    mitchell: bool = False
    """Mitchell's antilog 1 + x in place of the table."""

    def __post_init__(self):
        check_option(self, "weight_width", MIN_WIDTH, MAX_WIDTH)
        check_option(self, "weight_frac", 0, MAX_FRAC)
        check_option(self, "antilog_bits", MIN_ANTILOG_BITS, MAX_ANTILOG_BITS)
        check_option(self, "accumulator_width", MIN_ACCUMULATOR_WIDTH, MAX_ACCUMULATOR_WIDTH)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.data is not None:
            CalibratePass(self.data).apply(ctx, op)
        weights = LnsFormat(self.weight_width, self.weight_frac)
        arithmetic = Arithmetic(self.antilog_bits, self.accumulator_width, self.mitchell)
        encode_module(op, weights, arithmetic)


def encode_module(module: ModuleOp, weights: LnsFormat, arithmetic: Arithmetic) -> None:
    """Convert every nn op that has an lns counterpart, in all functions."""
    constants = ConstantEncoder(weights, arithmetic)
    patterns: list[RewritePattern] = [
        EncodeConv2dPattern(constants),
        EncodeLinearPattern(constants),
        EncodeAddPattern(arithmetic),
        EncodeAvgPool2dPattern(arithmetic),
        EncodeMeanPattern(arithmetic),
        EncodeMaxPool2dPattern(),
        EncodeReluPattern(),
        EncodeReshapePattern(),
        EncodeConcatPattern(),
        EncodeTablePattern(),
    ]
    PatternRewriteWalker(
        GreedyRewritePatternApplier(patterns), apply_recursively=False
    ).rewrite_module(module)
    PatternRewriteWalker(EncodeOfDecodePattern()).rewrite_module(module)
    _erase_dead_decodes(module)
    erase_dead_constants(module)


def calibrated_format(value: SSAValue) -> LnsFormat:
    """The format that `calibrate` chose for a float value.

    Raises:
        RecogError: there is none.
    """
    op = value.owner
    what, attributes = "the result", {}
    if isinstance(op, Operation):
        attributes = op.attributes
    elif isinstance(value, BlockArgument) and isinstance(parent := op.parent_op(), func.FuncOp):
        op, what = parent, f"argument {value.index}"
        if parent.arg_attrs is not None:
            attributes = parent.arg_attrs.data[value.index].data
    if not isinstance(op, Operation):
        raise RecogError("the argument of a block has no calibrated format")
    chosen = attributes.get(FORMAT)
    if isinstance(chosen, NumberType) and chosen.format.axis is None:
        return chosen.format
    if chosen is not None:
        fail(op, f"the {FORMAT} of {what} must be an !lns.number with one bias, got {chosen}")
    hint = "run the calibrate pass before encode-lns, or give encode-lns its data option"
    fail(op, f"{what} has no calibrated format", hint=hint)


def encoded(value: SSAValue, rewriter: PatternRewriter, at: Operation) -> SSAValue:
    """The codes of a float value: what a decode decoded, else an lns.encode before `at`."""
    if isinstance(value.owner, lns.DecodeOp):
        return value.owner.input
    if isinstance(value.owner, ConstantOp):
        fail(at, "an operand is constant, which has no LNS form here")
    format = calibrated_format(value)
    for use in value.uses:
        known = use.operation
        if (
            isinstance(known, lns.EncodeOp)
            and format_of(known.output) == format
            and known.is_before_in_block(at)
        ):
            return known.output
    encode = lns.EncodeOp(value, format)
    encode.location = value.owner.location if isinstance(value.owner, Operation) else at.location
    encode.output.name_hint = value.name_hint
    rewriter.insert(encode)
    return encode.output


def replace_with_codes(
    rewriter: PatternRewriter, op: Operation, new_op: Operation, relu: Operation | None = None
) -> None:
    """Replace a float op (and the ReLU it takes in) by the decoded result of `new_op`."""
    decode = lns.DecodeOp(new_op)
    for labelled in (op, relu):
        if labelled is not None and LAYER in labelled.attributes:
            new_op.attributes[LAYER] = labelled.attributes[LAYER]
    new_op.results[0].name_hint = (relu or op).results[0].name_hint
    if relu is None:
        replace_op(rewriter, op, [new_op, decode])
        return
    # The ReLU goes first: the layer's own result has no other user.
    new_op.location = decode.location = op.location
    rewriter.insert([new_op, decode])
    rewriter.replace(relu, [], [decode.output])
    rewriter.erase(op)


def output_format(op: Operation) -> LnsFormat:
    """The calibrated format of an op's result."""
    return calibrated_format(op.results[0])


@dataclass(frozen=True)
class EncodeConv2dPattern(RewritePattern):
    """nn.conv2d [+ nn.relu] → lns.conv2d."""

    constants: ConstantEncoder

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.Conv2dOp, rewriter: PatternRewriter, /) -> None:
        relu = absorbed_relu(op)
        x = encoded(op.input, rewriter, op)
        weight = self.constants.encode_weight(op, op.weight, rewriter)
        bias = self.constants.encode_bias(op, op.bias, x, weight, rewriter)
        conv = lns.Conv2dOp(
            x,
            weight,
            bias,
            calibrated_format((relu or op).results[0]),
            strides=op.strides.get_values(),
            padding=op.padding.get_values(),
            dilation=op.dilation.get_values(),
            groups=op.groups.value.data,
            relu=relu is not None,
            arithmetic=self.constants.arithmetic,
        )
        replace_with_codes(rewriter, op, conv, relu)


@dataclass(frozen=True)
class EncodeLinearPattern(RewritePattern):
    """nn.linear [+ nn.relu] → lns.linear."""

    constants: ConstantEncoder

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LinearOp, rewriter: PatternRewriter, /) -> None:
        relu = absorbed_relu(op)
        x = encoded(op.input, rewriter, op)
        weight = self.constants.encode_weight(op, op.weight, rewriter)
        bias = self.constants.encode_bias(op, op.bias, x, weight, rewriter)
        linear = lns.LinearOp(
            x,
            weight,
            bias,
            calibrated_format((relu or op).results[0]),
            relu=relu is not None,
            arithmetic=self.constants.arithmetic,
        )
        replace_with_codes(rewriter, op, linear, relu)


@dataclass(frozen=True)
class EncodeAddPattern(RewritePattern):
    """nn.add of two activations of one shape [+ nn.relu] → lns.add."""

    arithmetic: Arithmetic

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AddOp, rewriter: PatternRewriter, /) -> None:
        if nn.shape_of(op.lhs) != nn.shape_of(op.rhs):
            return
        if constant_array(op.lhs) is not None or constant_array(op.rhs) is not None:
            return
        relu = absorbed_relu(op)
        lhs, rhs = encoded(op.lhs, rewriter, op), encoded(op.rhs, rewriter, op)
        output = calibrated_format((relu or op).results[0])
        add = lns.AddOp(lhs, rhs, output, relu=relu is not None, arithmetic=self.arithmetic)
        replace_with_codes(rewriter, op, add, relu)


@dataclass(frozen=True)
class EncodeAvgPool2dPattern(RewritePattern):
    """nn.avg_pool2d → lns.avg_pool2d."""

    arithmetic: Arithmetic

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AvgPool2dOp, rewriter: PatternRewriter, /) -> None:
        if op.ceil_mode is not None:
            return
        pool = lns.AvgPool2dOp(
            encoded(op.input, rewriter, op),
            output_format(op),
            op.kernel.get_values(),
            op.strides.get_values(),
            op.padding.get_values(),
            count_include_pad=op.count_include_pad is not None,
            arithmetic=self.arithmetic,
        )
        replace_with_codes(rewriter, op, pool)


@dataclass(frozen=True)
class EncodeMeanPattern(RewritePattern):
    """nn.mean over height and width → lns.avg_pool2d of the whole image."""

    arithmetic: Arithmetic

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MeanOp, rewriter: PatternRewriter, /) -> None:
        shape = nn.shape_of(op.input)
        if len(shape) != 4 or sorted(op.axes.get_values()) != [2, 3]:
            return
        x = encoded(op.input, rewriter, op)
        pool = lns.AvgPool2dOp(
            x, output_format(op), shape[2:], shape[2:], arithmetic=self.arithmetic
        )
        if op.keepdims is not None:
            replace_with_codes(rewriter, op, pool)
            return
        pool.location = op.location
        rewriter.insert(pool)
        replace_with_codes(rewriter, op, lns.ReshapeOp(pool, shape[:2]))


class EncodeMaxPool2dPattern(RewritePattern):
    """nn.max_pool2d → lns.max_pool2d, in the operand's format."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MaxPool2dOp, rewriter: PatternRewriter, /) -> None:
        if op.ceil_mode is not None or op.dilation.get_values() != (1, 1):
            return
        pool = lns.MaxPool2dOp(
            encoded(op.input, rewriter, op),
            op.kernel.get_values(),
            op.strides.get_values(),
            op.padding.get_values(),
        )
        replace_with_codes(rewriter, op, pool)


class EncodeReluPattern(RewritePattern):
    """nn.relu that no layer took in → lns.relu; the sign bit becomes a magnitude bit."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReluOp, rewriter: PatternRewriter, /) -> None:
        if isinstance(op.input.owner, Operation) and absorbed_relu(op.input.owner) is op:
            return
        x = encoded(op.input, rewriter, op)
        replace_with_codes(rewriter, op, lns.ReluOp(x, replace(format_of(x), unsigned=True)))


class EncodeReshapePattern(RewritePattern):
    """nn.reshape → lns.reshape."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        x = encoded(op.input, rewriter, op)
        replace_with_codes(rewriter, op, lns.ReshapeOp(x, nn.shape_of(op.output)))


class EncodeConcatPattern(RewritePattern):
    """nn.concat → lns.concat of inputs converted to one format, where they differ."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        common = output_format(op)
        codes = [encoded(value, rewriter, op) for value in op.inputs]
        for i, value in enumerate(codes):
            if format_of(value) != common:
                convert = lns.ConvertOp(value, common)
                convert.location = op.location
                rewriter.insert(convert)
                codes[i] = convert.output
        replace_with_codes(rewriter, op, lns.ConcatOp(codes, op.axis.value.data))


class EncodeTablePattern(RewritePattern):
    """Any other elementwise function of one value → lns.table, computed once, here."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.UnaryOp, rewriter: PatternRewriter, /) -> None:
        if isinstance(op, nn.ReluOp | nn.SoftmaxOp):
            return
        from recog.lowering.function_tables import function_table

        x = encoded(op.input, rewriter, op)
        table = function_table(op, format_of(x), output_format(op))
        table.location = op.location
        rewriter.insert(table)
        replace_with_codes(rewriter, op, lns.TableOp(x, table))


class EncodeOfDecodePattern(RewritePattern):
    """encode(decode(x)) → x, converted where the formats differ."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: lns.EncodeOp, rewriter: PatternRewriter, /) -> None:
        decode = op.input.owner
        if not isinstance(decode, lns.DecodeOp):
            return
        if decode.input.type == op.output.type:
            rewriter.replace(op, [], [decode.input])
            return
        if format_of(op.output).unsigned and not format_of(decode.input).unsigned:
            return
        replace_op(rewriter, op, [lns.ConvertOp(decode.input, format_of(op.output))])


def _erase_dead_decodes(module: ModuleOp) -> None:
    for op in reversed(list(module.walk())):
        if isinstance(op, lns.DecodeOp | lns.EncodeOp) and not op.results[0].uses:
            op.detach()
            op.erase()


__all__ = ["EncodeLnsPass", "calibrated_format", "encode_module"]
