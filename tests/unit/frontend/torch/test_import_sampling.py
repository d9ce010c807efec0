"""Transposed convolution, resizing, slices and permutations from torch modules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch import nn as tnn

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch


class Applied(tnn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor | tuple[Tensor, ...]]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor):
        return self.function(x)


def assert_imported(model: tnn.Module, shape: tuple[int, ...] = (1, 6, 5, 4)) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, *shape[1:])
    expected = model.eval()(x)
    found = run_nn(import_torch(model.eval(), x[:1]), x)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_conv_transpose2d(groups: int, bias: bool):
    torch.manual_seed(1)
    layer = tnn.ConvTranspose2d(
        6, 12, (3, 2), (2, 3), (1, 0), (1, 2), groups, bias=bias, dilation=(1, 2)
    )
    assert_imported(layer)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.interpolate(x, size=(7, 9)),
        lambda x: F.interpolate(x, scale_factor=(2, 3), mode="bilinear"),
        lambda x: F.interpolate(x, size=(9, 3), mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear", align_corners=True),
        lambda x: x[:, 1:4],
        lambda x: x[:, -3:-1, ::2, 1::3],
        lambda x: x[..., 0],
        lambda x: x.narrow(1, 2, 3),
        lambda x: x[:, 2],
        lambda x: x.split(4, dim=1)[1],
        lambda x: torch.cat(x.chunk(2, dim=1)[::-1], 1),
        lambda x: x.split([1, 3, 2], dim=1),
        lambda x: x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, 3),
        lambda x: x.transpose(1, -1),
    ],
)
def test_functions(function: Callable[[Tensor], Tensor]):
    assert_imported(Applied(function))


def test_pixel_shuffle():
    assert_imported(tnn.PixelShuffle(2), (1, 8, 3, 2))


def test_channel_shuffle():
    assert_imported(Applied(lambda x: torch.channel_shuffle(x, 3)))


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), "no whole number"),
    ],
)
def test_refused(function: Callable[[Tensor], Tensor], message: str):
    with pytest.raises(RecogError, match=message):
        import_torch(Applied(function), torch.randn(2, 6, 5, 4))
