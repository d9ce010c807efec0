"""Weights that pointers give, with gradients for the codebook, scales and the points of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def looked_up(
    codebook: Tensor,
    points: Tensor,
    pointers: Tensor,
    scales: Tensor | None,
    grid: Sequence[int],
    block: Sequence[int],
) -> Tensor:
    """The weight of `cluster.lookup`.

    Args:
        codebook: (K, elements of a block).
        points: (blocks, elements of a block), which get the gradients of their blocks' weights.
        pointers: int64 (blocks,), in the order of the grid.
        scales: of the output channels, (N, 1, ...).
        grid: how many blocks there are along each axis of the weight.
        block: how long a block is along each.
    """
    return _LookedUp.apply(codebook, points, pointers, scales, tuple(grid), tuple(block))


class _LookedUp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        codebook: Tensor,
        points: Tensor,
        pointers: Tensor,
        scales: Tensor | None,
        grid: tuple[int, ...],
        block: tuple[int, ...],
    ) -> Tensor:
        rows = codebook.index_select(0, pointers)
        axes = len(grid)
        # Axis by axis, a block's number and then the place in it.
        whole = rows.view(*grid, *block).permute(*_alternating(axes))
        whole = whole.reshape([n * extent for n, extent in zip(grid, block)])
        ctx.save_for_backward(pointers, whole, scales)
        ctx.grid, ctx.block, ctx.centroids = grid, block, len(codebook)
        return whole if scales is None else whole * scales

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pointers, whole, scales = ctx.saved_tensors
        gradient, of_scales = gradients[0], None
        if scales is not None:
            if ctx.needs_input_grad[3]:
                of_scales = (gradient * whole).flatten(1).sum(1).view(scales.shape)
            gradient = gradient * scales
        axes = len(ctx.grid)
        parts = [extent for pair in zip(ctx.grid, ctx.block) for extent in pair]
        numbers_first = (*range(0, 2 * axes, 2), *range(1, 2 * axes, 2))
        rows = gradient.reshape(parts).permute(numbers_first).reshape(len(pointers), -1)
        of_codebook = rows.new_zeros(ctx.centroids, rows.shape[1]).index_add_(0, pointers, rows)
        return of_codebook, rows, None, of_scales, None, None


def _alternating(axes: int) -> list[int]:
    return [axis + part for axis in range(axes) for part in (0, axes)]
