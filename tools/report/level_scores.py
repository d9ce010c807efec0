"""What the outputs of a level score, and what that is less than the float network's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recog.lowering.check.bootstrap import draws, interval
from recog.lowering.check.metrics import Metric, Outputs


class Scored(NamedTuple):
    """What outputs score: the accuracy in percent, where there are labels, and the metric, where
    there is one; `scores` are the one that counts, one a frame (N,) or one for all ()."""

    accuracy: float | None
    metric: float | None
    scores: np.ndarray | None


class Scorer:
    """Scores the outputs of some frames.

    Args:
        frames: how many these are.
        labels: their classes (N,), where the first output has a number for each class.
        metric: counts in place of the accuracy.
    """

    def __init__(self, frames: int, labels: np.ndarray | None, metric: Metric | None):
        self._frames, self._labels, self._metric = np.arange(frames), labels, metric

    @property
    def name(self) -> str | None:
        """What counts; None where nothing does."""
        if self._metric is not None:
            return self._metric.name
        return None if self._labels is None else "accuracy %"

    def __call__(self, outputs: Outputs, reference: Outputs) -> Scored:
        """Score outputs (N, ...); `reference` are the float network's."""
        accuracy = score = scores = None
        if self._labels is not None:
            scores = 100.0 * (outputs[0].argmax(axis=1) == self._labels)
            accuracy = float(scores.mean())
        if self._metric is not None:
            scores = np.asarray(self._metric.scores(outputs, reference, self._frames))
            score = float(scores.mean())
        return Scored(accuracy, score, scores)


class Loss(NamedTuple):
    """What scores are less than the float network's, and what 95 % of it lies between, by the
    paired bootstrap over frames; None where there is one score for all."""

    lost: float
    low: float | None
    high: float | None


def loss_of(reference: np.ndarray, scores: np.ndarray) -> Loss:
    """The loss of scores, (N,) or () as those of the float network."""
    lost = reference.astype(np.float64) - scores
    low, high = None, None
    if lost.ndim and len(lost) > 1:
        low, high = interval([float(lost[drawn].mean()) for drawn in draws(len(lost))])
    return Loss(float(lost.mean()), low, high)
