"""cluster-weights: replace constant weights by pointers into k-means codebooks.

One codebook a layer, one pointer a block of weights (product quantization,
Jégou et al., PAMI 2011; on networks Stock et al., ICLR 2020). Each output channel is
first divided by a scale of its own, a power of 2^(1/2^frac): in LNS that is an offset of
the channel's bias and costs nothing, and channels that folded batch norms made large or
small then share one codebook. With example inputs, pointers and centroids are chosen by what they
do to the outputs of their layers (`clusters_on_data`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float32Type, IntegerAttr, ModuleOp, StringAttr, f32, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from recog.dialects import nn
from recog.dialects.cluster import Layout, LayoutAttr, LookupOp
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import fail
from recog.dialects.functions import find_function
from recog.dialects.words import counted
from recog.lowering.cluster.clustered_weight import ClusteredWeight, nearest_pointers
from recog.lowering.cluster.clusters_on_data import cluster_on_data
from recog.lowering.cluster.layouts import BlockLayout, ClusterOptions
from recog.lowering.cluster.shared_tables import shared_tables
from recog.lowering.common.data_files import load_examples
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.rewriting import erase_dead_constants
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.encode.label_layers import layer_name

KEPT_DENSE = "cluster.kept_dense"
"""On a layer that stays dense: the reason, for the report."""
LAYOUT = LayoutAttr.name
"""On a layer: how its weights are to be stored, by hand or by choose-layouts."""
PALETTE = "cluster.palette"
"""On a layer whose weights are palettized already: of how many distinct values."""


@dataclass(frozen=True, kw_only=True)
class ClusterWeightsPass(ClusterOptions, EntryOptions, ModulePass):
    """Replace the constant weights of convolutions and linear layers by codebook lookups.

    A layer that clustering would not make smaller stays dense, with the reason in its
    `cluster.kept_dense` attribute. An attribute `cluster.layout` on a layer says how to store that
    one, in place of the options; layers of one table share their centroids. Channel scales are
    powers of 2^(1 / 2^weight-frac). Weights that have few distinct values already keep them, by a
    pointer each; `cluster.palette` says how many. With data, biases and the weights of other layers
    make up for what clusters change before them.
    """

    name = "cluster-weights"

    data: str | None = None
    """An .npy or .npz file of example inputs, (N, ...): pointers are then chosen for the outputs
    of their layers."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        inputs = None
        if self.data is not None:
            function = find_function(op, self.entry)
            inputs = load_examples(self.data, function, what=f"{self.name} data")
        log_notes(cluster_weights(op, self, inputs, entry=self.entry))


def cluster_weights(
    module: ModuleOp,
    options: ClusterOptions,
    inputs: Sequence[np.ndarray] | None = None,
    *,
    entry: str = "main",
    progress: Callable[[float], None] | None = None,
) -> list[Note]:
    """Cluster the weights of a module in place.

    Args:
        inputs: example inputs of the function `entry`, float (N, ...), of which as many are used as
            memory holds; without, each block points to the nearest centroid of k-means.

    Returns:
        The layers that were palettized already, those that got fewer centroids than were asked for,
        and those that too few frames were seen of.

    Raises:
        RecogError: weights that are no numbers, inputs that the network does not take.
    """
    layers = _layers(module, options)
    tables = shared_tables(layers, options)
    found: Mapping[SSAValue, ClusteredWeight] = {}
    notes = [*_palette_notes(module), *_fewer_centroids_notes(layers, options)]
    if inputs is not None and options.carry_errors and layers:
        layouts = {op.weight: layout for op, layout in layers.items()}
        on_data = cluster_on_data(module, layouts, options, inputs, entry, progress, tables)
        found = on_data.weights
        notes += on_data.notes
    missing = {op: layout for op, layout in layers.items() if op.weight not in found}
    nearest = _nearest(missing, options, tables)
    stored: dict[tuple[str, Block | None], ConstantOp] = {}
    for layer, layout in layers.items():
        clustered = found.get(layer.weight) or nearest[layer]
        _replace(layer, clustered, layout.table, stored)
    erase_dead_constants(module)
    return notes


def _nearest(
    layers: Mapping[nn.LayerOp, BlockLayout],
    options: ClusterOptions,
    tables: Mapping[str, np.ndarray],
) -> dict[nn.LayerOp, ClusteredWeight]:
    """k-means of each layer's weight, several at a time; the same however many that are."""
    from joblib import delayed

    run = options.parallel()(
        delayed(nearest_pointers)(
            layer_weight(op), layout, options, table=tables.get(layout.table or "")
        )
        for op, layout in layers.items()
    )
    return dict(zip(layers, cast(Iterable[ClusteredWeight], run)))


def layer_weight(op: nn.LayerOp) -> np.ndarray:
    """The constant weight of a layer."""
    weight = constant_array(op.weight)
    if weight is None:
        fail(op, "the weight is computed, not constant")
    return weight


def _layers(module: ModuleOp, options: ClusterOptions) -> dict[nn.LayerOp, BlockLayout]:
    """The first layer of each weight to cluster; layers that stay dense are given the reason."""
    found: dict[nn.LayerOp, BlockLayout] = {}
    seen: set[SSAValue] = set()
    for op in module.walk():
        if not isinstance(op, nn.LayerOp) or op.weight in seen:
            continue
        if isinstance(op.weight.owner, LookupOp):
            continue
        layout = _layout(op, options)
        if isinstance(layout, str):
            op.attributes[KEPT_DENSE] = StringAttr(layout)
            continue
        if layout.palette is not None:
            op.attributes[PALETTE] = IntegerAttr(layout.centroids, i64)
        found[op] = layout
        seen.add(op.weight)
    return found


def _layout(op: nn.LayerOp, options: ClusterOptions) -> BlockLayout | str:
    """How to cluster a layer's weight, or why it stays dense."""
    given = op.attributes.get(LAYOUT)
    if given is not None and not isinstance(given, LayoutAttr):
        fail(op, f"{LAYOUT} must be a #{LAYOUT}, got {given}")
    weight = clusterable_weight(op)
    if isinstance(weight, str):
        return weight
    if given is not None:
        return _given_layout(op, weight, given.data, options)
    layout = options.palette_layout(weight) or options.layout_of(weight.shape)
    if layout is None and (products := weight[0].size) <= options.dense_fan_in:
        return (
            f"its outputs are sums of {counted(products, 'product')}, of which option "
            "dense-fan-in keeps all"
        )
    return layout or f"pointers and a table want more than {counted(weight.size, 'weight')}"


def clusterable_weight(op: nn.LayerOp) -> np.ndarray | str:
    """A layer's weight, or why it stays dense whatever is asked.

    Raises:
        RecogError: it is no number.
    """
    constant = op.weight.owner
    if not isinstance(constant, ConstantOp):
        return "the weight is computed, not constant"
    if not isinstance(constant.value.type.element_type, Float32Type):
        return "only weights of f32 are clustered"
    weight = constant.value.to_array()
    if not np.isfinite(weight).all():
        fail(op, "the weight holds NaN or infinity", hint="check the checkpoint")
    if (weight == 1).all():
        return "the weights are all 1: it sums, nothing was learned"
    return weight


def _given_layout(
    op: nn.LayerOp, weight: np.ndarray, layout: Layout, options: ClusterOptions
) -> BlockLayout | str:
    try:
        layout.check_fits(weight.shape)
    except ValueError as error:
        fail(op, f"{LAYOUT}: {error}")
    if not layout.block:
        why = op.attributes.get(KEPT_DENSE)  # of a layout that was given by name
        return why.data if isinstance(why, StringAttr) else f"its {LAYOUT} says so"
    found = BlockLayout.of(weight.shape, layout.block, layout.centroids, options.weight_width)
    return replace(found, table=layout.table)


def _replace(
    layer: nn.LayerOp,
    clustered: ClusteredWeight,
    table: str | None,
    stored: dict[tuple[str, Block | None], ConstantOp],
) -> None:
    """Let a layer take a lookup, and those that it shares its weight with.

    Args:
        stored: the shared tables that are constants already, by name and block.
    """
    weight, constant = layer.weight, layer.weight.owner
    if not isinstance(constant, ConstantOp):
        return
    shared = None
    if table is not None:
        key = (table, constant.parent)
        if key not in stored:
            stored[key] = ConstantOp.from_array(clustered.codebook.centroids, f32)
            stored[key].output.name_hint = "shared_codebook"
            Rewriter.insert_op(stored[key], InsertPoint.before(constant))
        shared = stored[key]
    ops = clustered.ops(shared)
    for op in ops:
        op.location = layer.location
    _name_parts(ops, weight.name_hint, shared is not None)
    Rewriter.insert_op(ops, InsertPoint.after(constant))
    for use in list(weight.uses):
        if isinstance(use.operation, nn.LayerOp) and use.index == 1:
            use.operation.operands[1] = ops[-1].results[0]


def _name_parts(ops: Sequence[Operation], hint: str | None, shared: bool) -> None:
    codebook = () if shared else ("_codebook",)
    if hint is not None:
        for op, suffix in zip(ops, ("_pointers", *codebook, "_scales", "")):
            op.results[0].name_hint = hint + suffix


def _palette_notes(module: ModuleOp) -> list[Note]:
    """A note on the layers whose weights were palettized already."""
    places = [
        f"{layer_name(op)} ({counted(count.value.data, 'value')})"
        for op in module.walk()
        if isinstance(count := op.attributes.get(PALETTE), IntegerAttr)
    ]
    if not places:
        return []
    text = "weights of few distinct values, which are kept as they are, by a pointer each"
    return [Note("palette", text, "", tuple(places))]


def _fewer_centroids_notes(
    layers: Mapping[nn.LayerOp, BlockLayout], options: ClusterOptions
) -> list[Note]:
    """A note on the layers that have too few blocks for the centroids that were asked for; of the
    default that is usual."""
    if options.centroids == ClusterOptions.centroids:
        return []
    fewer = [
        (op, layout)
        for op, layout in layers.items()
        if layout.palette is None
        and LAYOUT not in op.attributes
        and prod(layout.block) > 1  # else scalar-centroids says how many
        and layout.centroids < options.centroids
    ]
    if not fewer:
        return []
    places: list[str] = []
    for op, layout in sorted(fewer, key=lambda each: each[1].centroids):
        count = counted(prod(nn.shape_of(op.weight)) // prod(layout.block), "block")
        places.append(f"{layer_name(op)} ({layout.centroids:,} for {count})")
    text = (
        f"fewer than the {options.centroids:,} centroids that were asked for, as a table of more "
        "would be too large for so few blocks"
    )
    advice = "ask for fewer, or let tables be larger (table-share)"
    return [Note("fewer-centroids", text, advice, tuple(places))]
