"""Score the trained network of a perception task on held-out frames at any level, from the float
network to its program on the machine."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from recog.backend.threads import fixed_threads
from recog.dialects.errors import RecogError
from recog.frontend.tasks import find_task, is_own
from recog.frontend.user_code import located_in
from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.common.options import OptionError
from recog.lowering.pipeline.stages import TASK_LEVELS, Stage
from recog.tools.cli.arguments import (
    TASK,
    add_engine,
    add_json,
    add_renamed,
    add_scenes,
    check_json,
    check_positive,
    engine_options,
    task_spec,
    torch_threads,
)
from recog.tools.diagnostics import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog eval`."""
    parser.add_argument("task", type=task_spec, metavar="TASK", help=TASK)
    parser.add_argument(
        "--level",
        nargs="+",
        choices=[*(level.value for level in TASK_LEVELS), "all"],
        metavar="LEVEL",
        default=[Stage.FLOAT, Stage.MACHINE],
        help=f"levels to score: {', '.join(TASK_LEVELS)}, or all; lns has dense weights (default: "
        "float machine)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="weights that recog train wrote (default: those that come with the package)",
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="score the first N held-out frames (default: all)"
    )
    parser.add_argument(
        "--verify-frames",
        type=int,
        default=0,
        metavar="N",
        help="check on the first N frames that machine and lns level agree in every bit of every "
        "layer (default: 0, no check)",
    )
    parser.add_argument(
        "--pictures",
        metavar="DIR",
        help="draw the results of the float network and of the program, with a page to view them",
    )
    parser.add_argument(
        "--conversion",
        metavar="DIR",
        help="also write the conversion as recog convert does, for recog report, run and cost: IR "
        "of every stage, program, recipe and report",
    )
    add_json(parser)
    parser.add_argument(
        "--out",
        default="build/eval",
        metavar="DIR",
        help="folder where a network that is tuned here is kept (default: build/eval)",
    )
    parser.add_argument(
        "--tune-epochs",
        type=int,
        metavar="N",
        help="tune the centroids over N passes of the training frames (default: use the tuned "
        "network that comes with the package)",
    )
    parser.add_argument(
        "--ratio",
        type=float,
        metavar="R",
        help="make the program's weights R times smaller than the float ones, by layouts chosen "
        "for that; tuned here unless the tuned network comes with the package (default: the "
        "task's own, 29 of those that come with the package)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of clustering and tuning (default: 0)"
    )
    add_scenes(parser)
    add_engine(parser, "threads of PyTorch, by default 2, and of the fast engine")
    add_renamed(parser, "--bits", "--verify-frames")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of the levels asked for, and draw pictures."""
    a = arguments
    threads = torch_threads(a.threads)
    check_positive(frames=a.frames, tune_epochs=a.tune_epochs)
    if a.verify_frames < 0:
        raise UsageError(f"must be at least 0, got {a.verify_frames}", where="--verify-frames")
    _check_levels(a)
    try:
        LayoutOptions(ratio=a.ratio)
    except OptionError as error:
        raise UsageError(error.reason, where="--ratio") from None
    check_json(a)
    if is_own(a.task) and a.checkpoint is None:
        find_task(a.task)
        raise RecogError(
            "a task of your own has no weights that come with the package",
            where=a.task,
            hint=f"recog train {a.task} trains some; give them with --checkpoint FILE",
        )
    engine_options(a)
    with fixed_threads(threads), located_in(a.task.rpartition(":")[0]):
        return _evaluate(a)


def _check_levels(a: argparse.Namespace) -> None:
    """Raise UsageError for flags that count for none of the levels asked for."""
    levels = set(TASK_LEVELS if "all" in a.level else a.level)
    if a.pictures is not None or a.conversion is not None:
        levels.add(Stage.MACHINE)  # they are of its outputs
    clustered = {Stage.CLUSTERED, Stage.TUNED, Stage.MACHINE}
    for flag, given, counts in (
        ("--tune-epochs", a.tune_epochs, clustered - {Stage.CLUSTERED}),
        ("--ratio", a.ratio, clustered),
        ("--seed", a.seed or None, clustered),
    ):
        if given is not None and not levels & counts:
            raise UsageError(f"{flag} has no effect without --level {Stage.MACHINE}")
    if a.verify_frames and Stage.MACHINE not in levels:
        raise UsageError(f"--verify-frames has no effect without --level {Stage.MACHINE}")


def _evaluate(a: argparse.Namespace) -> int:
    from recog.tools.conversion_folder import PROGRAM_NAME, conversion_folder
    from recog.tools.pictures import pictures_folder
    from recog.tools.report.json_files import write_json
    from recog.tools.report.task_conversion import write_task_conversion
    from recog.tools.report.task_frames import load_frames
    from recog.tools.report.task_scores import draw, measure, print_rows, task_levels
    from recog.tools.report.task_tuning import tune_options

    task = find_task(a.task)
    # Held from the start: two evaluations into one folder would cost the second one hours.
    drawn = nullcontext() if a.pictures is None else pictures_folder(a.pictures, task.name)
    converted = nullcontext() if a.conversion is None else conversion_folder(a.conversion)
    with drawn as draft, converted as conversion:
        levels = task_levels(
            *(task, a.checkpoint, a.scenes, Path(a.out), engine_options(a)),
            tune_options(task, ratio=a.ratio, seed=a.seed, epochs=a.tune_epochs),
        )
        test = load_frames(task, "test", a.scenes, a.frames)
        wanted = [level for level in TASK_LEVELS if level in a.level or "all" in a.level]
        rows, outputs = measure(levels, test, wanted, verify_frames=a.verify_frames)
        print_rows(rows)
        if a.json is not None:
            write_json(Path(a.json), {"rows": [asdict(row) for row in rows]})
        if conversion is not None:
            write_task_conversion(levels, test, rows, outputs, conversion)
        page = None if draft is None else draw(levels, test, rows, outputs, draft)
    if conversion is not None:
        print(f"program: {Path(str(a.conversion)) / PROGRAM_NAME}, IR and report beside it")
    if page is not None:
        print(f"pictures: {Path(str(a.pictures)) / page.name}")
    return 0
