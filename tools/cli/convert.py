"""Convert a network to a chip program: fold batch norms, cluster the weights, tune the centroids,
encode in LNS, select instructions, assemble. Writes the IR of every stage, the program and a
report. What is finished is kept in DIR.partial until all is: an interrupted conversion goes on with
--resume. Several processes share the tuning: torchrun --nproc-per-node 2 -m recog convert ..."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError
from recog.lowering.allocation.options import LayoutOptions
from recog.lowering.balance.balance_ranges import BalanceOptions
from recog.lowering.batch_norm.fold import FoldOptions
from recog.lowering.cluster.layouts import ClusterOptions
from recog.lowering.cluster.tune_settings import LOSSES, TuneSettings
from recog.lowering.common.options import OptionError, UnusedOptionError
from recog.lowering.common.shared_options import WeightFormatOptions
from recog.lowering.encode.calibrate import CalibrationOptions
from recog.lowering.encode.encode_lns import EncodeOptions
from recog.lowering.pipeline import ConversionOptions, ExtraPass, parse_extra_pass
from recog.lowering.select.convert_lns_to_chip import TargetOptions
from recog.tools.cli.arguments import DATA, add_data, add_json, add_network, check_json
from recog.tools.cli.options import OptionGroup, add_options, given_options
from recog.tools.diagnostics import UsageError
from recog.tools.own_objective import is_function
from recog.tools.recipe import Recipe, complete_options, read_recipe

if TYPE_CHECKING:
    import numpy as np

    from recog.backend.folders import HeldFolder
    from recog.lowering.check.metrics import Metric
    from recog.lowering.pipeline import Conversion
    from recog.tools.partial_conversion import PartialConversion

GROUPS = (
    OptionGroup("batch norm folding", [FoldOptions]),
    OptionGroup("weights", ["balance", BalanceOptions, LayoutOptions, ClusterOptions]),
    OptionGroup("tuning", ["tune", TuneSettings]),
    OptionGroup(
        "number formats",
        [CalibrationOptions, WeightFormatOptions, EncodeOptions],
        "--width and --frac are those of weights too, unless --weight-width and --weight-frac "
        "are given",
    ),
    OptionGroup("chip", [TargetOptions]),
)
METAVARS = {
    "target": "NAME|FILE.toml",
    "activation_memory": "BYTES",
    "weight_memory": "BYTES",
    "reassign": "STEPS",
    "budget": "BYTES",
    "layouts": "'PATTERN: LAYOUT; ...'",
}
LEFT_OUT = ("entry", "cluster", "loss")
"""Without a flag of their name: a network's function is always @main, --dense says whether to
cluster, and --loss may be a function too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog convert`."""
    add_network(parser)
    add_data(
        parser,
        f"example inputs that calibrate and tune the network: {DATA}; with --loss also "
        "file.py:function that returns the batches of an epoch, pairs of inputs and targets",
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
        metavar="file.py:function",
        help="score every level too: a function of outputs and targets (NumPy arrays (N, ...)) "
        "that returns a number, or one number a frame",
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
        help="measure every level on this data instead of --data; integer targets give an accuracy",
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
    with as_worker(arguments):
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
    from recog.lowering.cluster.targets import TargetError
    from recog.lowering.cluster.tune_own import check_objective
    from recog.lowering.common.data_files import naming_file
    from recog.lowering.pipeline import convert
    from recog.tools.console import stage, staged_progress
    from recog.tools.conversion_folder import PROGRAM_NAME, is_of_a_conversion
    from recog.tools.module_files import input_count, load_inputs, load_network
    from recog.tools.own_objective import load_examples, user_metric

    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    count = input_count(module)
    own_loss = _own_loss(arguments)
    if own_loss is not None and not is_function(arguments.data):
        _check_tunes(options)
    examples = load_examples(arguments.data, count, own_loss, options.batch, options.seed)
    inputs, targets, own = examples
    _check(module, arguments.data, inputs, options)
    if own is not None:
        check_objective(module, own, options)
    test_inputs, labels = inputs, targets
    if own is not None and arguments.metric is not None and arguments.test_data is None:
        test_inputs, labels = own.labelled(len(inputs[0]), options.seed)
    if arguments.test_data is not None:
        test_inputs, labels = load_inputs(arguments.test_data, count)
        _check(module, arguments.test_data, test_inputs, options)
    classes = _class_labels(module, labels, arguments)
    metric = user_metric(arguments.metric, labels)
    _try_metric(metric, module, test_inputs)
    stages = sum(step.reaches is not None for step in options.steps())
    fitting = naming_file(f"data {arguments.data}", TargetError)
    with fitting, staged_progress("convert", stages) as report:
        conversion = convert(
            module,
            inputs,
            targets=targets,
            own=own,
            options=options,
            extra_passes=extra,
            progress=report,
            kept=partial,
        )
    if worker_number() > 0:
        return 0
    _print_notes(conversion)
    with held.replaced(is_of_a_conversion) as draft:
        program = _write(
            conversion, draft, partial, test_inputs, (classes, labels), metric, arguments
        )
    partial.discard()
    written = Path(arguments.output) / PROGRAM_NAME
    print(f"program: {written} ({len(program):,} bytes), IR and report beside it")
    return 0


def _try_metric(metric: Metric | None, module: ModuleOp, inputs: Sequence[np.ndarray]) -> None:
    """Find what is wrong with a metric before hours of tuning."""
    import numpy as np

    from recog.lowering.pipeline import module_outputs
    from recog.tools.console import stage

    if metric is not None:
        with stage("score the float network"):
            outputs = module_outputs(module, inputs)
            metric.scores(outputs, outputs, np.arange(len(inputs[0])))


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


def _check_tunes(options: ConversionOptions) -> None:
    """Raise UsageError where a loss of the user's own would count for nothing."""
    if not (options.tune and options.cluster):
        switch = "--no-tune" if options.cluster else "--dense"
        raise UsageError(f"--loss has no effect with {switch}")


def _class_labels(
    module: ModuleOp, labels: np.ndarray | None, arguments: argparse.Namespace
) -> np.ndarray | None:
    """Labels that give an accuracy; None for others. Raises TargetError before hours of tuning."""
    from recog.lowering.cluster.targets import TargetError
    from recog.lowering.common.data_files import naming_file
    from recog.tools.module_files import class_labels, first_output_shape

    measured = arguments.data if arguments.test_data is None else arguments.test_data
    with naming_file(f"data {measured}", TargetError):
        return class_labels(labels, first_output_shape(module))


def _check(
    module: ModuleOp, path: str, inputs: Sequence[np.ndarray], options: ConversionOptions
) -> None:
    """Raise RecogError for data that the network does not take, before hours of tuning; for a
    network that is refused whatever the data are, what `recog check` says."""
    from recog.backend.interpreters.nn_runner import check_inputs
    from recog.lowering.common.data_files import naming_file
    from recog.lowering.partition.rehearsal import rehearse
    from recog.lowering.pipeline import fold_network

    try:
        with naming_file(f"data {path}"):
            check_inputs(module, inputs)
    except RecogError:
        trial = module.clone()
        fold_network(trial)
        refusal = rehearse(trial, target=options.chip_target(ChipTarget())).refusal
        if refusal is not None:
            raise refusal from None
        raise


def _write(
    conversion: Conversion,
    draft: Path,
    partial: PartialConversion,
    inputs: Sequence[np.ndarray],
    labels: tuple[np.ndarray | None, np.ndarray | None],
    metric: Metric | None,
    arguments: argparse.Namespace,
) -> bytes:
    """Assemble, measure, and write it all; the program's bytes.

    Args:
        labels: classes of the frames, and targets of any kind.
    """
    from recog.backend.machine import Machine
    from recog.tools.console import print_table, stage
    from recog.tools.conversion_folder import parts_of, write_conversion, write_report
    from recog.tools.report.conversion_record import Measured
    from recog.tools.report.json_files import write_json
    from recog.tools.report.level_pictures import LevelPictures
    from recog.tools.report.levels import level_table, measure_levels

    program, own = conversion.assemble(), (arguments.add_pass, _own_loss(arguments))
    write_conversion(draft, conversion, program, *own, written=partial.files())
    with stage(f"measure every level on {len(inputs[0])} inputs"):
        classes, targets = labels
        machine, pictures = Machine(program), LevelPictures(conversion, inputs, targets, metric)
        rows = measure_levels(
            conversion, machine, inputs, classes, metric=metric, observe=pictures.observe
        )
    print_table(None, *level_table(rows))
    if arguments.json is not None:
        write_json(Path(arguments.json), {"rows": [row.as_record() for row in rows]})
    measured = Measured.of(
        os.path.basename(arguments.network),
        rows,
        conversion.notes,
        conversion.plan,
        pictures.record(),
    )
    write_report(draft, parts_of(conversion, program, *own), measured)
    return program


def conversion_options(
    arguments: argparse.Namespace, recipe: Mapping[str, Any] | None = None
) -> ConversionOptions:
    """The options of a conversion from the command line.

    Args:
        recipe: options that a recipe gives, for which flags take precedence.

    Raises:
        UsageError: a value that an option cannot have, or one without effect.
        RecogError: a target that is none.
    """
    flags = given_options(arguments, ConversionOptions, LEFT_OUT)
    if arguments.loss is not None and not is_function(arguments.loss):
        flags["loss"] = arguments.loss
    if arguments.dense:
        flags["cluster"] = False
    given = {**(recipe or {}), **flags}
    if flags.keys() & {"ratio", "budget"}:  # either takes the place of either
        given = {**given, "ratio": flags.get("ratio"), "budget": flags.get("budget")}
    try:
        options = complete_options(given, flags)
    except UnusedOptionError as error:
        raise UsageError(_switches(str(error))) from None
    except OptionError as error:
        raise UsageError(str(error)) from None
    options.chip_target(ChipTarget())  # what is wrong with it is found before hours of tuning
    return options


def _switches(text: str) -> str:
    """Options that are false by the flags that make them so."""

    def flag(match: re.Match[str]) -> str:
        return "--dense" if match[1] == "cluster" else f"--no-{match[1]}"

    return re.sub(r"\boption ([a-z-]+)=false", flag, text)


def extra_passes(texts: Sequence[str], options: ConversionOptions) -> list[ExtraPass]:
    """The passes of --add-pass. Raises UsageError for a place or a pass that does not exist."""
    if not texts:
        return []
    from xdsl.universe import Universe

    from recog.tools.opt.pipeline_parser import parse_passes

    available = Universe.get_multiverse().all_passes

    def parse(text: str) -> Sequence[ModulePass]:
        return parse_passes(text, available, where="argument --add-pass")

    try:
        return [each for text in texts for each in parse_extra_pass(text, parse, options.steps())]
    except UsageError:
        raise
    except RecogError as error:
        raise UsageError(error.message, where="argument --add-pass", hint=error.hint) from None
