"""Rounding a layer's weights one input at a time, the error of each carried to those to come.

To round w to ŵ costs (ŵ − w)ᵀ H (ŵ − w) at the layer's output, where H are the second moments of
its inputs. Rounding column by column, and moving those not yet rounded so that they make up for
the error as well as H lets them, is GPTQ (Frantar et al., ICLR 2023, algorithm 1; after Hassibi
and Stork's optimal brain surgeon, NIPS 1992); by blocks of columns that share one choice it is
GPTVQ (van Baalen et al., 2024). Afterwards each column is rounded once more with all others fixed,
some times over (coordinate descent; Behdin et al., QuantEase, 2023), which only lowers the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = 64
"""Columns rounded before those after them are moved, which is one product then."""
DAMPING = 0.01
"""Added to the diagonal of H, as a share of its mean, so that it has an inverse."""
SWEEPS = 4
"""Of coordinate descent, at most."""


class Grid(Protocol):
    """The values that weights may take."""

    @property
    def width(self) -> int:
        """Columns that one choice decides together: 1, or those of a block of weights."""
        ...

    def nearest(self, wanted: Tensor, metric: Tensor) -> Tensor:
        """The values that cost least in place of these, (G, O, width).

        Args:
            metric: the cost of an error, (G, width, width).
        """
        ...


class LeastCost:
    """A layer's weights (G, O, D) to be replaced by those of a grid, at a cost that moments of its
    inputs (G, D, D) give, all float64.

    G are a convolution's groups, O a group's outputs and D its inputs, kernel taps included.
    """

    def __init__(self, weights: Tensor, moments: Tensor, width: int):
        """
        Args:
            width: of the grids that it is asked with.
        """
        import torch

        moments = damped(moments)
        order = _order(weights, moments, width)
        moments = moments.gather(1, order[:, :, None].expand_as(moments))
        self._moments = moments.gather(2, order[:, None, :].expand_as(moments))
        self._columns = order[:, None, :].expand_as(weights)
        self._wanted = weights.gather(2, self._columns)
        self._steps = _diagonal_blocks(self._moments, width)
        self._inverses = torch.linalg.inv(self._steps)

    def carried(self, grid: Grid) -> Tensor:
        """Rounded block by block, the error of each carried to those after it."""
        return self._in_place(_carry(self._wanted, self._moments, grid))

    def descended(self, rounded: Tensor, grid: Grid, sweeps: int = SWEEPS) -> Tensor:
        """Each block chosen anew with all others fixed, some times over while any changes."""
        rounded = rounded.gather(2, self._columns)
        for _ in range(sweeps):
            if not _sweep(rounded, self._wanted, self._moments, self._steps, self._inverses, grid):
                break
        return self._in_place(rounded)

    def of(self, rounded: Tensor) -> float:
        """The cost of these in place of the weights."""
        error = rounded.gather(2, self._columns) - self._wanted
        return float(((error @ self._moments) * error).sum())

    def _in_place(self, values: Tensor) -> Tensor:
        import torch

        return torch.empty_like(values).scatter_(2, self._columns, values)


def round_carrying(weights: Tensor, moments: Tensor, grid: Grid) -> Tensor:
    """The weights (G, O, D) on a grid, as `LeastCost` has them."""
    cost = LeastCost(weights, moments, grid.width)
    return cost.descended(cost.carried(grid), grid)


def damped(moments: Tensor, share: float = DAMPING) -> Tensor:
    """With a share of its mean on the diagonal, so that there is an inverse; inputs of zeros have
    1."""
    import torch

    diagonal = moments.diagonal(dim1=1, dim2=2)
    mean = diagonal.mean(1, keepdim=True)
    more = torch.where(mean > 0, share * mean, 1.0).expand_as(diagonal)
    return moments + torch.diag_embed(more)


def _order(weights: Tensor, moments: Tensor, width: int) -> Tensor:
    """Columns, by blocks, by what their rounding can cost, the most first, (G, D)."""
    import torch

    cost = moments.diagonal(dim1=1, dim2=2) * (weights**2).mean(1)
    blocks = cost.reshape(len(cost), -1, width).sum(2).argsort(dim=1, descending=True, stable=True)
    return (blocks[:, :, None] * width + torch.arange(width)).reshape(len(cost), -1)


def _diagonal_blocks(matrices: Tensor, width: int) -> Tensor:
    """(G, D / width, width, width)."""
    groups, size, _ = matrices.shape
    tiles = matrices.reshape(groups, size // width, width, size // width, width)
    return tiles.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)


def _carry(wanted: Tensor, moments: Tensor, grid: Grid) -> Tensor:
    import torch

    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moments))
    upper = torch.linalg.cholesky(inverse, upper=True)
    triangles = torch.linalg.inv(_diagonal_blocks(upper, grid.width))
    # The cost of an error in a block, all later columns having made up for what they can.
    metrics = triangles @ triangles.transpose(2, 3)
    left, rounded = wanted.clone(), torch.empty_like(wanted)
    for first, last in _spans(wanted.shape[2], grid.width):
        errors = torch.empty_like(left[:, :, first:last])
        for i in range(first, last, grid.width):
            j, block = i + grid.width, i // grid.width
            chosen = grid.nearest(left[:, :, i:j], metrics[:, block])
            rounded[:, :, i:j] = chosen
            error = (left[:, :, i:j] - chosen) @ triangles[:, block]
            errors[:, :, i - first : j - first] = error
            left[:, :, j:last] -= error @ upper[:, i:j, j:last]
        left[:, :, last:] -= errors @ upper[:, first:last, last:]
    return rounded


def _sweep(
    rounded: Tensor, wanted: Tensor, moments: Tensor, steps: Tensor, inverses: Tensor, grid: Grid
) -> bool:
    """Choose every column anew, the others fixed; whether any changed."""
    import torch

    gradient = (rounded - wanted) @ moments
    changed = False
    for first, last in _spans(wanted.shape[2], grid.width):
        moved = torch.empty_like(rounded[:, :, first:last])
        for i in range(first, last, grid.width):
            j, block = i + grid.width, i // grid.width
            now = rounded[:, :, i:j]
            best = now - gradient[:, :, i:j] @ inverses[:, block]
            change = grid.nearest(best, steps[:, block]) - now
            rounded[:, :, i:j] += change
            moved[:, :, i - first : j - first] = change
            gradient[:, :, j:last] += change @ moments[:, i:j, j:last]
        if bool(moved.any()):
            changed = True
            gradient[:, :, last:] += moved @ moments[:, first:last, last:]
    return changed


def _spans(size: int, width: int) -> list[tuple[int, int]]:
    step = max(1, COLUMNS // width) * width
    return [(first, min(first + step, size)) for first in range(0, size, step)]
