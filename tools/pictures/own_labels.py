"""Frames with the labels that both networks give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recog.dialects.words import counted
from recog.tools.pictures.figure import Figure, Legend, Panel
from recog.tools.pictures.renderer import Fact
from recog.tools.pictures.seen import NAMES, Seen, count_of, resized

WIDTH = 144
COLUMNS = 6
SHEET = 4
"""Rows of a sheet."""


class Labels:
    """Which class each frame is of.

    Args:
        output: the number of the output (N, C) that decides, or that is the class, (N,) or (N, 1).
    """

    of = "labels"

    def __init__(self, seen: Seen, output: int):
        self._seen = seen
        self._scores = [each[output] for each in (seen.ours, seen.theirs)]
        self._labels = [_decided(each) for each in self._scores]
        self._truth = _labels_of(seen.targets, len(seen))
        self.caption = (
            f"Above each image its number and the label from {NAMES[0]}, behind an arrow that from "
            f"{NAMES[1]} where it is another"
            + ("." if self._truth is None else ", and to the right the true one.")
        )
        self.legend: Legend = []

    def facts(self) -> list[Fact]:
        ours, theirs = self._labels
        facts = [(count_of(ours == theirs), "frames have the same label in both")]
        if self._truth is not None:
            facts += [
                (count_of(each == self._truth), f"right in {name}")
                for name, each in zip(NAMES, self._labels)
            ]
        return facts

    def differences(self) -> np.ndarray:
        """Decisions that change, those that were right first; then the least sure ones."""
        ours, theirs = self._labels
        found = 2.0 * (ours != theirs)
        if self._truth is not None:
            found += 2.0 * ((ours == self._truth) & (theirs != self._truth))
        return found + self._doubts(ours)

    def _doubts(self, ours: np.ndarray) -> np.ndarray:
        """In [0, 1]: how near another class is to the float network's in the converted one."""
        scores = self._scores[1]
        if scores.ndim != 2 or scores.shape[1] < 2:
            return np.zeros(len(ours))
        values, rows = scores.astype(np.float64), np.arange(len(ours))
        own = values[rows, ours]
        others = values.copy()
        others[rows, ours] = -np.inf
        spread = max(float(np.std(values)), 1e-12)
        return 1 / (1 + np.exp(np.clip((own - others.max(1)) / spread, -50, 50)))

    def figures(self, chosen: Sequence[int]) -> list[Figure]:
        panels = [self._panel(frame) for frame in chosen[: COLUMNS * SHEET]]
        rows = [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
        return [Figure("labels", counted(len(panels), "frame"), "", rows)]

    def _panel(self, frame: int) -> Panel:
        ours, theirs = (int(each[frame]) for each in self._labels)
        label = f"{ours}" if ours == theirs else f"{ours} \N{RIGHTWARDS ARROW} {theirs}"
        note = "" if self._truth is None else f"true {int(self._truth[frame])}"
        picture = resized(self._seen.photo(frame), WIDTH)
        return Panel(picture, f"#{frame}: {label}", note)


def look_like_labels(seen: Seen) -> Labels | None:
    """The first output that decides for one class a frame, where it is the only one or targets
    are such classes."""
    first, other = seen.ours[0], seen.theirs[0]
    one_class = first.ndim == 1 or (first.ndim == 2 and first.shape[1] == 1)
    decides = first.dtype.kind in "iu" and one_class
    scores = first.ndim == 2 and first.shape[1] >= 2 and first.dtype.kind == "f"
    known = _labels_of(seen.targets, len(seen)) is not None
    if not (decides or scores) or not (len(seen.ours) == 1 or known):
        return None
    if scores and not (np.isfinite(first).all() and np.isfinite(other).all()):
        return None
    return Labels(seen, 0)


def _decided(output: np.ndarray) -> np.ndarray:
    if output.dtype.kind in "iu":
        return output.reshape(len(output)).astype(np.int64)
    return output.argmax(axis=1)


def _labels_of(targets: np.ndarray | None, frames: int) -> np.ndarray | None:
    if targets is None or targets.dtype.kind not in "iu" or targets.size != frames:
        return None
    return targets.reshape(frames).astype(np.int64)
