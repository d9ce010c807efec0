"""The layouts that layers may have, with what each takes and loses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log, prod
from typing import cast

import numpy as np

from recog.dialects.bits import packed_size
from recog.dialects.cluster import Layout, pointer_bits
from recog.lowering.allocation.allocate import Choice
from recog.lowering.allocation.curves import (
    Curve,
    growing_codebooks,
    loss_curve,
    measured_loss,
    sizes_to_offer,
)
from recog.lowering.allocation.sensitivity import Sensitivity
from recog.lowering.cluster.clustered_weight import channel_scales, scaled_blocks
from recog.lowering.cluster.kmeans import one_thread
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.cluster.shared_tables import pooled_blocks

CHANNEL_BLOCKS = (1, 2, 4, 8, 16)
"""Input channels of a pointwise layer in a block."""
POOLED = 2048
"""Blocks of each layer that a table which several could share is tried on."""
LEAST_SHARED = 16
"""Centroids: fewer take no bytes worth sharing."""

Block = tuple[int, ...]


@dataclass(frozen=True)
class PricedLayer:
    """A layer with what errors in it count.

    Attributes:
        weight: float32 (O, ...).
        extra: what wider codes may add to its bytes where it is dense, as a share.
        layout: that it has, None for one to choose.
    """

    weight: np.ndarray
    sensitivity: Sensitivity
    extra: float
    layout: Layout | None

    @property
    def blocks(self) -> list[Block]:
        """The blocks that it may be cut into."""
        if self.layout is not None:
            return [self.layout.block] if self.layout.block else []
        return blocks_of(self.weight.shape)

    def loss(self, curve: Curve, centroids: int) -> float:
        """What it loses at the outputs with so many centroids."""
        return self.sensitivity.of_clusters(curve.loss(centroids), self.whole)

    @cached_property
    def whole(self) -> float:
        """What all its weights count, were they errors."""
        return self.sensitivity.of_weights(self.weight)


def blocks_of(shape: Sequence[int]) -> list[Block]:
    """The blocks that a weight may be cut into."""
    if len(shape) == 4 and tuple(shape[2:]) != (1, 1):
        kernel = (shape[2], shape[3])
        found = [(1, 1, *kernel), (1, 1, 1, kernel[1]), (1, 1, 1, 1)]
        return list(dict.fromkeys(found))
    rest = (1,) * (len(shape) - 2)
    return [(1, size, *rest) for size in CHANNEL_BLOCKS if shape[1] % size == 0]


def pointer_bytes(shape: Sequence[int], layout: Layout) -> int:
    """Bytes of the pointers of a weight."""
    return packed_size(prod(shape) // prod(layout.block), pointer_bits(layout.centroids))


def table_bytes(layout: Layout, width: int) -> int:
    """Bytes of a table of codes of `width` bits."""
    return packed_size(layout.centroids * prod(layout.block), width)


def table_name(layout: Layout) -> str:
    """Of the table that layers of this layout could share."""
    return f"{'x'.join(map(str, layout.block))} of {layout.centroids}"


def stored_bytes(shape: Sequence[int], layout: Layout, width: int) -> int:
    """Bytes of a weight, without a table that it shares."""
    if not layout.block:
        return packed_size(prod(shape), width)
    table = 0 if layout.table is not None else table_bytes(layout, width)
    return pointer_bytes(shape, layout) + table


def rounding_loss(layer: PricedLayer, frac: int) -> float:
    """What a layer of codes, one a weight, loses: they are off by up to half a step of the
    logarithm, evenly."""
    squares = layer.weight.astype(np.float64) ** 2
    counts = layer.sensitivity.of_blocks((1,) * layer.weight.ndim)
    return float((squares.reshape(-1) * counts).sum()) * (log(2) / 2**frac) ** 2 / 12


def dense_choice(layer: PricedLayer, options: ClusterOptions) -> Choice:
    """One code a weight."""
    size = stored_bytes(layer.weight.shape, Layout(), options.weight_width)
    return Choice(
        Layout(), ceil(size * (1 + layer.extra)), rounding_loss(layer, options.weight_frac)
    )


def _counted_blocks(
    layer: PricedLayer, block: Block, options: ClusterOptions
) -> tuple[np.ndarray, np.ndarray]:
    """The blocks of a layer, channels divided by their scales, and what a squared error in each
    counts at the outputs."""
    weight = layer.weight
    rows, squares = scaled_blocks(weight, channel_scales(weight, options.weight_frac), block)
    return rows, squares * layer.sensitivity.of_blocks(block)


def own_curves(layer: PricedLayer, options: ClusterOptions) -> dict[Block, Curve]:
    """What a layer loses with a table of its own, by block."""
    found: dict[Block, Curve] = {}
    with one_thread():
        for block in layer.blocks:
            rows, counts = _counted_blocks(layer, block, options)
            if len(rows) >= 2:
                found[block] = loss_curve(rows, counts, options.seed)
    return found


def shared_curves(
    layers: Sequence[PricedLayer], block: Block, options: ClusterOptions
) -> list[Curve]:
    """What each of some layers loses with one table for all of them."""
    random = np.random.RandomState(options.seed)
    rows: list[np.ndarray] = []
    pooled: list[np.ndarray] = []
    own: list[np.ndarray] = []
    for layer in layers:
        each, counts = _counted_blocks(layer, block, options)
        _, relative = pooled_blocks([layer.weight], block, options.weight_frac)
        taken = np.sort(random.permutation(len(each))[:POOLED])
        rows.append(each[taken])
        # A layer weighs as much as all its blocks, however few of them are looked at.
        pooled.append(relative[taken] * (relative.sum() / max(relative[taken].sum(), 1e-30)))
        own.append(counts[taken] * (counts.sum() / max(counts[taken].sum(), 1e-300)))
    with one_thread():
        books = growing_codebooks(np.concatenate(rows), np.concatenate(pooled), random)
        return [
            Curve({size: measured_loss(each, counts, book) for size, book in books.items()})
            for each, counts in zip(rows, own)
        ]


def all_choices(
    layers: Sequence[PricedLayer], options: ClusterOptions, *, share_tables: bool
) -> tuple[list[list[Choice]], dict[str, int]]:
    """What each layer may have, and the bytes of the tables that layers could share, by name."""
    from joblib import delayed

    # Each time anew: one that runs twice loses count of the arrays in shared memory (joblib 1.6).
    run = options.parallel()
    found = cast(
        Iterable[dict[Block, Curve]], run(delayed(own_curves)(each, options) for each in layers)
    )
    width = options.weight_width
    choices = [_own_choices(*each, options) for each in zip(layers, found)]
    given = (each.layout for each in layers if each.layout is not None)
    tables = {each.table: table_bytes(each, width) for each in given if each.table is not None}
    if share_tables:
        groups, run = _groups(layers), options.parallel()
        curves_of = cast(
            Iterable[list[Curve]],
            run(
                delayed(shared_curves)([layers[i] for i in members], block, options)
                for block, members in groups.items()
            ),
        )
        for (block, members), curves in zip(groups.items(), curves_of):
            _offer_tables(layers, choices, tables, block, dict(zip(members, curves)), width)
    return choices, tables


def _own_choices(
    layer: PricedLayer, curves: Mapping[Block, Curve], options: ClusterOptions
) -> list[Choice]:
    """What a layer may have without others, or the one that it has; dense comes first."""
    shape, dense = layer.weight.shape, dense_choice(layer, options)
    found = [dense] if layer.layout is None or not layer.layout.block else []
    for block, curve in curves.items():
        if layer.layout is None:
            sizes = sizes_to_offer(curve.most, prod(shape) // prod(block))
            layouts = [Layout(block, size) for size in sizes]
        else:
            layouts = [layer.layout]
        for layout in layouts:
            loss = max(layer.loss(curve, layout.centroids), dense.loss)
            found.append(Choice(layout, stored_bytes(shape, layout, options.weight_width), loss))
    return found


def _groups(layers: Sequence[PricedLayer]) -> dict[Block, list[int]]:
    """The layers that could share a table, by block: at least two."""
    groups: dict[Block, list[int]] = {}
    for i, layer in enumerate(layers):
        for block in layer.blocks if layer.layout is None else ():
            if prod(block) > 1:
                groups.setdefault(block, []).append(i)
    return {block: members for block, members in groups.items() if len(members) > 1}


def _offer_tables(
    layers: Sequence[PricedLayer],
    choices: list[list[Choice]],
    tables: dict[str, int],
    block: Block,
    curves: Mapping[int, Curve],
    width: int,
) -> None:
    blocks = sum(layers[i].weight.size for i in curves) // prod(block)
    most = max(curve.most for curve in curves.values())
    for size in sizes_to_offer(most, blocks // 2):
        if size < LEAST_SHARED:
            continue
        name = table_name(Layout(block, size))
        layout = Layout(block, size, name)
        tables[name] = table_bytes(layout, width)
        for i, curve in curves.items():
            taken = pointer_bytes(layers[i].weight.shape, layout)
            loss = max(layers[i].loss(curve, size), choices[i][0].loss)
            choices[i].append(Choice(layout, taken, loss))
