"""Correlation of two feature maps by matrix products, whose gradients cost little."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

WASTE = 8
"""How many times the products that are wanted may be computed: all of a row, of which a band
stays."""


def banded_correlation(left: Tensor, right: Tensor, disparities: int) -> Tensor:
    """`nn.correlation` of (N, C, H, W) twice, (N, D, H, W): each row's features times all of the
    other row's, of which D diagonals stay. Five times the products, with gradients in a tenth of
    the time."""
    n, channels, height, width = left.shape
    rows = left.permute(0, 2, 3, 1).reshape(n * height, width, channels) / channels
    columns = right.permute(0, 2, 1, 3).reshape(n * height, channels, width)
    band = _Band.apply(rows, F.pad(columns, (disparities - 1, 0)))
    return band.flip(2).unflatten(0, (n, height)).permute(0, 3, 1, 2)


class _Band(torch.autograd.Function):
    """(B, W, C) and (B, C, W + D - 1) → (B, W, D): of the products of row w, those with the columns
    w to w + D - 1."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, columns: Tensor) -> Tensor:
        ctx.save_for_backward(rows, columns)
        return _band_of(rows @ columns).contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = ctx.saved_tensors
        products = rows.new_zeros(*rows.shape[:2], columns.shape[2])
        _band_of(products).copy_(gradients[0])
        return products @ columns.mT, rows.mT @ products


def _band_of(products: Tensor) -> Tensor:
    """The band of (B, W, W + D - 1), as a view: a step down it is one row and one column."""
    count, width, wide = products.shape
    return products.as_strided(
        (count, width, wide - width + 1), (width * wide, wide + 1, 1), products.storage_offset()
    )
