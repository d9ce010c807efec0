"""A stereo 3D detector: correlation volume, soft-argmin, 3D boxes."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Detections(NamedTuple):
    """Disparity (N, 1, H, W) in pixels; boxes (N, K, 8): x, y, z, w, h, l in metres, yaw, score."""

    disparity: Tensor
    boxes: Tensor


def correlation_volume(left: Tensor, right: Tensor, disparities: int) -> Tensor:
    """(N, C, H, W) twice → (N, D, H, W): mean product of features, one disparity a channel
    (Mayer et al. 2016)."""
    width = left.shape[3]
    planes = []
    for d in range(disparities):
        shifted = F.pad(right, (d, 0))[:, :, :, :width]
        planes.append((left * shifted).mean(1))
    return torch.stack(planes, 1)


class Block(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, a: int, b: int, stride: int = 1):
        conv = nn.Conv2d(a, b, 3, stride, 1, bias=False)
        super().__init__(conv, nn.BatchNorm2d(b), nn.ReLU(inplace=True))


class Stereo3dDetector(nn.Module):
    """Features of ResNet-18 at a quarter of the resolution, an hourglass over the correlation
    volume, disparity by soft-argmin (Kendall et al. 2017), and CenterNet-like 3D boxes."""

    bins: Tensor
    sizes: Tensor

    def __init__(self, torchvision: Any, disparities: int = 48, detections: int = 50):
        super().__init__()
        resnet = torchvision.models.resnet18(weights=None)
        self.stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
        self.layer1, self.layer2, self.layer3 = resnet.layer1, resnet.layer2, resnet.layer3
        self.lateral2 = nn.Conv2d(128, 64, 1)
        self.lateral3 = nn.Conv2d(256, 64, 1)
        self.features = Block(64, 64)
        self.match = nn.Conv2d(64, 32, 1)
        self.enter = Block(disparities, 64)
        self.down1, self.down2 = Block(64, 96, 2), Block(96, 128, 2)
        self.up1 = nn.ConvTranspose2d(128, 96, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(96, 64, 4, 2, 1)
        self.cost = nn.Conv2d(64, disparities, 3, padding=1)
        self.fuse = Block(64 + 1, 64)
        self.heat = nn.Sequential(Block(64, 64), nn.Conv2d(64, 1, 1))
        self.box = nn.Sequential(Block(64, 64), nn.Conv2d(64, 8, 1))
        self.disparities, self.detections = disparities, detections
        self.register_buffer("bins", torch.arange(disparities).float().view(1, -1, 1, 1))
        self.register_buffer("sizes", torch.tensor([1.63, 1.53, 3.88]))
        # KITTI: focal length and principal point in pixels, baseline in metres.
        self.focal, self.cu, self.cv, self.baseline = 721.5, 609.6, 172.9, 0.54

    def encode(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, 64, H / 4, W / 4)."""
        c2 = self.layer1(self.stem(x))
        c3 = self.layer2(c2)
        c4 = self.layer3(c3)
        x = self.lateral2(c3) + F.interpolate(self.lateral3(c4), scale_factor=2, mode="nearest")
        x = F.interpolate(x, size=c2.shape[2:], mode="bilinear", align_corners=False)
        return self.features(c2 + x)

    def forward(self, left: Tensor, right: Tensor) -> Detections:
        """Rectified images, (N, 3, H, W) each."""
        f_left, f_right = self.encode(left), self.encode(right)
        volume = correlation_volume(self.match(f_left), self.match(f_right), self.disparities)
        d0 = self.enter(volume)
        d1 = self.down1(d0)
        x = F.relu(self.up1(self.down2(d1)) + d1)
        x = F.relu(self.up2(x) + d0)
        probability = F.softmax(-self.cost(x), dim=1)
        disparity = torch.sum(probability * self.bins, dim=1, keepdim=True)
        x = self.fuse(torch.cat([f_left, disparity / self.disparities], 1))
        boxes = self.decode(self.heat(x).sigmoid(), self.box(x), 4 * disparity)
        full = F.interpolate(disparity, scale_factor=4, mode="bilinear", align_corners=False)
        return Detections(4 * full, boxes)

    def decode(self, heat: Tensor, box: Tensor, disparity: Tensor) -> Tensor:
        """Boxes at the strongest local maxima: depth from disparity, then back-projection."""
        width = heat.shape[3]
        peaks = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        score, index = peaks.flatten(1).topk(self.detections, dim=1)
        u = (index % width).float()
        v = torch.div(index, width, rounding_mode="floor").float()
        at = index.unsqueeze(1)
        p = box.flatten(2).gather(2, at.expand(-1, box.size(1), -1))
        d = disparity.flatten(2).gather(2, at).squeeze(1)
        z = self.focal * self.baseline / d.clamp(min=1.0) + p[:, 2]
        x = (4 * (u + p[:, 0]) - self.cu) * z / self.focal
        y = (4 * (v + p[:, 1]) - self.cv) * z / self.focal
        size = torch.exp(0.2 * p[:, 3:6]).transpose(1, 2) * self.sizes
        yaw = torch.atan2(p[:, 6], p[:, 7]) + torch.atan2(x, z)
        where = torch.stack([x, y, z], -1)
        return torch.cat([where, size, yaw.unsqueeze(-1), score.unsqueeze(-1)], -1)
