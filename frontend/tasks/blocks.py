"""Layers that the perception networks are built of."""

from __future__ import annotations

from torch import Tensor, nn

from recog.frontend.tasks.networks import ResidualBlock


class ConvBlock(nn.Sequential):
    """Convolution of any odd kernel, batch norm, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
    ):
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class UpBlock(nn.Sequential):
    """Transposed convolution to twice the size, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class DilatedBlock(nn.Module):
    """A residual block whose 3x3 convolutions look `dilation` cells far (Yu et al. 2017)."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.conv1 = ConvBlock(channels, channels, dilation=dilation)
        self.conv2 = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        return self.relu(self.bn2(self.conv2(self.conv1(x))) + x)


class Head(nn.Sequential):
    """A 3x3 convolution block and a 1x1 convolution to `out_channels` maps."""

    def __init__(self, in_channels: int, channels: int, out_channels: int, bias: float = 0.0):
        last = nn.Conv2d(channels, out_channels, 1)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, bias)  # pyright: ignore[reportArgumentType]
        super().__init__(ConvBlock(in_channels, channels), last)


class Neck(nn.Module):
    """Features at stride 4 with the view of strides 8 and 16: down, across and up again."""

    def __init__(self, channels: int, middle: int, deep: int):
        super().__init__()
        self.down8 = ResidualBlock(channels, middle, 2)
        self.down16 = ResidualBlock(middle, deep, 2)
        self.context = ResidualBlock(deep, deep)
        self.up8 = UpBlock(deep, middle)
        self.mix8 = ConvBlock(middle, middle)
        self.up4 = UpBlock(middle, channels)
        self.mix4 = ConvBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape; H and W multiples of 4."""
        x8 = self.down8(x)
        x16 = self.context(self.down16(x8))
        x8 = self.mix8(self.up8(x16) + x8)
        return self.mix4(self.up4(x8) + x)
