"""Frames of a perception task, with progress on the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recog.tools.console import progress, stage

if TYPE_CHECKING:
    from recog.frontend.tasks.base import Task, TaskData


def load_frames(
    task: Task, split: str, scenes: str | Path, count: int | None = None, processes: int = 2
) -> TaskData:
    """The first `count` frames of a split, rendered first where they are not on disk yet."""
    with stage(f"{split} frames of {task.title}"), progress("frames") as advance:
        return task.data(
            split,
            count,
            folder=Path(scenes),
            processes=min(processes, os.cpu_count() or 1),
            progress=lambda ready: advance(ready),
        )
