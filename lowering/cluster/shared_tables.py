"""Tables of centroids that several layers share, made from the blocks of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.errors import fail
from recog.dialects.words import counted
from recog.lowering.cluster.clustered_weight import channel_scales, scaled_blocks
from recog.lowering.cluster.kmeans import cluster_rows
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.encode.constants import rounded_codebook


def shared_tables(
    layers: Mapping[nn.LayerOp, BlockLayout], options: ClusterOptions
) -> dict[str, np.ndarray]:
    """The centroids of each table that layouts name, float32 (K, d) and codes already.

    Raises:
        RecogError: layers of one table whose layouts differ.
    """
    members: dict[str, list[nn.LayerOp]] = {}
    for op, layout in layers.items():
        if layout.table is not None:
            members.setdefault(layout.table, []).append(op)
    return {
        table: _centroids(table, {op: layers[op] for op in ops}, options)
        for table, ops in members.items()
    }


def pooled_blocks(
    weights: Sequence[np.ndarray], block: Sequence[int], frac: int
) -> tuple[np.ndarray, np.ndarray]:
    """The blocks of several weights, channels divided by their scales, and what an error counts in
    each: a share of its weight's own energy, so that no weight counts for its units."""
    rows: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for weight in weights:
        own, squares = scaled_blocks(weight, channel_scales(weight, frac), block)
        energy = float((weight.astype(np.float64) ** 2).sum())
        rows.append(own)
        counts.append(squares / energy if energy > 0 else np.zeros_like(squares))
    joined = np.concatenate(counts)
    total = float(joined.mean())
    return np.concatenate(rows), joined / total if total > 0 else np.ones_like(joined)


def _centroids(
    table: str, layers: Mapping[nn.LayerOp, BlockLayout], options: ClusterOptions
) -> np.ndarray:
    first = next(iter(layers.values()))
    for op, layout in layers.items():
        if (layout.block, layout.centroids) != (first.block, first.centroids):
            fail(
                op,
                f'the layers of table "{table}" need one layout: {list(layout.block)} with '
                f"{counted(layout.centroids, 'centroid')} is not {list(first.block)} with "
                f"{first.centroids}",
            )
    weights = [each for op in layers if (each := constant_array(op.weight)) is not None]
    rows, counts = pooled_blocks(weights, first.block, options.weight_frac)
    if first.centroids > len(rows):
        fail(
            next(iter(layers)),
            f'table "{table}" has {first.centroids} centroids for {counted(len(rows), "block")} '
            "in all",
        )
    found = cluster_rows(
        rows, first.centroids, weights=counts, seed=options.seed, iterations=options.iterations
    )
    codes = rounded_codebook(found.centroids.astype(np.float64), options.weight_format)
    return codes.astype(np.float32)
