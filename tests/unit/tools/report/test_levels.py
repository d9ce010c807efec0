"""The table of levels, in the words that people read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recog.backend.machine import Machine
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.report.levels import decibels, measure_levels


def test_no_ratio_is_never_called_exact():
    assert [decibels(x) for x in (np.nan, np.inf, 31.26)] == ["NaN", "exact", "31.3"]


class PassesOn(nn.Module):
    """Gives its input beside what it computes of it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.layer(x)


def test_an_output_that_is_only_passed_on_is_not_the_one_compared():
    torch.manual_seed(0)
    x = torch.randn(16, 4)
    module = import_torch(PassesOn().eval(), x[:1])
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    rows = measure_levels(conversion, Machine(conversion.assemble()), [x.numpy()])
    assert np.isposinf(rows[0].sqnr_db)
    assert 25 < rows[-1].sqnr_db < 60
