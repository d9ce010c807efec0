"""Pictures of frames for a report, the worst first: images, and what both networks say of them."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from recog.frontend.tasks.base import Task, TaskData
from recog.lowering.check.metrics import Metric, Outputs
from recog.tools.pictures.figure import Figure, Legend, Panel, png_bytes
from recog.tools.pictures.frames import Frames, check_frames
from recog.tools.pictures.look import find_look
from recog.tools.pictures.palette import css
from recog.tools.pictures.renderer import Fact
from recog.tools.pictures.seen import NAMES, Look, Seen, resized
from recog.tools.pictures.writer import renderer_of
from recog.tools.report.task_metric import frame_losses

MOST_WIDTH = 576
"""Pixels of a task's own panels."""
MOST_FRAMES = 24
MOST_FIGURES = 8
MOST_BYTES = 1_200_000
"""Of the pictures as a page holds them; more figures than one are left out beyond."""
QUALITY = 82


def task_pictures(
    seen: Seen, lost: np.ndarray | None = None, metric: str | None = None
) -> dict[str, Any] | None:
    """What a report shows of some frames, for JSON; None where nothing of it can be drawn.

    Args:
        lost: what each frame loses in a metric, (N,): the largest are the worst.
        metric: its name.
    """
    look = find_look(seen)
    if look is None:
        return None
    order = worst_first(look, lost)
    figures = look.figures(order[:MOST_FRAMES].tolist())
    record = pictures_record(look.of, look.caption, look.legend, look.facts(), figures)
    return {"frames": len(seen), "metric": None if lost is None else metric, **record}


def pictures_of(
    inputs: Sequence[np.ndarray],
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    names: Sequence[str],
    targets: np.ndarray | None = None,
    metric: Metric | None = None,
) -> dict[str, Any] | None:
    """The same of what a network was given, and what it gave in float and converted.

    Args:
        inputs: of the network, (N, ...) each.
        targets: of the frames, as `Seen` takes them.
        metric: says which frames lose most, where it gives a number a frame.
    """
    lost = None if metric is None else _lost(metric, tuple(ours), tuple(theirs))
    seen = Seen(inputs[0], ours, theirs, names, targets)
    return task_pictures(seen, lost, None if metric is None else metric.name)


def pictures_of_task(
    task: Task, data: TaskData, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> dict[str, Any] | None:
    """The same of a perception task, drawn as its own pictures are where it has some of single
    frames.

    Args:
        ours, theirs: the decoded outputs in float and on the machine.
    """
    lost = frame_losses(task, data.truths, tuple(ours), tuple(theirs))
    metric = f"{task.metric_name} of a frame"
    targets = np.asarray(data.truths) if _are_numbers(data.truths) else None
    seen = Seen(data.images[0], ours, theirs, task.output_names, targets)
    if task.pictures is None or task.scene_truths is None:
        return task_pictures(seen, lost, metric)
    look, renderer = find_look(seen), renderer_of(task, NAMES)
    order = np.argsort(-lost, kind="stable") if lost is not None else np.arange(len(data))
    if look is not None:
        order = worst_first(look, lost)
    frames = Frames(data.images, data.truths, ours, theirs)
    check_frames(task, frames, "pictures")
    renderer.check(frames, "pictures")
    figures = [_narrower(each) for each in renderer.figures(frames, order[:MOST_FIGURES].tolist())]
    record = pictures_record(
        task.title, renderer.caption, renderer.legend, renderer.facts(frames), figures
    )
    return {"frames": len(data), "metric": None if lost is None else metric, **record}


def _are_numbers(truths: Sequence[Any]) -> bool:
    return all(isinstance(each, np.ndarray | np.integer | int) for each in truths)


def _narrower(figure: Figure) -> Figure:
    """Panels as a page has room for, those of a row all by the same share."""
    return replace(figure, rows=[_narrower_row(row) for row in figure.rows])


def _narrower_row(row: Sequence[Panel]) -> list[Panel]:
    scale = min(1.0, MOST_WIDTH / max(panel.picture.width for panel in row))
    return [
        replace(
            panel,
            picture=resized(
                panel.picture, round(scale * panel.picture.width), smooth=panel.picture.mode != "P"
            ),
        )
        for panel in row
    ]


def _lost(metric: Metric, ours: Outputs, theirs: Outputs) -> np.ndarray | None:
    frames = np.arange(len(ours[0]))
    before, after = (np.asarray(metric.scores(each, ours, frames)) for each in (ours, theirs))
    return before - after if before.shape == after.shape == frames.shape else None


def worst_first(look: Look, lost: np.ndarray | None) -> np.ndarray:
    """The numbers of the frames: by what they lose, then by how much outputs differ."""
    differences = look.differences()
    first = np.zeros(len(differences)) if lost is None else lost
    return np.lexsort((-differences, -first))


def pictures_record(
    of: str, caption: str, legend: Legend, facts: Sequence[Fact], figures: Sequence[Figure]
) -> dict[str, Any]:
    """Figures for JSON, their panels as the text of `data:` addresses."""
    kept, size = list[dict[str, Any]](), 0
    for figure in figures[:MOST_FIGURES]:
        record = _figure_record(figure)
        size += sum(len(panel["image"]) for row in record["rows"] for panel in row)
        if kept and size > MOST_BYTES:
            break
        kept.append(record)
    return {
        "of": of,
        "caption": caption,
        "legend": [
            [{"label": key.label, "colour": css(key.colour), "style": key.style} for key in keys]
            for keys in legend
        ],
        "facts": [list(fact) for fact in facts],
        "figures": kept,
    }


def _figure_record(figure: Figure) -> dict[str, Any]:
    rows = [
        [
            {
                "label": panel.label,
                "note": panel.note,
                "width": panel.picture.width,
                "height": panel.picture.height,
                "image": _address(panel.picture),
            }
            for panel in row
        ]
        for row in figure.rows
    ]
    return {"title": figure.title, "note": figure.note, "rows": rows}


def _address(picture: Image.Image) -> str:
    """A picture as an address: few colours as PNG, which keeps them, photographs as WebP."""
    if picture.mode in ("P", "L"):
        return f"data:image/png;base64,{b64encode(png_bytes(picture)).decode()}"
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=QUALITY, method=4)
    return f"data:image/webp;base64,{b64encode(stream.getvalue()).decode()}"
