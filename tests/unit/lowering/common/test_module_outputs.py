"""Outputs of many frames: a constant among them is what it is, whatever its rank."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from recog.frontend.torch.importer import import_torch
from recog.lowering.common.module_outputs import module_outputs


class Constants(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return 2 * x, torch.ones(8, 1, 1), torch.tensor(3.0)


def test_constants_are_not_joined():
    x = np.random.default_rng(0).normal(0, 1, (5, 3, 4, 4)).astype(np.float32)
    module = import_torch(Constants(), torch.from_numpy(x[:1]))
    doubled, ones, three = module_outputs(module, [x])
    np.testing.assert_allclose(doubled, 2 * x)
    np.testing.assert_array_equal(ones, np.ones((8, 1, 1)))
    assert three.shape == ()
    assert three == 3
