"""split-sums: layers that sum more than an accumulator holds, as sums of layers of fewer inputs.

The codes of weights reach from the largest down to where their sum with the largest inputs still
fits (`accumulator_room`). A layer of very many inputs leaves them too few octaves: a linear layer
on a whole feature map, say. Written as

    y = W[:, :n] x[:n] + W[:, n:] x[n:] + b

each layer keeps its small weights, and the sum of the two is rounded once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.nn import element_type_of, shape_of
from recog.dialects.number_format import Arithmetic
from recog.lowering.common.rewriting import erase_dead_constants, replace_op
from recog.lowering.common.shared_options import WeightFormatOptions
from recog.lowering.encode.accumulator_room import missing_octaves
from recog.lowering.encode.calibrate import ActivationFormats

FEW = 4096
"""Products of which any sum fits."""
AT_ONCE = 1 << 22
"""Weights looked at together."""


class SplitSumsPass(ModulePass):
    """Write layers of one group with too many inputs for 32-bit accumulators as sums of several."""

    name = "split-sums"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        walker = PatternRewriteWalker(SplitSumPattern(), apply_recursively=False)
        if walker.rewrite_module(op):
            erase_dead_constants(op)


class SplitSumPattern(RewritePattern):
    """A layer → layers of some of its inputs each, and the sum of what they give."""

    @op_type_rewrite_pattern
    def match_and_rewrite(
        self, op: nn.LinearOp | nn.Conv2dOp, rewriter: PatternRewriter, /
    ) -> None:
        constant = op.weight.owner
        if not isinstance(constant, ConstantOp) or not nn.is_float(element_type_of(op.weight)):
            return
        if isinstance(op, nn.Conv2dOp) and op.groups.value.data != 1:
            return
        weight = constant.value.to_array()
        if not np.isfinite(weight).all():
            return
        parts = _parts(weight)
        if parts == 1:
            return
        made: list[Operation] = []
        terms: list[SSAValue] = []
        for span in _spans(weight.shape[1], parts):
            part = _part(constant, np.ascontiguousarray(weight[:, span]))
            seen = _slice(op.input, op.CHANNEL_AXIS, span)
            layer = _layer(op, seen.output, part.output, None if terms else op.bias)
            layer.attributes |= op.attributes
            made += [part, seen, layer]
            terms.append(layer.output)
        while len(terms) > 1:
            sums = [nn.AddOp(a, b) for a, b in zip(terms[::2], terms[1::2])]
            made += sums
            terms = [*(each.output for each in sums), *terms[len(sums) * 2 :]]
        replace_op(rewriter, op, made)


def _parts(weight: np.ndarray) -> int:
    """Into how many layers of some inputs weights (O, I, ...) are to be divided."""
    inputs, parts = weight.shape[1], 1
    while parts < inputs and any(_lacks_room(weight[:, each]) for each in _spans(inputs, parts)):
        parts *= 2
    return min(parts, inputs)


def _lacks_room(weight: np.ndarray) -> bool:
    taps = weight[0].size
    if taps <= FEW:
        return False
    given, format = ActivationFormats().signed, WeightFormatOptions().weight_format
    rows = max(1, AT_ONCE // taps)
    return any(
        missing_octaves(weight[i : i + rows], given, format, Arithmetic()) > 0
        for i in range(0, len(weight), rows)
    )


def _spans(inputs: int, parts: int) -> Iterator[slice]:
    ends = [inputs * i // parts for i in range(parts + 1)]
    return (slice(first, last) for first, last in pairwise(ends))


def _part(constant: ConstantOp, values: np.ndarray) -> ConstantOp:
    part = ConstantOp.from_array(values, element_type_of(constant.output))
    part.location = constant.location
    part.attributes |= constant.attributes
    part.output.name_hint = constant.output.name_hint
    return part


def _slice(value: SSAValue, axis: int, span: slice) -> nn.SliceOp:
    stops = list(shape_of(value))
    starts = [0] * len(stops)
    starts[axis], stops[axis] = span.start, span.stop
    return nn.SliceOp(value, starts, stops)


def _layer(
    op: nn.LinearOp | nn.Conv2dOp, x: SSAValue, weight: SSAValue, bias: SSAValue | None
) -> nn.LinearOp | nn.Conv2dOp:
    if isinstance(op, nn.LinearOp):
        return nn.LinearOp(x, weight, bias)
    return nn.Conv2dOp(
        x,
        weight,
        bias,
        strides=op.strides.get_values(),
        padding=op.padding.get_values(),
        dilation=op.dilation.get_values(),
    )
