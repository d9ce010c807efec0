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


def get_task(name: str) -> Task:
    """The task of that name; raises RecogError for another."""
    if name not in _CLASSES:
        raise RecogError(f"no task {name!r}", hint=f"one of {', '.join(TASK_NAMES)}")
    module = import_module(f"recog.frontend.tasks.{_MODULES.get(name, name)}")
    return getattr(module, _CLASSES[name])()
