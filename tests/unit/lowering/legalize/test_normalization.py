"""Layer and group norms as ops of the chip: the same numbers, on the chip to the last op."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn as tnn

from recog.backend.interpreters.nn_runner import run_nn
from recog.backend.machine import Machine
from recog.dialects import nn
from recog.frontend.torch.importer import import_torch
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.pipeline import ConversionOptions, convert, fold_network, module_outputs


class LayerNorm2d(tnn.LayerNorm):
    """Over the channels of images, as ConvNeXt has it."""

    def forward(self, x):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(tnn.Module):
    """A block of ConvNeXt (Liu et al. 2022): depthwise, layer norm, two linear layers."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = tnn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = tnn.LayerNorm(channels, eps=1e-6)
        self.wide, self.narrow = tnn.Linear(channels, 20), tnn.Linear(20, channels)
        self.scale = tnn.Parameter(torch.rand(channels, 1, 1) + 0.5)

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(tnn.functional.gelu(self.wide(y)))
        return x + self.scale * y.permute(0, 3, 1, 2)


def randomised(model: tnn.Module) -> tnn.Module:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, tnn.LayerNorm | tnn.GroupNorm | tnn.InstanceNorm2d):
            tnn.init.uniform_(module.weight, 0.5, 2)
            tnn.init.normal_(module.bias)
    return model.eval()


MODELS = {
    "layer norm": lambda: LayerNorm2d(6),
    "block": lambda: Block(6),
    "group norm": lambda: tnn.GroupNorm(2, 6),
    "one group": lambda: tnn.GroupNorm(1, 6),
    "instance norm": lambda: tnn.InstanceNorm2d(6, affine=True),
    "group norm, relu, conv": lambda: tnn.Sequential(
        tnn.Conv2d(6, 8, 3), tnn.GroupNorm(4, 8), tnn.ReLU(), tnn.Conv2d(8, 3, 1)
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_rewritten_is_the_same_and_runs_on_the_chip(name: str):
    model = randomised(MODELS[name]())
    x = 3 * torch.randn(4, 6, 9, 8) + 1
    module = import_torch(model, x[:1])
    rewritten = module.clone()
    fold_network(rewritten)
    rewritten.verify()
    left = {type(op) for op in rewritten.walk()}
    assert not left & {nn.LayerNormOp, nn.GroupNormOp, nn.PermuteOp, nn.LinearOp}
    torch.testing.assert_close(run_nn(rewritten, x)[0], model(x), rtol=2e-5, atol=2e-5)

    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    assert conversion.host_part is None
    (wanted,) = module_outputs(module, [x.numpy()])
    assert sqnr_db(wanted, Machine(conversion.assemble()).run(x.numpy())) > 24  # pyright: ignore


@given(st.integers(0, 99), st.sampled_from([1, 2, 3, 6]), st.integers(1, 5), st.floats(1e-6, 1.0))
def test_group_norm_of_any_groups(seed, groups, height, eps):
    torch.manual_seed(seed)
    model = tnn.GroupNorm(groups, 6, eps=eps)
    tnn.init.normal_(model.weight)
    tnn.init.normal_(model.bias)
    x = torch.randn(2, 6, height, 3) * torch.rand(1, 6, 1, 1)
    module = import_torch(model, x[:1])
    fold_network(module)
    torch.testing.assert_close(run_nn(module, x)[0], model(x), rtol=1e-4, atol=1e-4)


def test_variances_of_very_different_channels():
    """Unsigned codes of 8 octaves would take the smallest for zero, and its root for 1 / √eps."""
    model = tnn.Sequential(tnn.InstanceNorm2d(3, affine=False, eps=1e-9))
    x = torch.randn(8, 3, 9, 8) * torch.tensor([1.0, 0.2, 0.05]).view(1, 3, 1, 1)
    module = import_torch(model.eval(), x[:1])
    conversion = convert(module, [x.numpy()], options=ConversionOptions(cluster=False))
    found = Machine(conversion.assemble()).run(x.numpy())
    decibels = [sqnr_db(model(x)[:, i].numpy(), found[:, i]) for i in range(3)]  # pyright: ignore
    assert min(decibels) > 22, decibels
