"""Convert a network to a chip program: fold batch norms, cluster the weights, tune the centroids,
encode in LNS, select instructions, assemble. Writes the IR of every stage, the program and a
report. What is finished is kept in DIR.partial until all is: an interrupted conversion goes on with
--resume. Several processes share the tuning: torchrun --nproc-per-node 2 -m recog convert ..."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recog.dialects.words import counted
from recog.lowering.cluster.tune_settings import LOSSES
from recog.lowering.pipeline import ConversionOptions, ExtraPass
from recog.tools.cli.arguments import DATA, add_data, add_json, add_network, check_json
from recog.tools.cli.conversion_options import (
    GROUPS,
    LEFT_OUT,
    METAVARS,
    conversion_options,
    extra_passes,
)
from recog.tools.cli.dask_cluster import add_dask, dask_cluster
from recog.tools.cli.options import add_options
from recog.tools.diagnostics import UsageError
from recog.tools.own_objective import is_function
from recog.tools.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from recog.backend.folders import HeldFolder
    from recog.lowering.pipeline import Conversion
    from recog.tools.conversion_data import ConversionData
    from recog.tools.loss_trials import LossSearched
    from recog.tools.partial_conversion import PartialConversion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog convert`."""
    add_network(parser)
    add_data(
        parser,
        f"example inputs that calibrate and tune the network: {DATA}, those of an epoch where "
        "--loss is a function too",
    )
    parser.add_argument(
        "--loss",
        type=_loss,
        metavar="LOSS",
        help=f"what tuning makes small: {', '.join(LOSSES)} (auto, the default, is cross-entropy "
        "for integer targets, else mse), or file.py:function of outputs and targets (tensors, a "
        "tuple of several outputs) that returns a scalar tensor, the mean over the frames",
    )
    parser.add_argument(
        "--metric",
        metavar="METRIC",
        help="score every level too: accuracy (of the first output against integer targets), "
        "agreement (with the float network's decisions), classification (either), or "
        "file.py:function of outputs and targets (NumPy arrays (N, ...)) that returns a number, "
        "or one number a frame, the larger the better",
    )
    parser.add_argument(
        "--max-loss",
        type=float,
        metavar="X",
        help="in place of --ratio or --budget: find the smallest program that loses at most X "
        "points of the metric (of accuracy in percent, without --metric) on --test-data; several "
        "are tuned, most of them short, and measured",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="converted",
        metavar="DIR",
        help="folder to write (default: converted)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the interrupted conversion in DIR.partial from its last stage that fits "
        "the network, the data and the options, and within tuning from its last state",
    )
    parser.add_argument(
        "--test-data",
        metavar="FILE",
        help="measure every level on this data instead of --data, given alike; integer targets "
        "give an accuracy",
    )
    parser.add_argument(
        "--dense",
        action="store_true",
        help="give each weight a code of its own: neither cluster nor tune",
    )
    parser.add_argument(
        "--add-pass",
        action="append",
        default=[],
        metavar="PLACE=PASS:MINE",
        help="run a pass of your own, from a package that registers it with xDSL, beside one of "
        "the conversion: 'after=fold-batch-norm:my-pass{option=1}' or 'before=...'; repeat the "
        "flag for more passes",
    )
    add_dask(parser)
    add_json(parser, "also write the table of levels as JSON, as report.json in the folder has it")
    parser.add_argument(
        "--recipe",
        metavar="FILE.toml",
        help="take the options from this file, as every conversion leaves one beside its program; "
        "flags count for more",
    )
    add_options(parser, ConversionOptions, GROUPS, leave_out=LEFT_OUT, metavars=METAVARS)


def _loss(text: str) -> str:
    if text not in LOSSES and not is_function(text):
        raise argparse.ArgumentTypeError(
            f"expected {', '.join(LOSSES)} or file.py:function, got {text!r}"
        )
    return text


def run(arguments: argparse.Namespace) -> int:
    """Convert, measure every level, write the folder and print the table."""
    from recog.backend.arithmetic.engine import check_default_engine
    from recog.tools.cli.workers import as_worker

    recipe = Recipe({}) if arguments.recipe is None else read_recipe(arguments.recipe)
    options = conversion_options(arguments, recipe.options)
    arguments.add_pass = [*recipe.add_pass, *arguments.add_pass]
    if arguments.loss is None and options.cluster and options.tune:
        arguments.loss = recipe.own_loss
    extra = extra_passes(arguments.add_pass, options)
    check_default_engine()
    check_json(arguments)
    if arguments.dask is not None and not options.cluster:
        raise UsageError("--dask has no effect with dense weights, which nothing clusters")
    with as_worker(arguments), dask_cluster(arguments.dask):
        return _convert_into_folder(arguments, options, extra)


def _convert_into_folder(
    arguments: argparse.Namespace, options: ConversionOptions, extra: Sequence[ExtraPass]
) -> int:
    from recog.backend.folders import held_folder
    from recog.tools.partial_conversion import PartialConversion

    # Held from the start: two conversions into one folder would cost the second one hours.
    with held_folder(arguments.output) as held:
        partial = PartialConversion(held, resume=arguments.resume)
        try:
            return _convert(arguments, options, extra, held, partial)
        except BaseException as error:
            line = partial.ended(error)
            if line is not None:
                print(line, file=sys.stderr)
            raise


def _convert(
    arguments: argparse.Namespace,
    options: ConversionOptions,
    extra: Sequence[ExtraPass],
    held: HeldFolder,
    partial: PartialConversion,
) -> int:
    from recog.lowering.cluster.data_parallel import worker_number
    from recog.tools.conversion_data import load_conversion_data
    from recog.tools.conversion_folder import PROGRAM_NAME, is_of_a_conversion

    data = load_conversion_data(
        *(arguments.network, arguments.data, options),
        test_data=arguments.test_data,
        loss=_own_loss(arguments),
        metric=arguments.metric,
        scored=arguments.max_loss is not None,
    )
    conversion, searched = _converted(arguments, data, options, extra, partial)
    if worker_number() > 0:
        return 0
    _print_notes(conversion)
    with held.replaced(is_of_a_conversion) as draft:
        program = _write(conversion, draft, partial, data, searched, arguments)
    partial.discard()
    written = Path(arguments.output) / PROGRAM_NAME
    print(f"program: {written} ({len(program):,} bytes), IR and report beside it")
    return 0


def _converted(
    arguments: argparse.Namespace,
    data: ConversionData,
    options: ConversionOptions,
    extra: Sequence[ExtraPass],
    partial: PartialConversion,
) -> tuple[Conversion, LossSearched | None]:
    """The conversion that is asked for, and how it was found where --max-loss asks for it."""
    from recog.lowering.cluster.targets import TargetError
    from recog.lowering.common.data_files import naming_file
    from recog.lowering.pipeline import convert
    from recog.tools.console import staged_progress

    stages = sum(step.reaches is not None for step in options.steps())

    def run(options: ConversionOptions, name: str) -> Conversion:
        fitting = naming_file(f"data {arguments.data}", TargetError)
        with fitting, staged_progress(name, stages) as report:
            return convert(
                data.module,
                data.inputs,
                targets=data.targets,
                own=data.own,
                options=options,
                extra_passes=extra,
                progress=report,
                kept=partial,
            )

    if arguments.max_loss is None:
        return run(options, "convert"), None
    from recog.tools.loss_trials import convert_within_loss

    if data.scorer.name is None:
        hint = (
            "give a --metric: the targets are no class for each frame, of a number for each class"
        )
        if data.test_targets is None:
            hint = f"give a --metric, or a class for each frame: targets in {data.test_name}"
        raise UsageError("--max-loss wants what may be lost", hint=hint)
    return convert_within_loss(data, options, arguments.max_loss, extra, partial, run)


def _print_notes(conversion: Conversion) -> None:
    from recog.lowering.partition.partition import boundary_lines

    if conversion.host_part is not None:
        for line in boundary_lines(conversion.host_part):
            print(line)
    for note in conversion.notes:
        print(f"note: {note.line()}")


def _own_loss(arguments: argparse.Namespace) -> str | None:
    """What --loss names if that is no loss of the compiler's."""
    return arguments.loss if is_function(arguments.loss or "") else None


def _write(
    conversion: Conversion,
    draft: Path,
    partial: PartialConversion,
    data: ConversionData,
    searched: LossSearched | None,
    arguments: argparse.Namespace,
) -> bytes:
    """Assemble, measure, and write it all; the program's bytes."""
    from recog.backend.machine import Machine
    from recog.tools.console import print_table, stage
    from recog.tools.conversion_folder import parts_of, write_conversion, write_report
    from recog.tools.report.conversion_record import Measured
    from recog.tools.report.json_files import write_json
    from recog.tools.report.level_pictures import LevelPictures
    from recog.tools.report.levels import level_table, measure_levels
    from recog.tools.report.trial_table import print_trials

    program, own = conversion.assemble(), (arguments.add_pass, _own_loss(arguments))
    write_conversion(draft, conversion, program, *own, written=partial.files())
    inputs, metric = data.test_inputs, data.metric
    with stage(f"measure every level on {counted(len(inputs[0]), 'input')}"):
        machine = Machine(program)
        pictures = LevelPictures(conversion, inputs, data.test_targets, metric)
        rows = measure_levels(
            conversion, machine, inputs, data.classes, metric=metric, observe=pictures.observe
        )
    if searched is not None:
        searched.check(rows[-1], partial)
        print_trials(searched, tuned_on_it=arguments.test_data is None)
    print_table(None, *level_table(rows))
    if arguments.json is not None:
        found = {} if searched is None else {"search": searched.as_record()}
        write_json(Path(arguments.json), {"rows": [row.as_record() for row in rows], **found})
    measured = Measured.of(
        os.path.basename(arguments.network),
        rows,
        conversion.notes,
        conversion.plan,
        pictures.record(),
        None if searched is None else searched.as_record(),
    )
    write_report(draft, parts_of(conversion, program, *own), measured)
    return program
