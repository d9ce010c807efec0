"""Intervals of what tasks lose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.base import Task
from recog.tools.report.task_scores import loss_interval


def outputs_of(task: Task, count: int, seed: int) -> list[np.ndarray]:
    """Decoded outputs of a network that was never trained."""
    import torch

    torch.manual_seed(seed)
    network = task.network().eval()
    return task.predict(network, task.data("test", count), batch=4)


@pytest.mark.parametrize("name", TASK_NAMES)
def test_the_metric_is_that_of_all_frames_parts(name: str, tmp_path: Path):
    task = get_task(name)
    count = 24 if name == "classification" else 3
    truths = task.data("test", count).truths
    outputs = outputs_of(task, count, 0)
    parts = task.frame_parts(outputs, truths)
    assert parts is not None
    whole = task.metric(outputs, truths)
    assert task.metric_of(parts) == pytest.approx(whole, nan_ok=True)
    drawn = [2, 0, 2]
    some = task.metric([each[drawn] for each in outputs], [truths[i] for i in drawn])
    assert task.metric_of([parts[i] for i in drawn]) == pytest.approx(some, nan_ok=True)


def test_the_interval_of_a_loss_is_paired():
    """Networks that err on the same frames lose nothing on any draw."""
    task = get_task("classification")
    labels = (np.arange(200) % 10).tolist()
    right = np.eye(10, dtype=np.float32)[labels]
    some = right.copy()
    some[:20] = np.roll(right[:20], 1, axis=1)
    more = some.copy()
    more[20:30] = np.roll(right[20:30], 1, axis=1)
    assert loss_interval(task, labels, [some], [some]) == (0.0, 0.0)
    low, high = loss_interval(task, labels, [some], [more])
    assert low is not None
    assert high is not None
    # The binomial's, of 10 among 200: 5 % with a standard deviation of 1.54.
    assert low == pytest.approx(5 - 1.96 * 1.54, abs=0.7)
    assert high == pytest.approx(5 + 1.96 * 1.54, abs=0.7)
