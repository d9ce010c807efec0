"""Two networks that look at how tensors larger than memory are scheduled: `chain` and `skips`.

Both are of `ROWS`, which is all that bytes and cycles depend on: recog gets them as torch modules
(`network`), Arm's Vela as TFLite files (`vela_peer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

HEIGHT, WIDTH, CHANNELS = 2160, 3840, 3
"""The frames: 8 megapixels."""


@dataclass(frozen=True)
class Row:
    """A layer of a network.

    Attributes:
        name: what later rows call its result; "in" is the frame.
        op: conv, deconv (transposed), add or concat (along channels).
        channels: of its result, of a conv or deconv.
        kernel, stride: of a conv, padded so that stride alone makes it smaller, or of a deconv.
        relu: whether negative values become zero.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    channels: int = 0
    kernel: int = 3
    stride: int = 1
    relu: bool = True


def _conv(name: str, source: str, channels: int, kernel: int = 3, stride: int = 1) -> Row:
    return Row(name, "conv", (source,), channels, kernel, stride)


def _deconv(name: str, source: str, channels: int) -> Row:
    return Row(name, "deconv", (source,), channels, 2, 2)


def _chain() -> list[Row]:
    """Ten 3x3 convolutions, three of them of stride 2."""
    channels = (16, 16, 32, 32, 64, 64, 64, 64, 32, 8)
    return [
        _conv(f"c{i}", f"c{i - 1}" if i else "in", each, stride=2 if i in (0, 2, 4) else 1)
        for i, each in enumerate(channels)
    ]


def _skips() -> list[Row]:
    """An encoder and decoder with a residual sum, two skips and two transposed convolutions, which
    ends in scores of 8 classes at half the frame's size."""
    return [
        _conv("e2a", "in", 24, stride=2),
        _conv("x2", "e2a", 24),
        _conv("e4a", "x2", 48, stride=2),
        _conv("x4", "e4a", 48),
        _conv("e8a", "x4", 96, stride=2),
        _conv("e8b", "e8a", 96),
        Row("e8c", "conv", ("e8b",), 96, relu=False),
        Row("e8", "add", ("e8c", "e8a")),
        _deconv("u4", "e8", 48),
        Row("cat4", "concat", ("u4", "x4"), relu=False),
        _conv("d4", "cat4", 48),
        _deconv("u2", "d4", 24),
        Row("sum2", "add", ("u2", "x2")),
        _conv("d2", "sum2", 24),
        Row("scores", "conv", ("d2",), 8, 1, relu=False),
    ]


ROWS: dict[str, list[Row]] = {"chain": _chain(), "skips": _skips()}


class RowNetwork(nn.Module):
    """The rows of a network on frames (N, 3, H, W); gives the last row's result, (N, C, H', W')."""

    def __init__(self, rows: list[Row], channels: int = CHANNELS):
        super().__init__()
        self.rows = rows
        self.layers = nn.ModuleDict()
        of = {"in": channels}
        for row in rows:
            given = [of[name] for name in row.inputs]
            of[row.name] = row.channels or (sum(given) if row.op == "concat" else given[0])
            if row.op == "conv":
                layer = nn.Conv2d(given[0], row.channels, row.kernel, row.stride, row.kernel // 2)
                self.layers[row.name] = layer
            elif row.op == "deconv":
                layer = nn.ConvTranspose2d(given[0], row.channels, row.kernel, row.stride)
                self.layers[row.name] = layer

    def forward(self, frames: Tensor) -> Tensor:
        values = {"in": frames}
        for row in self.rows:
            x = [values[name] for name in row.inputs]
            if row.name in self.layers:
                y = self.layers[row.name](x[0])
            else:
                y = torch.cat(x, 1) if row.op == "concat" else x[0] + x[1]
            values[row.name] = y.relu() if row.relu else y
        return values[self.rows[-1].name]


def network(name: str, height: int = HEIGHT, width: int = WIDTH) -> tuple[nn.Module, Any]:
    """A network of random weights, the same in every call, and an example of its inputs."""
    torch.manual_seed(0)
    return RowNetwork(ROWS[name]).eval(), (torch.rand(1, CHANNELS, height, width),)
