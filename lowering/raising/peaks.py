"""raise-peaks: rank logits where a network ranks their sigmoids.

The sigmoid keeps the order, so the peaks of the heat are those of its logits; it is computed
where a peak is, not everywhere. On codes logits also resolve scores near 1, of which many round
to one code.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn


class RaisePeaksPass(ModulePass):
    """Take the sigmoid before nn.peaks, where nothing else uses it, into nn.peaks."""

    name = "raise-peaks"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(RaisePeaksPattern()).rewrite_module(op)


class RaisePeaksPattern(RewritePattern):
    """peaks(sigmoid(x)) → peaks(x) with `sigmoid`."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PeaksOp, rewriter: PatternRewriter, /) -> None:
        sigmoid = op.heat.owner
        if op.sigmoid is not None or not isinstance(sigmoid, nn.SigmoidOp):
            return
        if not sigmoid.output.has_one_use():
            return
        raised = nn.PeaksOp(sigmoid.input, op.k.value.data, sigmoid=True)
        raised.location = op.location
        raised.attributes |= op.attributes
        for old, new in zip(op.results, raised.results):
            new.name_hint = old.name_hint
        rewriter.replace(op, raised)
        rewriter.erase(sigmoid)
