"""Classification: sheets of images with the labels that both networks give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.tools.pictures.canvas import enlarged, font
from recog.tools.pictures.figure import Figure, Key, Panel
from recog.tools.pictures.frames import Frames, check_shape
from recog.tools.pictures.palette import (
    DISAGREE,
    FAINT_INK,
    INK,
    PAPER,
    RULE,
    WRONG,
    Colour,
)
from recog.tools.pictures.renderer import Fact

COLUMNS, SIDE, GAP, CAPTION, MARGIN = 16, 64, 14, 22, 8
SHEET, MISTAKES = 96, 384
"""The most images on each of the sheets."""


class ClassificationPictures:
    """One sheet of the first images, one of all that either network gets wrong."""

    def __init__(self, names: tuple[str, str]):
        self.names = names
        ours, theirs = names
        self.caption = (
            f"Under each image the label from {ours} (left) and from {theirs} (right). A frame "
            "marks errors; wrong labels are red, the true one is in brackets."
        )
        self.legend = [[Key("wrong in both", WRONG), Key("right in one of the two", DISAGREE)]]

    def check(self, frames: Frames, where: str) -> None:
        for name, (logits,) in zip(("float logits", "converted logits"), frames.outputs):
            check_shape(name, logits, (len(frames), None), where)
            if logits.shape[1] == 0 or np.isnan(logits).any():
                raise RecogError(f"{name} are empty or not numbers", where=where)
        truth = np.asarray(frames.truths)
        classes = frames.float_outputs[0].shape[1]
        whole = truth.ndim == 1 and np.issubdtype(truth.dtype, np.integer)
        if not whole or truth.min() < 0 or truth.max() >= classes:
            message = f"true labels are not all integers from 0 to {classes - 1}"
            raise RecogError(message, where=where)

    def facts(self, frames: Frames) -> list[Fact]:
        truth, ours, theirs = _labels(frames)
        count = len(truth)
        return [
            (f"{int((ours == theirs).sum())} of {count}", "images have the same label in both"),
            (f"{int((ours == truth).sum())} of {count}", f"right in {self.names[0]}"),
            (f"{int((theirs == truth).sum())} of {count}", f"right in {self.names[1]}"),
        ]

    def figures(self, frames: Frames, chosen: Sequence[int]) -> list[Figure]:
        """The sheets show all frames; `chosen` is not used."""
        truth, ours, theirs = _labels(frames)
        first = np.arange(min(SHEET, len(truth)))
        mistaken = np.flatnonzero((ours != truth) | (theirs != truth))
        found = [self._sheet(frames, first, "first", f"The first {counted(len(first), 'image')}")]
        if len(mistaken):
            which = "Every image" if len(mistaken) <= MISTAKES else f"The first {MISTAKES} images"
            mistaken = mistaken[:MISTAKES]
            title = f"{which} that {self.names[0]} or {self.names[1]} gets wrong"
            found.append(self._sheet(frames, mistaken, "errors", title))
        return found

    def moment(self, frames: Frames, frame: int) -> Figure:
        return self._sheet(frames, np.array([frame]), f"{frame:04d}", f"Image {frame}")

    def _sheet(self, frames: Frames, chosen: np.ndarray, name: str, title: str) -> Figure:
        columns = min(COLUMNS, len(chosen))
        rows = -(-len(chosen) // columns)
        wide, high = SIDE + GAP, SIDE + CAPTION + GAP
        size = (columns * wide - GAP + 2 * MARGIN, rows * high - GAP + 2 * MARGIN)
        sheet = Image.new("RGB", size, PAPER)
        labels = [each[chosen] for each in _labels(frames)]
        for slot, frame in enumerate(chosen):
            row, column = divmod(slot, columns)
            corner = (column * wide + MARGIN, row * high + MARGIN)
            truth, ours, theirs = (int(each[slot]) for each in labels)
            _draw_image(sheet, frames.photo(int(frame)), corner, truth, ours, theirs)
        truth, ours, theirs = labels
        same = f"{int((ours == theirs).sum())} of {counted(len(chosen), 'label')} alike"
        panel = Panel(sheet, " | ".join(self.names))
        return Figure(f"classification-{name}", title, same, [[panel]])


def _labels(frames: Frames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true labels, those of float, those of the converted program."""
    (ours,), (theirs,) = frames.outputs
    return np.asarray(frames.truths), ours.argmax(1), theirs.argmax(1)


def _draw_image(
    sheet: Image.Image,
    photo: np.ndarray,
    corner: tuple[int, int],
    truth: int,
    ours: int,
    theirs: int,
) -> None:
    x, y = corner
    draw = ImageDraw.Draw(sheet)
    # Dark on white, as digits are written.
    picture = enlarged(255 - photo, max(1, SIDE // max(photo.shape[:2])))
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet.paste(picture, (x, y))
    outline, width = _frame(truth, ours, theirs)
    draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), outline=outline, width=width)
    base, size = y + SIDE + CAPTION / 2 + 1, 17
    parts = [
        (str(ours), _verdict(ours, truth)),
        ("|", RULE),
        (str(theirs), _verdict(theirs, truth)),
    ]
    if outline != RULE:
        parts.append((f"({truth})", FAINT_INK))
    texts = [draw.textlength(text, font=font(size)) for text, _ in parts]
    at = x + (SIDE - sum(texts) - 6 * (len(parts) - 1)) / 2
    for (text, colour), length in zip(parts, texts):
        draw.text((at, base), text, fill=colour, font=font(size), anchor="lm")
        at += length + 6


def _frame(truth: int, ours: int, theirs: int) -> tuple[Colour, int]:
    if ours == theirs == truth:
        return RULE, 1
    return (WRONG, 4) if truth not in (ours, theirs) else (DISAGREE, 4)


def _verdict(label: int, truth: int) -> Colour:
    return INK if label == truth else WRONG
