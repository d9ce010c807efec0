"""What a shift of a layer's input adds to its result, exactly, zero padding included.

Padding enters after the batch norm, as zeros that were never shifted, so near the border
fewer taps of the kernel see the shift; in a transposed convolution of stride 2 every second
pixel sees other taps. The taps seen depend on the row and on the column alone, so there are
few different sums: about as many as the kernel has taps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recog.dialects.nn import (
    Conv2dOp,
    Conv3dOp,
    ConvTranspose2dOp,
    LinearOp,
    WeightedOp,
    shape_of,
)
from recog.lowering.batch_norm.affine import NotFoldable


@dataclass(frozen=True, eq=False)
class BiasMap:
    """A bias (O) and, where it is not the same everywhere, what to add to it, (1, O, H, W)."""

    bias: np.ndarray
    correction: np.ndarray | None


def bias_map(layer: WeightedOp, response: np.ndarray, max_elements: int) -> BiasMap:
    """The sum of `response` over the taps that each output pixel sees.

    The response is (O, kh, kw), that of a linear layer (O).

    The bias is that of the pixel in the middle; the correction is then mostly zero.

    Raises:
        NotFoldable: it varies, and takes more than `max_elements`.
    """
    if isinstance(layer, LinearOp):
        return BiasMap(response, None)
    if isinstance(layer, Conv3dOp):
        if any(layer.padding.get_values()) and response.any():
            raise NotFoldable("the shift differs at the border of nn.conv3d after it")
        return BiasMap(response.reshape(len(response), -1).sum(axis=1), None)
    if not isinstance(layer, Conv2dOp | ConvTranspose2dOp):
        raise NotFoldable(f"nothing is known of the border of {layer.name} after it")
    row_kinds, row_kind = _distinct(taps_seen(layer, 0))
    column_kinds, column_kind = _distinct(taps_seen(layer, 1))
    kinds = np.zeros((len(response), row_kinds.shape[1], column_kinds.shape[1]))
    with np.errstate(all="ignore"):
        for r, rows in enumerate(row_kinds):
            for c, columns in enumerate(column_kinds):
                kinds += response[:, r, c, None, None] * (rows[:, None] & columns)
        row, column = row_kind[len(row_kind) // 2], column_kind[len(column_kind) // 2]
        bias = kinds[:, row, column]
        kinds = kinds - bias[:, None, None]
    if not kinds.any():
        return BiasMap(bias, None)
    elements = len(response) * len(row_kind) * len(column_kind)
    if elements > max_elements:
        raise NotFoldable(
            f"the shift differs at the border of {layer.name} after it, and the map of "
            f"{elements} biases that this takes is above the limit of {max_elements}"
        )
    return BiasMap(bias, kinds[None, :, row_kind][..., column_kind])


def _distinct(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct columns of a matrix, and the number of each of its columns among them."""
    distinct, number = np.unique(columns, axis=1, return_inverse=True)
    return distinct, number.reshape(-1)


def taps_seen(layer: Conv2dOp | ConvTranspose2dOp, axis: int) -> np.ndarray:
    """(k, n), bool: whether output position n takes an element of the input at tap k.

    `axis` is 0 for rows, 1 for columns; elements of the padding do not count.
    """
    size, positions = shape_of(layer.input)[2 + axis], shape_of(layer.output)[2 + axis]
    stride, dilation = layer.strides.get_values()[axis], layer.dilation.get_values()[axis]
    before = layer.padding.get_values()[axis]
    offset = np.arange(shape_of(layer.weight)[2 + axis])[:, None] * dilation
    position = np.arange(positions)
    if isinstance(layer, Conv2dOp):
        source = position * stride + offset - before
        return (source >= 0) & (source < size)
    source = position + before - offset
    return (source % stride == 0) & (source >= 0) & (source < size * stride)
