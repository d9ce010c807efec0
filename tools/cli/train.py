"""Train the network of a perception task on its own data (road scenes are rendered on first use),
score it on held-out frames, and write TASK.safetensors. The state is saved after every epoch; an
interrupted training continues with --resume."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.frontend.tasks import TASK_NAMES
from recog.tools.cli.arguments import add_scenes, check_positive, torch_threads

if TYPE_CHECKING:
    from recog.frontend.tasks.base import Task, TaskData
    from recog.frontend.tasks.training import Epoch, Trainer

HOW_TO_RESUME = "the same command with --resume continues after the last whole epoch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog train`."""
    parser.add_argument("task", choices=TASK_NAMES, metavar="TASK", help=", ".join(TASK_NAMES))
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder of the weights and the saved state (default: build/train/TASK)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the state in the folder; a larger --epochs extends a finished training",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the frames (default: the task's own)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="stop at the end of the epoch in which M minutes have passed",
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="train on the first N frames only (default: all)"
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="X", help="its peak (default: the task's own)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the initial weights and of the order of the frames (default: 0)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of PyTorch; with another number sums are rounded otherwise (default: 2)",
    )
    add_scenes(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, score on the held-out frames, say where the weights are."""
    a = arguments
    threads = torch_threads(a.threads)
    check_positive(
        epochs=a.epochs, frames=a.frames, minutes=a.minutes, learning_rate=a.learning_rate
    )
    if not 0 <= a.seed < 2**63:
        raise RecogError(f"must be from 0 to 2^63 - 1, got {a.seed}", where="--seed")
    with fixed_threads(threads):
        return _train_task(a)


def _train_task(a: argparse.Namespace) -> int:
    from recog.backend.files import check_output_folder
    from recog.frontend.tasks import get_task
    from recog.frontend.tasks.training import Trainer
    from recog.tools.report.task_frames import load_frames

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
    try:
        finished = _train(trainer, math.inf if a.minutes is None else a.minutes)
    except KeyboardInterrupt:
        print(f"stopped in epoch {trainer.done + 1}; {HOW_TO_RESUME}", file=sys.stderr)
        raise
    if not finished:
        print(f"{trainer.done} of {recipe.epochs} epochs are done; {HOW_TO_RESUME}")
        return 0
    _score(task, trainer, load_frames(task, "test", a.scenes))
    print(f"weights: {trainer.checkpoint_path}")
    return 0


def _train(trainer: Trainer, minutes: float) -> bool:
    from recog.tools.console import progress

    with progress(f"train {trainer.task.name}", trainer.total_steps) as advance:
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
    from recog.tools.console import print_table, stage

    with stage(f"score on {len(test)} held-out frames"):
        network = load_checkpoint(task, trainer.checkpoint_path)
        scores = task.metric(task.predict(network, test), test.truths)
    rows = [[name, f"{value:.2f}"] for name, value in scores.items()]
    print(f"{task.title}, {len(test)} held-out frames")
    print_table(None, ["score", "%"], rows)
