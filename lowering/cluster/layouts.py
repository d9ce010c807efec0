"""How a layer's weights are cut into blocks, and how many centroids they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2, prod
from typing import TYPE_CHECKING

import numpy as np

from recog.dialects.cluster import split_blocks
from recog.lowering.cluster.palettes import Palette, palette_of
from recog.lowering.common.shared_options import SeedOptions, WeightFormatOptions

if TYPE_CHECKING:
    from joblib import Parallel


@dataclass(frozen=True)
class BlockLayout:
    """A way to cluster one weight: the block, the centroids, and what that costs."""

    block: tuple[int, ...]
    centroids: int
    bits: int
    palette: Palette | None = None
    """Where the centroids are the weights' own few values: what these are."""
    table: str | None = None
    """The name of the table that it shares with other layers, None where it has its own."""

    @staticmethod
    def of(
        shape: tuple[int, ...], block: tuple[int, ...], centroids: int, width: int
    ) -> BlockLayout:
        """Pointers of log2 K bits a block, and K rows of codes of `width` bits."""
        pointers = prod(shape) // prod(block) * max(1, ceil(log2(centroids)))
        return BlockLayout(block, centroids, pointers + centroids * prod(block) * width)


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(WeightFormatOptions, SeedOptions):
    """How weights are clustered."""

    centroids: int = 256
    """Maximum centroids per layer; fewer where the table would outweigh the pointers."""
    scalar_centroids: int = 16
    """Centroids per layer where blocks do not pay and each weight has a pointer of its own; 0 keeps
    such layers dense."""
    channel_block: int = 8
    """Input channels in a block of a 1x1 convolution."""
    linear_block: int = 4
    """Input features in a block of a linear layer."""
    dense_fan_in: int = 0
    """Layers whose outputs sum at most so many products stay dense: 27 are those of a 3x3 stem for
    color images, and depthwise layers of 5x5 have 25. Their weights are few and their errors do
    not even out."""
    table_share: float = 1.0
    """Maximum bits of a layer's table, as a share of its pointers' bits."""
    jobs: int = 1
    """How many layers are clustered at a time where their inputs do not count, and layouts of how
    many are measured; the bytes are the same."""
    iterations: int = 50
    """Maximum iterations of k-means."""
    carry_errors: bool = True
    """Choose pointers and centroids by what they do to the outputs of layers on the example
    inputs, the error of each carried to those not yet chosen, and let biases and dense weights
    make up for what is left; without, each block points to the nearest centroid of k-means."""

    RANGES = {
        "centroids": (2, 65536),
        "scalar_centroids": (0, 65536),
        "channel_block": (1, 1024),
        "linear_block": (1, 1024),
        "dense_fan_in": (0, 1024),
        "table_share": (0.0, 1e6),
        "iterations": (1, 100000),
        "jobs": (1, 4096),
    }

    def parallel(self) -> Parallel:
        """What runs the work of several layers at a time: `jobs` processes, or with one as many as
        joblib's context has, `joblib.parallel_config("dask")` as an example."""
        from joblib import Parallel

        return Parallel(n_jobs=self.jobs if self.jobs > 1 else None)

    def block_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A whole kernel, or as many input channels of a pointwise layer as divide evenly."""
        if len(shape) == 4 and shape[2:] != (1, 1):
            return (1, 1, *shape[2:])
        wanted = self.linear_block if len(shape) == 2 else self.channel_block
        size = next(size for size in range(min(wanted, shape[1]), 0, -1) if shape[1] % size == 0)
        return (1, size, *shape[2:])

    def palette_layout(self, weight: np.ndarray) -> BlockLayout | None:
        """A pointer for each of weights that have few values already, where that is smaller than
        codes, and blocks would lose something."""
        palette, usual = palette_of(weight), self.layout_of(weight.shape)
        if palette is None:
            return None
        if usual is not None:
            blocks = np.unique(split_blocks(weight, usual.block), axis=0)
            if len(blocks) <= usual.centroids:
                return None
        block, count = (1,) * weight.ndim, max(palette.size, 2)
        scalar = BlockLayout.of(weight.shape, block, count, self.weight_width)
        fits = scalar.bits < weight.size * self.weight_width
        return replace(scalar, palette=palette) if fits else None

    def layout_of(self, shape: tuple[int, ...]) -> BlockLayout | None:
        """The layout to cluster this weight with, None where it stays dense."""
        if prod(shape[1:]) <= self.dense_fan_in:
            return None
        dense_bits = prod(shape) * self.weight_width
        block = self.block_of(shape)
        count = self.centroids
        while count >= 2:
            layout = BlockLayout.of(shape, block, count, self.weight_width)
            table = count * prod(block) * self.weight_width
            if table <= self.table_share * (layout.bits - table) and layout.bits < dense_bits:
                return layout
            count //= 2
        if self.scalar_centroids < 2:
            return None
        scalar = BlockLayout.of(shape, (1,) * len(shape), self.scalar_centroids, self.weight_width)
        return scalar if scalar.bits < dense_bits else None
