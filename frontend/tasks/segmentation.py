"""Semantic segmentation: a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.frontend.scenes.world import CLASS_NAMES
from recog.frontend.tasks.base import Progress, Recipe, Targets, Task, TaskData, TuneRecipe
from recog.frontend.tasks.blocks import ConvBlock, DilatedBlock, UpBlock
from recog.frontend.tasks.losses import soft_class_loss
from recog.frontend.tasks.metrics import confusion, intersection_over_union
from recog.frontend.tasks.networks import ResidualBlock
from recog.frontend.tasks.scene_data import IMAGE_SHAPE, scenes_of


class SegmentationNet(nn.Module):
    """An encoder to stride 8 with dilated convolutions there (Yu et al. 2017), and a decoder that
    takes bilinear and transposed steps back to full size beside the encoder's own features.

    Input in [0, 1]: pixels / 255, no other normalisation.
    """

    def __init__(self, classes: int = len(CLASS_NAMES), width: float = 24):
        super().__init__()
        w2, w4, w8 = (round(times * width) for times in (1, 2, 4))
        self.stem = ConvBlock(3, w2, stride=2)
        self.stage2 = ConvBlock(w2, w2)
        self.stage4 = nn.Sequential(ResidualBlock(w2, w4, 2), ResidualBlock(w4, w4))
        self.stage8 = ResidualBlock(w4, w8, 2)
        self.context = nn.Sequential(*(DilatedBlock(w8, d) for d in (2, 4)))
        self.narrow = ConvBlock(w8, w4, 1)
        self.mix4 = ConvBlock(2 * w4, w4)
        self.up2 = UpBlock(w4, w2)
        self.mix2 = ConvBlock(2 * w2, w2)
        self.classify = nn.ConvTranspose2d(w2, classes, 4, 2, 1)

    def heads(self, x: Tensor) -> tuple[Tensor]:
        """(N, 3, H, W) in [0, 1], H and W multiples of 8 → logits (N, classes, H, W)."""
        x2 = self.stage2(self.stem(x))
        x4 = self.stage4(x2)
        x8 = self.narrow(self.context(self.stage8(x4)))
        up = F.interpolate(x8, scale_factor=2, mode="bilinear", align_corners=False)
        y4 = self.mix4(torch.cat([up, x4], 1))
        y2 = self.mix2(torch.cat([self.up2(y4), x2], 1))
        return (self.classify(y2),)

    def forward(self, x: Tensor) -> Tensor:
        """→ the class of each pixel, int64 (N, H, W)."""
        return self.heads(x)[0].argmax(1)


class SegmentationTask(Task):
    """Nine classes of road scenes; truths are class maps uint8 (H, W)."""

    name = "segmentation"
    title = "semantic segmentation"
    metric_name = "mIoU"
    recipe = Recipe(epochs=7, batch=16, learning_rate=4e-3)
    tune_recipe = TuneRecipe(epochs=4, batch=16, ratio=29.0)
    pictures = "recog.tools.pictures.segmentation:SegmentationPictures"
    scene_truths = "classes"
    output_names = ("classes",)
    head_names = ("logits",)

    def network(self) -> nn.Module:
        return SegmentationNet()

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
        return TaskData((scenes.left,), scenes.classes, _encode)  # pyright: ignore

    def loss(self, heads: Sequence[Tensor], targets: Targets) -> Tensor:
        """Cross-entropy with weights for rare classes, and the soft Jaccard index of each."""
        (logits,) = heads
        wanted = targets["classes"]
        losses = F.cross_entropy(logits, wanted, reduction="none")
        entropy = (
            losses.mean() + 0.5 * losses.flatten(1).topk(losses[0].numel() // 16).values.mean()
        )
        return entropy + 0.5 * _soft_jaccard(logits, wanted)

    def distillation_loss(self, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor | None:
        """See `Task`: soft targets."""
        return soft_class_loss(heads[0], wanted[0])

    def augment(self, inputs: Sequence[Tensor], targets: Targets, rng: np.random.Generator) -> None:
        """Mirror half of the frames."""
        flip = torch.from_numpy(rng.random(len(inputs[0])) < 0.5)
        inputs[0][flip] = inputs[0][flip].flip(3)
        targets["classes"][flip] = targets["classes"][flip].flip(2)

    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        """Mean intersection over union in percent, and that of each class by name."""
        return self.metric_of(self.frame_parts(outputs, truths))

    def frame_parts(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> list[Any]:
        """See `Task`: counts of the pixels by true and found class."""
        count = len(CLASS_NAMES)
        return [confusion(np.asarray(t), y, count) for t, y in zip(truths, outputs[0])]

    def metric_of(self, parts: Sequence[Any]) -> dict[str, float]:
        """See `Task`."""
        each = 100 * intersection_over_union(np.sum(parts, axis=0))
        found = {name: float(value) for name, value in zip(CLASS_NAMES, each)}
        return {"mIoU": float(np.nanmean(each)), **found}


def _encode(truths: Sequence[np.ndarray]) -> Targets:
    return {"classes": torch.from_numpy(np.stack(truths).astype(np.int64))}


def _soft_jaccard(logits: Tensor, wanted: Tensor) -> Tensor:
    probability = F.softmax(logits, 1)
    truth = F.one_hot(wanted, logits.shape[1]).permute(0, 3, 1, 2)
    shared = (probability * truth).sum((0, 2, 3))
    union = (probability + truth).sum((0, 2, 3)) - shared
    present = truth.sum((0, 2, 3)) > 0
    return 1 - (shared / union.clamp(min=1))[present].mean()
