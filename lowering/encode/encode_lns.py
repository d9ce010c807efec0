"""encode-lns: from float ops to exact arithmetic on LNS codes.

Each pattern turns one nn op into its lns op between decodes and encodes:

    y = nn.conv2d(x, w, b)   →   y = lns.decode(lns.conv2d(encode(x), codes(w), integers(b)))

where encode of a decode is the code itself. Elementwise functions of one value go together
into one table (`elementwise_chains`). An op without an lns counterpart stays float between a
decode and an encode, and every step is a valid module. Formats of
activations are those that `calibrate` wrote; formats of weights are found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

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
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError
from recog.dialects.lns import format_of
from recog.dialects.number_format import (
    MAX_ACCUMULATOR_WIDTH,
    MAX_ANTILOG_BITS,
    MIN_ACCUMULATOR_WIDTH,
    MIN_ANTILOG_BITS,
    Arithmetic,
    LnsFormat,
)
from recog.dialects.refusals import OpenRefusal
from recog.lowering.common.rewriting import erase_dead_constants, replace_op
from recog.lowering.common.shared_options import WeightFormatOptions
from recog.lowering.encode.calibrate import CalibratePass
from recog.lowering.encode.constants import BIAS_OVERFLOW, ConstantEncoder
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.legality import can_encode
from recog.lowering.encode.patterns import (
    boxes,
    elementwise,
    layers,
    reductions,
    stereo,
    windows_and_moves,
)
from recog.lowering.encode.values import Encoding, calibrated_format


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(WeightFormatOptions):
    """The arithmetic that a network is encoded for."""

    antilog_bits: int | None = None
    """P, the fraction bits of the antilog table's entries; by default those of the target where one
    is given, else 6."""
    fine_antilog_bits: int | None = None
    """What P grows to for codes of more fraction bits, one more than they have, so that the antilog
    does not take away what wider codes give; 0 for the same P for all. By default that of the
    target where one is given, else 10."""
    accumulator_width: int | None = None
    """Bits of the accumulators; by default those of the target where one is given, else 32."""
    mitchell: bool = False
    """Approximate the antilog by Mitchell's 1 + x instead of a table."""

    RANGES = {
        "antilog_bits": (MIN_ANTILOG_BITS, MAX_ANTILOG_BITS),
        "fine_antilog_bits": (0, MAX_ANTILOG_BITS),
        "accumulator_width": (MIN_ACCUMULATOR_WIDTH, MAX_ACCUMULATOR_WIDTH),
    }

    def encoder(self) -> ConstantEncoder:
        """What encodes weights and biases as these options say."""
        return ConstantEncoder(self.weight_format, self.arithmetic(ChipTarget()))

    def arithmetic(self, target: ChipTarget) -> Arithmetic:
        """The datapath that these options say, and where they say nothing that of `target`."""
        fine = self.fine_antilog_bits
        return Arithmetic(
            self.antilog_bits or target.antilog_bits,
            self.accumulator_width or target.accumulator,
            self.mitchell or target.mitchell,
            target.fine_antilog_bits if fine is None else fine,
        )


@dataclass(frozen=True, kw_only=True)
class EncodeLnsPass(EncodeOptions, ModulePass):
    """Convert nn ops, weights and codebooks to the lns dialect, bit-exact from there on."""

    name = "encode-lns"

    OPEN_REFUSALS: ClassVar[Sequence[OpenRefusal]] = (BIAS_OVERFLOW,)

    data: str | None = None
    """Example inputs (.npy or .npz): runs `calibrate` first, with its defaults."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.data is not None:
            CalibratePass(data=self.data).apply(ctx, op)
        encode_with(op, self.encoder())


def encode_module(module: ModuleOp, weights: LnsFormat, arithmetic: Arithmetic) -> None:
    """Convert every nn op that has an lns counterpart, in all functions."""
    encode_with(module, ConstantEncoder(weights, arithmetic))


Refuse = Callable[[RecogError, PatternRewriter], bool]
"""Takes the error of an op that has no form on codes; whether to go on without that op, which it
has replaced."""


def encode_with(module: ModuleOp, constants: ConstantEncoder, refuse: Refuse | None = None) -> None:
    """As `encode_module`, with an encoder for the constants.

    Args:
        refuse: what to do about ops that have no form on codes; without, their errors are raised.
    """
    encoding = Encoding(constants)
    constants.limit_codebooks(_layers_on_codes(module))
    patterns = GreedyRewritePatternApplier([pattern(encoding) for pattern in PATTERNS])
    pattern = EncodeWherePossiblePattern(patterns, encoding, refuse)
    refusals = -1
    while refusals != len(pattern.refused):
        # What is left of a chain without a refused op may have a form of its own.
        refusals = len(pattern.refused)
        encoding.chains.clear()
        encoding.chains.update(find_chains(module))
        PatternRewriteWalker(pattern, apply_recursively=False).rewrite_module(module)
    PatternRewriteWalker(EncodeOfDecodePattern()).rewrite_module(module)
    _erase_dead_decodes(module)
    erase_dead_constants(module)


def _layers_on_codes(module: ModuleOp) -> Iterator[tuple[nn.LayerOp, LnsFormat]]:
    """The layers whose inputs have a calibrated format, with it; the patterns say what has none."""
    for op in module.walk():
        if isinstance(op, nn.LayerOp):
            try:
                yield op, calibrated_format(op.input)
            except RecogError:
                continue


PATTERNS: tuple[Callable[[Encoding], RewritePattern], ...] = (
    *layers.PATTERNS,
    *stereo.PATTERNS,
    *elementwise.PATTERNS,
    *windows_and_moves.PATTERNS,
    *reductions.PATTERNS,
    *boxes.PATTERNS,
)
"""The first that fits an op counts: products that are a layer of their own come before tables."""


@dataclass(frozen=True)
class EncodeWherePossiblePattern(RewritePattern):
    """Leaves alone what no pattern may look at: indices, other float types, a moving batch."""

    inner: RewritePattern
    encoding: Encoding
    refuse: Refuse | None = None
    refused: list[RecogError] = field(default_factory=list[RecogError])

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, nn.NnOp) or not can_encode(op):
            return
        try:
            self.inner.match_and_rewrite(op, rewriter)
        except RecogError as error:
            chain = None if error.op is None else self.encoding.chains.get(error.op)
            if self.refuse is None or not self.refuse(error, rewriter):
                raise
            self.refused.append(error)
            for member in () if chain is None else chain.ops:
                self.encoding.chains.pop(member, None)


class EncodeOfDecodePattern(RewritePattern):
    """encode(decode(x)) → x, converted where the formats differ."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: lns.EncodeOp, rewriter: PatternRewriter, /) -> None:
        decode = op.input.owner
        if not isinstance(decode, lns.DecodeOp) or decode.biases is not None:
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
