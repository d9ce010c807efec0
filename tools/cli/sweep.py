"""Search number formats, codebooks, blocks, memories and array sizes for the points that no other
beats. SWEEP.toml holds options of a conversion as a recipe does, layers, and a target's fields;
what has a list of values, or a range {low = .., high = ..}, is swept. Every point is converted and
measured; what points have in common is computed once. The study in a file goes on after an
interruption, and several processes or machines may work on it at a time."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from recog.backend.files import check_output, check_output_folder
from recog.dialects.words import counted
from recog.tools.cli.arguments import DATA, add_data, add_json, add_network, check_json
from recog.tools.diagnostics import UsageError
from recog.tools.sweep.measured import OBJECTIVES, Measured

if TYPE_CHECKING:
    from optuna.study import Study

    from recog.lowering.check.metrics import Metric
    from recog.tools.sweep.measure import Measurer
    from recog.tools.sweep.space import Space, Value

SAMPLERS = ("grid", "random", "nsga2")
TRIALS = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog sweep`."""
    add_network(parser)
    parser.add_argument(
        "sweep",
        metavar="SWEEP.toml",
        help="what is swept: [options] and [layers] as in a recipe, and [target] as in a target's "
        "file; centroids = [16, 256] is a list, learning-rate = {low = 1e-4, high = 1e-2, "
        "log = true} a range, which also takes a step",
    )
    add_data(parser, f"example inputs that calibrate and tune the network: {DATA}")
    parser.add_argument(
        "--test-data",
        metavar="FILE",
        help="measure the loss on this data instead of --data",
    )
    parser.add_argument(
        "--metric",
        default="agreement",
        metavar="METRIC",
        help="the loss is by how much this is below the float network's: agreement (percent of its "
        "decisions that stay, the default), accuracy, classification or file.py:function, as "
        "recog compare takes them",
    )
    parser.add_argument(
        "--objectives",
        type=_objectives,
        default=OBJECTIVES,
        metavar="NAMES",
        help="what is to be small, separated by commas: loss, bytes of the weights, cycles of a "
        "frame, energy of a frame by the chip's first table (default: all four)",
    )
    parser.add_argument(
        "--sampler",
        choices=SAMPLERS,
        default="nsga2",
        help="how points are chosen: each of a grid, at random, or by a genetic search that goes "
        "on from the best (default: nsga2)",
    )
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="points of the study, those of earlier runs and of other processes included "
        f"(default: {TRIALS}, of a grid all)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="what decides the points that are chosen (default: 0)"
    )
    parser.add_argument(
        "--study",
        metavar="FILE",
        help="the study's file; where there is one it goes on (default: DIR.journal)",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="sweep",
        metavar="DIR",
        help="folder to write: points.csv, points.json, front.png, and in recipes/ what recog "
        "convert --recipe makes each point with (default: sweep)",
    )
    add_json(parser, "also write all points as JSON, as points.json in the folder has them")


def _objectives(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    if not set(names) <= set(OBJECTIVES) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(OBJECTIVES)}, each once, got {text!r}"
        )
    return names


def run(arguments: argparse.Namespace) -> int:
    """Work on the study, print the front, write the folder."""
    from recog.tools.console import stage
    from recog.tools.module_files import input_count, load_inputs, load_network
    from recog.tools.sweep.measure import Measurer
    from recog.tools.sweep.space import read_space
    from recog.tools.sweep.study import counted_trials

    if arguments.trials is not None and arguments.trials < 1:
        raise UsageError(f"must be at least 1, got {arguments.trials}", where="--trials")
    if not 0 <= arguments.seed < 1 << 32:
        raise UsageError(f"must be in [0, {(1 << 32) - 1}]", where="--seed")
    space = read_space(arguments.sweep)
    journal = arguments.study or f"{os.path.normpath(arguments.output)}.journal"
    if os.path.realpath(journal) == os.path.realpath(arguments.output):
        raise UsageError(f"{journal} is the folder of -o", where="--study")
    check_output_folder(arguments.output)
    check_json(arguments)
    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    count = input_count(module)
    inputs, targets = load_inputs(arguments.data, count)
    test = arguments.test_data or arguments.data
    test_inputs, test_targets = load_inputs(test, count)
    metric = _metric(arguments.metric, test_targets, test)
    of = _identity(arguments, space, module, [inputs, [targets]], [test_inputs, [test_targets]])
    study, trials = _open(arguments, journal, space, of)
    with TemporaryDirectory(prefix="recog-sweep-") as chips:
        measurer = Measurer(module, inputs, targets, test_inputs, metric, Path(chips))
        try:
            _work(study, space, arguments.objectives, trials, measurer)
        except BaseException:
            done = sum(each.state.is_finished() for each in counted_trials(study))
            print(
                f"kept in {journal}: {done} of {counted(trials, 'trial')}; the same command "
                "goes on",
                file=sys.stderr,
            )
            raise
    _report(arguments, journal, space, study)
    return 0


def _metric(spec: str, targets: Any, data: str) -> Metric:
    from recog.tools.own_objective import find_metric

    return find_metric(spec, targets, f"data {data}")


def _identity(
    arguments: argparse.Namespace,
    space: Space,
    module: Any,
    data: Sequence[Sequence[Any]],
    test_data: Sequence[Sequence[Any]],
) -> dict[str, str]:
    """What a study is of: points of anything else are no points of it."""
    from recog.lowering.pipeline.kept import data_digest
    from recog.tools.partial_conversion import write_digested

    def digest(parts: Sequence[Sequence[Any]]) -> str:
        return data_digest([each for part in parts for each in part if each is not None])

    return {
        "version": version("recog"),
        "network": write_digested(module, None),
        "data": digest(data),
        "test data": digest(test_data),
        "metric": arguments.metric,
        "sweep": hashlib.sha256(space.text.encode()).hexdigest(),
    }


def _open(
    arguments: argparse.Namespace, journal: str, space: Space, of: Mapping[str, str]
) -> tuple[Study, int]:
    """The study, and how many trials it is to have."""
    from recog.tools.sweep.sampling import sampler_of
    from recog.tools.sweep.study import open_study, take_up

    trials = TRIALS if arguments.trials is None else arguments.trials
    if arguments.sampler == "grid":
        points = prod(len(values) for values in space.grid().values())
        trials = points if arguments.trials is None else min(points, trials)
    check_output(journal)
    sampler = sampler_of(arguments.sampler, space, trials, arguments.seed)
    study = open_study(journal, arguments.objectives, of)
    study.sampler = sampler
    killed = take_up(study)
    if killed:
        print(f"note: tries again {counted(killed, 'trial')} of processes that were killed")
    return study, trials


def _work(
    study: Study, space: Space, objectives: Sequence[str], trials: int, measurer: Measurer
) -> None:
    """Try points until the study has so many."""
    from recog.tools.console import progress, stage
    from recog.tools.sweep.study import run_trials

    with stage(f"sweep {counted(trials, 'point')}"), progress("sweep", 100 * trials) as advance:
        position = finished = 0

        def show(value: float, note: str) -> None:
            nonlocal position
            now = min(int(value), 100 * trials)
            advance(now - position, note)
            position = now

        def done(count: int) -> None:
            nonlocal finished
            finished = count
            show(100 * count, "")

        def measure(values: Mapping[str, Value]) -> Measured:
            shown = ", ".join(f"{name} {value}" for name, value in values.items())
            show(100 * finished, shown)
            return measurer.measure(space.point(values))

        run_trials(study, space, objectives, trials, measure, done)


def _report(arguments: argparse.Namespace, journal: str, space: Space, study: Study) -> None:
    from recog.tools.report.json_files import write_json
    from recog.tools.sweep.results import SweepResults, print_results, write_results
    from recog.tools.sweep.study import rows_of

    about = {
        "network": os.path.basename(arguments.network),
        "study": journal,
        "metric": arguments.metric,
        "sampler": arguments.sampler,
        "seed": arguments.seed,
    }
    results = SweepResults(space, rows_of(study), arguments.objectives, about)
    print_results(results)
    write_results(arguments.output, results)
    if arguments.json is not None:
        write_json(Path(arguments.json), results.as_record())
    points = len(results.points())
    print(
        f"{counted(points, 'point')} with their recipes: {arguments.output}, the study: {journal}"
    )
