"""fold-batch-norm: batch normalization with fixed statistics into the layers beside it.

In evaluation mode batch norm is a scale and a shift per channel, s = γ / sqrt(σ² + ε) and
t = β - μ s (Ioffe & Szegedy 2015, section 3.1), which a convolution or linear layer before or
after it absorbs, also past pools, sums and reshapes. Folded in float64 and rounded once at the
end, also where several meet in one layer: the result is the network's own to the rounding of
float32 of the values that a layer adds up, as long as these stay in its range. What cannot be
folded exactly stays, and says why in `kept_because`. Multiplications and additions of constants
after a layer are folded in the same way.

`batch_norm_moves` has what each op lets pass, `batch_norm_plan` finds a place for a batch
norm, `batch_norm_border` is about padding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects.errors import describe_location
from recog.dialects.nn import BatchNormOp
from recog.lowering.batch_norm.affine import Affine, Constants, NotFoldable
from recog.lowering.batch_norm.arithmetic import FoldArithmeticPattern
from recog.lowering.batch_norm.edits import carry_out
from recog.lowering.batch_norm.frozen import RaiseFrozenBatchNormPattern
from recog.lowering.batch_norm.plan import Edit, FoldLimits, PlanAfter, PlanBefore
from recog.lowering.common.options import Options

KEPT_BECAUSE = "kept_because"
"""The attribute of a batch norm that was not folded."""


@dataclass
class _FoldPattern(RewritePattern):
    constants: Constants
    limits: FoldLimits

    def before(self, op: BatchNormOp, affine: Affine) -> list[Edit]:
        return PlanBefore(self.constants, self.limits).plan(op, affine)

    def after(self, op: BatchNormOp, affine: Affine) -> list[Edit]:
        return PlanAfter(self.constants, self.limits).plan(op, affine)


class FoldBeforePattern(_FoldPattern):
    """batch_norm(f(x)) → f'(x): into the layers that it gets its input from."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        try:
            edits = self.before(op, self.constants.affine_of(op))
        except NotFoldable:
            return
        carry_out(op, 0, edits, self.constants, rewriter, bias=op.bias)


class FoldAfterPattern(_FoldPattern):
    """f(batch_norm(x)) → f'(x): into the layers that take its result."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        try:
            edits = self.after(op, self.constants.affine_of(op))
        except NotFoldable:
            return
        carry_out(op, 0, edits, self.constants, rewriter, bias=op.bias)


class SplitPattern(_FoldPattern):
    """g(batch_norm(f(x))) → g'(f'(x)): the scale into what is before, the shift into what follows.

    A scale passes ReLU backwards, where a shift cannot; a shift passes a sum forwards, where a
    scale cannot.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BatchNormOp, rewriter: PatternRewriter, /) -> None:
        try:
            affine = self.constants.affine_of(op)
            edits = self.before(op, affine.scale_only()) + self.after(op, affine.shift_only())
        except NotFoldable:
            return
        carry_out(op, 0, edits, self.constants, rewriter, bias=op.bias)


def reason_kept(op: BatchNormOp, constants: Constants, limits: FoldLimits) -> str:
    """Why a batch norm can be folded neither way."""
    reasons: list[str] = []
    plans: Sequence[Callable[[Affine], list[Edit]]] = (
        lambda affine: PlanBefore(constants, limits).plan(op, affine),
        lambda affine: PlanAfter(constants, limits).plan(op, affine),
    )
    for plan in plans:
        try:
            plan(constants.affine_of(op))
        except NotFoldable as reason:
            reasons.append(str(reason))
    return "; ".join(dict.fromkeys(reasons))


@dataclass(frozen=True)
class BatchNormCounts:
    """How many batch norms a module had, and which of them stay: (layer, reason) each."""

    total: int
    kept: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def folded(self) -> int:
        return self.total - len(self.kept)


def batch_norms(module: Operation) -> list[BatchNormOp]:
    return [op for op in module.walk() if isinstance(op, BatchNormOp)]


def batch_norm_report(module: ModuleOp) -> list[tuple[str, str]]:
    """The batch norms that fold-batch-norm left in a module: the layer and the reason of each."""
    report: list[tuple[str, str]] = []
    for op in batch_norms(module):
        layer = describe_location(op.location) or f"%{op.output.name_hint or '?'}"
        reason = op.attributes.get(KEPT_BECAUSE)
        text = reason.data if isinstance(reason, StringAttr) else "fold-batch-norm has not run"
        report.append((layer, text))
    return report


def fold_batch_norms(module: ModuleOp, limits: FoldLimits | None = None) -> BatchNormCounts:
    """Fold every batch norm of a module that can be folded exactly; mark the others.

    A frozen batch norm, x · scale + shift of constants, counts as one. A multiplication or an
    addition of constants by itself, which a layer before it absorbs, counts as none.
    """
    constants, limits = Constants(), limits or FoldLimits()
    PatternRewriteWalker(RaiseFrozenBatchNormPattern(constants)).rewrite_module(module)
    total = len(batch_norms(module))
    # All that go backwards first: a layer before a batch norm takes any padding after it.
    arithmetic, before = FoldArithmeticPattern(constants), FoldBeforePattern(constants, limits)
    first = PatternRewriteWalker(
        GreedyRewritePatternApplier([arithmetic, before], dce_enabled=False)
    )
    others = [pattern(constants, limits) for pattern in (FoldAfterPattern, SplitPattern)]
    rest = PatternRewriteWalker(GreedyRewritePatternApplier([arithmetic, before, *others]))
    first.rewrite_module(module)
    rest.rewrite_module(module)
    for op in batch_norms(module):
        op.attributes[KEPT_BECAUSE] = StringAttr(reason_kept(op, constants, limits))
    return BatchNormCounts(total, batch_norm_report(module))


@dataclass(frozen=True, kw_only=True)
class FoldOptions(Options):
    """How far folding a batch norm may go."""

    clone_macs: int = FoldLimits.clone_macs
    """Maximum multiply-adds per output of a layer that is copied because it has other users."""
    border_map: int = FoldLimits.border_map
    """Maximum elements of a map of biases that a shift before a padded layer takes."""

    RANGES = {"clone_macs": (0, 2**31), "border_map": (0, 2**31)}


@dataclass(frozen=True, kw_only=True)
class FoldBatchNormPass(FoldOptions, ModulePass):
    """Fold every batch norm that can be folded exactly; mark the others with the reason."""

    name = "fold-batch-norm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        fold_batch_norms(op, FoldLimits(self.clone_macs, self.border_map))
