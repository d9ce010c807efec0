"""A network of your own, tuned on a loss of your own: discs and squares, and a Dice loss.

    python examples/own_segmentation.py      # train, tune, convert, score: about a minute

The `recog` command takes the same functions:

    F=examples/own_segmentation.py
    recog convert build/own/network.pt2 --data $F:batches --loss $F:dice_loss --metric $F:mean_dice
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# Threads that wait are not to spin, which costs minutes on busy cores; torch reads it as it loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 3  # background, disc, square
SIZE = 32
FRAMES = 512


def shapes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy images (N, 1, 32, 32) in [0, 1] of a disc and a square, and the class of each pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((count, 1, SIZE, SIZE), np.float32)
    classes = np.zeros((count, SIZE, SIZE), np.int64)
    for image, pixels in zip(images, classes):
        for label in (1, 2):
            cy, cx, radius = *rng.uniform(6, SIZE - 6, 2), rng.uniform(3, 7)
            away = np.hypot(y - cy, x - cx) if label == 1 else np.maximum(abs(y - cy), abs(x - cx))
            pixels[away < radius] = label
            image[0][away < radius] = rng.uniform(0.4, 1)
    noisy = images + rng.normal(0, 0.15, images.shape)
    return torch.from_numpy(noisy.clip(0, 1).astype(np.float32)), torch.from_numpy(classes)


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A convolution with batch norm and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Network(nn.Module):
    """An encoder and a decoder that meets the encoder's features again."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = block(1, 16), block(16, 32, 2), block(32, 64, 2)
        self.narrow, self.join = block(64, 32), block(64, 16)
        self.classify = nn.Conv2d(16, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, H, W) → logits (N, classes, H, W)."""
        half = self.second(self.first(x))
        up = F.interpolate(self.narrow(self.third(half)), scale_factor=2.0)
        joined = self.join(torch.cat([up, half], 1))
        return F.interpolate(self.classify(joined), scale_factor=2.0)


def dice_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """One minus the soft Dice coefficient, the mean over the classes (Milletari et al. 2016)."""
    found = logits.softmax(1)
    wanted = F.one_hot(classes, CLASSES).permute(0, 3, 1, 2)
    shared, sizes = (found * wanted).sum((0, 2, 3)), (found + wanted).sum((0, 2, 3))
    return 1 - (2 * shared / sizes).mean()


def mean_dice(logits: np.ndarray, classes: np.ndarray) -> float:
    """The Dice coefficient of the decided classes, their mean, in percent."""
    decided = logits.argmax(1)
    each = [
        2 * ((decided == c) & (classes == c)).sum() / ((decided == c).sum() + (classes == c).sum())
        for c in range(CLASSES)
    ]
    return 100 * float(np.mean(each))


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    """Those of an epoch, 32 frames each, in another order every time."""
    images, classes = shapes(FRAMES, seed=1)
    for chosen in torch.randperm(FRAMES).split(32):
        yield images[chosen], classes[chosen]


def mirrored(images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the batches left to right."""
    if torch.rand(()) < 0.5:
        return images.flip(3), classes.flip(2)
    return images, classes


def train(epochs: int) -> Network:
    """The network, trained in float on the same loss."""
    torch.manual_seed(0)
    network = Network().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(epochs):
        for images, classes in batches():
            optimizer.zero_grad()
            dice_loss(network(images), classes).backward()
            optimizer.step()
    return network.eval()


def main() -> None:
    """Train, tune and convert; print the Dice coefficients and the ratio."""
    from recog.backend.machine import Machine
    from recog.lowering.pipeline import ConversionOptions, module_outputs, weight_bytes
    from recog.tools.tuning import tune

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/own"), help="folder to write")
    parser.add_argument("--epochs", type=int, default=6, help="of training (default: 6)")
    parser.add_argument("--tune-epochs", type=int, default=3, help="of tuning (default: 3)")
    given = parser.parse_args()

    network = train(given.epochs)
    options = ConversionOptions(centroids=64, epochs=given.tune_epochs, learning_rate=1e-2)
    conversion = tune(network, batches, dice_loss, augment=mirrored, options=options)

    given.out.mkdir(parents=True, exist_ok=True)
    program = conversion.assemble()
    (given.out / "program.recog").write_bytes(program)
    example = (torch.zeros(1, 1, SIZE, SIZE),)
    torch.export.save(torch.export.export(network, example), given.out / "network.pt2")

    images, classes = (x.numpy() for x in shapes(128, seed=2))  # none of these was trained on
    machine = Machine(program)
    for name, module in conversion.stages.items():
        if name in ("float", "clustered", "tuned"):
            print(f"{name:10} {mean_dice(module_outputs(module, [images])[0], classes):6.2f} %")
    print(f"{'machine':10} {mean_dice(machine.run(images), classes):6.2f} %")
    print(f"weights: {weight_bytes(conversion.float_module) / machine.weight_bytes:.1f}x smaller")


if __name__ == "__main__":
    main()
