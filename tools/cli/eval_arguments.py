"""The command line of `recog eval`."""

from __future__ import annotations

import argparse

from recog.frontend.tasks import TASK_NAMES

LEVELS = ("float", "folded", "lns", "clustered", "tuned", "machine")
"""Float network; batch norms folded; 8-bit LNS with dense weights; clustered by k-means alone;
with centroids tuned; the tuned network as a program on the machine."""


def add_eval(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Add the command to `recog`'s."""
    command = commands.add_parser(
        "eval",
        help="score the network of a perception task at any level",
        description="Score the trained network of a perception task on held-out frames, from the "
        "float network to its program on the machine. Levels: float; folded (batch norms folded); "
        "lns (8-bit codes, dense weights); clustered (k-means alone, float); tuned (centroids "
        "tuned on the task's loss, float); machine (the tuned network's program, bit for bit).",
    )
    command.add_argument("task", choices=TASK_NAMES, metavar="TASK", help=", ".join(TASK_NAMES))
    command.add_argument(
        "--level",
        nargs="+",
        choices=(*LEVELS, "all"),
        metavar="LEVEL",
        default=["float", "machine"],
        help=f"{', '.join(LEVELS)} or all (default: float machine)",
    )
    command.add_argument("--checkpoint", help="weights of `recog train` (default: those shipped)")
    command.add_argument(
        "--frames", type=int, help="the first so many held-out ones (default: all)"
    )
    command.add_argument(
        "--bits",
        type=int,
        default=0,
        metavar="N",
        help="compare machine and lns level in every bit of every layer on N frames",
    )
    command.add_argument(
        "--pictures", metavar="DIR", help="write pictures and a page of float and machine's results"
    )
    command.add_argument("--json", metavar="FILE", help="write the table as JSON too")
    command.add_argument(
        "--out", default="build/eval", help="folder of networks tuned here (default: build/eval)"
    )
    command.add_argument("--tune-epochs", type=int, help="tune anew, over so many epochs")
    command.add_argument(
        "--threads", type=int, help="of torch (default: the processors, at most 2)"
    )
    command.add_argument(
        "--scenes", default="build/scenes", help="folder of rendered scenes (default: build/scenes)"
    )
    return command
