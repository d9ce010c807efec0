"""What a perception task's network scores and costs at each level: rows, table and pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from recog.backend.arithmetic.engine import EngineChoice
from recog.dialects.words import counted
from recog.frontend.tasks.base import Task, TaskData
from recog.frontend.tasks.checkpoints import load_checkpoint
from recog.lowering.check.bootstrap import draws, interval
from recog.lowering.pipeline import ConversionOptions, Stage
from recog.tools.console import print_table, stage
from recog.tools.report.task_frames import load_frames
from recog.tools.report.task_levels import TaskLevels

Decoded = Sequence[np.ndarray]
"""Decoded outputs, each stacked over the frames."""
Outputs = dict[Stage, list[np.ndarray]]
"""The decoded outputs of each level, each stacked over the frames."""


@dataclass(frozen=True)
class ScoreRow:
    """A task at one level.

    Attributes:
        metric: the task's main score, `scores[metric_name]`, in percent.
        weight_bytes: of all weights; at the machine level, of all that the program stores for them.
        ratio: bytes of the float network's weights over `weight_bytes`.
        seconds: to run all frames, without preparing the level.
        frames_bit_exact: frames on which machine and lns level agree in every bit; None if not
            compared.
        low, high: what the loss against the float network lies between, see `loss_interval`; None
            without the float network's outputs.
    """

    task: str
    level: str
    metric_name: str
    metric: float
    weight_bytes: int
    ratio: float
    frames: int
    seconds: float
    scores: dict[str, float]
    frames_bit_exact: int | None = None
    low: float | None = None
    high: float | None = None


def loss_interval(
    task: Task, truths: Sequence[Any], float_outputs: Decoded, outputs: Decoded
) -> tuple[float | None, float | None]:
    """The 95 % interval of what the task's metric is below the float network's, by paired bootstrap
    over the frames; None where the task does not say what frames contribute."""
    before, after = (task.frame_parts(each, truths) for each in (float_outputs, outputs))
    if before is None or after is None:
        return None, None

    def drawn(parts: Sequence[Any], chosen: np.ndarray) -> float:
        return task.metric_of([parts[i] for i in chosen])[task.metric_name]

    return interval([drawn(before, each) - drawn(after, each) for each in draws(len(truths))])


def task_levels(
    task: Task,
    checkpoint: str | None,
    scenes: str,
    folder: Path,
    engine: EngineChoice,
    options: ConversionOptions | None = None,
    *,
    shipped: bool = True,
) -> TaskLevels:
    """The levels of a trained network, which loads its frames when it needs them.

    Args:
        checkpoint: file of weights; None is the network that comes with the package.
        scenes: folder of rendered road scenes.
        folder: where a network that is tuned here is kept.
        options: of its clustering and tuning, by default those of the task's recipe.
        shipped: whether the tuned network that comes with the package may be used.
    """

    @cache
    def frames(split: str) -> TaskData:
        return load_frames(task, split, scenes)

    network = load_checkpoint(task, checkpoint)
    return TaskLevels(task, network, frames, folder, options, engine, shipped)


def measure(
    levels: TaskLevels, test: TaskData, wanted: Sequence[Stage], *, verify_frames: int = 0
) -> tuple[list[ScoreRow], Outputs]:
    """A row and the outputs of every level asked for.

    Args:
        verify_frames: on how many frames machine and lns level must agree in every bit.
    """
    task, rows, outputs = levels.task, list[ScoreRow](), Outputs()
    for level in wanted:
        levels.run(level)  # what is made for a level is not part of its time
        start = time.perf_counter()
        outputs[level] = levels.predict(level, test)
        seconds = time.perf_counter() - start
        scores = task.metric(outputs[level], test.truths)
        size = levels.weight_bytes(level)
        exact = None
        if level is Stage.MACHINE and verify_frames:
            exact = levels.frames_bit_exact(test, verify_frames)
        between = None, None
        if Stage.FLOAT in outputs and level is not Stage.FLOAT:
            between = loss_interval(task, test.truths, outputs[Stage.FLOAT], outputs[level])
        rows.append(
            ScoreRow(
                task.name,
                level,
                task.metric_name,
                scores[task.metric_name],
                size,
                levels.weight_bytes(Stage.FLOAT) / size,
                len(test),
                round(seconds, 2),
                scores,
                exact,
                *between,
            )
        )
    return rows, outputs


def print_rows(rows: Sequence[ScoreRow]) -> None:
    """Print the table of a task, with every score, and what is lost against the float network where
    that was measured: with an interval where frames by themselves have scores."""
    before = next((row.metric for row in rows if row.level == Stage.FLOAT), None)

    def lost(row: ScoreRow) -> str:
        if row.low is not None and row.high is not None:
            return f"{row.low:.2f} to {row.high:.2f}"
        return "" if before is None or row.level == Stage.FLOAT else f"{before - row.metric:.2f}"

    between = any(row.low is not None for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    print_table(
        f"{rows[0].task}, {counted(rows[0].frames, 'held-out frame')}",
        ["level", *names, "lost, 95 %" if between else "lost", "weight bytes", "ratio", "s"],
        [
            [
                row.level,
                *(f"{row.scores[name]:.2f}" for name in names),
                lost(row),
                f"{row.weight_bytes:,}",
                f"{row.ratio:.1f}x",
                f"{row.seconds:.1f}",
            ]
            for row in rows
        ],
    )
    for row in rows:
        if row.frames_bit_exact is not None:
            print(
                f"machine and lns level: all bits of {counted(row.frames_bit_exact, 'frame')} "
                "are equal"
            )


def draw(
    levels: TaskLevels, test: TaskData, rows: Sequence[ScoreRow], outputs: Outputs, folder: Path
) -> Path:
    """Draw the float network's results beside the machine's; the path of the page."""
    from recog.tools.pictures import Frames, drive_data, write_pictures

    compared = (Stage.FLOAT, Stage.MACHINE)
    for level in compared:
        if level not in outputs:
            outputs[level] = levels.predict(level, test)
    drive = None
    if levels.task.scene_truths is not None:
        with stage("render a drive"):
            scenes = drive_data(levels.task)
        seen = [levels.predict(level, scenes) for level in compared]
        drive = Frames(scenes.images, scenes.truths, *seen)
    return write_pictures(
        levels.task,
        test.images,
        test.truths,
        outputs[Stage.FLOAT],
        outputs[Stage.MACHINE],
        folder,
        scores={row.level: row.scores for row in rows},
        drive=drive,
    )
