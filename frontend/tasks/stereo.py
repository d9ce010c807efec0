"""Stereo 3D detection: boxes in space from a pair of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.backend.interpreters.banded_correlation import banded_correlation
from recog.frontend.functional import (
    correlation,
    decode_boxes_2d,
    decode_boxes_3d,
    peaks,
    soft_argmin,
    suppress,
)
from recog.frontend.scenes.sample import Objects
from recog.frontend.scenes.world import OBJECT_NAMES
from recog.frontend.tasks.base import Progress, Recipe, Targets, Task, TaskData, TuneRecipe
from recog.frontend.tasks.blocks import ConvBlock, Head, Neck
from recog.frontend.tasks.boxes import iou_3d, iou_bev
from recog.frontend.tasks.losses import (
    at_objects,
    box_2d_loss,
    disparity_loss,
    heat_loss,
    soft_heat_loss,
    two_hot,
    where_seen,
)
from recog.frontend.tasks.metrics import FrameMatches, matched, precision_of
from recog.frontend.tasks.networks import ResidualBlock
from recog.frontend.tasks.scene_data import CAMERA, IMAGE_SHAPE, scenes_of
from recog.frontend.tasks.targets import PRIORS, STRIDE, encode_3d, wanted

DETECTIONS = 24
SUPPRESSION_IOU = 0.6
HEAT_BIAS = -3.0
BINS, BIN_STEP = 24, 2.0  # of disparity, pixels: 0 to 46, to 3.8 m
MATCHES_2, MATCHES_4 = 24, 12  # planes of the correlation volumes at strides 2 and 4
MAX_DISTANCE = 30.0
SCORES = {
    "car BEV AP50": (iou_bev, 0.5),
    "car BEV AP25": (iou_bev, 0.25),
    "car 3D AP50": (iou_3d, 0.5),
}
"""How boxes overlap, and from where on one is found."""


class Detections3d(NamedTuple):
    """The K best of each frame: scores (N, K) in [0, 1], 0 for none, ranked but for zeros between;
    flat indices int64 (N, K), the class is index // cells of the heads' maps; boxes (N, K, 4) in
    the left image, x1, y1, x2, y2 in pixels; boxes (N, K, 7) in its camera's coordinates, x, y, z
    of the centre, h, w, l in metres, yaw."""

    scores: Tensor
    indices: Tensor
    boxes_2d: Tensor
    boxes_3d: Tensor


class StereoNet(nn.Module):
    """Both images through one backbone, features matched at strides 2 and 4, and points with a
    disparity each: the expected bin plus a residual (after Liu, Wang, Liu 2021, YOLOStereo3D, and
    Kendall et al. 2017).

    Inputs in [0, 1]: pixels / 255, no other normalisation.
    """

    bins: Tensor

    def __init__(self, classes: int = len(OBJECT_NAMES), width: float = 24):
        super().__init__()
        # Of 24 in the backbone: the other widths grow and shrink with it.
        w2, w16, w32, w4, trunk, w96, w128 = (
            round(channels * width / 24) for channels in (24, 16, 32, 48, 64, 96, 128)
        )
        self.stem = ConvBlock(3, w2, stride=2)
        self.stage2 = ConvBlock(w2, w2)
        self.match2 = nn.Conv2d(w2, w16, 1)
        self.stage4 = nn.Sequential(ResidualBlock(w2, w4, 2), ResidualBlock(w4, w4))
        self.match4 = nn.Conv2d(w4, w2, 1)
        self.cost2 = ConvBlock(MATCHES_2, w32, stride=2)
        self.join = ConvBlock(w32 + MATCHES_4 + w4, trunk)
        self.neck = Neck(trunk, w96, w128)
        self.heat = Head(trunk, w4, classes, HEAT_BIAS)
        self.shape = ConvBlock(trunk, trunk)
        self.offset = nn.Conv2d(trunk, 2, 1)
        self.size = nn.Conv2d(trunk, 2, 1)
        self.box = nn.Conv2d(trunk, 7, 1)
        self.depth = ConvBlock(trunk, trunk)
        self.logits = nn.Conv2d(trunk, BINS, 1)
        self.residual = nn.Conv2d(trunk, 1, 1)
        self.surface = nn.Conv2d(trunk, BINS, 1)
        self.register_buffer("bins", torch.arange(BINS).float() * BIN_STEP, persistent=False)
        self.aside: Tensor | None = None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) → features at strides 2 and 4."""
        x2 = self.stage2(self.stem(x))
        return x2, self.stage4(x2)

    def heads(
        self, left: Tensor, right: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Rectified images (N, 3, H, W) in [0, 1], H and W multiples of 16 → at stride 4: heat
        logits (classes), offset (2) and logarithmic size (2) in cells, disparity's logits of bins
        (24), the disparity in pixels (1), and what `decode_boxes_3d` takes (7)."""
        l2, l4 = self.encode(left)
        r2, r4 = self.encode(right)
        match = banded_correlation if self.training else correlation
        cost2 = match(self.match2(l2), self.match2(r2), MATCHES_2)
        cost4 = match(self.match4(l4), self.match4(r4), MATCHES_4)
        features = self.neck(self.join(torch.cat([self.cost2(cost2), cost4, l4], 1)))
        if self.training:
            self.aside = self.surface(features)
        shape, depth = self.shape(features), self.depth(features)
        logits = self.logits(depth)
        disparity = soft_argmin(logits, self.bins, self.residual(depth))
        heat, box = self.heat(features), self.box(shape)
        return heat, self.offset(shape), self.size(shape), logits, disparity, box

    def forward(self, left: Tensor, right: Tensor) -> Detections3d:
        """→ decoded boxes, overlapping ones of a class suppressed."""
        heat, offset, size, _, disparity, box = self.heads(left, right)
        scores, indices = peaks(heat.sigmoid(), DETECTIONS)
        boxes_2d = decode_boxes_2d(indices, offset, size, STRIDE)
        camera = CAMERA.parameters
        boxes_3d = decode_boxes_3d(indices, disparity, box, STRIDE, camera, PRIORS)
        cells = heat.shape[2] * heat.shape[3]
        scores = suppress(boxes_2d, scores, indices, cells, SUPPRESSION_IOU)
        return Detections3d(scores, indices, boxes_2d, boxes_3d)


class Stereo3dTask(Task):
    """Cars, trucks, pedestrians in space; truths are the scenes' `Objects`."""

    name = "stereo3d"
    title = "stereo 3D detection"
    metric_name = "car BEV AP50"
    recipe = Recipe(epochs=9, batch=8, learning_rate=2.5e-3)
    tune_recipe = TuneRecipe(epochs=4, batch=8, ratio=29.0)
    pictures = "recog.tools.pictures.stereo:StereoPictures"
    scene_truths = "objects"
    output_names = Detections3d._fields
    head_names = ("heat", "offset", "size", "logits", "disparity", "box")
    cells = IMAGE_SHAPE[1] * IMAGE_SHAPE[2] // STRIDE**2

    def network(self) -> nn.Module:
        return StereoNet()

    def example_inputs(self) -> tuple[Tensor, ...]:
        return torch.zeros(1, *IMAGE_SHAPE), torch.zeros(1, *IMAGE_SHAPE)

    def data(
        self,
        split: str,
        count: int | None = None,
        *,
        folder: str | Path | None = None,
        processes: int = 1,
        progress: Progress | None = None,
    ) -> TaskData:
        scenes = scenes_of(split, count, folder, processes, progress)
        # A disparity a cell, of the pixel at its middle.
        surfaces = scenes.disparity[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        truths = _Truths(scenes.objects, surfaces)
        return TaskData((scenes.left, scenes.right), truths, _encode)

    def loss(self, heads: Sequence[Tensor], targets: Targets) -> Tensor:
        heat, offset, size, logits, disparity, box = heads
        bins = torch.arange(BINS, dtype=torch.float32) * BIN_STEP
        found = at_objects(disparity, targets)[:, 0]
        depth = disparity_loss(at_objects(logits, targets), bins, found, targets["disparity"])
        errors = F.smooth_l1_loss(
            at_objects(box, targets), targets["box_3d"], beta=0.1, reduction="none"
        )
        weights = torch.tensor([2.0, 1.0, 1.0, 2.0, 2.0, 1.5, 1.5])
        box_loss = (errors * weights).sum() / max(1, len(errors)) / 3
        return (
            heat_loss(heat, targets)
            + box_2d_loss(offset, size, targets)
            + 1.5 * depth
            + 1.5 * box_loss
        )

    def distillation_loss(self, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor | None:
        """See `Task`: soft targets of heat and disparity, errors of boxes where heat is sure."""
        heat, offset, size, logits, disparity, box = heads
        heat_wanted, *boxes_wanted, logits_wanted, disparity_wanted, box_wanted = wanted
        logs, soft = F.log_softmax(logits, 1), F.log_softmax(logits_wanted, 1)
        depth = 0.3 * (soft.exp() * (soft - logs)).sum(1, keepdim=True)
        depth = depth + (disparity - disparity_wanted).abs()
        boxes = torch.cat([offset, size, box], 1) - torch.cat([*boxes_wanted, box_wanted], 1)
        return (
            soft_heat_loss(heat, heat_wanted)
            + 2 * where_seen(boxes.abs(), heat_wanted)
            + 1.5 * where_seen(depth, heat_wanted)
        )

    def auxiliary_loss(self, network: nn.Module, targets: Targets) -> Tensor | None:
        """Cross-entropy of the disparity of every surface, which teaches the matching."""
        logits, surface = network.aside, targets["surface"]
        if not isinstance(logits, Tensor):
            return None
        near = surface > 1.0
        weights = two_hot(surface[near], torch.arange(BINS) * BIN_STEP)
        picked = logits.permute(0, 2, 3, 1)[near]
        return -0.3 * (weights * F.log_softmax(picked, 1)).sum(1).mean()

    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        """Average precision in percent: cars from above at IoU 0.5 and 0.25, in space at 0.5.

        Only cars up to 30 m away, at least 30 % visible, at most half beyond the border and not
        lower than 7 pixels need be found. Detections beyond 30 m do not count, nor do those whose
        centre lies within 2 m of another car's.
        """
        return self.metric_of(self.frame_parts(outputs, truths))

    def frame_parts(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> list[Any]:
        """See `Task`: of each score what counts in its precision."""
        return [
            [
                matched(self._matches(overlap, scores, indices, boxes, truth.objects), threshold)
                for overlap, threshold in SCORES.values()
            ]
            for scores, indices, _, boxes, truth in zip(*outputs, truths)
        ]

    def metric_of(self, parts: Sequence[Any]) -> dict[str, float]:
        """See `Task`."""
        return {
            name: 100 * precision_of([frame[number] for frame in parts])
            for number, name in enumerate(SCORES)
        }

    def _matches(
        self,
        overlap: Any,
        scores: np.ndarray,
        indices: np.ndarray,
        boxes: np.ndarray,
        truth: Objects,
    ) -> FrameMatches:
        mine = (scores > 0) & (indices // self.cells == 0)
        scores, boxes = scores[mine], boxes[mine]
        cars = truth.labels == 0
        target = cars & wanted(truth) & (truth.boxes_3d[:, 2] <= MAX_DISTANCE)
        others = truth.boxes_3d[cars & ~target]
        gaps = np.linalg.norm(boxes[:, None, [0, 2]] - others[None][..., [0, 2]], axis=-1)
        near_ignored = (gaps < 2.0).any(1) | (boxes[:, 2] > MAX_DISTANCE)
        overlaps = overlap(boxes, truth.boxes_3d[target])
        ignored = np.zeros(int(target.sum()), bool)
        return FrameMatches(scores, overlaps, ignored, near_ignored)


class StereoTruth(NamedTuple):
    """Of one frame: the objects and the disparity of the surface in each cell, float16 (H/4, W/4),
    0 for the sky."""

    objects: Objects
    surface: np.ndarray


class _Truths(Sequence[StereoTruth]):
    """Frames' truths without a copy of the disparities."""

    def __init__(self, objects: Sequence[Objects], surfaces: np.ndarray):
        self.objects, self.surfaces = objects, surfaces

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return _Truths(self.objects[index], self.surfaces[index])
        return StereoTruth(self.objects[index], self.surfaces[index])


def _encode(truths: Sequence[StereoTruth]) -> Targets:
    found = encode_3d([truth.objects for truth in truths], CAMERA)
    surfaces = np.stack([truth.surface for truth in truths]).astype(np.float32)
    return {**found, "surface": torch.from_numpy(surfaces)}
