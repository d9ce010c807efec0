"""recog train: a perception task's network from its data to a checkpoint."""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

from recog.backend.files import check_output_folder
from recog.dialects.errors import RecogError
from recog.frontend.tasks import get_task
from recog.frontend.tasks.base import Task, TaskData
from recog.frontend.tasks.training import Epoch, Trainer
from recog.tools.console import print_table, progress, stage

MAX_THREADS = 1024


def train(arguments: argparse.Namespace) -> int:
    """Train, score on the held-out frames, say where the weights are."""
    import torch

    a = arguments
    threads = min(2, os.cpu_count() or 1) if a.threads is None else a.threads
    _check(a, threads)
    torch.set_num_threads(threads)
    task = get_task(a.task)
    recipe = task.recipe
    if a.epochs is not None:
        recipe = replace(recipe, epochs=a.epochs)
    if a.learning_rate is not None:
        recipe = replace(recipe, learning_rate=a.learning_rate)
    folder = Path(a.out or f"build/train/{task.name}")
    check_output_folder(folder)
    data = load_frames(task, "train", a.scenes, a.frames)
    trainer = Trainer(task, data, folder, recipe=recipe, seed=a.seed)
    if a.resume:
        trainer.resume()
    minutes = math.inf if a.minutes is None else a.minutes
    try:
        finished = _run(trainer, minutes)
    except KeyboardInterrupt:
        print(f"stopped in epoch {trainer.done + 1}; {_how_to_resume(arguments)}", file=sys.stderr)
        raise
    if not finished:
        print(f"{trainer.done} of {recipe.epochs} epochs are done; {_how_to_resume(arguments)}")
        return 0
    _score(task, trainer, load_frames(task, "test", a.scenes))
    print(f"weights: {trainer.checkpoint_path}")
    return 0


def _check(arguments: argparse.Namespace, threads: int) -> None:
    check_threads(threads)
    limits = {
        "--epochs": arguments.epochs,
        "--frames": arguments.frames,
        "--minutes": arguments.minutes,
        "--learning-rate": arguments.learning_rate,
    }
    for name, value in limits.items():
        if value is not None and not 0 < value < math.inf:
            raise RecogError(f"must be above 0, got {value}", where=name)
    if not 0 <= arguments.seed < 2**63:
        raise RecogError(f"must be from 0 to 2^63 - 1, got {arguments.seed}", where="--seed")


def check_threads(threads: int) -> None:
    """Refuse what torch does not start (it crashes); raises RecogError."""
    if not 1 <= threads <= MAX_THREADS:
        raise RecogError(f"must be from 1 to {MAX_THREADS}, got {threads}", where="--threads")


def load_frames(
    task: Task, split: str, scenes: str | Path, count: int | None = None, processes: int = 2
) -> TaskData:
    """A task's frames of one split, rendered first where they are not on disk."""
    with stage(f"{split} frames of {task.title}"), progress("frames") as advance:
        return task.data(
            split,
            count,
            folder=Path(scenes),
            processes=min(processes, os.cpu_count() or 1),
            progress=lambda ready: advance(ready),
        )


def _run(trainer: Trainer, minutes: float) -> bool:
    total = trainer.total_steps
    with progress(f"train {trainer.task.name}", total) as advance:
        advance(trainer.done * trainer.steps)

        def on_epoch(epoch: Epoch) -> None:
            print(
                f"epoch {epoch.number:>3} of {trainer.recipe.epochs}   loss {epoch.loss:8.4f}   "
                f"{epoch.seconds:7.1f} s",
                flush=True,
            )

        return trainer.run(
            minutes=minutes,
            on_step=lambda done, total, loss: advance(1, f"loss {loss:.3f}"),
            on_epoch=on_epoch,
        )


def _score(task: Task, trainer: Trainer, test: TaskData) -> None:
    from recog.frontend.tasks.checkpoints import load_checkpoint

    with stage(f"score on {len(test)} held-out frames"):
        network = load_checkpoint(task, trainer.checkpoint_path)
        scores = task.metric(task.predict(network, test), test.truths)
    rows = [[name, f"{value:.2f}"] for name, value in scores.items()]
    print(f"{task.title}, {len(test)} held-out frames")
    print_table(None, ["score", "%"], rows)


def _how_to_resume(arguments: argparse.Namespace) -> str:
    return "the same command with --resume goes on after the last whole epoch"
