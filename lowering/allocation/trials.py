"""What a network loses once it is clustered by a recipe, and recipes from what was measured so.

What layouts lose is predicted layer by layer, and to first order. So a network is clustered by what
is predicted to be best and by recipes that need no prediction, which also tells how far predictions
are off: what the errors of each layer do to the outputs is then known for some of its layouts, with
the codebooks that it really gets. The recipe is taken whose outputs are nearest to the float
network's, on frames that nothing was chosen by.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from math import exp, inf, isfinite, log, prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.cluster import LayoutAttr, LookupOp
from recog.dialects.data import constant_array
from recog.dialects.functions import find_function
from recog.lowering.allocation.allocate import Choice
from recog.lowering.allocation.recipes import MEASURED, Budget, Recipe
from recog.lowering.allocation.sensitivity import LossesOfErrors
from recog.lowering.cluster.cluster_weights import LAYOUT, cluster_weights
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.common.decoded_heads import DecodedHeads
from recog.lowering.common.module_outputs import module_outputs
from recog.lowering.encode.constants import looked_up

if TYPE_CHECKING:
    from torch import Tensor

HELD_OUT_SHARE = 4
"""One of so many example inputs is kept to compare on."""
LEAST_HELD_OUT = 4
MEASURED_FRAMES = 32
"""That what errors of layers do is measured on."""
ROUNDS = 3
"""How often layouts are chosen anew by what was measured."""
LARGE = 1 << 22
"""Weights from which each clustering takes minutes: then two recipes are tried, and one round."""


def divided(
    inputs: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray] | None]:
    """Example inputs to choose by and others to compare on, None where there are too few."""
    held = len(inputs[0]) // HELD_OUT_SHARE
    if held < LEAST_HELD_OUT:
        return list(inputs), None
    return [x[:-held] for x in inputs], [x[-held:] for x in inputs]


class Tried(NamedTuple):
    """What became of a network that was clustered by a recipe.

    Attributes:
        loss: what errors at the heads count (`decoded_heads`), on the frames that were held out.
        layers: what the errors of each layer do to the outputs, 0 for those that stay dense.
    """

    recipe: Recipe
    loss: float
    layers: Sequence[float]


class Trials:
    """Clusters copies of a module by recipes.

    Args:
        layers: that recipes have choices for, one for each weight.
        free: those of them whose layouts are chosen.
        inputs: that clusters are chosen on.
        held_out: that losses are measured on.
    """

    def __init__(
        self,
        module: ModuleOp,
        layers: Sequence[nn.LayerOp],
        free: Collection[nn.LayerOp],
        options: ClusterOptions,
        inputs: Sequence[np.ndarray],
        held_out: Sequence[np.ndarray],
        entry: str,
    ):
        self._module, self._layers, self._free = module, layers, frozenset(free)
        self._options = options
        self._inputs, self._held_out, self._entry = inputs, held_out, entry
        with returning_heads(module, entry):
            self._wanted = _outputs(module, held_out, entry)
            self._counts = DecodedHeads(find_function(module, entry)).counts(self._wanted)
        frames = [x[-MEASURED_FRAMES:] for x in inputs]
        self._losses = LossesOfErrors(module, entry, [_constants(op) for op in layers], frames)

    def of(self, recipe: Recipe) -> Tried:
        """Cluster by a recipe, and measure."""
        clustered = self._module.clone()
        number = {op: i for i, op in enumerate(_layers_of(self._module))}
        copies = _layers_of(clustered)
        layers = [copies[number[op]] for op in self._layers]
        for op, copy, choice in zip(self._layers, layers, recipe.choices):
            if op in self._free:
                copy.attributes[LAYOUT] = LayoutAttr(choice.layout)
        cluster_weights(clustered, self._options, self._inputs, entry=self._entry)
        with returning_heads(clustered, self._entry):
            found = _outputs(clustered, self._held_out, self._entry)
        noise = [_noise(*of_head) for of_head in zip(found, self._wanted, self._counts)]
        errors: dict[SSAValue, np.ndarray] = {}
        for each in zip(self._layers, layers):
            errors |= _errors(*each)
        by_layer = self._losses.of(errors)
        loss = sum(noise)
        return Tried(recipe, loss if isfinite(loss) else inf, by_layer)

    def best(
        self,
        recipes: Sequence[Recipe],
        choices: Sequence[Sequence[Choice]],
        budget: Budget,
        progress: Callable[[float], None],
    ) -> tuple[list[Tried], list[list[Choice]]]:
        """All that was tried, the one that loses least first: these recipes, and those that follow
        from what they lose; and what each layer may have, with losses as the best one's were
        measured.

        Args:
            progress: called with the share of the trials that are done.
        """
        large = sum(prod(nn.shape_of(op.weight)) for op in self._layers) > LARGE
        recipes, rounds = (recipes[:2], 1) if large else (recipes, ROUNDS)
        tried = list[Tried]()
        for each in recipes:
            tried.append(self.of(each))
            progress(len(tried) / (len(recipes) + rounds))
        corrected = as_measured(choices, tried)
        for number in range(1, rounds + 1):
            found = budget.allocation(corrected)
            if found is None:
                break
            chosen = [row[i] for row, i in zip(corrected, found.chosen)]
            layouts = [each.layout for each in chosen]
            if any(layouts == [c.layout for c in each.recipe.choices] for each in tried):
                break
            tried.append(self.of(budget.recipe(f"{MEASURED} {number}", chosen)))
            progress(len(tried) / (len(recipes) + rounds))
            corrected = as_measured(choices, tried)
        ordered = sorted(tried, key=lambda each: each.loss)
        # What is said of losses, of this recipe and of others, goes by how it was measured.
        return ordered, as_measured(choices, ordered[:1])


def _layers_of(module: ModuleOp) -> list[nn.LayerOp]:
    return [op for op in module.walk() if isinstance(op, nn.LayerOp)]


def _constants(layer: nn.LayerOp) -> list[SSAValue]:
    """A layer's weight and bias, as far as they are float constants."""
    operands = [value for value in (layer.weight, layer.bias) if value is not None]
    arrays = [constant_array(value) for value in operands]
    return [v for v, a in zip(operands, arrays) if a is not None and a.dtype == np.float32]


def _errors(layer: nn.LayerOp, clustered: nn.LayerOp) -> dict[SSAValue, np.ndarray]:
    """What clustering changed in a layer's weight, and the bias that makes up for it."""
    lookup, weight = clustered.weight.owner, constant_array(layer.weight)
    codebook = constant_array(lookup.codebook) if isinstance(lookup, LookupOp) else None
    values = looked_up(lookup, codebook) if codebook is not None else None  # pyright: ignore
    if weight is None or values is None:
        return {}
    errors = {layer.weight: (values - weight).astype(np.float32)}
    if layer.bias is not None and clustered.bias is not None:
        before, after = constant_array(layer.bias), constant_array(clustered.bias)
        if before is not None and after is not None and before.dtype == np.float32:
            errors[layer.bias] = after - before
    return errors


def as_measured(choices: Sequence[Sequence[Choice]], tried: Sequence[Tried]) -> list[list[Choice]]:
    """What each layer may have, with losses corrected by those of the layouts that were tried.

    How far a prediction is off is taken to follow from the loss that was predicted, whatever the
    block, and to lie between what was measured at losses beside it.
    """
    found: list[list[Choice]] = []
    for i, row in enumerate(choices):
        predicted = {each.layout: each.loss for each in row}
        off: dict[float, list[float]] = {}
        for trial in tried:
            expected = predicted.get(trial.recipe.choices[i].layout, 0.0)
            if 0 < trial.layers[i] < inf and expected > 0:
                off.setdefault(log(expected), []).append(log(trial.layers[i] / expected))
        places = sorted(off)
        factors = [float(np.mean(off[place])) for place in places]
        found.append([_corrected(each, row[0], places, factors) for each in row])
    return found


def _corrected(
    choice: Choice, first: Choice, places: Sequence[float], factors: Sequence[float]
) -> Choice:
    if not places or not choice.layout.block or not choice.loss > 0:
        return choice
    factor = exp(float(np.interp(log(choice.loss), places, factors)))
    least = 0.0 if first.layout.block else first.loss
    return replace(choice, loss=max(least, factor * choice.loss))


def _outputs(module: ModuleOp, inputs: Sequence[np.ndarray], entry: str) -> list[Tensor]:
    import torch

    return [torch.from_numpy(np.asarray(y)) for y in module_outputs(module, inputs, entry)]


def _noise(found: Tensor, wanted: Tensor, count: Tensor) -> float:
    """What the errors of a head count; of integers nothing."""
    if not wanted.is_floating_point():
        return 0.0
    return float(((found - wanted).double() * count).square().sum())
