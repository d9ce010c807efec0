"""A classifier of your own, down to 29 times fewer bytes: which photograph is a patch from?

    python examples/own_classifier.py        # train it: seconds

writes a network and its data to build/photos, on which the `recog` command goes on:

    cd build/photos
    recog check network.pt2
    recog convert network.pt2 --data train.npz --test-data test.npz --ratio 29 -o converted
    recog run converted/program.recog --data test.npz -o scores.npy

The photographs are the two that scikit-learn brings. Their left parts are trained on and their
right parts are held out, so that no pixel is in both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 32
SPLIT = 400  # columns to train on, of 640


def patches(split: str, stride: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Grey patches (N, 1, 32, 32) in [0, 1], and which photograph each is of (N,)."""
    images, labels = list[np.ndarray](), list[int]()
    for label, photograph in enumerate(load_sample_images().images):
        grey = photograph.mean(2, dtype=np.float32) / 255
        part = grey[:, :SPLIT] if split == "train" else grey[:, SPLIT:]
        for top in range(0, part.shape[0] - PATCH + 1, stride):
            for left in range(0, part.shape[1] - PATCH + 1, stride):
                images.append(part[None, top : top + PATCH, left : left + PATCH])
                labels.append(label)
    return np.stack(images), np.array(labels)


class Block(nn.Module):
    """Two convolutions and what passes them by, at half the resolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, inputs, H, W) → (N, outputs, H / 2, W / 2)."""
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(inner + self.shortcut(x))


def network(width: int = 32) -> nn.Module:
    """A small residual network, untrained: patches (N, 1, 32, 32) → logits (N, 2)."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        Block(width, 2 * width),
        Block(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, 2),
    )


def train(epochs: int, width: int = 32, stride: int = 16) -> nn.Module:
    """The network, trained in float on patches and their mirror images."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # layers so small gain nothing from more, which wait for each other
    model = network(width).train()
    images, labels = (torch.from_numpy(x) for x in patches("train", stride))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(64):
            batch = images[chosen].flip(3) if torch.rand(()) < 0.5 else images[chosen]
            optimizer.zero_grad()
            F.cross_entropy(model(batch), labels[chosen]).backward()
            optimizer.step()
        schedule.step()
    return model.eval()


def main() -> None:
    """Train the classifier; write it and its data for the `recog` command."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/photos"), help="folder to write")
    parser.add_argument("--epochs", type=int, default=10, help="of training (default: 10)")
    given = parser.parse_args()

    model = train(given.epochs)
    given.out.mkdir(parents=True, exist_ok=True)
    example = (torch.zeros(1, 1, PATCH, PATCH),)
    torch.export.save(torch.export.export(model, example), given.out / "network.pt2")
    for split in ("train", "test"):
        images, labels = patches(split)
        np.savez(given.out / f"{split}.npz", inputs=images, targets=labels)
    with torch.no_grad():
        right = model(torch.from_numpy(images)).argmax(1).numpy() == labels
    print(f"{right.mean():.2%} of {len(labels)} held-out patches, {given.out}/network.pt2")


if __name__ == "__main__":
    main()
