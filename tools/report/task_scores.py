"""What a perception task's network scores and costs at each level: rows, table and pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from recog.backend.arithmetic.engine import EngineChoice
from recog.frontend.tasks.base import Task, TaskData
from recog.frontend.tasks.checkpoints import load_checkpoint
from recog.lowering.pipeline import Stage
from recog.tools.console import print_table, stage
from recog.tools.report.task_frames import load_frames
from recog.tools.report.task_levels import TaskLevels
from recog.tools.report.task_tuning import tune_options

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


def task_levels(
    task: Task,
    checkpoint: str | None,
    scenes: str,
    folder: Path,
    engine: EngineChoice,
    tune_epochs: int | None = None,
) -> TaskLevels:
    """The levels of a trained network, which loads its frames when it needs them.

    Args:
        checkpoint: file of weights; None is the network that comes with the package.
        scenes: folder of rendered road scenes.
        folder: where a network that is tuned here is kept.
        tune_epochs: passes over the frames in place of those of the task's recipe.
    """
    options = tune_options(task.tune_recipe)
    if tune_epochs is not None:
        options = replace(options, epochs=tune_epochs)

    @cache
    def frames(split: str) -> TaskData:
        return load_frames(task, split, scenes)

    network = load_checkpoint(task, checkpoint)
    return TaskLevels(task, network, frames, folder, options, engine)


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
            )
        )
    return rows, outputs


def print_rows(rows: Sequence[ScoreRow]) -> None:
    """Print the table of a task, with every score."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    print_table(
        f"{rows[0].task}, {rows[0].frames} held-out frames",
        ["level", *names, "weight bytes", "ratio", "s"],
        [
            [
                row.level,
                *(f"{row.scores[name]:.2f}" for name in names),
                f"{row.weight_bytes:,}",
                f"{row.ratio:.1f}x",
                f"{row.seconds:.1f}",
            ]
            for row in rows
        ],
    )
    for row in rows:
        if row.frames_bit_exact is not None:
            print(f"machine and lns level: all bits of {row.frames_bit_exact} frames are equal")


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
