"""Scenes as the tasks take them."""

from __future__ import annotations

from pathlib import Path

from recog.dialects.errors import RecogError
from recog.frontend.scenes.dataset import DEFAULT_FOLDER, SPLITS, SceneSet, load_scenes
from recog.frontend.scenes.geometry import Camera
from recog.frontend.tasks.base import Progress

CAMERA = Camera()
IMAGE_SHAPE = (3, CAMERA.height, CAMERA.width)


def scenes_of(
    split: str,
    count: int | None,
    folder: str | Path | None,
    processes: int,
    progress: Progress | None,
) -> SceneSet:
    """The first scenes of a split by name; raises RecogError for another name."""
    if split not in SPLITS:
        raise RecogError(f"no split {split!r}", hint=f"one of {', '.join(SPLITS)}")
    return load_scenes(
        SPLITS[split],
        count,
        camera=CAMERA,
        folder=folder or DEFAULT_FOLDER,
        processes=processes,
        progress=progress,
    )
