"""Segmentation networks as their papers draw them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions with batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, mid_channels: int | None = None):
        mid = mid_channels or out_channels
        super().__init__(
            nn.Conv2d(in_channels, mid, 3, padding=1, bias=False),
            nn.BatchNorm2d(mid),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    """Doubles the resolution and joins the encoder's features of that size."""

    def __init__(self, in_channels: int, out_channels: int, bilinear: bool):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels, out_channels, in_channels // 2)
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, 2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    """Ronneberger et al. 2015 with same-size padding, upsampled by transposed convolutions
    or bilinearly."""

    def __init__(self, channels: int = 3, classes: int = 21, bilinear: bool = False):
        super().__init__()
        half = 2 if bilinear else 1
        widths = (64, 128, 256, 512, 1024 // half)
        self.inc = DoubleConv(channels, 64)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), DoubleConv(a, b)) for a, b in zip(widths, widths[1:])
        )
        self.up = nn.ModuleList(
            Up(wide, wide // 2 // (half if wide > 128 else 1), bilinear)
            for wide in (1024, 512, 256, 128)
        )
        self.outc = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → logits (N, classes, H, W)."""
        features = [self.inc(x)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features.pop()
        for up in self.up:
            x = up(x, features.pop())
        return self.outc(x)


class SemanticFpn(nn.Module):
    """Semantic branch of Panoptic FPN (Kirillov et al. 2019) on torchvision's ResNet-50 FPN
    with its frozen batch norms."""

    def __init__(self, torchvision: Any, classes: int = 21):
        super().__init__()
        make = torchvision.models.detection.backbone_utils.resnet_fpn_backbone
        self.backbone = make(backbone_name="resnet50", weights=None, trainable_layers=5)
        self.branches = nn.ModuleList(self._branch(doublings) for doublings in range(4))
        self.classifier = nn.Conv2d(128, classes, 1)

    @staticmethod
    def _branch(doublings: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for i in range(max(1, doublings)):
            layers += [
                nn.Conv2d(256 if i == 0 else 128, 128, 3, padding=1, bias=False),
                nn.BatchNorm2d(128),
                nn.ReLU(inplace=True),
            ]
            if doublings:
                layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) → {"out": logits (N, classes, H, W)}."""
        levels = list(self.backbone(x).values())[:4]
        summed = self.branches[0](levels[0])
        for branch, level in zip(list(self.branches)[1:], levels[1:]):
            summed = summed + branch(level)
        logits = self.classifier(summed)
        return {"out": F.interpolate(logits, size=x.shape[-2:], mode="bilinear")}
