"""What a cell of a feature map means in the image and in space, as integers that a chip keeps.

Lengths and positions count 2^-16 (of a pixel, of a cell); logarithms, all to base 2, count
2^-16 too. The words of a geometry, in the order of its fields, lie in weight memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_LENGTH = (1 << 31) - 1
"""The largest length: 32768 pixels, less one unit."""
MAX_STRIDE = 1 << 26
"""1024 pixels a cell."""
MAX_LOGARITHM = 1 << 21
"""Of a factor: 32 octaves."""
MAX_BASELINE = 1 << 20
"""Of the baseline: 16 octaves."""
PRIOR_SIZES = 3
"""Height, width and length of a class."""


def _check(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} must be in [{low}, {high}], got {value}")


@dataclass(frozen=True)
class ImageGeometry:
    """Where cells are in the image.

    Attributes:
        stride: pixels from a cell to the next, in 2^-16.
        extent: the logarithm of half a stride, in pixels.
    """

    stride: int
    extent: int

    def __post_init__(self):
        _check("stride", self.stride, 1, MAX_STRIDE)
        _check("extent", self.extent, -MAX_LOGARITHM, MAX_LOGARITHM)

    @property
    def words(self) -> list[int]:
        """What weight memory holds, int32."""
        return [self.stride, self.extent]

    @classmethod
    def from_words(cls, words: Sequence[int]) -> ImageGeometry:
        """The inverse of `words`; raises ValueError for words that are no geometry."""
        return cls(*map(int, words))


IMAGE_WORDS = 2


@dataclass(frozen=True)
class CameraGeometry:
    """Where cells are in the image, and what a disparity there means in space.

    Attributes:
        stride: pixels from a cell to the next, in 2^-16.
        centre: the principal point (cu, cv), in 2^-16 pixels.
        focal: the focal length, in 2^-16 pixels.
        depth: the logarithm of focal length (pixels) times baseline (metres).
        baseline: the logarithm of the baseline in metres.
        priors: the logarithms of height, width and length in metres of each class.
    """

    stride: int
    centre: tuple[int, ...]
    focal: int
    depth: int
    baseline: int
    priors: tuple[int, ...]

    def __post_init__(self):
        _check("stride", self.stride, 1, MAX_STRIDE)
        if len(self.centre) != 2:
            raise ValueError(f"the centre must be two numbers, got {len(self.centre)}")
        for value in self.centre:
            _check("centre", value, -MAX_LENGTH, MAX_LENGTH)
        _check("focal", self.focal, 1, MAX_LENGTH)
        _check("depth", self.depth, -MAX_LOGARITHM, MAX_LOGARITHM)
        _check("baseline", self.baseline, -MAX_BASELINE, MAX_BASELINE)
        if not self.priors or len(self.priors) % PRIOR_SIZES:
            raise ValueError(f"priors must be three for each class, got {len(self.priors)}")
        for value in self.priors:
            _check("priors", value, -MAX_LOGARITHM, MAX_LOGARITHM)

    @property
    def classes(self) -> int:
        return len(self.priors) // PRIOR_SIZES

    @property
    def words(self) -> list[int]:
        """What weight memory holds, int32."""
        rest = [self.focal, self.depth, self.baseline, *self.priors]
        return [self.stride, *self.centre, *rest]

    @classmethod
    def from_words(cls, words: Sequence[int]) -> CameraGeometry:
        """The inverse of `words`; raises ValueError for words that are no geometry."""
        stride, cu, cv, focal, depth, baseline, *priors = map(int, words)
        return cls(stride, (cu, cv), focal, depth, baseline, tuple(priors))


def camera_words(classes: int) -> int:
    """How many words a camera's geometry takes."""
    return 6 + PRIOR_SIZES * classes
