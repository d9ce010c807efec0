"""fold-batch-norm on every arrangement of layers that it knows, against torch itself."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from batch_norm_networks import in_double, randomize
from random_graphs import with_elements
from torch import nn as tnn
from torch.nn import BatchNorm2d as Norm
from torch.nn import Conv2d as Conv
from torch.nn import ConvTranspose2d as ConvT
from torch.nn import Sequential
from xdsl.dialects.builtin import f64

from recog.backend.interpreters.nn_runner import run_nn
from recog.dialects import nn
from recog.dialects.verification import verify_module
from recog.frontend.torch.importer import import_torch
from recog.lowering.batch_norm.fold import FoldLimits, batch_norm_report, fold_batch_norms


class Join(tnn.Module):
    """A function of the results of some branches, and what follows."""

    def __init__(self, join, branches, *after):
        super().__init__()
        self.join = join
        self.branches = tnn.ModuleList(branches)
        self.after = Sequential(*after)

    def forward(self, x):
        return self.after(self.join(*(branch(x) for branch in self.branches)))


class Apply(tnn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class FrozenNorm(tnn.Module):
    """torchvision.ops.FrozenBatchNorm2d: buffers, a multiplication and an addition."""

    weight: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    var: torch.Tensor

    def __init__(self, channels):
        super().__init__()
        for name in ("weight", "bias", "mean", "var"):
            self.register_buffer(name, torch.rand(channels) + 0.5)

    def forward(self, x):
        scale = self.weight * (self.var + 1e-5).rsqrt()
        shift = self.bias - self.mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)


class Normalize(tnn.Module):
    """The normalization of RGB images."""

    def forward(self, x):
        mean = torch.tensor([0.485, 0.456, 0.406]).to(x)[:, None, None]
        deviation = torch.tensor([0.229, 0.224, 0.225]).to(x)[:, None, None]
        return (x - mean) / deviation


class Shared(tnn.Module):
    """One convolution called twice, a batch norm after each call."""

    def __init__(self):
        super().__init__()
        self.conv = Conv(3, 3, 3, padding=1)
        self.bn1, self.bn2 = Norm(3), Norm(3)

    def forward(self, x):
        return self.bn2(self.conv(torch.relu(self.bn1(self.conv(x)))))


class Consumers(tnn.Module):
    """One result with two batch norms and a user of its own: torchao folds this wrongly."""

    def __init__(self, kernel):
        super().__init__()
        self.conv = Conv(3, 4, kernel, padding=kernel // 2)
        self.bn1, self.bn2 = Norm(4), Norm(4)

    def forward(self, x):
        y = self.conv(x)
        return torch.cat([self.bn1(y), torch.relu(self.bn2(y)), y], 1)


def cat(*parts):
    return torch.cat(parts, 1)


def positive(channels):
    """A batch norm whose scales are positive."""
    norm = cast(Any, Norm(channels))
    norm.positive = True
    return norm


def resize(mode, **options):
    return Apply(lambda x: F.interpolate(x, size=(9, 7), mode=mode, **options))


def four_times(x):
    """Each channel four times: what a pixel shuffle puts side by side was scaled alike."""
    return cat(*(x[:, i : i + 1] for i in range(x.shape[1]) for _ in range(4)))


IMAGE = (2, 3, 6, 5)
torch.manual_seed(0)  # the parameters below
CASES = {
    "conv": (Sequential(Conv(3, 4, 3, padding=1), Norm(4)), IMAGE),
    "conv without bias": (Sequential(Conv(3, 4, 3, bias=False), Norm(4)), IMAGE),
    "conv of groups": (Sequential(Conv(4, 6, 3, groups=2), Norm(6)), (2, 4, 6, 5)),
    "depthwise": (Sequential(Conv(3, 6, 3, groups=3), Norm(6)), IMAGE),
    "even kernel, same": (Sequential(Conv(3, 4, 4, padding="same"), Norm(4)), IMAGE),
    "before even kernel, same": (Sequential(Norm(3), Conv(3, 4, 4, padding="same")), IMAGE),
    "transposed": (Sequential(ConvT(3, 4, 3, 2, 1, 1), Norm(4)), IMAGE),
    "transposed of groups": (
        Sequential(ConvT(4, 6, (3, 2), 2, 1, 1, groups=2), Norm(6)),
        (2, 4, 6, 5),
    ),
    "linear": (Sequential(tnn.Linear(5, 4), tnn.BatchNorm1d(4)), (3, 5)),
    "affine=False": (Sequential(Conv(3, 4, 3), Norm(4, affine=False)), IMAGE),
    "before conv": (Sequential(Norm(3), Conv(3, 4, 3)), IMAGE),
    "before conv of groups": (Sequential(Norm(4), Conv(4, 6, 3, groups=2)), (2, 4, 6, 5)),
    "before padded conv": (Sequential(Norm(3), Conv(3, 4, 3, padding=1)), IMAGE),
    "before strided, dilated, padded conv of groups": (
        Sequential(Norm(4), Conv(4, 6, 3, 2, 2, dilation=2, groups=2)),
        (2, 4, 9, 8),
    ),
    "before transposed": (Sequential(Norm(3), ConvT(3, 4, 3, 2, 1, 1)), IMAGE),
    "before transposed of groups": (
        Sequential(Norm(4), ConvT(4, 6, (3, 2), (2, 1), 1, groups=2)),
        (2, 4, 6, 5),
    ),
    "before transposed without overlap": (Sequential(Norm(3), ConvT(3, 4, 2, 2)), IMAGE),
    "of a sum": (Join(torch.add, [Conv(3, 4, 3), Conv(3, 4, 3)], Norm(4)), IMAGE),
    "of a difference": (Join(torch.sub, [Conv(3, 4, 3), Conv(3, 4, 3)], Norm(4)), IMAGE),
    "of a concat": (Join(cat, [Conv(3, 2, 1), Conv(3, 4, 1)], Norm(6)), IMAGE),
    "before max pool": (
        Sequential(Conv(3, 4, 3), tnn.MaxPool2d(3, 2, 1), positive(4)),
        IMAGE,
    ),
    "before average pool": (Sequential(Conv(3, 4, 3), tnn.AvgPool2d(2), Norm(4)), IMAGE),
    "before padded average pool": (
        Sequential(Conv(3, 4, 3), tnn.AvgPool2d(3, 2, 1, count_include_pad=False), Norm(4)),
        IMAGE,
    ),
    "before bilinear": (
        Sequential(Conv(3, 4, 3), resize("bilinear", align_corners=False), Norm(4)),
        IMAGE,
    ),
    "before aligned bilinear": (
        Sequential(Conv(3, 4, 3), resize("bilinear", align_corners=True), Norm(4)),
        IMAGE,
    ),
    "before nearest": (Sequential(Conv(3, 4, 3), resize("nearest"), Norm(4)), IMAGE),
    "before pixel shuffle": (Sequential(Conv(3, 8, 3), tnn.PixelShuffle(2), Norm(2)), IMAGE),
    "before channel shuffle": (Sequential(Conv(3, 8, 3), tnn.ChannelShuffle(2), Norm(8)), IMAGE),
    "four channels of a pixel shuffle": (
        Sequential(Norm(2), Apply(four_times), tnn.PixelShuffle(2), Conv(2, 3, 3)),
        (2, 2, 3, 4),
    ),
    "after max pool": (Sequential(positive(3), tnn.MaxPool2d(2), Conv(3, 2, 2)), IMAGE),
    "relu, then into conv": (Sequential(Conv(3, 4, 3), tnn.ReLU(), Norm(4), Conv(4, 2, 2)), IMAGE),
    "relu, then into padded conv": (
        Sequential(Conv(3, 4, 3), tnn.ReLU(), positive(4), Conv(4, 2, 3, padding=1)),
        IMAGE,
    ),
    "relu, scale before and shift after a sum": (
        Join(
            torch.add,
            [Sequential(Conv(3, 4, 3), tnn.ReLU(), positive(4)), Conv(3, 4, 3)],
            Conv(4, 2, 2),
        ),
        IMAGE,
    ),
    "flatten, linear": (Sequential(Norm(3), tnn.Flatten(), tnn.Linear(90, 4)), IMAGE),
    "global pool, linear": (
        Sequential(Norm(3), tnn.AdaptiveAvgPool2d(1), tnn.Flatten(), tnn.Linear(3, 4)),
        IMAGE,
    ),
    "mean, linear": (
        Sequential(Norm(3), Apply(lambda x: x.mean((2, 3))), tnn.Linear(3, 4)),
        IMAGE,
    ),
    "pool, flatten, batch norm": (
        Sequential(Conv(3, 4, 3), tnn.AdaptiveAvgPool2d(1), tnn.Flatten(), tnn.BatchNorm1d(4)),
        IMAGE,
    ),
    "after batch norm": (Sequential(Conv(3, 4, 3), Norm(4), Norm(4), Norm(4)), IMAGE),
    "before and after": (Sequential(Norm(3), Conv(3, 4, 3, padding=1), Norm(4)), IMAGE),
    "reflect": (Sequential(Conv(3, 4, 3, padding=1, padding_mode="reflect"), Norm(4)), IMAGE),
    "before reflect": (
        Sequential(Norm(3), Conv(3, 4, 3, padding=1, padding_mode="reflect")),
        IMAGE,
    ),
    "conv1d": (Sequential(tnn.Conv1d(3, 4, 3, padding=1), tnn.BatchNorm1d(4)), (2, 3, 8)),
    "before conv1d": (
        Sequential(tnn.BatchNorm1d(4), tnn.Conv1d(4, 6, 4, padding="same", groups=2)),
        (2, 4, 8),
    ),
    "transposed conv1d": (
        Sequential(tnn.ConvTranspose1d(3, 4, 3, 2), tnn.MaxPool1d(2), tnn.AvgPool1d(2)),
        (2, 3, 8),
    ),
    "shared conv": (Shared(), IMAGE),
    "cheap conv of three users": (Consumers(1), IMAGE),
    "frozen": (Sequential(Conv(3, 4, 3, padding=1), FrozenNorm(4)), IMAGE),
    "normalized images": (Sequential(Normalize(), Conv(3, 4, 3, padding=1)), IMAGE),
    "channels last": (
        Sequential(
            Norm(3),
            Apply(lambda x: x.permute(0, 2, 3, 1)),
            tnn.Linear(3, 4),
            Apply(lambda x: x.permute(0, 3, 1, 2)),
            Norm(4),
        ),
        IMAGE,
    ),
    "last axis": (
        Sequential(
            tnn.Linear(5, 4), Apply(lambda x: x.transpose(1, 2)), tnn.BatchNorm1d(4), tnn.Flatten()
        ),
        (2, 3, 5),
    ),
}
KEPT = {
    "negative scale and max pool": (
        Sequential(Conv(3, 4, 3), tnn.MaxPool2d(2), Norm(4), tnn.ReLU()),
        "a negative scale cannot pass nn.max_pool2d; a shift cannot pass nn.relu",
    ),
    "padding that counts": (
        Sequential(Conv(3, 4, 3), tnn.AvgPool2d(3, 1, 1), Norm(4)),
        "a shift cannot pass nn.avg_pool2d, which counts its padding; "
        "its result goes to func.return",
    ),
    "relu": (
        Sequential(Conv(3, 4, 3), tnn.ReLU(), Norm(4)),
        "a shift cannot pass nn.relu; its result goes to func.return",
    ),
    "before relu": (
        Sequential(Norm(3), tnn.ReLU(), Conv(3, 4, 3)),
        "its input comes from an argument of the function; a shift cannot pass nn.relu",
    ),
    "two users of a large conv": (
        Consumers(5),
        "the result of nn.conv2d before it has several uses, and a copy of it takes 75 "
        "multiply-adds an output, more than 32; its result goes to func.return",
    ),
    "between sigmoids": (
        Sequential(tnn.Sigmoid(), Norm(3), tnn.Sigmoid()),
        "its input comes from nn.sigmoid; its result goes to nn.sigmoid",
    ),
    "pixel shuffle after it": (
        Sequential(Conv(3, 8, 3), tnn.ReLU(), Norm(8), tnn.PixelShuffle(2), Conv(2, 3, 2)),
        "a shift cannot pass nn.relu; it does not normalize the features of nn.conv2d after it",
    ),
    "padding, flatten": (
        Sequential(
            Conv(3, 1, 3),
            tnn.ZeroPad2d((1, 0, 0, 0)),
            tnn.Flatten(),
            tnn.BatchNorm1d(16),
            tnn.Tanh(),
        ),
        "a scale that differs from pixel to pixel cannot pass nn.pad; its result goes to nn.tanh",
    ),
    "padding of one value": (
        Sequential(Norm(3), tnn.ZeroPad2d(1), tnn.MaxPool2d(2), Conv(3, 4, 2)),
        "its input comes from an argument of the function; "
        "nn.pad would need a value for each channel",
    ),
}


def randomized(model):
    model = randomize(model, 5)
    for module in model.modules():
        if getattr(module, "positive", False) and isinstance(module, Norm):
            with torch.no_grad():
                module.weight.abs_()
    return model


def relative_error(module, model, x):
    (found,), expected = run_nn(module, x), in_double(model, x)
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", CASES)
def test_folded(name):
    model, shape = CASES[name]
    torch.manual_seed(len(name))
    model, x = randomized(model), torch.randn(shape)
    narrow = import_torch(model.eval(), x[:1])
    wide = with_elements(narrow, f64)
    (exact,) = run_nn(wide, x)
    for module in (wide, narrow):
        counts = fold_batch_norms(module)
        verify_module(module)
        assert counts.kept == []
        assert not any(isinstance(op, nn.BatchNormOp | nn.MulOp | nn.DivOp) for op in module.walk())
    (folded,) = run_nn(wide, x)
    assert float((folded - exact).abs().max() / exact.abs().max()) <= 4e-15
    assert relative_error(narrow, model, x) <= 1e-6


@pytest.mark.parametrize("name", KEPT)
def test_kept(name):
    model, reason = KEPT[name]
    model, x = randomized(model), torch.randn(IMAGE)
    module = import_torch(model.eval(), x[:1])
    counts = fold_batch_norms(module)
    assert reason in [why for _, why in counts.kept]
    assert batch_norm_report(module) == counts.kept
    assert counts.folded + len(counts.kept) == counts.total
    assert relative_error(module, model, x) <= 1e-6


def test_a_border_map_above_the_limit_is_not_made():
    model, x = randomized(Sequential(Norm(3), Conv(3, 4, 3, padding=1))), torch.randn(IMAGE)
    module = import_torch(model.eval(), x[:1])
    kept = fold_batch_norms(module, FoldLimits(border_map=119)).kept
    assert "the map of 120 biases" in kept[0][1]
    assert fold_batch_norms(module, FoldLimits(border_map=120)).kept == []
    assert relative_error(module, model, x) <= 1e-6


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("value", [0.0, 2.5])
def test_padding_takes_a_value(padding, value):
    """One channel: the pad in front of the convolution may hold any number."""
    norm, pad = Norm(1), tnn.ConstantPad2d(padding, value)
    for model in (Sequential(norm, pad, Conv(1, 3, 3)), Sequential(Conv(1, 1, 3), pad, norm)):
        model, x = randomize(model, 2, zero=False), torch.randn(2, 1, 6, 5)
        module = import_torch(model.eval(), x[:1])
        assert fold_batch_norms(module).kept == []
        assert relative_error(module, model, x) <= 1e-6


class ScaledLayers(tnn.Module):
    """Layers with arithmetic of constants after them, as PP-LCNet and exported networks have it."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = tnn.Conv2d(3, 4, 3, padding=1), tnn.BatchNorm2d(4)
        self.second, self.last = tnn.Conv2d(4, 5, 3, padding=1), tnn.Linear(5, 2)
        self.bias = tnn.Parameter(torch.randn(5, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(1.5 - self.first(x) * 0.3)
        x = torch.relu(self.second(torch.relu(x * 0.7 + 0.1)) + self.bias)
        return (self.last(x.mean((2, 3))) - 0.2) / 3.0


def test_arithmetic_after_layers_is_folded():
    torch.manual_seed(0)
    network = randomize(ScaledLayers(), 5).eval()
    module = import_torch(network, torch.randn(1, 3, 6, 6))
    fold_batch_norms(module)
    verify_module(module)
    names = [op.name for op in module.walk() if isinstance(op, nn.NnOp)]
    assert not {"nn.mul", "nn.add", "nn.sub", "nn.div", "nn.batch_norm"} & set(names), names
    x = torch.randn(3, 3, 6, 6)
    assert relative_error(module, network, x) <= 1e-5
