"""A stereo 3D detector of full size, about 59 million parameters, after YOLOStereo3D (Liu, Wang,
Liu 2021, arXiv:2103.09422). Untrained: for what needs no accuracy, such as bytes and cycles."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.frontend.functional import correlation, peaks, suppress
from recog.frontend.tasks.blocks import ConvBlock
from recog.frontend.tasks.networks import ResidualBlock

HEIGHT, WIDTH = 288, 1280
FOCAL, CU, CV = 721.5, 609.6, 72.9  # of KITTI's left camera, rows cropped at the top
STRIDE = 16
CLASSES = 3  # car, pedestrian, cyclist
CLASS_SIZES = ((1.53, 1.63, 3.88), (1.76, 0.66, 0.84), (1.74, 0.6, 1.76))  # h, w, l in metres
SCALES, RATIOS = 16, (0.5, 1.0)  # of anchors: a base of 24 pixels times 2^(i / 4)
ANCHORS = SCALES * len(RATIOS)
VALUES = 12  # regressed for an anchor
DETECTIONS = 100
SUPPRESSION_IOU = 0.5


class Detections(NamedTuple):
    """Scores (N, K), 0 for none; flat indices int64 (N, K) in (class, anchor, H / 16, W / 16);
    boxes (N, K, 4) x1, y1, x2, y2 in pixels; boxes (N, K, 7) x, y, z, h, w, l in metres, yaw."""

    scores: Tensor
    indices: Tensor
    boxes_2d: Tensor
    boxes_3d: Tensor


class ResNet34(nn.Module):
    """The first three stages of ResNet-34 (He et al. 2016, table 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBlock(3, 64, 7, 2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(64, 64, 3, 1)
        self.layer2 = _stage(64, 128, 4, 2)
        self.layer3 = _stage(128, 256, 6, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, H, W) → features of 64, 128, 256 channels at strides 4, 8, 16."""
        x4 = self.layer1(self.pool(self.stem(x)))
        x8 = self.layer2(x4)
        return x4, x8, self.layer3(x8)


def _stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, out_channels, stride)
    return nn.Sequential(
        first, *(ResidualBlock(out_channels, out_channels) for _ in range(blocks - 1))
    )


class GhostModule(nn.Module):
    """The input beside a few maps from a 3x3 convolution and cheap depthwise ghosts of those (Han
    et al. 2020), up to `out_channels`."""

    def __init__(self, in_channels: int, out_channels: int, ratio: int = 3):
        super().__init__()
        own = math.ceil((out_channels - in_channels) / ratio)
        self.primary = ConvBlock(in_channels, own)
        ghosts = own * (ratio - 1)
        self.cheap = nn.Sequential(
            nn.Conv2d(own, ghosts, 3, padding=1, groups=own, bias=False),
            nn.BatchNorm2d(ghosts),
            nn.ReLU(inplace=True),
        )
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) → (N, out_channels, H, W)."""
        own = self.primary(x)
        return torch.cat([x, own, self.cheap(own)], 1)[:, : self.out_channels]


class ConcatVolume(nn.Module):
    """Left features beside right ones, a plane for each disparity, mixed by 3D convolutions (Chang
    and Chen 2018, PSMNet)."""

    def __init__(self, in_channels: int, disparities: int, features: int = 8):
        super().__init__()
        self.reduce = ConvBlock(in_channels, features, 1)
        self.mix = nn.Sequential(
            nn.Conv3d(2 * features, features, 3, padding=1, bias=False),
            nn.BatchNorm3d(features),
            nn.ReLU(inplace=True),
            nn.Conv3d(features, features, 3, padding=1, bias=False),
            nn.BatchNorm3d(features),
            nn.ReLU(inplace=True),
        )
        self.disparities = disparities

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(N, C, H, W) twice → (N, features * disparities, H, W)."""
        left, right = self.reduce(left), self.reduce(right)
        width = left.shape[3]
        planes = []
        for d in range(self.disparities):
            moved = F.pad(right, (d, 0))[:, :, :, :width]
            planes.append(torch.cat([left, moved], 1))
        return self.mix(torch.stack(planes, 2)).flatten(1, 2)


class YoloStereo3d(nn.Module):
    """Both images batched through one backbone; correlations of 24 planes at strides 4 and 8, a
    volume of 12 planes at stride 16; anchors with mean and deviation for each class.

    Inputs (N, 3, 288, 1280) in [0, 1].
    """

    anchors: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(self, class_channels: int = 256, box_channels: int = 864):
        super().__init__()
        self.backbone = ResNet34()
        self.ghost4 = nn.Sequential(GhostModule(24, 72), nn.AvgPool2d(2), ResidualBlock(72, 72))
        self.ghost8 = nn.Sequential(GhostModule(96, 288), nn.AvgPool2d(2), ResidualBlock(288, 288))
        self.volume16 = ConcatVolume(256, 12)
        self.ghost16 = nn.Sequential(GhostModule(384, 1152), ResidualBlock(1152, 1152))
        features = 256 + 1152
        self.classify = _head(features, class_channels, (CLASSES + 1) * ANCHORS)
        self.regress = _head(features, box_channels, VALUES * ANCHORS)
        anchors, means, deviations = anchor_tables()
        self.register_buffer("anchors", anchors, persistent=False)
        self.register_buffer("means", means, persistent=False)
        self.register_buffer("deviations", deviations, persistent=False)

    def heads(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """→ logits (N, 4 * anchors, H/16, W/16), each class's and then the heading's, and values
        (N, 12 * anchors, H/16, W/16)."""
        n = left.shape[0]
        f4, f8, f16 = self.backbone(torch.cat([left, right], 0))
        x = self.ghost4(correlation(f4[:n], f4[n:], 24))
        x = self.ghost8(torch.cat([x, correlation(f8[:n], f8[n:], 24)], 1))
        x = self.ghost16(torch.cat([x, self.volume16(f16[:n], f16[n:])], 1))
        x = torch.cat([f16[:n], x], 1)
        return self.classify(x), self.regress(x)

    def forward(self, left: Tensor, right: Tensor) -> Detections:
        """Rectified images → decoded boxes, overlapping ones of a class suppressed."""
        logits, values = self.heads(left, right)
        wanted = CLASSES * ANCHORS
        scores, indices = peaks(logits[:, :wanted].sigmoid(), DETECTIONS)
        cells = self.anchors.shape[0]
        label, place = indices // cells, indices % cells
        found = _gather(values, VALUES, place)
        heading = _gather(logits[:, wanted:], 1, place)[:, 0]
        boxes_2d, boxes_3d = self.decode(label, place, found, heading)
        scores = suppress(boxes_2d, scores, indices, cells, SUPPRESSION_IOU)
        return Detections(scores, indices, boxes_2d, boxes_3d)

    def decode(
        self, label: Tensor, place: Tensor, found: Tensor, heading: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Values (N, 12, K) of anchors at `place`, of classes `label`, both (N, K), as boxes."""
        anchor = self.anchors[place].permute(0, 2, 1)  # (N, 4, K): centre, width, height
        centre, extent = anchor[:, :2], anchor[:, 2:]
        middle = centre + 0.1 * found[:, :2] * extent
        half = torch.exp(0.2 * found[:, 2:4]) * extent / 2
        boxes_2d = torch.cat([middle - half, middle + half], 1).permute(0, 2, 1)

        one_hot = (label.unsqueeze(-1) == torch.arange(CLASSES)).float()  # (N, K, classes)
        kind = place // (self.anchors.shape[0] // ANCHORS)
        mean = (self.means[kind] * one_hot.unsqueeze(-1)).sum(2).permute(0, 2, 1)
        deviation = (self.deviations[kind] * one_hot.unsqueeze(-1)).sum(2).permute(0, 2, 1)
        z, sine, cosine, h, w, l = (found[:, 6:] * deviation + mean).unbind(1)  # noqa: E741
        u, v = (centre + 0.1 * found[:, 4:6] * extent).unbind(1)
        x, y = (u - CU) * z / FOCAL, (v - CV) * z / FOCAL
        alpha = torch.atan2(sine, cosine) / 2 + (heading < 0).float() * math.pi
        yaw = alpha + torch.atan2(x, z)
        return boxes_2d, torch.stack([x, y, z, h, w, l, yaw], -1)


def _head(in_channels: int, channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(in_channels, channels),
        ConvBlock(channels, channels),
        nn.Conv2d(channels, out_channels, 3, padding=1),
    )


def _gather(maps: Tensor, values: int, place: Tensor) -> Tensor:
    """(N, values * anchors, H, W) at places (N, K) of (anchors, H, W) → (N, values, K)."""
    n, _, height, width = maps.shape
    flat = maps.reshape(n, values, ANCHORS * height * width)
    return flat.gather(2, place.unsqueeze(1).expand(-1, values, -1))


def anchor_tables() -> tuple[Tensor, Tensor, Tensor]:
    """Anchors (anchors * H/16 * W/16, 4): centre, width, height in pixels; and for each anchor and
    class the means and deviations (anchors, classes, 6) of depth, sin 2a, cos 2a, h, w, l.

    The published network counts means and deviations in its training data; here depth follows from
    an anchor's height and the class's.
    """
    sides = 24 * 2 ** (torch.arange(SCALES) / 4)
    shapes = torch.cat([torch.stack([sides / r**0.5, sides * r**0.5], 1) for r in RATIOS])
    v, u = torch.meshgrid(
        torch.arange(HEIGHT // STRIDE) + 0.5, torch.arange(WIDTH // STRIDE) + 0.5, indexing="ij"
    )
    centres = torch.stack([u, v], -1).reshape(1, -1, 2) * STRIDE
    shape = (ANCHORS, centres.shape[1], 2)
    anchors = torch.cat([centres.expand(shape), shapes[:, None].expand(shape)], -1)
    sizes = torch.tensor(CLASS_SIZES)
    depth = FOCAL * sizes[None, :, 0] / shapes[:, 1, None]
    zeros = torch.zeros_like(depth)
    extents = sizes.expand(ANCHORS, -1, -1)
    means = torch.cat([torch.stack([depth, zeros, zeros], -1), extents], -1)
    ones = torch.ones_like(depth)
    deviations = torch.cat([torch.stack([0.2 * depth, ones, ones], -1), 0.1 * extents], -1)
    return anchors.reshape(-1, 4), means, deviations


def yolo_stereo_3d() -> tuple[YoloStereo3d, tuple[Tensor, Tensor]]:
    """The network with random weights and statistics of torch's global generator, in evaluation
    mode, and a pair of random images of the paper's size."""
    model = YoloStereo3d()
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
    for head in (model.classify, model.regress):
        nn.init.normal_(list(head.parameters())[-2], std=0.01)
    shape = (1, 3, HEIGHT, WIDTH)
    return model.eval(), (torch.rand(shape), torch.rand(shape))
