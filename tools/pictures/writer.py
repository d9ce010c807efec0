"""Files of pictures: PNG figures, an animation, one page."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from recog.backend.files import atomic_write
from recog.backend.folders import whole_folder
from recog.dialects.errors import RecogError
from recog.frontend.tasks.base import Progress, Task
from recog.tools.pictures.animation import animate
from recog.tools.pictures.figure import compose, png_bytes
from recog.tools.pictures.frames import Frames, check_frames
from recog.tools.pictures.page import Page, Section, html_page
from recog.tools.pictures.renderer import Renderer

LIMIT = 8
"""At most so many frames are drawn as figures."""
LEGEND_WIDTH = 880
PAGE_NAME = "index.html"

Scores = Mapping[str, float] | Mapping[str, Mapping[str, float]]


def pictures_folder(path: str | os.PathLike[str], task: str) -> AbstractContextManager[Path]:
    """A draft folder for a task's pictures, which take the place of earlier ones as a whole.

    Other files stay. See `whole_folder` for errors and interruptions.
    """
    name = re.compile(rf"{re.escape(task)}-([0-9]+|first|errors)[.]png|{PAGE_NAME}")
    drive = drive_name(task)
    return whole_folder(path, lambda file: file == drive or name.fullmatch(file) is not None)


def drive_name(task: str) -> str:
    """The file of a task's animation."""
    return f"{task}-drive.webp"


def write_pictures(
    task: Task,
    images: tuple[np.ndarray, ...],
    truths: Sequence[Any],
    float_outputs: Sequence[np.ndarray],
    converted_outputs: Sequence[np.ndarray],
    folder: str | Path,
    *,
    title: str | None = None,
    level_names: tuple[str, str] = ("float", "machine"),
    scores: Scores | None = None,
    drive: Frames | None = None,
    limit: int = LIMIT,
    progress: Progress | None = None,
) -> Path:
    """Write PNG figures, an animation and `index.html`, which holds all of them, into a folder.

    Files appear whole or not at all; equal arguments give equal bytes.

    Args:
        images: of each of the network's inputs, (N, C, H, W), uint8, or float in [0, 1].
        truths: what is true of each of the N frames, as `task.metric` takes it.
        float_outputs, converted_outputs: the decoded outputs, each stacked over the frames.
        level_names: the names of the two networks.
        scores: by level and name of the score, or by name alone; percent.
        drive: consecutive frames to animate.
        limit: at most so many frames, evenly spaced, are drawn; numbers are over all frames.
        progress: called with 1 for each picture that became ready.

    Returns:
        the path of the page

    Raises:
        RecogError: where images, truths and outputs do not belong together.
    """
    if limit < 1:
        raise RecogError(f"must be above 0, got {limit}", where="limit of figures")
    by_level = _by_level(scores, level_names[1])
    renderer = renderer_of(task, level_names)
    frames = Frames(images, truths, float_outputs, converted_outputs)
    for where, each in (("pictures", frames), ("pictures of the drive", drive)):
        if each is not None:
            check_frames(task, each, where)
            renderer.check(each, where)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    animation = None
    if drive is not None:
        animation = animate(renderer, drive, progress)
        _write(folder / drive_name(task.name), animation[0])
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(limit, len(frames))).astype(int))
    sections = list[Section]()
    for figure in renderer.figures(frames, chosen.tolist()):
        printed = compose(figure, renderer.legend, width=LEGEND_WIDTH)
        _write(folder / f"{figure.name}.png", png_bytes(printed))
        sections.append(Section.of(figure))
        if progress is not None:
            progress(1)
    page = Page(
        title=title or _title(task, level_names),
        task=task.title,
        level_names=level_names,
        count=len(frames),
        facts=renderer.facts(frames),
        metric_name=task.metric_name,
        scores=by_level,
        caption=renderer.caption,
        legend=renderer.legend,
        sections=sections,
        animation=animation,
        moments=0 if drive is None else len(drive),
    )
    _write(folder / PAGE_NAME, html_page(page).encode())
    return folder / PAGE_NAME


def renderer_of(task: Task, level_names: tuple[str, str]) -> Renderer:
    """What draws a task's results; raises RecogError where it has no pictures."""
    if task.pictures is None:
        raise RecogError(f"the task {task.name!r} has no pictures", hint="Task.pictures names them")
    module, _, name = task.pictures.partition(":")
    return getattr(import_module(module), name)(level_names)


def _title(task: Task, level_names: tuple[str, str]) -> str:
    return f"{task.title[:1].upper()}{task.title[1:]}: {level_names[0]} and {level_names[1]}"


def _by_level(scores: Scores | None, level: str) -> dict[str, dict[str, float]]:
    if not scores:
        return {}
    nested = {name: dict(each) for name, each in scores.items() if isinstance(each, Mapping)}
    if len(nested) == len(scores):
        return nested
    if nested:
        raise RecogError("scores of some levels and not of others", where="pictures")
    return {level: {name: float(each) for name, each in scores.items()}}  # pyright: ignore


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, "wb") as stream:
        stream.write(content)
