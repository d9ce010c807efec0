"""The correlation of two feature maps by matrix products."""

from __future__ import annotations

import pytest
import torch

from recog.backend.interpreters.banded_correlation import banded_correlation
from recog.frontend.functional import correlation


@pytest.mark.parametrize("disparities", [1, 5, 12])
@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_it_is_correlation_and_so_are_its_gradients(disparities: int, format: torch.memory_format):
    given = [x.contiguous(memory_format=format) for x in torch.randn(2, 2, 3, 4, 9).double()]
    weights = torch.randn(2, disparities, 4, 9).double()
    found = []
    for function in (correlation, banded_correlation):
        leaves = [x.clone().requires_grad_() for x in given]
        output = function(leaves[0], leaves[1], disparities)
        (output * weights).sum().backward()
        found.append([output, *(x.grad for x in leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
