"""pixels-first: what becomes of each pixel of an image is computed before pixels move.

A camera gives 8-bit pixels. As the first thing that the chip does with them, one table of 256
entries (one for each channel where they differ) turns them into codes: conversion to float,
scaling and normalization together, rounded once. For that the ops have to stand right after
the input: a permutation to channels first, say, moves behind them.
"""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.facts import Kind
from recog.lowering.common.pixels import aligned_constant, pixel_function
from recog.lowering.common.rewriting import only_user, replace_op


class PixelsFirstPass(ModulePass):
    """Convert, scale and normalize 8-bit pixels before they are moved."""

    name = "pixels-first"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        patterns: list[RewritePattern] = [
            ConvertMovedPixelsPattern(),
            NormalizePermutedPixelsPattern(),
        ]
        PatternRewriteWalker(GreedyRewritePatternApplier(patterns)).rewrite_module(op)


class ConvertMovedPixelsPattern(RewritePattern):
    """convert(move(pixels)) → move(convert(pixels))."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConvertOp, rewriter: PatternRewriter, /) -> None:
        move = op.input.owner
        if not op.of_pixels or not isinstance(move, nn.NnOp) or move.KIND is not Kind.MOVES:
            return
        if any(nn.element_type_of(value) != nn.PIXEL_TYPE for value in move.operands):
            return
        element_type = nn.element_type_of(op.output)
        converted = [nn.ConvertOp(value, element_type) for value in move.operands]
        moved = type(move).create(
            operands=[each.output for each in converted],
            result_types=[TensorType(element_type, nn.shape_of(op.output))],
            properties=dict(move.properties),
        )
        moved.location = move.location
        replace_op(rewriter, op, [*converted, moved])
        if not move.output.uses:
            rewriter.erase(move)


class NormalizePermutedPixelsPattern(RewritePattern):
    """permute(x) op constant → permute(x op constant'), where x is a function of pixels."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BinaryOp, rewriter: PatternRewriter, /) -> None:
        number = next((i for i, value in enumerate(op.operands) if _permuted(value)), None)
        if number is None:
            return
        permute, other = op.operands[number].owner, op.operands[1 - number]
        if not isinstance(permute, nn.PermuteOp):
            return
        shape = nn.shape_of(op.output)
        values = aligned_constant(other, len(shape))
        if values is None or shape != nn.shape_of(permute.output):
            return
        back = np.argsort(permute.permutation.get_values())
        constant = ConstantOp.from_array(
            np.ascontiguousarray(values.transpose(back)), nn.element_type_of(other)
        )
        constant.output.name_hint = other.name_hint
        operands: list[SSAValue | Operation] = [permute.input, constant]
        computed = type(op)(*(operands if number == 0 else operands[::-1]))
        computed.location = op.location
        moved = nn.PermuteOp(computed, permute.permutation.get_values())
        moved.location = permute.location
        replace_op(rewriter, op, [constant, computed, moved])
        rewriter.erase(permute)


def _permuted(value: SSAValue) -> bool:
    """Whether a value is a function of pixels with its axes in another order, for one user."""
    permute = value.owner
    return (
        isinstance(permute, nn.PermuteOp)
        and constant_array(value) is None
        and only_user(value) is not None
        and pixel_function(permute.input) is not None
    )
