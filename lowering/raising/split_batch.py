"""split-batch: what a network does with several inputs in one batch, once for each of them.

Stereo networks join the left and the right image along the batch axis, run one backbone, and
take the features apart again:

    f = backbone(concat(left, right, axis 0));  f[:1], f[1:]   →   backbone(left), backbone(right)

A module's batch axis then stands for any number of frames again. Weights stay shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.rewriter import InsertPoint

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.nn import shape_of


class SplitBatchPass(ModulePass):
    """Run ops on a batch joined of several values, which slices take apart, on each value alone."""

    name = "split-batch"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(SplitBatchPattern(), apply_recursively=False).rewrite_module(op)


class SplitBatchPattern(RewritePattern):
    """Everything between a concatenation along the batch and the slices of its parts."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        if op.axis.value.data != 0 or len(op.inputs) < 2:
            return
        sizes = [shape_of(value)[0] for value in op.inputs]
        joined = joined_ops(op, sizes)
        if joined is None:
            return
        parts: dict[SSAValue, Sequence[SSAValue]] = {op.output: list(op.inputs)}
        for each in joined:
            number = part_taken(each, sizes) if isinstance(each, nn.SliceOp) else None
            if isinstance(each, nn.SliceOp) and number is not None:
                taken = _taken(each, parts[each.input][number], rewriter)
                rewriter.replace(each, [], [taken])
            else:
                parts[each.results[0]] = _split(each, parts, sizes, rewriter)
        for each in reversed([op, *joined]):
            if each.parent is not None:
                rewriter.erase(each)


def joined_ops(concat: nn.ConcatOp, sizes: Sequence[int]) -> list[Operation] | None:
    """The ops on a joined batch, to the slices of its parts; None if one of them mixes parts."""
    joined: dict[Operation, None] = {}
    values: set[SSAValue] = {concat.output}
    op = concat.next_op
    while op is not None:
        with_batch = [operand in values for operand in op.operands]
        if any(with_batch):
            if not isinstance(op, nn.NnOp):
                return None
            if not isinstance(op, nn.SliceOp) or part_taken(op, sizes) is None:
                if not _keeps_parts(op, with_batch):
                    return None
                values.add(op.output)
            joined[op] = None
        op = op.next_op
    return list(joined)


def _keeps_parts(op: nn.NnOp, with_batch: Sequence[bool]) -> bool:
    """Whether the op computes each frame by itself; what is not in the batch must be a constant."""
    others = (value for value, joined in zip(op.operands, with_batch) if not joined)
    return all(isinstance(v.owner, ConstantOp) for v in others) and op.keeps_batch(with_batch)


def part_taken(op: nn.SliceOp, sizes: Sequence[int]) -> int | None:
    """Which part of a joined batch a slice takes, whole; None if not one of them."""
    start, stop, step = (each.get_values()[0] for each in (op.starts, op.stops, op.steps))
    ends = list(accumulate(sizes, initial=0))
    if step != 1 or ends[-1] != shape_of(op.input)[0]:
        return None
    bounds = list(zip(ends, ends[1:]))
    return bounds.index((start, stop)) if (start, stop) in bounds else None


def _taken(op: nn.SliceOp, part: SSAValue, rewriter: PatternRewriter) -> SSAValue:
    """What a slice along the batch, and perhaps other axes, takes of a part."""
    shape = shape_of(part)
    starts, stops = (0, *op.starts.get_values()[1:]), (shape[0], *op.stops.get_values()[1:])
    steps = op.steps.get_values()
    if not any(starts) and stops == shape and all(step == 1 for step in steps):
        return part
    slice_op = nn.SliceOp(part, starts, stops, steps)
    slice_op.location = op.location
    slice_op.output.name_hint = op.output.name_hint
    rewriter.insert(slice_op, InsertPoint.before(op))
    return slice_op.output


def _split(
    op: Operation,
    parts: dict[SSAValue, Sequence[SSAValue]],
    sizes: Sequence[int],
    rewriter: PatternRewriter,
) -> list[SSAValue]:
    """The results of an op on each part."""
    results: list[SSAValue] = []
    (result,) = op.results
    _, *rest = shape_of(result)
    element_type = nn.element_type_of(result)
    for number, size in enumerate(sizes):
        copy = type(op).create(
            operands=[parts[v][number] if v in parts else v for v in op.operands],
            result_types=[TensorType(element_type, (size, *rest))],
            properties=dict(op.properties),
            attributes=dict(op.attributes),
        )
        copy.location = op.location
        copy.results[0].name_hint = result.name_hint
        rewriter.insert(copy, InsertPoint.before(op))
        results.append(copy.results[0])
    return results
