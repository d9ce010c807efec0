"""Weights that pointers give, and their gradients."""

from __future__ import annotations

import pytest
import torch

from recog.lowering.cluster.looked_up_weights import looked_up

GRID, BLOCK = (4, 2, 3), (1, 2, 1)


@pytest.mark.parametrize("scaled", [False, True])
def test_weights_and_gradients_are_those_of_indexing(scaled: bool):
    pointers = torch.randint(0, 5, (24,))
    codebook = torch.randn(5, 2).double().requires_grad_()
    points = torch.randn(24, 2).double().requires_grad_()
    scales = torch.rand(4, 1, 1).double().requires_grad_() if scaled else None
    weight = looked_up(codebook, points, pointers, scales, GRID, BLOCK)
    # Blocks lie along the second axis.
    rows = codebook[pointers] + points - points.detach()
    plain = rows.reshape(4, 2, 3, 2).permute(0, 1, 3, 2).reshape(4, 4, 3)
    plain = plain if scales is None else plain * scales
    torch.testing.assert_close(weight, plain)
    given = [codebook, points] if scales is None else [codebook, points, scales]
    by = torch.randn(4, 4, 3).double()
    ours, theirs = (torch.autograd.grad((w * by).sum(), given) for w in (weight, plain))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_scales_that_stay_get_no_gradient():
    codebook = torch.randn(5, 2).requires_grad_()
    points = torch.randn(24, 2).requires_grad_()
    pointers = torch.randint(0, 5, (24,))
    looked_up(codebook, points, pointers, torch.ones(4, 1, 1), GRID, BLOCK).sum().backward()
    torch.testing.assert_close(points.grad, torch.ones(24, 2))
