"""The command line of `recog train`."""

from __future__ import annotations

import argparse

from recog.frontend.tasks import TASK_NAMES


def add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `recog`'s."""
    command = commands.add_parser(
        "train",
        help="train the network of a perception task",
        description="Train the network of a perception task on its own data (road scenes are "
        "rendered on first use), score it on held-out frames, and write TASK.safetensors. "
        "The state is saved after every epoch: an interrupted training goes on with --resume.",
    )
    command.add_argument("task", choices=TASK_NAMES, metavar="TASK", help=", ".join(TASK_NAMES))
    command.add_argument("--out", help="folder (default: build/train/TASK)")
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on from the folder's state, with more --epochs beyond its end",
    )
    command.add_argument("--epochs", type=int, help="default: what the shipped network had")
    command.add_argument(
        "--minutes", type=float, help="stop after the epoch in which they pass; --resume goes on"
    )
    command.add_argument("--frames", type=int, help="train on the first so many (default: all)")
    command.add_argument("--learning-rate", type=float, help="at its peak (default: the task's)")
    command.add_argument("--seed", type=int, default=0, help="of weights and order (default: 0)")
    command.add_argument(
        "--threads", type=int, help="of torch (default: the number of processors, at most 2)"
    )
    command.add_argument(
        "--scenes", default="build/scenes", help="folder of rendered scenes (default: build/scenes)"
    )
