"""encode-lns: from float ops to exact arithmetic on LNS codes.

Each pattern turns one nn op into its lns op between decodes and encodes:

    y = nn.conv2d(x, w, b)   →   y = lns.decode(lns.conv2d(encode(x), codes(w), integers(b)))

where encode of a decode is the code itself. Elementwise functions of one value go together
into one table (`elementwise_chains`). An op without an lns counterpart stays float between a
decode and an encode, and every step is a valid module. Formats of
activations are those that `calibrate` wrote; formats of weights are found here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import lns, nn
from recog.dialects.lns import format_of
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
from recog.lowering.common.rewriting import check_option, erase_dead_constants, replace_op
from recog.lowering.encode.calibrate import CalibratePass
from recog.lowering.encode.constants import ConstantEncoder
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.legality import can_encode
from recog.lowering.encode.patterns.boxes import (
    EncodeDecodeBoxes2dPattern,
    EncodeDecodeBoxes3dPattern,
    EncodePeaksPattern,
    EncodeSuppressPattern,
)
from recog.lowering.encode.patterns.elementwise import (
    EncodeAddPattern,
    EncodeDivPattern,
    EncodeMulPattern,
    EncodeReluPattern,
    EncodeSubPattern,
    EncodeTablePattern,
)
from recog.lowering.encode.patterns.layers import (
    EncodeAffinePattern,
    EncodeConv2dPattern,
    EncodeConvTranspose2dPattern,
    EncodeLinearPattern,
)
from recog.lowering.encode.patterns.stereo import (
    EncodeCorrelationPattern,
    EncodeExpectationPattern,
    EncodeMonomialPattern,
)
from recog.lowering.encode.patterns.windows_and_moves import (
    EncodeArgmaxPattern,
    EncodeAvgPool2dPattern,
    EncodeConcatPattern,
    EncodeMaxPool2dPattern,
    EncodeMeanPattern,
    EncodePadPattern,
    EncodePermutePattern,
    EncodeReshapePattern,
    EncodeResizePattern,
    EncodeSlicePattern,
)
from recog.lowering.encode.prove_accumulators import widen
from recog.lowering.encode.values import Encoding, calibrated_format


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
    accumulator_width: int | None = None
    """Bits of the accumulators; by default 32, or more where the proof of no overflow needs it."""
    mitchell: bool = False
    """Mitchell's antilog 1 + x in place of the table."""

    def __post_init__(self):
        check_option(self, "weight_width", MIN_WIDTH, MAX_WIDTH)
        check_option(self, "weight_frac", 0, MAX_FRAC)
        check_option(self, "antilog_bits", MIN_ANTILOG_BITS, MAX_ANTILOG_BITS)
        if self.accumulator_width is not None:
            check_option(self, "accumulator_width", MIN_ACCUMULATOR_WIDTH, MAX_ACCUMULATOR_WIDTH)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.data is not None:
            CalibratePass(self.data).apply(ctx, op)
        weights = LnsFormat(self.weight_width, self.weight_frac)
        width = self.accumulator_width or MAX_ACCUMULATOR_WIDTH
        encode_module(op, weights, Arithmetic(self.antilog_bits, width, self.mitchell))
        if self.accumulator_width is None:
            widen(op)


def encode_module(module: ModuleOp, weights: LnsFormat, arithmetic: Arithmetic) -> None:
    """Convert every nn op that has an lns counterpart, in all functions."""
    encode_with(module, ConstantEncoder(weights, arithmetic))


def encode_with(module: ModuleOp, constants: ConstantEncoder) -> None:
    """As `encode_module`, with an encoder for the constants."""
    encoding = Encoding(constants, find_chains(module))
    patterns = [pattern(encoding) for pattern in PATTERNS]
    PatternRewriteWalker(
        EncodeWherePossiblePattern(GreedyRewritePatternApplier(patterns)), apply_recursively=False
    ).rewrite_module(module)
    PatternRewriteWalker(EncodeOfDecodePattern()).rewrite_module(module)
    _erase_dead_decodes(module)
    erase_dead_constants(module)


PATTERNS: tuple[Callable[[Encoding], RewritePattern], ...] = (
    EncodeConv2dPattern,
    EncodeConvTranspose2dPattern,
    EncodeLinearPattern,
    EncodeAffinePattern,
    EncodeMonomialPattern,
    EncodeTablePattern,
    EncodeAddPattern,
    EncodeSubPattern,
    EncodeMulPattern,
    EncodeDivPattern,
    EncodeReluPattern,
    EncodeAvgPool2dPattern,
    EncodeMaxPool2dPattern,
    EncodeMeanPattern,
    EncodeResizePattern,
    EncodePeaksPattern,
    EncodeDecodeBoxes2dPattern,
    EncodeDecodeBoxes3dPattern,
    EncodeSuppressPattern,
    EncodeReshapePattern,
    EncodeConcatPattern,
    EncodeSlicePattern,
    EncodePadPattern,
    EncodePermutePattern,
    EncodeArgmaxPattern,
    EncodeCorrelationPattern,
    EncodeExpectationPattern,
)


@dataclass(frozen=True)
class EncodeWherePossiblePattern(RewritePattern):
    """Leaves alone what no pattern may look at: indices, other float types, a moving batch."""

    inner: RewritePattern

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if isinstance(op, nn.NnOp) and can_encode(op):
            self.inner.match_and_rewrite(op, rewriter)


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
        if isinstance(op, lns.EncodeOp | lns.ToFloatOp) and not op.results[0].uses:
            op.detach()
            op.erase()


__all__ = ["EncodeLnsPass", "calibrated_format", "encode_module"]
