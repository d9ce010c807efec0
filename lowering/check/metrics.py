"""Metrics of a network's outputs: one number a frame, or one for all; the larger, the better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from recog.dialects.errors import RecogError

Outputs = tuple[np.ndarray, ...]


MOST_SCORE = 1e100
"""Sums and differences of larger ones are perhaps no numbers."""


class NotANumberError(RecogError):
    """A metric has none for these outputs."""


class Metric(Protocol):
    """Scores outputs against targets, or against what the float network gives."""

    name: str

    def scores(self, outputs: Outputs, reference: Outputs, frames: np.ndarray) -> np.ndarray:
        """One number a frame (N,), or one for all of them, ().

        Args:
            outputs: of these frames (N, ...).
            reference: the float network's, of the same frames.
            frames: their numbers, (N,): which of the targets are theirs.

        Raises:
            RecogError: the outputs are not of the kind that the metric takes.
        """
        ...


@runtime_checkable
class MetricOfParts(Protocol):
    """A metric of all frames at once, of what each frame alone contributes to it."""

    name: str

    def parts(self, outputs: Outputs, frames: np.ndarray) -> Sequence[Any]:
        """What each of these frames contributes.

        Args:
            outputs: of these frames (N, ...).
            frames: their numbers, (N,).
        """
        ...

    def of(self, parts: Sequence[Any]) -> float:
        """The metric of frames that contribute so, a frame perhaps several times; NaN where it has
        none, as the precision of finding what is nowhere."""
        ...


class Accuracy:
    """The share of labels that the first output's largest channel is, in percent.

    Args:
        labels: integers (N,), or (N, ...) where the output (N, C, ...) has a class a pixel.
        where: the file of the labels, for errors.

    Raises:
        RecogError: the labels are no integers.
    """

    name = "accuracy %"

    def __init__(self, labels: np.ndarray, where: str):
        if labels.dtype.kind not in "iu":
            raise RecogError(
                f"has targets of {labels.dtype}, accuracy wants integers, a class each",
                where=where,
                hint="score other targets with a function of yours: --metric file.py:function",
            )
        self._labels, self._where = labels, where

    def scores(self, outputs: Outputs, reference: Outputs, frames: np.ndarray) -> np.ndarray:
        decided, classes = _decisions(outputs[0])
        labels = self._labels[frames]
        if labels.shape != decided.shape:
            shown = ", ".join(map(str, ("N", *labels.shape[1:])))
            wanted = ", ".join(map(str, ("N", *decided.shape[1:])))
            raise RecogError(
                f"has targets of shape [{shown}], the network decides [{wanted}]",
                where=self._where,
            )
        if classes is not None and ((labels < 0) | (labels >= classes)).any():
            wrong = labels[(labels < 0) | (labels >= classes)][0]
            raise RecogError(
                f"has the label {wrong}, the network has classes 0 to {classes - 1}",
                where=self._where,
                hint="a function of yours can leave it out: --metric file.py:function",
            )
        return _percent_equal(decided, labels)


class Agreement:
    """The share of the float network's decisions that stay, in percent."""

    name = "agreement %"

    def scores(self, outputs: Outputs, reference: Outputs, frames: np.ndarray) -> np.ndarray:
        return _percent_equal(_decisions(outputs[0])[0], _decisions(reference[0])[0])


class UserMetric:
    """A function of outputs and targets that returns a number, or one number a frame.

    It gets the outputs as an array (N, ...), a tuple of them where there are several, and the
    targets (N, ...), None without any; all are copies.

    Args:
        name: what tables and errors call it.
    """

    def __init__(self, function: Callable[..., Any], name: str, targets: np.ndarray | None):
        self.name = name
        self._function, self._targets = function, targets

    def scores(self, outputs: Outputs, reference: Outputs, frames: np.ndarray) -> np.ndarray:
        copies: Outputs = tuple(np.array(x) for x in outputs)
        given = copies[0] if len(copies) == 1 else copies
        targets = None if self._targets is None else self._targets[frames]
        result = self._function(given, targets)
        try:
            scores = np.asarray(result)
        except (TypeError, ValueError, RuntimeError):
            scores = np.asarray(None)
        if scores.dtype.kind not in "fiub" or scores.shape not in ((), (len(frames),)):
            raise RecogError(
                f"returned {_described(result, scores)}",
                where=self.name,
                hint="the function takes outputs and targets, and returns a number, or one number "
                f"a frame: here ({len(frames)},)",
            )
        scores = scores.astype(np.float64)
        if not np.isfinite(scores).all():
            raise NotANumberError("returned NaN or infinity", where=self.name)
        if not (np.abs(scores) < MOST_SCORE).all():
            raise NotANumberError(f"returned a number beyond {MOST_SCORE:g}", where=self.name)
        return scores


def _decisions(output: np.ndarray) -> tuple[np.ndarray, int | None]:
    """The class of each frame or pixel, and how many classes there are, where that is known."""
    if output.dtype.kind in "iub":
        return output, None
    if output.ndim < 2 or output.shape[1] < 2:
        shape = ", ".join(map(str, ("N", *output.shape[1:])))
        raise RecogError(
            f"the network's first output [{shape}] is no choice between classes",
            hint="score it with a function of yours: --metric file.py:function",
        )
    if not np.isfinite(output).all():
        raise RecogError("the network's first output holds NaN or infinity")
    return output.argmax(axis=1), output.shape[1]


def _percent_equal(decided: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return 100 * (decided == wanted).reshape(len(decided), -1).mean(axis=1)


def _described(result: Any, array: np.ndarray) -> str:
    if array.dtype.kind in "fiub":
        return f"numbers of shape {list(array.shape)}"
    return type(result).__name__
