"""Boxes of both networks on the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from recog.dialects.words import counted
from recog.tools.pictures.canvas import Canvas
from recog.tools.pictures.figure import Figure, Legend, Panel
from recog.tools.pictures.frames import SAME_IOU, SCORE, Detections, agreement, common
from recog.tools.pictures.palette import Colour, label_palette
from recog.tools.pictures.renderer import Fact
from recog.tools.pictures.seen import NAMES, Seen, resized

WIDTH = 448
MOST_LABELS = 1000
MOST_BOXES = 100
"""Of a frame: those with the best scores."""
FAR = 1e6
"""Pixels: boxes beyond are as good as there."""
RELATIVE = 1.5
"""Boxes within so many images are in shares of the image."""
MOSTLY = 0.9


@dataclass(frozen=True)
class _Places:
    """Which outputs hold what; `None` is what there is none of. Boxes may have scores and labels
    behind their four numbers."""

    boxes: int
    scores: int | None
    labels: int | None


class Boxes:
    """What is found where, with scores and labels where there are any."""

    of = "boxes"
    legend: Legend = ()

    def __init__(self, seen: Seen, places: _Places):
        self._seen = seen
        self._outputs = (_columns(seen.ours, places), _columns(seen.theirs, places))
        self._middles = not _are_corners(*self._outputs[0])
        self._relative = _are_relative(self._outputs[0][0])
        self._palette = label_palette(16)
        least = "" if self._outputs[0][1] is None else f" with scores of at least {SCORE}"
        self.caption = f"Boxes of {NAMES[0]} (left) and {NAMES[1]} (right){least}."

    def facts(self) -> list[Fact]:
        counts, shared = [0, 0], list[float]()
        for frame in range(len(self._seen)):
            found = self._found(frame)
            counts = [count + len(each) for count, each in zip(counts, found)]
            shared += common(*found)
        mean = f"{np.mean(shared):.3f}" if shared else "none"
        return [
            (f"{len(shared):,} of {max(counts):,}", f"boxes in both (IoU at least {SAME_IOU})"),
            (mean, "mean IoU of the boxes in both"),
        ]

    def differences(self) -> np.ndarray:
        """The share of the boxes that are not in both, those in both by what they do not share."""
        return np.array([_missing(*self._found(frame)) for frame in range(len(self._seen))])

    def _found(self, frame: int) -> list[Detections]:
        return [self._detections(*each, frame) for each in self._outputs]

    def _detections(
        self, boxes: np.ndarray, scores: np.ndarray | None, labels: np.ndarray | None, frame: int
    ) -> Detections:
        """Those that are drawn, the lowest first."""
        own = boxes[frame].astype(np.float64).clip(-FAR, FAR)
        height, width = self._seen.shape
        if self._relative:
            own = own * np.array([width, height, width, height])
        if self._middles:
            own = np.concatenate([own[:, :2] - own[:, 2:] / 2, own[:, :2] + own[:, 2:] / 2], 1)
        shown = np.isfinite(own).all(1) & (own[:, 2:] > own[:, :2]).all(1)
        score = np.ones(len(own)) if scores is None else scores[frame].astype(np.float64)
        rows = np.flatnonzero(shown & (score >= SCORE))
        rows = rows[np.argsort(score[rows], kind="stable")][-MOST_BOXES:]
        given = np.zeros(len(own)) if labels is None else labels[frame].astype(np.float64)
        kinds = np.nan_to_num(given).clip(-1, MOST_LABELS).astype(np.int64)
        return Detections(kinds[rows], score[rows], own[rows])

    def figures(self, chosen: Sequence[int]) -> list[Figure]:
        return [self._figure(frame) for frame in chosen]

    def _figure(self, frame: int) -> Figure:
        found, photo = self._found(frame), resized(self._seen.photo(frame), WIDTH)
        panels = [
            Panel(self._drawn(photo, each), name, counted(len(each), "box"))
            for name, each in zip(NAMES, found)
        ]
        return Figure(f"boxes-{frame:04d}", f"Frame {frame}", agreement(*found), [panels])

    def _drawn(self, photo: Image.Image, found: Detections) -> Image.Image:
        canvas = Canvas(photo)
        scale = canvas.width / self._seen.shape[1]
        _, scores, labels = self._outputs[0]
        for label, score, box in zip(found.labels, found.scores, found.boxes_2d * scale):
            red, green, blue = map(int, self._palette[label % len(self._palette)])
            colour: Colour = (red, green, blue)
            x1, y1, x2, y2 = (float(value) for value in box)
            corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
            canvas.line(corners, colour, 2.0, closed=True, halo=True)
            parts = [*([f"{label}"] if labels is not None else [])]
            parts += [f"{score:.2f}"] if scores is not None else []
            if parts:
                canvas.label(" ".join(parts), (x1, y1, x2, y2), colour, 12)
        return canvas.picture()


def look_like_boxes(seen: Seen) -> Boxes | None:
    """An output (N, K, 4), with scores and labels (N, K) beside it, or in one (N, K, 5 or 6)."""
    outputs = list(enumerate(seen.ours))
    for number, boxes in outputs:
        if boxes.ndim != 3 or boxes.dtype.kind != "f" or not 4 <= boxes.shape[2] <= 6:
            continue
        if boxes.shape[2] > 4:
            own = boxes[:, :, 4]
            if not (np.isfinite(own).all() and own.min() >= 0 and own.max() <= 1):
                continue
            return Boxes(seen, _Places(number, None, None))
        beside = [(i, each) for i, each in outputs if each.shape == boxes.shape[:2]]
        scores = _named(beside, seen.names, ("score", "conf", "prob"), _are_scores)
        rest = [(i, each) for i, each in beside if i != scores]
        labels = _named(rest, seen.names, ("label", "class", "kind", "ind"), _are_labels)
        if scores is not None or len(outputs) == 1:
            return Boxes(seen, _Places(number, scores, labels))
    return None


def _missing(ours: Detections, theirs: Detections) -> float:
    most = max(len(ours), len(theirs))
    return 1 - sum(common(ours, theirs)) / most if most else 0.0


def _named(
    arrays: Sequence[tuple[int, np.ndarray]],
    names: Sequence[str],
    words: Sequence[str],
    fits: Callable[[np.ndarray], bool],
) -> int | None:
    """The first array that fits, one whose name has such a word before others."""
    fitting = [i for i, each in arrays if fits(each)]
    called = [i for i in fitting if any(word in names[i].lower() for word in words)]
    return next(iter([*called, *fitting]), None)


def _are_scores(array: np.ndarray) -> bool:
    finite = array.dtype.kind == "f" and bool(np.isfinite(array).all())
    return finite and float(array.min()) >= 0 and float(array.max()) <= 1


def _are_labels(array: np.ndarray) -> bool:
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        return False
    whole = bool((array == np.rint(array)).all())
    return whole and float(array.min()) >= -1 and float(array.max()) < MOST_LABELS


def _columns(
    outputs: Sequence[np.ndarray], places: _Places
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Boxes (N, K, 4), scores and labels (N, K)."""
    boxes = outputs[places.boxes]
    if boxes.shape[2] > 4:
        labels = boxes[:, :, 5] if boxes.shape[2] == 6 else None
        return boxes[:, :, :4], boxes[:, :, 4], labels
    scores = None if places.scores is None else outputs[places.scores]
    return boxes, scores, None if places.labels is None else outputs[places.labels]


def _shown(boxes: np.ndarray, scores: np.ndarray | None) -> np.ndarray:
    own = boxes.reshape(-1, 4)
    kept = np.isfinite(own).all(1)
    return own[kept if scores is None else kept & (scores.reshape(-1) >= SCORE)]


def _are_corners(boxes: np.ndarray, scores: np.ndarray | None, _: np.ndarray | None) -> bool:
    """Whether the numbers are two corners, not a middle with width and height."""
    own = _shown(boxes, scores)
    return not len(own) or float((own[:, 2:] > own[:, :2]).all(1).mean()) >= MOSTLY


def _are_relative(boxes: np.ndarray) -> bool:
    finite = np.abs(boxes[np.isfinite(boxes)])
    return bool(finite.size) and float((finite <= RELATIVE).mean()) > 0.99
