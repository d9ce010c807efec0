"""Sampling at computed positions: these are found in float, and little crosses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.machine import Machine
from recog.dialects.nn import Conv2dOp, FloorOp, NnOp, TanhOp
from recog.frontend.torch.importer import import_torch
from recog.lowering.partition.placement import division
from recog.lowering.pipeline import ConversionOptions, convert, fold_network
from recog.tools.report.levels import measure_levels


class Deformed(nn.Module):
    """Samples features at a grid that other layers shift; a layer follows."""

    def __init__(self, size: int):
        super().__init__()
        self.features, self.shifts = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 2, 3, padding=1)
        self.head = nn.Conv2d(8, 4, 3, padding=1)
        at = torch.linspace(-1, 1, size)
        rows, columns = torch.meshgrid(at, at, indexing="ij")
        self.grid: Tensor
        self.register_buffer("grid", torch.stack([columns, rows], -1)[None])

    def forward(self, x: Tensor) -> Tensor:
        grid = self.grid + 0.2 * torch.tanh(self.shifts(x)).permute(0, 2, 3, 1)
        return self.head(F.grid_sample(self.features(x), grid, align_corners=False))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return Deformed(32).eval()


def test_only_what_is_computed_of_codes_crosses(network: nn.Module):
    module = import_torch(network, torch.zeros(1, 3, 32, 32))
    fold_network(module)
    found = division(module)
    on_host = set(found.reasons)
    chip = [op for op in found.stages if op not in on_host]
    assert not any(isinstance(op, FloorOp) for op in chip)
    given = {v.owner for op in found.call(0) for v in op.operands if v.owner in chip}
    assert {type(op) for op in given} == {Conv2dOp, TanhOp}
    taken = {v.owner for op in chip for v in op.operands if v.owner in on_host}
    assert len(taken) == 1  # the features, sampled and weighted
    assert all(isinstance(op, NnOp) for op in taken)


def test_the_head_keeps_what_it_knows(network: nn.Module):
    """In codes, positions of up to 32 pixels are off by a pixel: nothing was kept (-0.9 dB)."""
    module = import_torch(network, torch.zeros(1, 3, 32, 32))
    frames = np.random.default_rng(0).normal(size=(8, 3, 32, 32)).astype(np.float32)
    conversion = convert(module, [frames], options=ConversionOptions(cluster=False))
    rows = measure_levels(conversion, Machine(conversion.assemble()), [frames])
    assert rows[-1].sqnr_db > 25
