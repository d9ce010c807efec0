"""How much an error in each weight shows at the outputs.

Without example inputs, each layer's errors count as a share of its own energy. With them, a squared
error counts the mean squared gradient of the outputs, as errors there count (`decoded_heads`) and
with random signs (the Fisher information of a Gaussian at the outputs; Hutchinson, 1990): one
backward pass a frame gives that of all weights. Few frames say little of one weight, so it is taken
to be a factor of the output channel times a factor of the input (as Martens and Grosse, 2015).

That counts errors which are independent of each other. Those of few centroids are not: these are
means of what points to them, so that the layer also becomes weaker as a whole, by the share of its
energy that is lost. What that counts is the squared gradient by a factor of the layer's weights.
On trained layers of many inputs it is ten times as much and more, and within some 3 dB what few
centroids lose. It is too much, by up to 11 dB, where what adds up is a mean that centroids keep.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.backend.threads import fixed_threads
from recog.dialects.cluster import split_blocks
from recog.dialects.functions import find_function
from recog.lowering.cluster.differentiable_outputs import returning_heads
from recog.lowering.common.batches import cuts_of_a_step
from recog.lowering.common.decoded_heads import DecodedHeads
from recog.lowering.precision.output_noise import gradients, trained

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = 16
"""Frames whose gradients are taken, each with signs of its own."""
KEPT_BYTES = 1 << 30
"""Of gradients that are kept from one trial to the next, at most."""
UNCORRELATED = 100
"""So many inputs of a layer add up to twice the energy that they have one by one. It is a guess,
for where there are no gradients: in two networks layers lay several times above and below it."""


@dataclass(frozen=True)
class Sensitivity:
    """What a squared error in the weight of output o and input i counts: outputs[o] inputs[i].

    Attributes:
        outputs: float64 (O,).
        inputs: float64, of the weight's shape without its first axis.
        weaker: what the squared share by which all weights are too small counts.
    """

    outputs: np.ndarray
    inputs: np.ndarray
    weaker: float

    def of_blocks(self, block: Sequence[int]) -> np.ndarray:
        """What a squared error in each block of the weight counts, on average, (blocks,)."""
        outputs = self.outputs.reshape(-1, block[0]).mean(axis=1)
        inputs = split_blocks(self.inputs, block[1:]).mean(axis=1)
        return (outputs[:, None] * inputs).reshape(-1)

    def of_weights(self, weight: np.ndarray) -> float:
        """What all of a weight counts, were it an error."""
        squares = (weight.astype(np.float64) ** 2).reshape(len(weight), -1)
        return float(self.outputs @ squares @ self.inputs.reshape(-1))

    def of_clusters(self, errors: float, whole: float) -> float:
        """What centroids lose that are the means of what points to them.

        Args:
            errors: what their squared errors count, were they independent.
            whole: what the weights count that they stand for, were these errors.
        """
        share = min(1.0, errors / whole) if whole > 0 else 0.0
        return errors * (1 - share) + self.weaker * share**2


def of_energy(weight: np.ndarray) -> Sensitivity:
    """Errors of a weight as shares of its own energy."""
    energy = float((weight.astype(np.float64) ** 2).sum())
    share = 1 / energy if energy > 0 else 0.0
    weaker = 1 + weight[0].size / UNCORRELATED if energy > 0 else 0.0
    return Sensitivity(np.full(len(weight), share), np.ones(weight.shape[1:]), weaker)


@fixed_threads()
def at_outputs(
    module: ModuleOp, entry: str, weights: Sequence[SSAValue], inputs: Sequence[np.ndarray]
) -> dict[SSAValue, Sensitivity]:
    """What errors of weights count at the outputs of a function, on frames (N, ...).

    Of weights that no output depends on, errors count nothing.
    """
    import torch

    parameters = trained(weights)
    squares = {w: torch.zeros(p.shape, dtype=torch.float64) for w, p in parameters.items()}
    weaker = dict.fromkeys(parameters, 0.0)
    count = min(FRAMES, len(inputs[0]))
    for of_frame in _gradients(module, entry, parameters, inputs, count):
        for weight, gradient in of_frame:
            exact = gradient.double()
            squares[weight] += exact**2 / count
            by_factor = float((exact * parameters[weight].detach()).sum())
            weaker[weight] += by_factor**2 / count
    return {weight: _factored(each, weaker[weight]) for weight, each in squares.items()}


class LossesOfErrors:
    """What errors of constants do to the outputs of a function, to first order, on frames (N, ...).

    Gradients are taken with the first errors that come, and kept for the next ones where they fit
    in memory.

    Args:
        layers: the constants of each layer whose errors count together, as one error.
    """

    def __init__(
        self,
        module: ModuleOp,
        entry: str,
        layers: Sequence[Collection[SSAValue]],
        inputs: Sequence[np.ndarray],
    ):
        self._module, self._entry, self._inputs = module, entry, inputs
        self._layer_of = {value: i for i, layer in enumerate(layers) for value in layer}
        self._count = len(layers)
        self._kept: list[dict[SSAValue, Tensor]] = []

    @fixed_threads()
    def of(self, errors: Mapping[SSAValue, np.ndarray]) -> list[float]:
        """What these errors do, by layer."""
        import torch

        tensors = {value: torch.from_numpy(error) for value, error in errors.items()}
        frames, losses = len(self._inputs[0]), np.zeros(self._count)
        for of_frame in self._kept or self._computed(frames):
            change = np.zeros_like(losses)
            for value, gradient in of_frame.items():
                if value in tensors:
                    change[self._layer_of[value]] += float((gradient * tensors[value]).sum())
            losses += change**2 / frames
        return losses.tolist()

    def _computed(self, frames: int) -> Iterator[dict[SSAValue, Tensor]]:
        """The gradients of each frame, kept once all are there and fit."""
        parameters = trained(self._layer_of)
        fit = frames * sum(p.nbytes for p in parameters.values()) <= KEPT_BYTES
        kept: list[dict[SSAValue, Tensor]] = []
        for of_frame in _gradients(self._module, self._entry, parameters, self._inputs, frames):
            found = dict(of_frame)
            if fit:
                kept.append(found)
            yield found
        self._kept = kept


def _gradients(
    module: ModuleOp,
    entry: str,
    parameters: Mapping[SSAValue, Tensor],
    inputs: Sequence[np.ndarray],
    count: int,
) -> Iterator[Iterator[tuple[SSAValue, Tensor]]]:
    """For each of the first frames (N, ...) the gradients of its heads, as these count."""
    from recog.backend.interpreters.execute import run_op
    from recog.backend.interpreters.nn_runner import NnRunner

    function = find_function(module, entry)
    with returning_heads(module, entry):
        runner, cuts = NnRunner(module, entry), cuts_of_a_step(function, 1)
        heads = DecodedHeads(function)
        for i in range(count):
            frame = [np.asarray(x)[i : i + 1] for x in inputs]
            outputs = runner.walk(*frame, run=run_op, constants=parameters, cuts=cuts)
            yield gradients(outputs, heads.counts(outputs), parameters, i)


def _factored(squares: Tensor, weaker: float) -> Sensitivity:
    """The product of two factors that has the same sums over outputs and over inputs."""
    values = squares.numpy()
    total = float(values.mean())
    if not 0 < total < np.inf:
        return Sensitivity(np.zeros(len(values)), np.ones(values.shape[1:]), 0.0)
    outputs = values.reshape(len(values), -1).mean(axis=1)
    return Sensitivity(outputs, values.mean(axis=0) / total, weaker)
