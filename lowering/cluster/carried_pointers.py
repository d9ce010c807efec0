"""Pointers and centroids chosen by what they do to a layer's outputs: GPTQ's vector form.

As in GPTVQ (van Baalen et al., 2024): blocks point, one after another, to the centroids that cost
least where the weights not yet chosen make up for the error (`error_carrying`), and centroids are
then solved for anew, with the pointers fixed. Here both are repeated, by coordinate descent on the
pointers, and pointers are chosen for centroids that are codes already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recog.dialects.number_format import LnsFormat
from recog.lowering.cluster.clustered_weight import ClusteredWeight
from recog.lowering.cluster.kmeans import Codebook, most_used_first
from recog.lowering.common.error_carrying import LeastCost
from recog.lowering.common.weight_grids import CodebookGrid
from recog.lowering.encode.constants import rounded_codebook

if TYPE_CHECKING:
    from torch import Tensor

TURNS = 3
"""How often pointers are chosen, centroids being solved for in between."""
SWEEPS = 2
"""Of coordinate descent, at most, each time."""
STEPS = 6
"""Of conjugate gradients, at most, each time that centroids are solved for."""


class Part(NamedTuple):
    """Some of a layer's inputs, whose moments with the others do not count.

    Attributes:
        wanted: the weights that they are multiplied with, (G, O, D) float64.
        moments: their second moments, (G, D, D).
    """

    wanted: Tensor
    moments: Tensor


def carry_errors(
    start: ClusteredWeight, parts: Sequence[Part], format: LnsFormat, *, fixed: bool = False
) -> ClusteredWeight:
    """Other pointers and centroids in the same layout, of the least cost found.

    Args:
        start: centroids to begin with.
        parts: the weights that these stand for, side by side.
        format: of the centroids' codes, its bias to be chosen.
        fixed: whether the centroids stay, in their order, since other layers have them too.
    """
    import torch

    codebook = torch.from_numpy(start.codebook.centroids).to(torch.float64)
    scales = torch.from_numpy(start.scales).to(torch.float64)
    scales = scales.reshape(parts[0].wanted.shape[:2])
    costs = [LeastCost(part.wanted, part.moments, codebook.shape[1]) for part in parts]
    weights: list[Tensor] = []
    found: list[tuple[float, CodebookGrid, list[Tensor]]] = []
    for turn in range(1 if fixed else TURNS):
        if turn:
            codebook = _solved(codebook, found[-1][2], scales, parts)
        codes = rounded_codebook(codebook.numpy(), format)
        grid = CodebookGrid(torch.from_numpy(codes), scales)
        weights = weights or [cost.carried(grid) for cost in costs]
        weights = [cost.descended(w, grid, SWEEPS) for cost, w in zip(costs, weights)]
        pointers = [grid.pointers(each) for each in weights]
        reached = sum(cost.of(w) for cost, w in zip(costs, weights))
        if found and not reached < found[-1][0]:
            break
        found.append((reached, grid, pointers))
    _, grid, pointers = found[-1]
    labels = torch.cat(pointers, 2).reshape(-1).numpy()
    centroids = grid.codebook.numpy().astype(np.float32)
    chosen = Codebook(centroids, labels) if fixed else most_used_first(centroids, labels)
    return ClusteredWeight(start.block, start.grid, start.scales, chosen)


def _solved(
    codebook: Tensor, pointers: Sequence[Tensor], scales: Tensor, parts: Sequence[Part]
) -> Tensor:
    """The centroids (K, d) of the least cost with these pointers, (G, O, D / d) of each part.

    By conjugate gradients, whose matrix is never formed; the preconditioner is its diagonal.
    """
    import torch

    def looked_up(centroids: Tensor, chosen: Tensor) -> Tensor:
        return centroids[chosen].flatten(2) * scales[:, :, None]

    def summed(errors: Iterable[Tensor]) -> Tensor:
        total = torch.zeros_like(codebook)
        for each, chosen in zip(errors, pointers):
            rows = (each * scales[:, :, None]).reshape(-1, codebook.shape[1])
            total.index_add_(0, chosen.reshape(-1), rows)
        return total

    each = list(zip(parts, pointers))
    diagonals = (p.moments.diagonal(dim1=1, dim2=2)[:, None] * scales[:, :, None] for p in parts)
    inverse = 1 / summed(diagonals).clamp_min(1e-300)
    residual = summed((p.wanted - looked_up(codebook, c)) @ p.moments for p, c in each)
    solution, direction = codebook.clone(), residual * inverse
    size = first = (residual * direction).sum()
    for _ in range(STEPS):
        if not bool(size > 1e-10 * first):
            break
        product = summed(looked_up(direction, c) @ p.moments for p, c in each)
        length = size / (direction * product).sum()
        solution += length * direction
        residual -= length * product
        before, size = size, (residual * residual * inverse).sum()
        direction = residual * inverse + size / before * direction
    return solution
