"""Batch norms as after training, and what torch gives in float64."""

from __future__ import annotations

import copy

import torch
from torch import nn as tnn


def randomize(model: tnn.Module, seed: int, *, zero: bool = True) -> tnn.Module:
    """Statistics and affine parameters as after training, signs and a zero included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, tnn.BatchNorm1d | tnn.BatchNorm2d):
                continue
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.1, 3.0, generator=generator)
            if module.affine:
                module.weight.normal_(generator=generator)
                module.bias.normal_(generator=generator)
                if zero:
                    module.weight[0] = 0.0
    return model


def in_double(model: tnn.Module, x: torch.Tensor) -> torch.Tensor:
    """What eager torch gives in float64."""
    with torch.no_grad():
        return copy.deepcopy(model).double().eval()(x.double())
