"""Random PyTorch networks in evaluation mode: what vision networks are made of, in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 4000
"""Values of a frame's tensor, so that a network takes milliseconds."""

PADDINGS: tuple[Literal["reflect", "replicate", "circular"], ...]
PADDINGS = ("reflect", "replicate", "circular")


class Function(nn.Module):
    """A function without parameters; prints as its text."""

    def __init__(self, text: str, compute: Callable[..., Tensor]):
        super().__init__()
        self.text, self.compute = text, compute

    def forward(self, *xs: Tensor) -> Tensor:
        return self.compute(*xs)

    def extra_repr(self) -> str:
        return self.text


class Network(nn.Module):
    """Layers that take the inputs or results of layers before them, by number."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList()
        self.taken: list[tuple[int, ...]] = []
        self.returned: list[int] = []

    def values(self, *inputs: Tensor) -> list[Tensor]:
        """The inputs and the results of all layers."""
        values = list(inputs)
        for layer, taken in zip(self.layers, self.taken):
            values.append(layer(*(values[i] for i in taken)))
        return values

    def outputs(self, values: list[Tensor]) -> tuple[Tensor, ...]:
        return tuple(values[i] for i in self.returned)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.outputs(self.values(*inputs))

    def extra_repr(self) -> str:
        return f"taken={self.taken}, returned={self.returned}"


def draw(seed: int, frames: int) -> tuple[Network, tuple[Tensor, ...]]:
    """The network of a seed, and inputs for it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Builder(np.random.default_rng(seed), frames).build()


class _Builder:
    """Grows a network layer by layer, computing on the way so that shapes are known."""

    def __init__(self, rng: np.random.Generator, frames: int):
        self.rng, self.network, self.values = rng, Network(), list[Tensor]()
        self.frames = frames

    def build(self) -> tuple[Network, tuple[Tensor, ...]]:
        inputs = tuple(self._input() for _ in range(1 + self._chance(0.15)))
        self.values = list(inputs)
        x = [self._prepared(i) for i in range(len(inputs))][0]
        steps = [self._conv] * 4 + [self._batch_norm] * 3 + [self._activation] * 3
        steps += [self._join] * 3 + [self._transposed, self._pool, self._pool, self._resize]
        steps += [self._slice, self._gate, self._branches, self._branches, self._shuffle]
        for _ in range(int(self.rng.integers(2, 12))):
            x = steps[self._below(len(steps))](self._recent(x))
        self.network.returned.append(self._head(x) if self._chance(0.4) else x)
        if self._chance(0.2):
            self.network.returned.append(self._recent(x))
        if self._chance(0.2):
            self.network.returned.append(self._classes(self._recent(x)))
        return self.network.eval(), inputs

    def _input(self) -> Tensor:
        shape = (self.frames, self._below(4) + 1, self._below(12) + 4, self._below(12) + 4)
        if self._chance(0.15):
            return torch.from_numpy(self.rng.integers(0, 256, shape, dtype=np.uint8))
        return torch.from_numpy(self.rng.normal(size=shape).astype(np.float32))

    def _prepared(self, index: int) -> int:
        """The input as floating point numbers."""
        channels = self.values[index].shape[1]
        if self.values[index].is_floating_point():
            return index
        mean, deviation = torch.rand(channels, 1, 1), torch.rand(channels, 1, 1) + 0.2
        forms: list[tuple[str, Callable[[Tensor], Tensor]]] = [
            ("x.float()", lambda x: x.float()),
            ("x / 255", lambda x: x / 255),
            (
                "(x.float() / 255 - mean) / deviation",
                lambda x: (x.float() / 255 - mean) / deviation,
            ),
            ("(x.to(float32) - 127.5) / 127.5", lambda x: (x.to(torch.float32) - 127.5) / 127.5),
        ]
        return self._add(Function(*forms[self._below(len(forms))]), index)

    def _below(self, limit: int) -> int:
        return int(self.rng.integers(limit))

    def _chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _recent(self, last: int) -> int:
        """Mostly the last value, else one of four axes among those before it."""
        maps = [i for i, x in enumerate(self.values) if x.dim() == 4 and x.is_floating_point()]
        return last if self._chance(0.75) else maps[-1 - self._below(min(4, len(maps)))]

    def _add(self, layer: nn.Module, *taken: int) -> int:
        """The number of a layer's result; of what it takes where the layer cannot take it."""
        try:
            with torch.no_grad():
                value = layer.eval()(*(self.values[i] for i in taken))
        except RuntimeError:
            return taken[0]  # a window that does not fit
        if not value.numel() or value.numel() > LARGEST * self.frames:
            return taken[0]
        self.network.layers.append(layer)
        self.network.taken.append(taken)
        self.values.append(value)
        return len(self.values) - 1

    def _channels(self, x: int) -> int:
        return self.values[x].shape[1]

    def _pair(self, low: int, high: int) -> tuple[int, int]:
        first, second = (int(each) for each in self.rng.integers(low, high + 1, 2))
        return (first, first) if self._chance(0.6) else (first, second)

    def _groups(self, channels: int) -> int:
        fitting = [each for each in range(1, channels + 1) if channels % each == 0]
        return 1 if self._chance(0.6) else fitting[self._below(len(fitting))]

    def _conv(self, x: int) -> int:
        channels = self._channels(x)
        groups = self._groups(channels)
        kernel, dilation = self._pair(1, 4), self._pair(1, 2)
        padding = "same" if self._chance(0.1) else self._pair(0, 2)
        strides = (1, 1) if padding == "same" else self._pair(1, 3)
        mode = PADDINGS[self._below(3)] if self._chance(0.1) else "zeros"
        outputs, bias = groups * (1 + self._below(3)), self._chance(0.6)
        layer = nn.Conv2d(channels, outputs, kernel, strides, padding, dilation, groups, bias, mode)
        return self._add(layer, x)

    def _transposed(self, x: int) -> int:
        channels = self._channels(x)
        groups, strides = self._groups(channels), self._pair(1, 3)
        extra = (self._below(strides[0]), self._below(strides[1]))
        layer = nn.ConvTranspose2d(
            channels,
            groups * (1 + self._below(3)),
            self._pair(1, 4),
            strides,
            self._pair(0, 1),
            extra,
            groups,
            self._chance(0.6),
            self._pair(1, 2),
        )
        return self._add(layer, x)

    def _batch_norm(self, x: int) -> int:
        return self._add(self._norm(self._channels(x)), x)

    def _norm(self, channels: int) -> nn.BatchNorm2d:
        """Of random statistics; sometimes without scales, or with scales of zero or below."""
        layer = nn.BatchNorm2d(
            channels, eps=float(self.rng.choice([1e-5, 1e-3])), affine=self._chance(0.9)
        )
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(torch.randn(channels) * self._chance(0.8))
        layer.running_var.copy_(torch.rand(channels) * 2 + 0.2)
        if layer.affine:
            with torch.no_grad():
                layer.weight.copy_(torch.randn(channels) * self._chance(0.9))
                layer.bias.copy_(torch.randn(channels) * self._chance(0.8))
        return layer

    def _activation(self, x: int) -> int:
        kinds = [nn.ReLU, nn.ReLU, nn.ReLU, nn.Sigmoid, nn.SiLU, nn.LeakyReLU, nn.ReLU6]
        kinds += [nn.Tanh, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.ELU, nn.Softplus, nn.Mish]
        return self._add(kinds[self._below(len(kinds))](), x)

    def _join(self, x: int) -> int:
        """The sum, difference, product or concatenation with another value of a shape that fits."""
        shape = self.values[x].shape
        fitting = [
            i
            for i, y in enumerate(self.values)
            if y.dim() == 4 and y.is_floating_point() and y.shape[2:] == shape[2:]
        ]
        y = fitting[self._below(len(fitting))]
        if self.values[y].shape != shape or self._chance(0.3):
            return self._add(Function("cat", lambda *xs: torch.cat(xs, 1)), x, y)
        sums: list[tuple[str, Callable[..., Tensor]]] = [
            ("a + b", lambda a, b: a + b),
            ("a + b", lambda a, b: a + b),
            ("a - b", lambda a, b: a - b),
            ("a * b", lambda a, b: a * b),
            ("maximum(a, b)", torch.maximum),
            ("0.5 * a + b", lambda a, b: 0.5 * a + b),
        ]
        return self._add(Function(*sums[self._below(len(sums))]), x, y)

    def _pool(self, x: int) -> int:
        kernel, strides, padding = self._pair(1, 3), self._pair(1, 3), self._pair(0, 1)
        ceil, counted, size = self._chance(0.3), self._chance(0.5), self._pair(1, 5)
        kinds = [
            lambda: nn.MaxPool2d(kernel, strides, padding, self._pair(1, 2), ceil_mode=ceil),
            lambda: nn.AvgPool2d(kernel, strides, padding, ceil, counted),
            lambda: nn.AdaptiveAvgPool2d(size),
            lambda: nn.AdaptiveMaxPool2d(size),
        ]
        return self._add(kinds[int(self.rng.choice([0, 0, 1, 1, 2, 3]))](), x)

    def _resize(self, x: int) -> int:
        size = tuple(self.values[x].shape[2:])
        mode = str(self.rng.choice(["nearest", "bilinear"]))
        corners = self._chance(0.5) if mode == "bilinear" else None
        if self._chance(0.6):
            layer = nn.Upsample(scale_factor=2, mode=mode, align_corners=corners)
        else:
            other = (size[0] + self._below(6), size[1] + self._below(6))
            layer = nn.Upsample(other, mode=mode, align_corners=corners)
        return self._add(layer, x)

    def _slice(self, x: int) -> int:
        _, channels, height, width = self.values[x].shape
        first, row, step = self._below(channels), self._below(height), 1 + self._below(2)
        forms: list[tuple[str, Callable[[Tensor], Tensor]]] = [
            (f"x[:, {first}:]", lambda x: x[:, first:]),
            (f"x[:, :, {row}:]", lambda x: x[:, :, row:]),
            (f"x[:, ::{step}, :, ::{step}]", lambda x: x[:, ::step, :, ::step]),
            (f"x[..., :{width - 1}]", lambda x: x[..., : width - 1]),
            ("chunk", lambda x: x.chunk(2, 1)[-1]),
        ]
        return self._add(Function(*forms[self._below(len(forms))]), x)

    def _gate(self, x: int) -> int:
        """A mean over axes, and sometimes the product with what is computed from it."""
        axes = [(2, 3), (2, 3), (1,), (3,)][self._below(4)]
        mean = self._add(Function(f"mean{axes}", lambda x: x.mean(axes, keepdim=True)), x)
        if mean == x or self._chance(0.2):
            return mean
        if self._chance(0.6):
            mean = self._add(nn.Conv2d(self._channels(mean), self._channels(mean), 1), mean)
        gate = self._add(nn.Sigmoid(), mean)
        return self._add(Function("x * gate", lambda x, gate: x * gate), x, gate)

    def _branches(self, x: int) -> int:
        """Parallel branches of one shape and their sum, as RepVGG has them."""
        channels = self._channels(x)
        branches = [nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 1)]
        branches.append(nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), groups=channels))
        sums: list[int] = []
        for branch in branches:
            if self._chance(0.6):
                convolved = self._add(branch, x)
                sums.append(self._add(self._norm(channels), convolved))
        if not sums or self._chance(0.6):
            sums.append(self._add(self._norm(channels), x))
        total = sums[0]
        for other in sums[1:]:
            total = self._add(Function("a + b", lambda a, b: a + b), total, other)
        return self._add(nn.ReLU(), total) if self._chance(0.6) else total

    def _shuffle(self, x: int) -> int:
        _, channels, height, width = self.values[x].shape
        edges = tuple(self._below(3) for _ in range(4))
        halves = (2, channels // 2, height, width)
        forms: list[tuple[str, Callable[[Tensor], Tensor]]] = [
            (f"pad{edges}", lambda x: functional.pad(x, edges)),
            ("pixel_unshuffle", lambda x: functional.pixel_unshuffle(x, 2)),
            ("pixel_shuffle", lambda x: functional.pixel_shuffle(x, 2)),
            ("shuffle", lambda x: x.reshape(-1, *halves).transpose(1, 2).flatten(1, 2)),
            ("transpose", lambda x: x.transpose(2, 3)),
        ]
        return self._add(Function(*forms[self._below(len(forms))]), x)

    def _classes(self, x: int) -> int:
        """The largest along an axis: on the chip in few bytes, or on the host."""
        axis, keeps = 1 + self._below(self.values[x].dim() - 1), self._chance(0.2)
        text = f"x.argmax({axis}{', keepdim=True' if keeps else ''})"
        return self._add(Function(text, lambda x: x.argmax(axis, keepdim=keeps)), x)

    def _head(self, x: int) -> int:
        if self._chance(0.6):
            x = self._add(Function("mean", lambda x: x.mean((2, 3))), x)
        else:
            x = self._add(nn.Flatten(), x)
        features = self.values[x].shape[1]
        if self._chance(0.3):
            x = self._add(nn.BatchNorm1d(features), x)
        x = self._add(nn.Linear(features, 1 + self._below(5), self._chance(0.8)), x)
        return self._add(nn.Softmax(1), x) if self._chance(0.2) else x
