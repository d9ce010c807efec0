"""The reference networks, defined as users define theirs: plain torch modules."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, figure 2).

    The shortcut is a strided 1x1 convolution where the shape changes, else the identity.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, out_channels, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + self.shortcut(x))


class SeparableBlock(nn.Module):
    """A depthwise 3x3 and a pointwise 1x1 convolution (Howard et al. 2017, section 3.1)."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        y = self.relu(self.bn1(self.depthwise(x)))
        return self.relu(self.bn2(self.pointwise(y)))


class DigitsResNet(nn.Module):
    """A small residual network for 1x8x8 images of handwritten digits."""

    def __init__(self, width: float = 48, classes: int = 10):
        super().__init__()
        width, wide = round(width), round(2 * width)
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.block1 = ResidualBlock(width, width)
        self.block2 = ResidualBlock(width, wide, stride=2)
        self.block3 = SeparableBlock(wide)
        self.pool = nn.MaxPool2d(2)
        self.block4 = ResidualBlock(wide, wide)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(wide, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 8, 8) in [0, 1] → logits (N, classes)."""
        x = F.relu(self.bn(self.stem(x)))
        x = self.block2(self.block1(x))
        x = self.pool(self.block3(x))
        x = self.gap(self.block4(x))
        return self.fc(x.flatten(1))


def digits_resnet(width: float = 48) -> DigitsResNet:
    """The network of `make demo`, untrained; weights come from torch's global generator."""
    return DigitsResNet(width)
