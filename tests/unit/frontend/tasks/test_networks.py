"""Networks of the benchmark that need no torchvision, on small frames, against eager."""

from __future__ import annotations

import pytest
import torch
from benchmark_modules import load_benchmark
from torch import nn

from recog.backend.interpreters.nn_runner import run_nn
from recog.frontend.torch.importer import import_torch


def small(name: str) -> nn.Module:
    torch.manual_seed(0)
    match name:
        case "unet":
            return load_benchmark("segmentation").UNet()
        case "unet_bilinear":
            return load_benchmark("segmentation").UNet(bilinear=True)
        case _:
            return load_benchmark("detectors").YoloV8()


@pytest.mark.parametrize("name", ["unet", "unet_bilinear", "yolov8n"])
def test_network(name: str):
    # Odd sizes make the U-Net pad what it upsampled.
    shape = (1, 3, 64, 96) if name == "yolov8n" else (1, 3, 44, 36)
    model, inputs = load_benchmark("networks").randomised(small(name), torch.randn(shape))
    expected = model(*inputs).detach()
    assert expected.isfinite().all()
    (found,) = run_nn(import_torch(model.eval(), inputs), *inputs)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_statistics_are_random_and_sane():
    model, inputs = load_benchmark("networks").randomised(
        small("yolov8n"), torch.randn(1, 3, 64, 64)
    )
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    scales = torch.cat([norm.weight.detach() for norm in norms])
    assert 0.05 < (scales < 0).float().mean() < 0.2
    means = [norm.running_mean for norm in norms]
    assert all(mean is not None and mean.abs().max() > 0 for mean in means)
    again, _ = load_benchmark("networks").randomised(small("yolov8n"), torch.randn(1, 3, 64, 64))
    assert not torch.equal(model(*inputs), torch.zeros(()))
    assert torch.equal(
        norms[0].weight, next(m for m in again.modules() if type(m) is type(norms[0])).weight
    )
