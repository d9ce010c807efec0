"""Batch norms as after training, and what torch gives in float64."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn as tnn

Model = TypeVar("Model", bound=tnn.Module)


def statistics_of(norm: tnn.modules.batchnorm._BatchNorm) -> tuple[torch.Tensor, torch.Tensor]:
    """The running mean and variance of a batch norm that keeps them."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def randomize(model: Model, seed: int, *, zero: bool = True) -> Model:
    """Statistics and affine parameters as after training, signs and a zero included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, tnn.BatchNorm1d | tnn.BatchNorm2d):
                continue
            mean, variance = statistics_of(module)
            mean.normal_(generator=generator)
            variance.uniform_(0.1, 3.0, generator=generator)
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
