"""Layers over one axis, imported as layers over images of one row."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.frontend.torch.importer import import_torch

LAYERS = {
    "conv": nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2),
    "conv without bias": nn.Conv1d(4, 3, 1, bias=False),
    "conv, same": nn.Conv1d(4, 3, 4, padding="same"),
    "conv, valid": nn.Conv1d(4, 3, 4, padding="valid"),
    "transposed": nn.ConvTranspose1d(4, 6, 3, 3, 1, output_padding=2, groups=2),
    "max pool": nn.MaxPool1d(3, 2, 1, ceil_mode=True),
    "average pool": nn.AvgPool1d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "average pool that counts": nn.AvgPool1d(3, padding=1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    torch.manual_seed(0)
    x = torch.randn(3, 4, 10)
    (found,) = run_nn(import_torch(LAYERS[name].eval(), x[:1]), x)
    torch.testing.assert_close(found, LAYERS[name](x).detach())


def test_no_batch_axis():
    x, layer = torch.randn(4, 10), nn.Conv1d(4, 3, 1)
    (found,) = run_nn(import_torch(layer, x), x)
    torch.testing.assert_close(found, layer(x).detach())
