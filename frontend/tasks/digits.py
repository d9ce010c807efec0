"""scikit-learn's bundled handwritten digits (1,797 images of 8x8), and training on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DigitsData:
    """Images float32 (N, 1, 8, 8) in [0, 1], labels int64 (N), in two disjoint parts."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits_data(seed: int = 0, test_fraction: float = 0.2) -> DigitsData:
    """Split stratified by digit: at 0.2, 1,437 images to train on and 360 held out."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, targets = load_digits(return_X_y=True)
    images = (np.asarray(pixels) / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = np.asarray(targets).astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=test_fraction, stratify=labels, random_state=seed
    )
    return DigitsData(images[train], labels[train], images[test], labels[test])


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by -1, 0 or 1 pixels along both axes, zeros entering at the border."""
    count, _, height, width = images.shape
    padded = F.pad(images, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2, count, 1, 1), generator=generator)
    rows = dy + torch.arange(height).reshape(1, height, 1)
    columns = dx + torch.arange(width).reshape(1, 1, width)
    return padded[torch.arange(count).reshape(-1, 1, 1), 0, rows, columns][:, None]


def train_digits(
    model: nn.Module,
    data: DigitsData,
    *,
    epochs: int = 12,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
    progress: Callable[[int, int, float], None] | None = None,
) -> nn.Module:
    """Train in place on the training part; leaves the model in evaluation mode.

    AdamW with a one-cycle cosine schedule, label smoothing 0.1 and shifts by one pixel.
    Equal seeds (and an equally initialised model) give equal weights on one machine.

    Args:
        progress: called after each epoch with (epochs done, epochs, mean training loss).
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    batches = math.ceil(len(images) / batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=learning_rate, total_steps=epochs * batches, pct_start=0.2
    )
    model.train()
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(images), generator=generator)
        for batch in order.split(batch_size):
            logits = model(shifted(images[batch], generator))
            loss = F.cross_entropy(logits, labels[batch], label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        if progress is not None:
            progress(epoch + 1, epochs, total / len(images))
    return model.eval()


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of rows whose largest logit is at the label."""
    return float((np.argmax(logits, axis=1) == labels).mean())
