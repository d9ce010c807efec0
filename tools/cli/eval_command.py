"""recog eval: what a perception task's network keeps and costs at each level."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from recog.backend.files import check_output, check_output_folder
from recog.dialects.errors import RecogError
from recog.frontend.tasks import get_task
from recog.frontend.tasks.base import Task, TaskData
from recog.tools.cli.eval_arguments import LEVELS
from recog.tools.cli.train_command import check_threads, load_frames
from recog.tools.console import print_table, stage
from recog.tools.report.task_levels import TaskLevels
from recog.tools.report.task_tuning import ClusterSettings


@dataclass(frozen=True)
class EvalRow:
    """A task at a level: `metric` in percent, all scores by name, bytes of the weights, how many
    times smaller than the float network's, seconds for all frames."""

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


def evaluate(arguments: argparse.Namespace) -> int:
    """The table of the levels asked for, and pictures."""
    import torch

    a = arguments
    threads = min(2, os.cpu_count() or 1) if a.threads is None else a.threads
    for name, value, low in (
        ("--frames", a.frames, 1),
        ("--bits", a.bits, 0),
        ("--tune-epochs", a.tune_epochs, 1),
    ):
        if value is not None and value < low:
            raise RecogError(f"must be at least {low}, got {value}", where=name)
    check_threads(threads)
    if a.json is not None:
        check_output(a.json)
    if a.pictures is not None:
        check_output_folder(a.pictures)
    torch.set_num_threads(threads)
    task = get_task(a.task)
    levels = task_levels(task, a.checkpoint, a.scenes, Path(a.out), a.engine, a.tune_epochs)
    test = load_frames(task, "test", a.scenes, a.frames)
    wanted = LEVELS if "all" in a.level else tuple(x for x in LEVELS if x in a.level)
    rows, outputs = measure(levels, test, wanted, bits=a.bits)
    print_rows(rows)
    if a.json is not None:
        from recog.tools.report.json_files import write_json

        write_json(a.json, {"rows": [asdict(row) for row in rows]})
    if a.pictures is not None:
        page = pictures(levels, test, rows, outputs, Path(a.pictures))
        print(f"pictures: {page}")
    return 0


def task_levels(
    task: Task,
    checkpoint: str | None,
    scenes: str,
    folder: Path,
    engine: str,
    tune_epochs: int | None = None,
) -> TaskLevels:
    """The levels of a trained network, which loads its frames when it needs them."""
    from recog.frontend.tasks.checkpoints import load_checkpoint

    settings = ClusterSettings.of(task.tune_recipe)
    if tune_epochs is not None:
        settings = replace(settings, tune=replace(settings.tune, epochs=tune_epochs))

    @cache
    def frames(split: str) -> TaskData:
        return load_frames(task, split, scenes)

    network = load_checkpoint(task, checkpoint)
    return TaskLevels(task, network, frames, folder, settings, engine)


def measure(
    levels: TaskLevels, test: TaskData, wanted: tuple[str, ...], *, bits: int = 0
) -> tuple[list[EvalRow], dict[str, list[np.ndarray]]]:
    """A row and the outputs of every level asked for."""
    task, rows, outputs = levels.task, list[EvalRow](), dict[str, list[np.ndarray]]()
    for level in wanted:
        levels.run(level)  # what is made for a level is not part of its time
        start = time.perf_counter()
        outputs[level] = levels.predict(level, test)
        seconds = time.perf_counter() - start
        scores = task.metric(outputs[level], test.truths)
        size = levels.weight_bytes(level)
        exact = None
        if level == "machine" and bits:
            exact = levels.frames_bit_exact(test, bits)
        rows.append(
            EvalRow(
                task.name,
                level,
                task.metric_name,
                scores[task.metric_name],
                size,
                levels.weight_bytes("float") / size,
                len(test),
                round(seconds, 2),
                scores,
                exact,
            )
        )
    return rows, outputs


def print_rows(rows: list[EvalRow]) -> None:
    """The table of a task, with every score."""
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


def pictures(
    levels: TaskLevels,
    test: TaskData,
    rows: list[EvalRow],
    outputs: dict[str, list[np.ndarray]],
    folder: Path,
) -> Any:
    """Pictures of the float network's results beside the machine's."""
    from recog.tools.pictures import Frames, drive_data, write_pictures

    for level in ("float", "machine"):
        if level not in outputs:
            outputs[level] = levels.predict(level, test)
    drive = None
    if levels.task.scene_truths is not None:
        with stage("render a drive"):
            scenes = drive_data(levels.task)
        seen = [levels.predict(level, scenes) for level in ("float", "machine")]
        drive = Frames(scenes.images, scenes.truths, *seen)
    return write_pictures(
        levels.task,
        test.images,
        test.truths,
        outputs["float"],
        outputs["machine"],
        folder,
        scores={row.level: row.scores for row in rows},
        drive=drive,
    )
