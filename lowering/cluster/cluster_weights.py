"""cluster-weights: replace constant weights by pointers into k-means codebooks.

One codebook a layer, one pointer a block of weights (product quantization,
Jégou et al., PAMI 2011; on networks Stock et al., ICLR 2020). Each output channel is
first divided by a scale of its own, a power of 2^(1/2^frac): in LNS that is an offset of
the channel's bias and costs nothing, and channels that folded batch norms made large or
small then share one codebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2, prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import (
    Float32Type,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    Signedness,
    StringAttr,
    f32,
    i64,
)
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.rewriter import InsertPoint

from recog.dialects import nn
from recog.dialects.cluster import LookupOp, split_blocks
from recog.dialects.data import ConstantOp
from recog.dialects.errors import fail
from recog.lowering.cluster.kmeans import cluster_rows
from recog.lowering.cluster.palettes import Palette, palette_of
from recog.lowering.common.notes import Note
from recog.lowering.common.rewriting import erase_dead_constants
from recog.lowering.common.shared_options import SeedOptions, WeightFormatOptions
from recog.lowering.encode.label_layers import module_path

KEPT_DENSE = "cluster.kept_dense"
"""On a layer that stays dense: the reason, for the report."""
PALETTE = "cluster.palette"
"""On a layer whose weights are palettized already: of how many distinct values."""


@dataclass(frozen=True)
class BlockLayout:
    """A way to cluster one weight: the block, the centroids, and what that costs."""

    block: tuple[int, ...]
    centroids: int
    bits: int
    palette: Palette | None = None
    """Where the centroids are the weights' own few values: what these are."""

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
    table_share: float = 1.0
    """Maximum bits of a layer's table, as a share of its pointers' bits."""
    iterations: int = 50
    """Maximum iterations of k-means."""

    RANGES = {
        "centroids": (2, 65536),
        "scalar_centroids": (0, 65536),
        "channel_block": (1, 1024),
        "linear_block": (1, 1024),
        "table_share": (0.0, 1e6),
        "iterations": (1, 100000),
    }


@dataclass(frozen=True, kw_only=True)
class ClusterWeightsPass(ClusterOptions, ModulePass):
    """Replace the constant weights of convolutions and linear layers by codebook lookups.

    A layer that clustering would not make smaller stays dense, with the reason in its
    `cluster.kept_dense` attribute. Channel scales are powers of 2^(1 / 2^weight-frac). Weights that
    have few distinct values already keep them, by a pointer each; `cluster.palette` says how many.
    """

    name = "cluster-weights"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(ClusterWeightPattern(self), apply_recursively=False).rewrite_module(op)
        erase_dead_constants(op)

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
        """The layout to cluster this weight with, None where dense codes are no larger."""
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


@dataclass(frozen=True)
class ClusterWeightPattern(RewritePattern):
    """A layer of a constant weight → that layer of a cluster.lookup."""

    settings: ClusterWeightsPass

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LayerOp, rewriter: PatternRewriter, /) -> None:
        constant = op.weight.owner
        if isinstance(constant, LookupOp):
            return
        if not isinstance(constant, ConstantOp):
            op.attributes[KEPT_DENSE] = StringAttr("the weight is computed, not constant")
            return
        if not isinstance(constant.value.type.element_type, Float32Type):
            op.attributes[KEPT_DENSE] = StringAttr("only weights of f32 are clustered")
            return
        weight = constant.value.to_array()
        if not np.isfinite(weight).all():
            fail(op, "the weight holds NaN or infinity", hint="check the checkpoint")
        if (weight == 1).all():
            op.attributes[KEPT_DENSE] = StringAttr(
                "the weights are all 1: it sums, nothing was learned"
            )
            return
        layout = self.settings.palette_layout(weight) or self.settings.layout_of(weight.shape)
        if layout is None:
            reason = f"{weight.size} weights are too few for pointers and a table"
            op.attributes[KEPT_DENSE] = StringAttr(reason)
            return
        if layout.palette is not None:
            op.attributes[PALETTE] = IntegerAttr(layout.centroids, i64)
        new_ops = clustered_weight(weight, layout, self.settings)
        for new_op in new_ops:
            new_op.location = op.location
        _name_parts(new_ops, op.weight.name_hint)
        rewriter.insert(new_ops, InsertPoint.after(constant))
        # A weight that layers share stays shared.
        for use in list(op.weight.uses):
            if isinstance(use.operation, nn.LayerOp) and use.index == 1:
                use.operation.operands[1] = new_ops[-1].results[0]
                rewriter.notify_op_modified(use.operation)


def _name_parts(ops: Sequence[Operation], hint: str | None) -> None:
    if hint is not None:
        for op, suffix in zip(ops, ("_pointers", "_codebook", "_scales", "")):
            op.results[0].name_hint = hint + suffix


def channel_scales(weight: np.ndarray, frac: int) -> np.ndarray:
    """Each output channel's root mean square, rounded to a power of 2^(1 / 2^frac); float32 (O,).

    A channel of zeros has scale 1.
    """
    rms = np.sqrt((weight.astype(np.float64).reshape(len(weight), -1) ** 2).mean(axis=1))
    exponents = np.rint(np.log2(np.where(rms > 0, rms, 1.0)) * 2**frac)
    # Float32 has no exact digits below 2^-126; a channel that small needs none.
    return np.exp2(np.clip(exponents / 2**frac, -100, 100)).astype(np.float32)


def clustered_weight(
    weight: np.ndarray, layout: BlockLayout, settings: ClusterWeightsPass
) -> list[Operation]:
    """Constants for pointers, codebook and scales, and the lookup that joins them."""
    scales = channel_scales(weight, settings.weight_frac)
    if layout.palette is not None and not layout.palette.scaled:
        scales = np.ones_like(scales)
    normalized = weight / scales.reshape(-1, *[1] * (weight.ndim - 1))
    rows = split_blocks(normalized, layout.block)
    # The error that counts is that of the weights, not of the normalized ones.
    row_weights = np.repeat(scales.astype(np.float64) ** 2, len(rows) // len(weight))
    codebook = cluster_rows(
        rows,
        layout.centroids,
        weights=row_weights,
        seed=settings.seed,
        iterations=settings.iterations,
    )
    grid = [size // extent for size, extent in zip(weight.shape, layout.block)]
    width = max(1, ceil(log2(len(codebook.centroids))))
    pointers = ConstantOp.from_array(
        codebook.labels.reshape(grid), IntegerType(width, Signedness.UNSIGNED)
    )
    centroids = ConstantOp.from_array(codebook.centroids, f32)
    scale = ConstantOp.from_array(scales, f32)
    return [pointers, centroids, scale, LookupOp(pointers, centroids, scale, layout.block, f32)]


def palette_notes(module: ModuleOp) -> list[Note]:
    """A note on the layers whose weights were palettized already."""
    places = [
        f"{module_path(op.location) or op.name} ({count.value.data} values)"
        for op in module.walk()
        if isinstance(count := op.attributes.get(PALETTE), IntegerAttr)
    ]
    if not places:
        return []
    text = "weights of few distinct values, which are kept as they are, by a pointer each"
    return [Note("palette", text, "", tuple(places))]
