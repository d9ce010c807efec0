"""A weight as pointers into a codebook, and as the ops that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from xdsl.dialects.builtin import IntegerType, Signedness, f32
from xdsl.ir import Operation

from recog.dialects.cluster import LookupOp, lookup_index, split_blocks
from recog.dialects.data import ConstantOp
from recog.lowering.cluster.kmeans import Codebook, cluster_rows, nearest_rows
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions


@dataclass(frozen=True)
class ClusteredWeight:
    """Attributes:
    block: extents of a block along the axes of the weight.
    grid: blocks along each of them.
    scales: of the output channels, float32 (O,).
    codebook: of the blocks, channels divided by their scales; labels in row-major order.
    """

    block: tuple[int, ...]
    grid: tuple[int, ...]
    scales: np.ndarray
    codebook: Codebook

    @property
    def values(self) -> np.ndarray:
        """What the lookup gives, float32, of the weight's shape."""
        index = lookup_index(self.codebook.labels.reshape(self.grid), self.block)
        found = self.codebook.centroids.reshape(-1)[index]
        return found * self.scales.reshape(-1, *[1] * (found.ndim - 1))

    def ops(self, centroids: ConstantOp | None = None) -> list[Operation]:
        """Constants for pointers, codebook and scales, and the lookup that joins them.

        Args:
            centroids: the codebook where another lookup has it already; it is not in the result.
        """
        width = max(1, ceil(log2(len(self.codebook.centroids))))
        pointers = ConstantOp.from_array(
            self.codebook.labels.reshape(self.grid), IntegerType(width, Signedness.UNSIGNED)
        )
        codebook = centroids or ConstantOp.from_array(self.codebook.centroids, f32)
        scales = ConstantOp.from_array(self.scales, f32)
        lookup = LookupOp(pointers, codebook, scales, self.block, f32)
        return [pointers, *([] if centroids else [codebook]), scales, lookup]


def channel_scales(weight: np.ndarray, frac: int) -> np.ndarray:
    """Each output channel's root mean square, rounded to a power of 2^(1 / 2^frac); float32 (O,).

    A channel of zeros has scale 1.
    """
    rms = np.sqrt((weight.astype(np.float64).reshape(len(weight), -1) ** 2).mean(axis=1))
    exponents = np.rint(np.log2(np.where(rms > 0, rms, 1.0)) * 2**frac)
    # Float32 has no exact digits below 2^-126; a channel that small needs none.
    return np.exp2(np.clip(exponents / 2**frac, -100, 100)).astype(np.float32)


def nearest_pointers(
    weight: np.ndarray,
    layout: BlockLayout,
    settings: ClusterOptions,
    importance: np.ndarray | None = None,
    table: np.ndarray | None = None,
) -> ClusteredWeight:
    """k-means of a weight's blocks, each of which points to the nearest centroid.

    Args:
        importance: of each block, (blocks,); that of all is the same without.
        table: centroids that are shared with other layers, and stay as they are.
    """
    scales = channel_scales(weight, settings.weight_frac)
    if layout.palette is not None and not layout.palette.scaled:
        scales = np.ones_like(scales)
    rows, row_weights = scaled_blocks(weight, scales, layout.block)
    grid = tuple(size // extent for size, extent in zip(weight.shape, layout.block))
    if table is not None:
        return ClusteredWeight(
            layout.block, grid, scales, Codebook(table, nearest_rows(rows, table))
        )
    codebook = cluster_rows(
        rows,
        layout.centroids,
        weights=row_weights if importance is None else row_weights * importance,
        seed=settings.seed,
        iterations=settings.iterations,
    )
    return ClusteredWeight(layout.block, grid, scales, codebook)


def scaled_blocks(
    weight: np.ndarray, scales: np.ndarray, block: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """A weight's blocks with its channels divided by their scales, (blocks, elements of a block),
    and what a squared error in each counts, (blocks,).

    The error that counts is that of the weights, not of the normalized ones.
    """
    rows = split_blocks(weight / scales.reshape(-1, *[1] * (weight.ndim - 1)), block)
    squares = scales.astype(np.float64) ** 2
    if block[0] == 1:
        return rows, np.repeat(squares, len(rows) // len(weight))
    parts = squares.reshape(-1, block[0]).mean(axis=1)
    return rows, np.repeat(parts, len(rows) // len(parts))
