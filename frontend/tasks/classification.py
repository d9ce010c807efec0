"""Classification of handwritten digits: real images, the smallest of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recog.dialects.errors import RecogError
from recog.frontend.tasks.base import (
    SPLIT_NAMES,
    HeadsOf,
    Progress,
    Recipe,
    Targets,
    Task,
    TaskData,
    TuneRecipe,
)
from recog.frontend.tasks.digits import accuracy, load_digits_data, shifted
from recog.frontend.tasks.losses import soft_class_loss
from recog.frontend.tasks.networks import digits_resnet

CALIBRATION = 128
"""Images that are taken from the training part of the digits."""


class _Logits(HeadsOf):
    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return (self.network(*inputs),)


class ClassificationTask(Task):
    """scikit-learn's digits; truths are labels. 1,309 images to train on, 128 to calibrate with,
    360 held out."""

    name = "classification"
    title = "classification"
    metric_name = "accuracy"
    recipe = Recipe(epochs=12, batch=32, learning_rate=3e-3, weight_decay=0.02, average=0.98)
    tune_recipe = TuneRecipe(epochs=60, batch=32, ratio=29.0)
    pictures = "recog.tools.pictures.classification:ClassificationPictures"
    output_names = ("logits",)
    head_names = ("logits",)

    def network(self) -> nn.Module:
        return digits_resnet()

    def heads(self, network: nn.Module) -> nn.Module:
        return _Logits(network).train(network.training)

    def example_inputs(self) -> tuple[Tensor, ...]:
        return (torch.zeros(1, 1, 8, 8),)

    def data(
        self,
        split: str,
        count: int | None = None,
        *,
        folder: str | Path | None = None,
        processes: int = 1,
        progress: Progress | None = None,
    ) -> TaskData:
        data = load_digits_data()
        parts = {
            "train": (data.train_images[CALIBRATION:], data.train_labels[CALIBRATION:]),
            "calibration": (data.train_images[:CALIBRATION], data.train_labels[:CALIBRATION]),
            "test": (data.test_images, data.test_labels),
        }
        if split not in parts:
            raise RecogError(f"no split {split!r}", hint=f"one of {', '.join(SPLIT_NAMES)}")
        images, labels = (part[:count] for part in parts[split])
        if progress is not None:
            progress(len(images))
        return TaskData((images,), labels.tolist(), _encode)

    def loss(self, heads: Sequence[Tensor], targets: Targets) -> Tensor:
        """Cross-entropy with labels smoothed by 0.1."""
        return F.cross_entropy(heads[0], targets["labels"], label_smoothing=0.1)

    def distillation_loss(self, heads: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor | None:
        """See `Task`: soft targets."""
        return soft_class_loss(heads[0], wanted[0])

    def augment(self, inputs: Sequence[Tensor], targets: Targets, rng: np.random.Generator) -> None:
        """Move each image by up to one pixel."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        inputs[0].copy_(shifted(inputs[0], generator))

    def metric(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> dict[str, float]:
        """The share of images in percent whose largest logit is at the label."""
        return {"accuracy": 100 * accuracy(outputs[0], np.asarray(truths))}

    def frame_parts(self, outputs: Sequence[np.ndarray], truths: Sequence[Any]) -> list[Any]:
        """See `Task`: whether each is right."""
        return (np.argmax(outputs[0], axis=1) == np.asarray(truths)).tolist()

    def metric_of(self, parts: Sequence[Any]) -> dict[str, float]:
        """See `Task`."""
        return {"accuracy": 100 * float(np.mean(parts))}


def _encode(truths: Sequence[int]) -> Targets:
    return {"labels": torch.tensor(truths, dtype=torch.int64)}
