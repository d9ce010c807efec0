"""Frames of any network with its outputs in float and converted, for pictures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from PIL import Image

from recog.tools.pictures.figure import Figure, Legend
from recog.tools.pictures.renderer import Fact

NAMES = ("float", "machine")
MOST_HEIGHT = 2048
"""Pixels: of frames far higher than wide, pictures are narrower."""
SMALLEST = 4
"""Rows and columns of what counts as an image."""
BRIGHT = 64
"""Images whose largest value is above are of numbers to 255."""


@dataclass(frozen=True)
class Seen:
    """What a network was given and what came out.

    Attributes:
        images: its first input, (N, 1 or 3, H, W).
        ours: the float network's outputs, each (N, ...).
        theirs: the converted one's.
        names: of the outputs.
        targets: of the frames (N, ...), where there are any.
    """

    images: np.ndarray
    ours: Sequence[np.ndarray]
    theirs: Sequence[np.ndarray]
    names: Sequence[str]
    targets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.images.shape[2], self.images.shape[3]

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The values that are black and white: those of pictures, else the least and the largest,
        as of images less their mean."""
        if self.images.dtype == np.uint8:
            return 0.0, 255.0
        low, high = np.inf, -np.inf
        for image in self.images:
            finite = image[np.isfinite(image)]
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if low >= 0 and high <= 1:
            return 0.0, 1.0
        if low >= 0 and BRIGHT < high <= 255:
            return 0.0, 255.0
        return (low, high) if low < high else (0.0, 1.0)

    def photo(self, frame: int) -> np.ndarray:
        """A frame's image, uint8 (H, W, 3)."""
        low, high = self._range
        image = (self.images[frame].astype(np.float64) - low) / (high - low)
        pixels = np.rint(255 * np.nan_to_num(image).clip(0, 1)).astype(np.uint8)
        return np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)


def is_image(array: np.ndarray) -> bool:
    """Whether an input (N, ...) is images, of grey or of three colours."""
    return (
        array.ndim == 4
        and len(array) > 0
        and array.shape[1] in (1, 3)
        and min(array.shape[2:]) >= SMALLEST
        and array.dtype.kind in "fiu"
    )


class Look(Protocol):
    """What outputs look like, and how they are drawn."""

    of: str
    """In a word or two: "labels"."""
    caption: str
    legend: Legend

    def facts(self) -> list[Fact]:
        """Numbers over all frames."""
        ...

    def differences(self) -> np.ndarray:
        """How much each frame's outputs differ, (N,): the larger, the worse."""
        ...

    def figures(self, chosen: Sequence[int]) -> list[Figure]:
        """Figures of the chosen frames, in that order."""
        ...


def resized(pixels: np.ndarray | Image.Image, width: int, *, smooth: bool = True) -> Image.Image:
    """A picture about `width` pixels wide, and at most MOST_HEIGHT high: small ones get whole
    squares for pixels."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(_whole(pixels))
    scale = min(width / picture.width, MOST_HEIGHT / picture.height)
    if scale >= 1:
        scale = max(1, int(scale))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    smaller = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return picture.resize(size, Image.Resampling.NEAREST if scale >= 1 else smaller)


def _whole(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels)


def share(equal: np.ndarray) -> str:
    """A share as text; 100.00 % only where it is all."""
    found = 100 * float(np.mean(equal))
    return f"{min(found, 99.99) if found < 100 else found:.2f} %"


def count_of(found: np.ndarray) -> str:
    """How many are true, as text."""
    return f"{int(found.sum()):,} of {len(found):,}"
