"""Layers of zeros are said."""

from __future__ import annotations

import numpy as np
import torch

from recog.frontend.torch.importer import import_exported
from recog.lowering.pipeline import ConversionOptions, convert


def test_layers_that_compute_nothing_are_named():
    """A convolution of zeros, and one whose batch norm has brought it to nothing."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.Conv2d(4, 4, 3, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.Conv2d(4, 4, 1),
    ).eval()
    torch.nn.init.zeros_(network[0].weight)  # pyright: ignore[reportArgumentType]
    torch.nn.init.zeros_(network[2].weight)  # pyright: ignore[reportArgumentType]
    images = np.random.default_rng(0).normal(size=(16, 1, 8, 8)).astype(np.float32)
    module = import_exported(torch.export.export(network, (torch.from_numpy(images[:1]),)))
    notes = convert(module, [images], options=ConversionOptions(cluster=False)).notes
    (found,) = (note for note in notes if note.kind == "zero-weights")
    assert found.places == ("0", "1")
    assert found.line().startswith("0, 1: weights are all zero, so the output is the bias")


def test_others_are_not():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3)).eval()
    images = np.random.default_rng(0).normal(size=(16, 1, 8, 8)).astype(np.float32)
    module = import_exported(torch.export.export(network, (torch.from_numpy(images[:1]),)))
    notes = convert(module, [images], options=ConversionOptions(cluster=False)).notes
    assert "zero-weights" not in [note.kind for note in notes]
