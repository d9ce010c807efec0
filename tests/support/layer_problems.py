"""Layers of random weights, whose inputs depend on each other, and what replacing weights costs."""

from __future__ import annotations

import torch
from torch import Tensor


def problem(groups: int, outputs: int, inputs: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Weights (G, O, D), and the second moments of inputs that depend on each other (G, D, D)."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    mixed = normal(groups, inputs, inputs // 2 + 1) @ normal(groups, inputs // 2 + 1, 400)
    x = mixed + 0.3 * normal(groups, inputs, 400)
    return normal(groups, outputs, inputs), x @ x.transpose(1, 2) / 400


def cost(replaced: Tensor, weights: Tensor, moments: Tensor) -> float:
    """The mean square of what the outputs lose, summed over outputs."""
    error = replaced - weights
    return float(((error @ moments) * error).sum())
