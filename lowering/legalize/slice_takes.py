"""slice-takes: elements at constant positions of an axis as slices, one after the other.

Networks that swap channels (`x[:, [2, 1, 0]]`), flip an axis, or pick some of its elements name
positions that no input changes. What the frontend writes with that axis in front,

    permute(take(permute(x), [4, 5, 6, 0]))   →   concat(x[..., 4:7], x[..., 0:1])

only moves elements, and leaves the batch where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.nn.sampling import PermuteOfPermutePattern
from recog.lowering.common.rewriting import replace_op
from recog.lowering.legalize.channels_first import NoPermutePattern

MOST_SLICES = 1024
"""Of more, each of which would be a copy, the positions stay."""


class SliceTakesPass(ModulePass):
    """Write elements at constant positions of any axis but the first as slices and a concat."""

    name = "slice-takes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(TakePattern(), apply_recursively=False).rewrite_module(op)
        tidy = GreedyRewritePatternApplier([PermuteOfPermutePattern(), NoPermutePattern()])
        PatternRewriteWalker(tidy).rewrite_module(op)


class TakePattern(RewritePattern):
    """take(permute(x), constant) → permute(concat of slices of x)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TakeOp, rewriter: PatternRewriter, /) -> None:
        permute, positions = op.input.owner, constant_array(op.indices)
        if not isinstance(permute, nn.PermuteOp) or positions is None or positions.ndim != 1:
            return
        permutation = permute.permutation.get_values()
        axis, x = permutation[0], permute.input
        size = nn.shape_of(x)[axis]
        runs = list(ascending_runs([int(position) % size for position in positions]))
        if axis == 0 or len(runs) > MOST_SLICES:
            return
        slices = [_slice(x, axis, run) for run in runs]
        joined = slices if len(slices) == 1 else [*slices, nn.ConcatOp(slices, axis)]
        replace_op(rewriter, op, [*joined, nn.PermuteOp(joined[-1], permutation)])


def ascending_runs(positions: Sequence[int]) -> Iterator[range]:
    """The positions in their order as ranges, each as long as it can be."""
    first = 0
    while first < len(positions):
        step = positions[first + 1] - positions[first] if first + 1 < len(positions) else 1
        last = first
        while step > 0 and last + 1 < len(positions):
            if positions[last + 1] - positions[last] != step:
                break
            last += 1
        step = step if last > first else 1
        yield range(positions[first], positions[last] + 1, step)
        first = last + 1


def _slice(x: SSAValue, axis: int, run: range) -> nn.SliceOp:
    shape = nn.shape_of(x)
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], stops[axis], steps[axis] = run.start, run.stop, run.step
    return nn.SliceOp(x, starts, stops, steps)
