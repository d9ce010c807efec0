"""Scores of segmentation and detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

RECALLS = np.linspace(0, 1, 101)
"""Where COCO samples precision (Lin et al. 2014; pycocotools, Params.recThrs)."""


def confusion(truth: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (classes, classes): rows the true class, columns the found one."""
    if truth.shape != found.shape:
        raise ValueError(f"shapes differ: {truth.shape} and {found.shape}")
    pairs = truth.astype(np.int64).ravel() * classes + found.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def intersection_over_union(matrix: np.ndarray) -> np.ndarray:
    """Of each class (classes,), NaN where a class is neither true nor found."""
    shared = np.diag(matrix).astype(np.float64)
    union = matrix.sum(0) + matrix.sum(1) - shared
    return np.divide(shared, union, out=np.full_like(shared, np.nan), where=union > 0)


@dataclass(frozen=True)
class FrameMatches:
    """One class in one frame.

    Attributes:
        scores: (D,) of the detections.
        overlaps: (D, G), how well each detection fits each true object.
        ignored: (G,) objects that need not be found; a detection of one does not count.
        near_ignored: (D,) detections that do not count where they match nothing.
    """

    scores: np.ndarray
    overlaps: np.ndarray
    ignored: np.ndarray
    near_ignored: np.ndarray


class FrameHits(NamedTuple):
    """What one class in one frame counts in its average precision.

    Attributes:
        scores: of the detections that count.
        hits: which of these are of a true object.
        total: the objects that were to be found.
    """

    scores: np.ndarray
    hits: np.ndarray
    total: int


def matched(frame: FrameMatches, threshold: float) -> FrameHits:
    """Detections in the order of their scores, each with the free object that it fits best, if at
    least `threshold`."""
    order = np.argsort(-frame.scores, kind="stable")
    hit = _match(frame.overlaps[order], frame.ignored, threshold)
    counts = (hit != 0) & ~((hit < 0) & frame.near_ignored[order])
    total = int((~frame.ignored).sum())
    return FrameHits(frame.scores[order][counts], hit[counts] > 0, total)


def precision_of(frames: Sequence[FrameHits]) -> float:
    """COCO's average precision: the mean, at 101 recalls, of the best precision at that recall or
    more. NaN without a true object."""
    total = sum(frame.total for frame in frames)
    if total == 0:
        return float("nan")
    ranked = np.argsort(-np.concatenate([frame.scores for frame in frames]), kind="stable")
    true = np.concatenate([frame.hits for frame in frames])[ranked]
    found = np.cumsum(true)
    precision = found / np.arange(1, len(true) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / total, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(at, len(envelope))].mean())


def _match(overlaps: np.ndarray, ignored: np.ndarray, threshold: float) -> np.ndarray:
    """For each detection in order: 1 a hit, 0 of an ignored object, -1 of nothing."""
    hit = np.full(len(overlaps), -1)
    free = ~ignored
    for row, fits in enumerate(overlaps):
        wanted = np.where(free, fits, -1.0)
        if wanted.size and wanted.max() >= threshold:
            # Of equal fits the last, as COCO's code takes it.
            free[len(wanted) - 1 - int(np.argmax(wanted[::-1]))] = False
            hit[row] = 1
        elif np.any(ignored & (fits >= threshold)):
            hit[row] = 0
    return hit


def mean_precision(each: Sequence[float]) -> float:
    """The mean over classes that occur; NaN if none does."""
    present = [value for value in each if not np.isnan(value)]
    return float(np.mean(present)) if present else float("nan")
