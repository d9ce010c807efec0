"""A perception task's own metric, of the outputs of its network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recog.dialects.errors import RecogError
from recog.frontend.tasks.base import Task
from recog.lowering.check.metrics import Metric, MetricOfParts, Outputs


def task_metric(task: Task, truths: Sequence[Any]) -> Metric | MetricOfParts:
    """The score that stands for a task.

    Args:
        truths: what is true of each frame, as `Task.metric` takes it.
    """
    return _OfFrames(task, truths) if _has_parts(task) else _OfAll(task, truths)


def frame_losses(
    task: Task, truths: Sequence[Any], ours: Outputs, theirs: Outputs
) -> np.ndarray | None:
    """What each frame alone loses in the task's metric, (N,): 0 where it has none; None where the
    task does not say what frames contribute."""
    if not _has_parts(task):
        return None
    metric = _OfFrames(task, truths)
    frames = np.arange(len(truths))
    before, after = (metric.parts(each, frames) for each in (ours, theirs))
    lost = [metric.of([a]) - metric.of([b]) for a, b in zip(before, after)]
    return np.nan_to_num(np.array(lost))


def _has_parts(task: Task) -> bool:
    """Whether what frames contribute is of the task's own metric, not of that of a class which it
    takes the rest from."""
    own = _definer(task, "metric_of")
    return _definer(task, "frame_parts") is not Task and issubclass(own, _definer(task, "metric"))


def _definer(task: Task, name: str) -> type:
    return next(each for each in type(task).__mro__ if name in vars(each))


class _OfAll:
    """One number for all frames, of their outputs."""

    def __init__(self, task: Task, truths: Sequence[Any]):
        self._task, self._truths = task, truths
        self.name = _name(task)

    def scores(self, outputs: Outputs, reference: Outputs, frames: np.ndarray) -> np.ndarray:
        """See `Metric`."""
        truths = [self._truths[i] for i in frames]
        value = float(self._task.metric(outputs, truths)[self._task.metric_name])
        if not math.isfinite(value):
            message = "has no value on these frames"
            raise RecogError(message, where=self.name, hint="give more frames")
        return np.asarray(value)


class _OfFrames:
    """Of what each frame contributes."""

    def __init__(self, task: Task, truths: Sequence[Any]):
        self._task, self._truths = task, truths
        self.name = _name(task)

    def parts(self, outputs: Outputs, frames: np.ndarray) -> Sequence[Any]:
        """See `MetricOfParts`."""
        found = self._task.frame_parts(outputs, [self._truths[i] for i in frames])
        if found is None:
            message = "frame_parts gives None, which only the default may"
            raise RecogError(message, where=self._task.name)
        return found

    def of(self, parts: Sequence[Any]) -> float:
        """See `MetricOfParts`."""
        return float(self._task.metric_of(parts)[self._task.metric_name])


def _name(task: Task) -> str:
    return f"{task.metric_name} of {task.title}"
