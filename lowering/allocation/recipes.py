"""Ways to choose the layouts of all layers, and what the network loses with each once clustered.

What layouts lose is predicted layer by layer, and to first order. So that a prediction that fails
costs nothing, a network is clustered by it and by recipes that need none: the same block and the
same number of centroids wherever they fit, with a table a layer or one for all layers of a block.
The one is taken whose outputs are nearest to the float network's, on frames that nothing was chosen
by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.dialects.cluster import Layout
from recog.dialects.functions import find_function
from recog.lowering.allocation.allocate import Choice
from recog.lowering.allocation.candidates import table_name
from recog.lowering.allocation.curves import MOST, sizes_to_offer
from recog.lowering.allocation.decoded_heads import DecodedHeads
from recog.lowering.cluster.cluster_weights import cluster_weights
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.distillation import SMALLEST_POWER
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.module_outputs import module_outputs

if TYPE_CHECKING:
    from torch import Tensor

PLANNED = "by what layers lose"
UNIFORM = "as many centroids in each layer"
POOLED = "one table for each block"
HELD_OUT_SHARE = 4
"""One of so many example inputs is kept to compare on."""
LEAST_HELD_OUT = 4
ANY_TABLE = 1e6
"""Share of pointers' bits that a table may have: here the budget says what is too large."""


class Recipe(NamedTuple):
    """A choice for each layer, and the bytes of all weights of the program."""

    name: str
    choices: Sequence[Choice]
    bytes: int


def divided(
    inputs: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
    """Example inputs to choose by and others to compare on, None where there are too few."""
    held = len(inputs[0]) // HELD_OUT_SHARE
    if held < LEAST_HELD_OUT:
        return list(inputs), None
    return [x[:-held] for x in inputs], [x[-held:] for x in inputs]


def uniform_recipes(
    shapes: Sequence[tuple[int, ...]],
    choices: Sequence[Sequence[Choice]],
    tables: Mapping[str, int],
    options: ClusterOptions,
    room: int,
    budget: int,
) -> Iterator[Recipe]:
    """The largest recipes of one number of centroids that fit a budget.

    Args:
        choices: what each layer may have.
        tables: bytes of the tables that they may share, by name.
        room: bytes of the budget that are not for layers.
    """
    for name in (UNIFORM, POOLED):
        for count in sizes_to_offer(MOST, 1 << 30)[::-1]:
            clusters = replace(options, centroids=count, table_share=ANY_TABLE)
            found = [
                _uniform_choice(*each, clusters, shared=name == POOLED)
                for each in zip(shapes, choices)
            ]
            used = {each.layout.table for each in found if each.layout.table is not None}
            size = room + sum(each.bytes for each in found) + sum(tables[each] for each in used)
            if size <= budget and (used or name == UNIFORM):
                yield Recipe(name, found, size)
                break


def _uniform_choice(
    shape: tuple[int, ...], choices: Sequence[Choice], options: ClusterOptions, *, shared: bool
) -> Choice:
    """That of the choices which the options of clustering come to, or the next smaller."""
    if len(choices) == 1:
        return choices[0]
    block = options.block_of(shape)
    pooled = table_name(Layout(block, options.centroids))
    for each in choices if shared else ():
        if each.layout.table == pooled:
            return each
    usual = options.layout_of(shape)
    fitting = [
        each
        for each in choices
        if usual is not None
        and (each.layout.block, each.layout.table) == (usual.block, None)
        and each.layout.centroids <= usual.centroids
    ]
    return max(fitting, key=lambda each: each.layout.centroids, default=choices[0])


def held_out_losses(
    module: ModuleOp,
    recipes: Sequence[Recipe],
    write: Callable[[Sequence[Choice]], None],
    options: ClusterOptions,
    inputs: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    entry: str,
) -> list[float]:
    """What the network loses when it is clustered by each recipe: noise over signal at its heads.

    Args:
        write: writes layouts on the layers of the module.
        inputs: that clusters are chosen on.
        held_out: that the loss is measured on.
    """
    with returning_heads(module, entry):
        wanted = _outputs(module, held_out, entry)
        counts = DecodedHeads(find_function(module, entry)).counts(wanted)
    losses: list[float] = []
    for recipe in recipes:
        write(recipe.choices)
        clustered = module.clone()
        cluster_weights(clustered, options, inputs, entry=entry)
        with returning_heads(clustered, entry):
            found = _outputs(clustered, held_out, entry)
        each = [_noise(*of_head) for of_head in zip(found, wanted, counts)]
        losses.append(sum(each))
    return losses


def _outputs(module: ModuleOp, inputs: Sequence[np.ndarray], entry: str) -> list[Tensor]:
    import torch

    return [torch.from_numpy(np.asarray(y)) for y in module_outputs(module, inputs, entry)]


def _noise(found: Tensor, wanted: Tensor, count: Tensor | float) -> float:
    """Over signal, as powers; of integers none."""
    if not wanted.is_floating_point():
        return 0.0
    noise = ((found - wanted).double() * count).square().sum()
    signal = (wanted.double() * count).square().sum()
    return float(noise / signal.clamp_min(SMALLEST_POWER))
