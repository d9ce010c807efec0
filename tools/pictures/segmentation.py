"""Semantic segmentation: class maps side by side, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from recog.dialects.errors import RecogError
from recog.frontend.scenes.world import CLASS_NAMES, SceneClass
from recog.tools.pictures.canvas import enlarged
from recog.tools.pictures.figure import Figure, Key, Panel
from recog.tools.pictures.frames import Frames, check_shape
from recog.tools.pictures.palette import (
    CLASS_COLOURS,
    CONVERTED_RIGHT,
    FLOAT_RIGHT,
    NEITHER_RIGHT,
    SAME,
    class_palette,
)
from recog.tools.pictures.renderer import Fact

SCALE, MOVING_SCALE = 3, 2
_DIFFERENCE_COLOURS = np.array([SAME, FLOAT_RIGHT, CONVERTED_RIGHT, NEITHER_RIGHT], np.uint8)


def difference_map(truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """uint8, as the class maps: 0 where both agree, else 1 where only `ours` is right, 2 where only
    `theirs` is, 3 where neither is."""
    differ = ours != theirs
    kind = np.where(ours == truth, 1, np.where(theirs == truth, 2, 3))
    return np.where(differ, kind, 0).astype(np.uint8)


class SegmentationPictures:
    """Float left, converted right; below, the image and the difference."""

    def __init__(self, names: tuple[str, str]):
        self.names = names
        ours, theirs = names
        self.caption = (
            f"Class maps of {ours} (left) and {theirs} (right) for the image below left. The "
            "difference is black where both agree on a pixel's class; colours tell which of "
            "the two is right where they do not."
        )
        differences = [
            Key("same class in both", SAME),
            Key(f"only {ours} right", FLOAT_RIGHT),
            Key(f"only {theirs} right", CONVERTED_RIGHT),
            Key("different, neither right", NEITHER_RIGHT),
        ]
        classes = [Key(each.name.lower(), CLASS_COLOURS[each]) for each in SceneClass]
        self.legend = [classes, differences]

    def check(self, frames: Frames, where: str) -> None:
        shape = (len(frames), *frames.shape)
        maps = (*frames.float_outputs, *frames.converted_outputs, np.asarray(frames.truths))
        for name, each in zip(("float classes", "converted classes", "true classes"), maps):
            check_shape(name, each, shape, where)
            whole = np.issubdtype(each.dtype, np.integer)
            if not whole or each.min() < 0 or each.max() >= len(CLASS_NAMES):
                message = f"{name} are not all integers from 0 to {len(CLASS_NAMES) - 1}"
                raise RecogError(message, where=where)

    def facts(self, frames: Frames) -> list[Fact]:
        (ours,), (theirs,) = frames.outputs
        truth = np.asarray(frames.truths)
        return [
            (_share(ours == theirs), "of pixels have the same class in both"),
            (_share(ours == truth), f"of pixels right in {self.names[0]}"),
            (_share(theirs == truth), f"of pixels right in {self.names[1]}"),
        ]

    def figures(self, frames: Frames, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frames, frame, SCALE) for frame in chosen]

    def moment(self, frames: Frames, frame: int) -> Figure:
        return self._figure(frames, frame, MOVING_SCALE)

    def _figure(self, frames: Frames, frame: int, scale: int) -> Figure:
        (ours,), (theirs,) = frames.outputs
        truth, ours, theirs = frames.truths[frame], ours[frame], theirs[frame]
        same = _share(ours == theirs)
        palette, differences = class_palette(), difference_map(truth, ours, theirs)
        panels = [
            Panel(_map(each, palette, scale), name, f"{_share(each == truth)} right")
            for name, each in zip(self.names, (ours, theirs))
        ]
        return Figure(
            f"segmentation-{frame:04d}",
            f"Semantic segmentation, frame {frame}",
            f"{same} of pixels agree",
            [
                panels,
                [
                    Panel(enlarged(frames.photo(frame), scale), "image"),
                    Panel(
                        _map(differences, _DIFFERENCE_COLOURS, scale), "difference", f"{same} agree"
                    ),
                ],
            ],
        )


def _map(values: np.ndarray, palette: np.ndarray, scale: int) -> Image.Image:
    picture = enlarged(values.astype(np.uint8), scale)
    # A picture with a palette is a tenth of the size.
    picture.putpalette(palette.tobytes())
    return picture


def _share(equal: np.ndarray) -> str:
    """A share as text; 100.00 % only if nothing differs."""
    share = 100 * float(np.mean(equal))
    return f"{min(share, 99.99) if share < 100 else share:.2f} %"
