"""Train the network of a perception task on its own data (road scenes are rendered on first use),
score it on held-out frames, and write TASK.safetensors. The state is saved after every epoch, in
DIR.partial until all are done; an interrupted training continues with --resume."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recog.backend.files import shown
from recog.backend.folders import HeldFolder, held_folder, link
from recog.backend.threads import fixed_threads
from recog.dialects.words import counted
from recog.frontend.user_code import located_in
from recog.tools.cli.arguments import (
    TASK,
    add_json,
    add_scenes,
    check_json,
    check_positive,
    task_spec,
    torch_threads,
)
from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    from recog.frontend.tasks.base import Task, TaskData
    from recog.frontend.tasks.training import Epoch, Trainer

HOW_TO_RESUME = "the same command with --resume continues after the last whole epoch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog train`."""
    parser.add_argument("task", type=task_spec, metavar="TASK", help=TASK)
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder of the weights and the saved state, written when the training is finished "
        "(default: build/train/TASK)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the interrupted training in DIR.partial, or with a larger --epochs the "
        "finished one in DIR",
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
    add_json(parser, "also write the scores on the held-out frames as JSON")
    add_scenes(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, score on the held-out frames, say where the weights are."""
    a = arguments
    threads = torch_threads(a.threads)
    check_positive(
        epochs=a.epochs, frames=a.frames, minutes=a.minutes, learning_rate=a.learning_rate
    )
    if not 0 <= a.seed < 2**63:
        raise UsageError(f"must be from 0 to 2^63 - 1, got {a.seed}", where="--seed")
    check_json(a)
    with fixed_threads(threads), located_in(a.task.rpartition(":")[0]):
        return _train_task(a)


def _train_task(a: argparse.Namespace) -> int:
    from recog.frontend.tasks import find_task
    from recog.frontend.tasks.training import Trainer
    from recog.tools.report.json_files import write_json
    from recog.tools.report.task_frames import load_frames

    task = find_task(a.task)
    recipe = task.recipe
    if a.epochs is not None:
        recipe = replace(recipe, epochs=a.epochs)
    if a.learning_rate is not None:
        recipe = replace(recipe, learning_rate=a.learning_rate)
    folder = Path(a.out or f"build/train/{task.name}")
    # Held from the start: two trainings into one folder would cost the second one hours.
    with held_folder(folder) as held:
        data = load_frames(task, "train", a.scenes, a.frames)
        trainer = Trainer(task, data, held.partial, recipe=recipe, seed=a.seed)
        _begin(trainer, held, folder, resume=a.resume)
        kept = f"kept in {shown(held.partial)}; {HOW_TO_RESUME}"
        try:
            finished = _train(trainer, math.inf if a.minutes is None else a.minutes)
        except KeyboardInterrupt:
            print(f"stopped in epoch {trainer.done + 1}, {kept}", file=sys.stderr)
            raise
        if not finished:
            print(f"{trainer.done} of {recipe.epochs} epochs are done, {kept}")
            return 0
        _publish(trainer, held)
    checkpoint = folder / trainer.checkpoint_path.name
    scores = _score(task, checkpoint, load_frames(task, "test", a.scenes))
    if a.json is not None:
        write_json(Path(a.json), {"task": task.name, "scores": scores})
    print(f"weights: {checkpoint}")
    return 0


def _begin(trainer: Trainer, held: HeldFolder, folder: Path, *, resume: bool) -> None:
    """Take up the training that was interrupted, or else the one that the folder holds; without
    `resume` say that the interrupted one is given up."""
    interrupted = trainer.state_path.exists()
    if resume:
        trainer.resume(held.partial if interrupted else folder)
    elif interrupted:
        print(f"note: replaces the unfinished training in {shown(held.partial)}", file=sys.stderr)


def _publish(trainer: Trainer, held: HeldFolder) -> None:
    """Make the folder of what the finished training has written."""
    files = trainer.state_path, trainer.checkpoint_path
    names = [path.name for path in files]
    with held.replaced(names.__contains__) as draft:
        for path in files:
            link(path, draft / path.name)
    held.discard_partial(names.__contains__)


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


def _score(task: Task, checkpoint: Path, test: TaskData) -> dict[str, float]:
    from recog.frontend.tasks.checkpoints import load_checkpoint
    from recog.tools.console import print_table, stage

    with stage(f"score on {counted(len(test), 'held-out frame')}"):
        network = load_checkpoint(task, checkpoint)
        scores = task.metric(task.predict(network, test), test.truths)
    rows = [[name, f"{value:.2f}"] for name, value in scores.items()]
    print(f"{task.title}, {counted(len(test), 'held-out frame')}")
    print_table(None, ["score", "%"], rows)
    return scores
