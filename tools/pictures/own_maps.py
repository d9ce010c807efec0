"""Maps side by side: a class or a number for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from recog.tools.pictures.figure import Figure, Key, Legend, Panel
from recog.tools.pictures.palette import (
    CONVERTED_RIGHT,
    FLOAT_RIGHT,
    NEITHER_RIGHT,
    SAME,
    Colour,
    label_palette,
)
from recog.tools.pictures.renderer import Fact
from recog.tools.pictures.seen import NAMES, SMALLEST, Seen, resized, share

WIDTH = 288
MOST_CLASSES = 256
LEGEND_CLASSES = 24
_DIFFERENCES = np.array([SAME, FLOAT_RIGHT, CONVERTED_RIGHT, NEITHER_RIGHT], np.uint8)


class ClassMaps:
    """The class of each pixel.

    Args:
        ours, theirs: classes (N, h, w), uint8.
    """

    of = "class maps"

    def __init__(self, seen: Seen, ours: np.ndarray, theirs: np.ndarray):
        self._seen, self._maps = seen, (ours, theirs)
        self._truth = _classes_of(seen.targets, ours.shape)
        classes = sorted({int(each) for maps in self._maps for each in np.unique(maps)})
        self._palette = label_palette(1 + classes[-1])
        self.caption = (
            f"The image, the class maps of {NAMES[0]} and {NAMES[1]}, and where they differ: "
            "black where both have one class for a pixel."
        )
        keys = [Key(f"class {each}", self._colour(each)) for each in classes[:LEGEND_CLASSES]]
        self.legend: Legend = [keys, self._difference_keys()]

    def _colour(self, label: int) -> Colour:
        red, green, blue = map(int, self._palette[label])
        return red, green, blue

    def _difference_keys(self) -> list[Key]:
        if self._truth is None:
            return [Key("same class in both", SAME), Key("different", NEITHER_RIGHT)]
        return [
            Key("same class in both", SAME),
            Key(f"only {NAMES[0]} right", FLOAT_RIGHT),
            Key(f"only {NAMES[1]} right", CONVERTED_RIGHT),
            Key("different, neither right", NEITHER_RIGHT),
        ]

    def facts(self) -> list[Fact]:
        ours, theirs = self._maps
        facts = [(share(ours == theirs), "of pixels have the same class in both")]
        if self._truth is not None:
            facts += [
                (share(each == self._truth), f"of pixels right in {name}")
                for name, each in zip(NAMES, self._maps)
            ]
        return facts

    def differences(self) -> np.ndarray:
        ours, theirs = self._maps
        return (ours != theirs).reshape(len(ours), -1).mean(axis=1)

    def figures(self, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frame) for frame in chosen]

    def _figure(self, frame: int) -> Figure:
        ours, theirs = (each[frame] for each in self._maps)
        truth = None if self._truth is None else self._truth[frame]
        photo = resized(self._seen.photo(frame), WIDTH)
        differ = _difference(ours, theirs, truth)
        panels = [Panel(photo, "image")]
        for name, each in zip(NAMES, (ours, theirs)):
            note = "" if truth is None else f"{share(each == truth)} right"
            panels.append(Panel(_coloured(each, self._palette, photo.size), name, note))
        panels.append(Panel(_coloured(differ, _DIFFERENCES, photo.size), "difference"))
        note = f"{share(ours == theirs)} of pixels have the same class in both"
        return Figure(f"classes-{frame:04d}", f"Frame {frame}", note, [panels])


class NumberMaps:
    """A number for each pixel.

    Args:
        ours, theirs: numbers (N, h, w).
    """

    of = "maps of numbers"
    legend: Legend = ()

    def __init__(self, seen: Seen, ours: np.ndarray, theirs: np.ndarray):
        self._seen, self._maps = seen, (ours, theirs)
        self._low, self._high = float(ours.min()), float(ours.max())
        self._most = max(float(each.max()) for each in map(_apart, ours, theirs))
        self.caption = (
            f"The image, what {NAMES[0]} and {NAMES[1]} give (black {self._low:.3g}, white "
            f"{self._high:.3g}), and by how much they differ (white {self._most:.3g})."
        )

    def facts(self) -> list[Fact]:
        error = float(np.sqrt(np.mean(self.differences())))
        return [
            (f"{error:.3g}", "root mean square of the difference"),
            (f"{self._most:.3g}", "the largest difference"),
        ]

    def differences(self) -> np.ndarray:
        return np.array([np.mean(_apart(a, b) ** 2) for a, b in zip(*self._maps)])

    def figures(self, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frame) for frame in chosen]

    def _figure(self, frame: int) -> Figure:
        ours, theirs = (each[frame] for each in self._maps)
        photo = resized(self._seen.photo(frame), WIDTH)
        panels = [Panel(photo, "image")]
        for name, each in zip(NAMES, (ours, theirs)):
            panels.append(Panel(_grey(each, self._low, self._high, photo.size), name))
        differ = _apart(ours, theirs)
        panels.append(Panel(_grey(differ, 0.0, self._most, photo.size), "difference"))
        note = f"root mean square of the difference {np.sqrt(np.mean(differ**2)):.3g}"
        return Figure(f"numbers-{frame:04d}", f"Frame {frame}", note, [panels])


def look_like_maps(seen: Seen) -> ClassMaps | NumberMaps | None:
    """The first output that has something for each pixel, perhaps of a smaller image."""
    for ours, theirs in zip(seen.ours, seen.theirs):
        if ours.ndim == 3:
            ours, theirs = ours[:, None], theirs[:, None]
        if ours.ndim != 4 or min(ours.shape[2:]) < SMALLEST:
            continue
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            continue
        if ours.dtype.kind in "iu" and ours.shape[1] == 1:
            low = min(int(ours.min()), int(theirs.min()))
            high = max(int(ours.max()), int(theirs.max()))
            if low >= 0 and high < MOST_CLASSES:
                return ClassMaps(seen, ours[:, 0].astype(np.uint8), theirs[:, 0].astype(np.uint8))
        elif ours.dtype.kind == "f" and 2 <= ours.shape[1] <= MOST_CLASSES:
            return ClassMaps(seen, _decided(ours), _decided(theirs))
        elif ours.dtype.kind == "f" and ours.shape[1] == 1:
            return NumberMaps(seen, ours[:, 0], theirs[:, 0])
    return None


def _decided(scores: np.ndarray) -> np.ndarray:
    """Classes of scores (N, C, h, w), a frame at a time: all at once take eight bytes each."""
    return np.stack([each.argmax(0).astype(np.uint8) for each in scores])


def _classes_of(targets: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Targets that are classes of the pixels."""
    if targets is None or targets.dtype.kind not in "iu" or targets.size != np.prod(shape):
        return None
    return targets.reshape(shape).astype(np.int64)


def _difference(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """Rows of `_DIFFERENCES`."""
    if truth is None:
        return np.where(ours != theirs, 3, 0)
    return np.where(ours == theirs, 0, np.where(ours == truth, 1, np.where(theirs == truth, 2, 3)))


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.abs(ours.astype(np.float64) - theirs)


def _coloured(values: np.ndarray, palette: np.ndarray, size: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(values.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    # A picture with a palette is a tenth of the size.
    picture.putpalette(palette.tobytes())
    return picture


def _grey(values: np.ndarray, low: float, high: float, size: tuple[int, int]) -> Image.Image:
    shares = (values.astype(np.float64) - low) / max(high - low, 1e-30)
    pixels = np.rint(255 * shares.clip(0, 1)).astype(np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
