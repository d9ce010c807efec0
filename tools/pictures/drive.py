"""A drive through a street as frames of a task, for an animation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recog.dialects.errors import RecogError
from recog.frontend.scenes.dataset import stack_samples
from recog.frontend.scenes.sample import drive
from recog.frontend.tasks.base import Progress, Targets, Task, TaskData
from recog.frontend.tasks.scene_data import CAMERA

FRAMES, SEED = 48, 6
"""Nearly five seconds of a drive past cars, a truck and pedestrians, in clear weather."""


def drive_data(
    task: Task, frames: int = FRAMES, *, seed: int = SEED, progress: Progress | None = None
) -> TaskData:
    """A drive at ten frames a second, as images and truths of a task; it has no targets.

    Args:
        progress: called with 1 for each frame that became ready.

    Raises:
        RecogError: the task's frames are not road scenes.
    """
    if task.scene_truths is None:
        raise RecogError(f"{task.title} has no drive", hint="a task on road scenes has one")
    samples = list[Any]()
    for sample in drive(frames, CAMERA, seed=seed):
        samples.append(sample)
        if progress is not None:
            progress(1)
    scenes = stack_samples(samples)
    images = (scenes.left, scenes.right)[: len(task.example_inputs())]
    truths: Any = getattr(scenes, task.scene_truths)
    return TaskData(images, truths, _no_targets)


def _no_targets(truths: Sequence[Any]) -> Targets:
    return {}
