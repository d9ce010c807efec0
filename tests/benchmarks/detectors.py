"""Detectors with their decode, which has a fixed number of boxes and no suppression."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CenterNet(nn.Module):
    """Objects as Points (Zhou et al. 2019): ResNet-18 with three transposed convolutions."""

    def __init__(self, torchvision: Any, classes: int = 80, detections: int = 100):
        super().__init__()
        resnet = torchvision.models.resnet18(weights=None)
        self.backbone = nn.Sequential(*list(resnet.children())[:-2])
        layers: list[nn.Module] = []
        for a, b in ((512, 256), (256, 128), (128, 64)):
            layers += [
                nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(inplace=True),
            ]
        self.deconv = nn.Sequential(*layers)
        self.heatmap = self._head(classes)
        self.size = self._head(2)
        self.offset = self._head(2)
        self.detections = detections

    @staticmethod
    def _head(channels: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(64, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → boxes (N, detections, 6): x1, y1, x2, y2, score, class."""
        x = self.deconv(self.backbone(x))
        return self.decode(self.heatmap(x).sigmoid_(), self.size(x), self.offset(x))

    def decode(self, heat: Tensor, size: Tensor, offset: Tensor) -> Tensor:
        """The local maxima of the heat map as boxes, as the authors' `ctdet_decode`."""
        batch, _, height, width = heat.size()
        peaks = F.max_pool2d(heat, 3, stride=1, padding=1)
        heat = heat * (peaks == heat).float()
        k = self.detections
        scores, indices = torch.topk(heat.view(batch, -1), k)
        classes = torch.div(indices, height * width, rounding_mode="floor").float()
        indices = indices % (height * width)
        ys = torch.div(indices, width, rounding_mode="floor").float()
        xs = (indices % width).float()
        offset, size = self.gather(offset, indices), self.gather(size, indices)
        xs = xs.view(batch, k, 1) + offset[:, :, 0:1]
        ys = ys.view(batch, k, 1) + offset[:, :, 1:2]
        boxes = torch.cat(
            [
                xs - size[..., 0:1] / 2,
                ys - size[..., 1:2] / 2,
                xs + size[..., 0:1] / 2,
                ys + size[..., 1:2] / 2,
            ],
            dim=2,
        )
        return torch.cat([boxes, scores.unsqueeze(2), classes.unsqueeze(2)], dim=2)

    @staticmethod
    def gather(feature: Tensor, indices: Tensor) -> Tensor:
        """(N, C, H, W) at (N, K) positions → (N, K, C)."""
        feature = feature.permute(0, 2, 3, 1).contiguous()
        feature = feature.view(feature.size(0), -1, feature.size(3))
        wanted = indices.unsqueeze(2).expand(indices.size(0), indices.size(1), feature.size(2))
        return feature.gather(1, wanted)


class FcosDetector(nn.Module):
    """torchvision's FCOS (Tian et al. 2019) with the best 100 boxes of each level."""

    def __init__(self, torchvision: Any, size: tuple[int, int], detections: int = 100):
        super().__init__()
        make = torchvision.models.detection.fcos_resnet50_fpn
        detector = make(weights=None, weights_backbone=None)
        self.backbone, self.head = detector.backbone, detector.head
        self.size, self.detections = size, detections
        self.strides = (8, 16, 32, 64, 128)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) → boxes (N, 5 · K, 4) in pixels, scores and labels (N, 5 · K)."""
        features = list(self.backbone(x).values())
        outputs = self.head(features)
        counts = [f.size(2) * f.size(3) for f in features]
        logits = outputs["cls_logits"].split(counts, 1)
        regressions = outputs["bbox_regression"].split(counts, 1)
        centerness = outputs["bbox_ctrness"].split(counts, 1)
        boxes, scores, labels = [], [], []
        for i, feature in enumerate(features):
            b, s, c = self._level(
                logits[i], regressions[i], centerness[i], self._points(feature, self.strides[i])
            )
            boxes.append(b * self.strides[i])
            scores.append(s)
            labels.append(c)
        return {
            "boxes": self._clipped(torch.cat(boxes, 1)),
            "scores": torch.cat(scores, 1),
            "labels": torch.cat(labels, 1),
        }

    def _points(self, feature: Tensor, stride: int) -> Tensor:
        """Centres of the cells, in units of the stride, (H · W, 2)."""
        ys, xs = torch.meshgrid(
            torch.arange(feature.size(2), device=feature.device) + 0.5,
            torch.arange(feature.size(3), device=feature.device) + 0.5,
            indexing="ij",
        )
        return torch.stack([xs.reshape(-1), ys.reshape(-1)], dim=1)

    def _level(
        self, logits: Tensor, regression: Tensor, centerness: Tensor, points: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        scores = torch.sqrt(torch.sigmoid(logits) * torch.sigmoid(centerness))
        best, labels = scores.max(dim=2)
        k = min(self.detections, best.size(1))
        top, indices = best.topk(k, dim=1)
        wanted = indices.unsqueeze(-1)
        sides = torch.gather(F.relu(regression), 1, wanted.expand(-1, -1, 4))
        centers = points[indices]
        boxes = torch.cat([centers - sides[..., :2], centers + sides[..., 2:]], dim=-1)
        return boxes, top, torch.gather(labels, 1, indices)

    def _clipped(self, boxes: Tensor) -> Tensor:
        height, width = self.size
        xs = boxes[..., 0::2].clamp(min=0, max=width)
        ys = boxes[..., 1::2].clamp(min=0, max=height)
        return torch.stack((xs, ys), dim=-1).reshape(boxes.shape)


class ConvBnSilu(nn.Module):
    """YOLO's convolution block."""

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(c2, eps=1e-3)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """Two 3x3 blocks, with a shortcut in the backbone."""

    def __init__(self, c: int, shortcut: bool):
        super().__init__()
        self.cv1, self.cv2, self.add = ConvBnSilu(c, c, 3), ConvBnSilu(c, c, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


class C2f(nn.Module):
    """Cross-stage partial block that concatenates every bottleneck's output."""

    def __init__(self, c1: int, c2: int, n: int, shortcut: bool = False):
        super().__init__()
        self.c = c2 // 2
        self.cv1 = ConvBnSilu(c1, 2 * self.c)
        self.cv2 = ConvBnSilu((2 + n) * self.c, c2)
        self.m = nn.ModuleList(Bottleneck(self.c, shortcut) for _ in range(n))

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class Sppf(nn.Module):
    """Spatial pyramid pooling by three 5x5 max pools in a row."""

    def __init__(self, c: int):
        super().__init__()
        self.cv1, self.cv2 = ConvBnSilu(c, c // 2), ConvBnSilu(2 * c, c)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        y1 = self.m(x)
        y2 = self.m(y1)
        return self.cv2(torch.cat((x, y1, y2, self.m(y2)), 1))


class Dfl(nn.Module):
    """Expectation of a distribution over 16 distances, as a fixed 1x1 convolution."""

    def __init__(self, bins: int = 16):
        super().__init__()
        self.conv = nn.Conv2d(bins, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.data[:] = torch.arange(bins, dtype=torch.float).view(1, bins, 1, 1)
        self.bins = bins

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4 · bins, A) → (N, 4, A)."""
        b, _, a = x.shape
        return self.conv(x.view(b, 4, self.bins, a).transpose(2, 1).softmax(1)).view(b, 4, a)


class Detect(nn.Module):
    """YOLOv8's head and decode: (N, 4 + classes, A), boxes as centre and size in pixels."""

    def __init__(self, classes: int, widths: tuple[int, ...], bins: int = 16):
        super().__init__()
        self.nc, self.bins, self.no = classes, bins, classes + 4 * bins
        self.stride = (8, 16, 32)
        c2, c3 = max(16, widths[0] // 4, bins * 4), max(widths[0], min(classes, 100))
        self.cv2 = nn.ModuleList(
            nn.Sequential(ConvBnSilu(w, c2, 3), ConvBnSilu(c2, c2, 3), nn.Conv2d(c2, 4 * bins, 1))
            for w in widths
        )
        self.cv3 = nn.ModuleList(
            nn.Sequential(ConvBnSilu(w, c3, 3), ConvBnSilu(c3, c3, 3), nn.Conv2d(c3, classes, 1))
            for w in widths
        )
        self.dfl = Dfl(bins)

    def anchors(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        points, strides = [], []
        for feature, stride in zip(features, self.stride):
            _, _, h, w = feature.shape
            sx = torch.arange(end=w, device=feature.device, dtype=feature.dtype) + 0.5
            sy = torch.arange(end=h, device=feature.device, dtype=feature.dtype) + 0.5
            sy, sx = torch.meshgrid(sy, sx, indexing="ij")
            points.append(torch.stack((sx, sy), -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), stride, dtype=feature.dtype))
        return torch.cat(points).transpose(0, 1), torch.cat(strides).transpose(0, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        x = [torch.cat((a(f), b(f)), 1) for a, b, f in zip(self.cv2, self.cv3, features)]
        anchors, strides = self.anchors(x)
        flat = torch.cat([each.view(each.shape[0], self.no, -1) for each in x], 2)
        box, cls = flat.split((self.bins * 4, self.nc), 1)
        lt, rb = self.dfl(box).chunk(2, 1)
        x1y1, x2y2 = anchors.unsqueeze(0) - lt, anchors.unsqueeze(0) + rb
        boxes = torch.cat(((x1y1 + x2y2) / 2, x2y2 - x1y1), 1) * strides
        return torch.cat((boxes, cls.sigmoid()), 1)


class YoloV8(nn.Module):
    """YOLOv8n: backbone, path aggregation and head of Ultralytics' `yolov8.yaml`."""

    def __init__(self, classes: int = 80):
        super().__init__()
        self.stem = nn.Sequential(ConvBnSilu(3, 16, 3, 2), ConvBnSilu(16, 32, 3, 2))
        self.p3 = nn.Sequential(
            C2f(32, 32, 1, True), ConvBnSilu(32, 64, 3, 2), C2f(64, 64, 2, True)
        )
        self.p4 = nn.Sequential(ConvBnSilu(64, 128, 3, 2), C2f(128, 128, 2, True))
        self.p5 = nn.Sequential(ConvBnSilu(128, 256, 3, 2), C2f(256, 256, 1, True), Sppf(256))
        self.up = nn.Upsample(None, 2, "nearest")
        self.n4, self.n3 = C2f(384, 128, 1), C2f(192, 64, 1)
        self.d4, self.o4 = ConvBnSilu(64, 64, 3, 2), C2f(192, 128, 1)
        self.d5, self.o5 = ConvBnSilu(128, 128, 3, 2), C2f(384, 256, 1)
        self.detect = Detect(classes, (64, 128, 256))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, 4 + classes, A)."""
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.n4(torch.cat((self.up(p5), p4), 1))
        n3 = self.n3(torch.cat((self.up(n4), p3), 1))
        o4 = self.o4(torch.cat((self.d4(n3), n4), 1))
        o5 = self.o5(torch.cat((self.d5(o4), p5), 1))
        return self.detect([n3, o4, o5])
