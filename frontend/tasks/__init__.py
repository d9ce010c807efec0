"""The perception tasks by name. Importing this package is cheap; a task brings torch with it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recog.dialects.errors import RecogError

if TYPE_CHECKING:
    from recog.frontend.tasks.base import Task

_CLASSES = {
    "classification": "ClassificationTask",
    "segmentation": "SegmentationTask",
    "detection2d": "Detection2dTask",
    "stereo3d": "Stereo3dTask",
}
_MODULES = {"detection2d": "detection", "stereo3d": "stereo"}
TASK_NAMES = tuple(_CLASSES)


def find_task(spec: str) -> Task:
    """The task of that name, or the one whose class `file.py:Class` names.

    Raises:
        RecogError: there is none, or it is no task.
    """
    if not is_own(spec):
        return get_task(spec)
    from recog.frontend.tasks.base import Task
    from recog.frontend.user_code import load_function

    wanted = f"{', '.join(TASK_NAMES)} or file.py:Class"
    task = load_function(spec, wanted=wanted, example="mine.py:MyTask", kind="class")()
    if not isinstance(task, Task):
        raise RecogError(
            f"is {type(task).__name__}, no task",
            where=spec,
            hint="derive a class from recog.frontend.tasks.base.Task",
        )
    task.given_as = spec
    return task


def is_own(spec: str) -> bool:
    """Whether a task is named by a file of the user's."""
    return ".py:" in spec


def get_task(name: str) -> Task:
    """The task of that name; raises RecogError for another."""
    if name not in _CLASSES:
        raise RecogError(f"no task {name!r}", hint=f"one of {', '.join(TASK_NAMES)}")
    module = import_module(f"recog.frontend.tasks.{_MODULES.get(name, name)}")
    return getattr(module, _CLASSES[name])()
