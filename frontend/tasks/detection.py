"""2D detection: boxes around road users in one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recog.frontend.functional import decode_boxes_2d, peaks, suppress
from recog.frontend.scenes.sample import Objects
from recog.frontend.scenes.world import OBJECT_NAMES
from recog.frontend.tasks.base import Progress, Recipe, Targets, Task, TaskData, TuneRecipe
from recog.frontend.tasks.blocks import ConvBlock, Head, Neck
from recog.frontend.tasks.boxes import covered_2d, iou_2d
from recog.frontend.tasks.losses import box_2d_loss, heat_loss, soft_heat_loss, where_seen
from recog.frontend.tasks.metrics import FrameMatches, matched, mean_precision, precision_of
from recog.frontend.tasks.networks import ResidualBlock
from recog.frontend.tasks.scene_data import CAMERA, IMAGE_SHAPE, scenes_of
from recog.frontend.tasks.targets import STRIDE, encode_2d, wanted

DETECTIONS = 32
SUPPRESSION_IOU = 0.6
HEAT_BIAS = -3.0


class Detections2d(NamedTuple):
    """The K best of each frame: scores (N, K) in [0, 1], 0 for none, ranked but for zeros between;
    flat indices int64 (N, K), the class is index // cells of the heads' maps; boxes (N, K, 4) x1,
    y1, x2, y2 in pixels."""

    scores: Tensor
    indices: Tensor
    boxes: Tensor


class DetectionNet(nn.Module):
    """Objects as points at stride 4 (Zhou et al. 2019).

    Input in [0, 1]: pixels / 255, no other normalisation.
    """

    def __init__(self, classes: int = len(OBJECT_NAMES), width: float = 20):
        super().__init__()
        w2, w4, w8 = (round(times * width) for times in (1, 2, 4))
        self.stem = ConvBlock(3, w2, stride=2)
        self.stage2 = ConvBlock(w2, w2)
        self.stage4 = nn.Sequential(ResidualBlock(w2, w4, 2), ResidualBlock(w4, w4))
        self.neck = Neck(w4, w8, w8)
        self.heat = Head(w4, w4, classes, HEAT_BIAS)
        self.shape = ConvBlock(w4, w4)
        self.offset = nn.Conv2d(w4, 2, 1)
        self.size = nn.Conv2d(w4, 2, 1)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, H, W) in [0, 1], H and W multiples of 16 → heat logits (N, classes, H/4, W/4),
        offsets and logarithmic sizes (N, 2, H/4, W/4) in cells."""
        features = self.neck(self.stage4(self.stage2(self.stem(x))))
        shape = self.shape(features)
        return self.heat(features), self.offset(shape), self.size(shape)

    def forward(self, x: Tensor) -> Detections2d:
        """→ decoded boxes, overlapping ones of a class suppressed."""
        heat, offset, size = self.heads(x)
        scores, indices = peaks(heat.sigmoid(), DETECTIONS)
        boxes = decode_boxes_2d(indices, offset, size, STRIDE)
        cells = heat.shape[2] * heat.shape[3]
        return Detections2d(
            suppress(boxes, scores, indices, cells, SUPPRESSION_IOU), indices, boxes
        )


class Detection2dTask(Task):
    """Cars, trucks, pedestrians; truths are the scenes' `Objects`."""

    name = "detection2d"
    title = "2D detection"
    metric_name = "mAP50"
    recipe = Recipe(epochs=5, batch=16, learning_rate=3e-3)
    tune_recipe = TuneRecipe(epochs=12, batch=16, ratio=29.0)
    pictures = "recog.tools.pictures.detection:DetectionPictures"
    scene_truths = "objects"
    output_names = Detections2d._fields
    head_names = ("heat", "offset", "size")
    cells = IMAGE_SHAPE[1] * IMAGE_SHAPE[2] // STRIDE**2

    def network(self) -> nn.Module:
        return DetectionNet()

    def example_inputs(self) -> tuple[Tensor, ...]:
        return (torch.zeros(1, *IMAGE_SHAPE),)

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
        return TaskData((scenes.left,), scenes.objects, lambda truths: encode_2d(truths, CAMERA))

    def loss(self, heads: Sequence[Tensor], targets: Targets) -> Tensor:
        heat, offset, size = heads
        return heat_loss(heat, targets) + 2 * box_2d_loss(offset, size, targets)

    def distillation_loss(self, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor | None:
        """See `Task`: soft targets of the heat, errors of the boxes where that is sure."""
        heat, *boxes = wanted
        errors = (torch.cat(list(heads[1:]), 1) - torch.cat(boxes, 1)).abs()
        return soft_heat_loss(heads[0], heat) + 2 * where_seen(errors, heat)

    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        """COCO's average precision at IoU 0.5 in percent, of each class and their mean.

        Objects less than 30 % visible, more than half beyond the border or lower than 7 pixels
        need not be found; detections that lie at least half within one do not count against.
        """
        return self.metric_of(self.frame_parts(outputs, truths))

    def frame_parts(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> list[Any]:
        """See `Task`: of each class what counts in its precision."""
        return [
            [
                matched(self._matches(label, scores, indices, boxes, truth), 0.5)
                for label in range(len(OBJECT_NAMES))
            ]
            for scores, indices, boxes, truth in zip(*outputs, truths)
        ]

    def metric_of(self, parts: Sequence[Any]) -> dict[str, float]:
        """See `Task`."""
        each = {
            name: 100 * precision_of([frame[label] for frame in parts])
            for label, name in enumerate(OBJECT_NAMES)
        }
        return {"mAP50": mean_precision(list(each.values())), **each}

    def _matches(
        self,
        label: int,
        scores: np.ndarray,
        indices: np.ndarray,
        boxes: np.ndarray,
        truth: Objects,
    ) -> FrameMatches:
        mine = (scores > 0) & (indices // self.cells == label)
        ignored = ~wanted(truth)
        target = (truth.labels == label) & ~ignored
        covered = covered_2d(boxes[mine], truth.boxes_2d[ignored])
        near_ignored = np.any(covered >= 0.5, axis=1)
        return FrameMatches(
            scores[mine],
            iou_2d(boxes[mine], truth.boxes_2d[target]),
            np.zeros(int(target.sum()), bool),
            np.asarray(near_ignored),
        )
