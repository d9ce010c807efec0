"""Pointers that move while a clustered network is tuned.

Each block of weights has a point of its own, which starts at the weights before clustering, or
between these and its centroid where another one is nearer to them; or at its centroid where they
are not known. The network computes with centroids; the gradient of a weight moves its block's point
as well, as if the point were the weight (straight-through estimator, Bengio et al. 2013), and from
time to time each block points to the centroid nearest to its point. So a block leaves a centroid
that the other blocks pull elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from recog.dialects.cluster import LookupOp, split_blocks
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.nn import LayerOp

if TYPE_CHECKING:
    from torch import Tensor

ROWS_AT_ONCE = 1 << 11
"""Blocks whose distances to all centroids are in memory at once."""


class MovingPointers:
    """The pointers of one lookup, whose codebook is another parameter.

    Attributes:
        points: what the gradient moves, float32 (blocks, elements of a block).
    """

    def __init__(self, lookup: LookupOp, codebook: Tensor, original: np.ndarray | None = None):
        """
        Args:
            lookup: of constant pointers, scales and codebook.
            codebook: its codebook as it is being tuned, (K, elements of a block).
            original: the weights before clustering, of the lookup's shape.
        """
        import torch

        self.lookup, block = lookup, lookup.block.get_values()
        grid = _array(lookup.pointers)
        self.pointers = torch.from_numpy(grid.reshape(-1).astype(np.int64))
        self._grid, self._block = grid.shape, tuple(block)
        self._scales = None
        if lookup.scales is not None:
            scales = torch.from_numpy(_array(lookup.scales).copy())
            self._scales = scales.reshape(-1, *[1] * (grid.ndim - 1))
        points = codebook.detach()[self.pointers]
        if original is not None:
            scaled = original if self._scales is None else original / self._scales.numpy()
            points = _within_cells(
                torch.from_numpy(split_blocks(scaled, block)), self.pointers, codebook.detach()
            )
        self.points = points.clone().requires_grad_()

    def weight(self, codebook: Tensor, scales: Tensor | None = None) -> Tensor:
        """What the lookup gives, with a gradient for the codebook and for the points.

        Args:
            scales: of the output channels, by default the lookup's own.
        """
        from recog.lowering.cluster.looked_up_weights import looked_up

        given = self._scales if scales is None else scales.reshape(-1, *[1] * (len(self._grid) - 1))
        return looked_up(codebook, self.points, self.pointers, given, self._grid, self._block)

    def reassign(self, codebook: Tensor, share: float = 1.0) -> int:
        """Point each block to the centroid nearest to its point; how many blocks moved.

        Args:
            share: of the blocks that may move, at least one: those that come nearer by most.
        """
        import torch

        centroids = codebook.detach()
        squares = (centroids**2).sum(1)
        before, parts = self.pointers.numpy(), list[np.ndarray]()
        gains = np.empty(len(before), np.float32)
        for start in range(0, len(before), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            rows = self.points.detach()[part]
            distances = torch.addmm(squares, rows, centroids.T, alpha=-2).numpy()
            # NumPy's argmin takes a fraction of the time of torch's.
            parts.append(distances.argmin(1))
            if share < 1:
                each = np.arange(len(rows))
                gains[part] = distances[each, before[part]] - distances[each, parts[-1]]
        nearest = np.concatenate(parts)
        most = max(1, round(share * len(before)))
        moving = np.flatnonzero(nearest != before)
        if len(moving) > most:
            order = np.argsort(-gains[moving], kind="stable")
            staying = moving[order[most:]]
            nearest[staying] = before[staying]
        self.pointers = torch.from_numpy(nearest)
        return min(len(moving), most)

    def store(self) -> None:
        """Write the pointers into the module."""
        constant = self.lookup.pointers.owner
        if isinstance(constant, ConstantOp):
            constant.set_array(self.pointers.numpy())


def _within_cells(points: Tensor, pointers: Tensor, codebook: Tensor) -> Tensor:
    """Points (n, d), those to which another centroid is nearer than their own drawn half way back
    from where it would be: pointers were not chosen for what is nearest, and start as they are."""
    import torch

    squares = (codebook**2).sum(1)
    found: list[Tensor] = []
    for part, chosen in zip(points.split(ROWS_AT_ONCE), pointers.split(ROWS_AT_ONCE)):
        own = codebook[chosen]
        way = part - own
        # On the way, at a share t, a centroid k is as near as the own one j where
        # 2 t way . (c_k - c_j) = |c_k - c_j|^2.
        apart = (squares + squares[chosen][:, None] - 2 * own @ codebook.T).clamp_min(0)
        toward = way @ codebook.T - (way * own).sum(1, keepdim=True)
        shares = torch.where(2 * toward > apart, apart / (2 * toward), torch.inf)
        nearest = shares.amin(1, keepdim=True)
        found.append(torch.where(nearest < 1, own + 0.5 * nearest * way, part))
    return torch.cat(found)


def can_move(lookup: LookupOp) -> bool:
    """Whether a lookup's pointers are its own, and they and its scales are constant."""
    values = [lookup.pointers] if lookup.scales is None else [lookup.pointers, lookup.scales]
    return lookup.pointers.has_one_use() and all(isinstance(v.owner, ConstantOp) for v in values)


def weights_before(dense: ModuleOp, clustered: ModuleOp) -> dict[SSAValue, np.ndarray]:
    """The weights that a module's lookups stand for, from that module before it was clustered."""
    before, after = ([op for op in m.walk() if isinstance(op, LayerOp)] for m in (dense, clustered))
    found = {}
    for one, other in zip(before, after, strict=True):
        weight = constant_array(one.weight)
        if weight is not None and isinstance(other.weight.owner, LookupOp):
            found[other.weight] = weight
    return found


def _array(value: SSAValue) -> np.ndarray:
    array = constant_array(value)
    if array is None:
        raise ValueError("pointers move where they and the scales are constant")
    return array
