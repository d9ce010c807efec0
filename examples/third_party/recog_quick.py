"""An example of a package beside recog: an op in a dialect of its own, a pass to it, one from it.

QuickGELU, x · sigmoid(1.702 x), is what CLIP's networks have for GELU. `use-quick-gelu` writes it
for `nn.gelu`, as one op that other passes can look for, and `lower-quick` writes that in ops of
`nn`, which the rest of a conversion knows:

    recog-opt net.mlir -p use-quick-gelu,lower-quick
    recog convert net.pt2 --data train.npz \\
        --add-pass 'after=fold-batch-norm:use-quick-gelu,lower-quick'

The entry point `xdsl.universe` of pyproject.toml is all that recog and xDSL need to find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Dialect
from xdsl.irdl import irdl_op_definition
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.universe import Universe

from recog.dialects.data import ConstantOp
from recog.dialects.facts import Sign
from recog.dialects.nn import GeluOp, MulOp, SigmoidOp, UnaryOp, element_type_of, shape_of

SLOPE = 1.702


@irdl_op_definition
class QuickGeluOp(UnaryOp):
    """x · sigmoid(1.702 x) (Hendrycks and Gimpel, Gaussian Error Linear Units, 2016)."""

    name = "quick.gelu"
    SIGN: ClassVar[Sign] = Sign.KEPT


Quick = Dialect("quick", [QuickGeluOp])


class UseQuickGeluPattern(RewritePattern):
    """GELU becomes QuickGELU, with its place in the user's source."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: GeluOp, rewriter: PatternRewriter) -> None:
        quick = QuickGeluOp(op.input)
        quick.location = op.location
        rewriter.replace(op, quick)


class LowerQuickPattern(RewritePattern):
    """QuickGELU becomes two products and a sigmoid."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: QuickGeluOp, rewriter: PatternRewriter) -> None:
        slopes = np.full([1] * len(shape_of(op.input)), SLOPE)
        slope = ConstantOp.from_array(slopes, element_type_of(op.input))
        scaled = MulOp(op.input, slope)
        gate = SigmoidOp(scaled)
        product = MulOp(op.input, gate)
        for new in (slope, scaled, gate, product):
            new.location = op.location
        rewriter.replace(op, [slope, scaled, gate, product])


@dataclass(frozen=True)
class UseQuickGeluPass(ModulePass):
    """Write QuickGELU for GELU: outputs change by up to 0.02 at each, and tuning sees that."""

    name = "use-quick-gelu"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace every `nn.gelu` of the module."""
        PatternRewriteWalker(UseQuickGeluPattern()).rewrite_module(op)


@dataclass(frozen=True)
class LowerQuickPass(ModulePass):
    """Write the ops of the quick dialect in ops of nn, which every later pass knows."""

    name = "lower-quick"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Replace every `quick.gelu` of the module."""
        PatternRewriteWalker(LowerQuickPattern()).rewrite_module(op)


UNIVERSE = Universe(
    all_dialects={"quick": lambda: Quick},
    all_passes={
        "use-quick-gelu": lambda: UseQuickGeluPass,
        "lower-quick": lambda: LowerQuickPass,
    },
)
