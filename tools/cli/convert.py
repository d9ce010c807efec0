"""Convert a network to a chip program: fold batch norms, cluster the weights, tune the centroids,
encode in LNS, select instructions, assemble. Writes the IR of every stage, the program and a
report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from recog.dialects.errors import RecogError
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.tools.cli.arguments import DATA, add_data, add_network

if TYPE_CHECKING:
    from recog.lowering.pipeline import ConversionOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog convert`."""
    add_network(parser)
    add_data(parser, f"example inputs that calibrate and tune the network: {DATA}")
    parser.add_argument(
        "-o",
        "--output",
        default="converted",
        metavar="DIR",
        help="folder to write (default: converted)",
    )
    parser.add_argument(
        "--test-data",
        metavar="FILE",
        help="measure every level on this data instead of --data; integer targets give an accuracy",
    )
    cluster = parser.add_argument_group("weights")
    cluster.add_argument("--dense", action="store_true", help="8-bit codes without clustering")
    cluster.add_argument("--centroids", type=int, default=256, help="most a layer (default: 256)")
    cluster.add_argument("--channel-block", type=int, default=8, help="of 1x1 layers (default: 8)")
    cluster.add_argument("--linear-block", type=int, default=4, help="of linear layers (default 4)")
    tune = parser.add_argument_group("tuning")
    tune.add_argument("--no-tune", action="store_true", help="keep the centroids of k-means")
    tune.add_argument("--epochs", type=int, default=10, help="passes over the data (default: 10)")
    tune.add_argument("--learning-rate", type=float, default=2e-3, help="of Adam (default: 0.002)")
    tune.add_argument(
        "--reassign",
        type=int,
        default=1,
        metavar="STEPS",
        help="from one choice of the pointers to the next; 0: they stay (default: 1)",
    )
    tune.add_argument(
        "--loss",
        default="auto",
        choices=("auto", "mse", "kl", "cross-entropy"),
        help="auto: cross-entropy for integer targets, else mse against the float outputs",
    )
    numbers = parser.add_argument_group("number formats")
    numbers.add_argument("--width", type=int, default=8, help="bits of a code (default: 8)")
    numbers.add_argument("--frac", type=int, default=4, help="fraction bits (default: 4)")
    numbers.add_argument(
        "--unsigned-frac", type=int, default=5, help="of activations never negative (default: 5)"
    )
    numbers.add_argument(
        "--output-width", type=int, default=8, help="of the network's outputs (default: 8)"
    )
    numbers.add_argument("--output-frac", type=int, default=4, help="likewise (default: 4)")
    numbers.add_argument(
        "--antilog-bits", type=int, help="P, fraction bits of antilogs (default: the chip's, 6)"
    )
    numbers.add_argument(
        "--accumulator-width",
        type=int,
        help="bits of accumulators (default: those of --target; without one 32, or more where the "
        "proof of no overflow needs it)",
    )
    numbers.add_argument("--mitchell", action="store_true", help="antilog 1 + x, without a table")
    numbers.add_argument("--seed", type=int, default=0, help="of k-means and tuning (default: 0)")
    chip = parser.add_argument_group("chip")
    chip.add_argument(
        "--target", metavar="FILE", help="TOML file of the chip's memories and arithmetic"
    )
    chip.add_argument(
        "--activation-memory", metavar="BYTES", type=int, help="in place of the chip's (4 MiB)"
    )
    chip.add_argument(
        "--weight-memory", metavar="BYTES", type=int, help="in place of the chip's (16 MiB)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, write the folder, measure every level and print the table."""
    from recog.backend.files import check_output_folder
    from recog.backend.machine import Machine
    from recog.lowering.partition.partition import boundary_lines
    from recog.lowering.pipeline import convert
    from recog.tools.console import print_table, progress, share_progress, stage
    from recog.tools.conversion_folder import PROGRAM_NAME, write_conversion, write_report
    from recog.tools.module_files import input_count, is_labels, load_inputs, load_network
    from recog.tools.report.levels import level_table, measure_levels

    options = conversion_options(arguments)
    check_output_folder(arguments.output)
    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    count = input_count(module)
    inputs, targets = load_inputs(arguments.data, count)
    test_inputs, labels = inputs, targets
    if arguments.test_data is not None:
        test_inputs, labels = load_inputs(arguments.test_data, count)
    with progress("convert", 600) as advance:
        conversion = convert(
            module, inputs, targets=targets, options=options, progress=share_progress(advance, 6)
        )
    program = conversion.assemble()
    folder = Path(arguments.output)
    write_conversion(folder, conversion, program)
    if conversion.host_part is not None:
        for line in boundary_lines(conversion.host_part):
            print(line)
    labels = labels if labels is not None and is_labels(labels) else None
    with stage(f"measure every level on {len(test_inputs[0])} inputs"):
        rows = measure_levels(conversion, Machine(program), test_inputs, labels)
    print_table(None, *level_table(rows))
    write_report(folder, rows)
    print(f"program: {folder / PROGRAM_NAME} ({len(program):,} bytes), IR and report beside it")
    return 0


def conversion_options(arguments: argparse.Namespace) -> ConversionOptions:
    """The options of a conversion from the command line; RecogError names a bad one."""
    from recog.dialects.chip import ChipTarget
    from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
    from recog.lowering.cluster.tuner import TuneSettings
    from recog.lowering.encode.calibrate import ActivationFormats
    from recog.lowering.pipeline import ConversionOptions
    from recog.lowering.select.convert_lns_to_chip import ConvertLnsToChipPass

    a = arguments
    chip = ConvertLnsToChipPass(a.target, a.activation_memory, a.weight_memory)
    target = chip.chip_target(ChipTarget())
    accumulator = a.accumulator_width
    if accumulator is None and a.target is not None:
        accumulator = target.accumulator
    antilog_bits = target.antilog_bits if a.antilog_bits is None else a.antilog_bits
    mitchell = a.mitchell or target.mitchell
    try:
        signed = LnsFormat(a.width, a.frac)
        activations = ActivationFormats(
            signed,
            LnsFormat(a.width, a.unsigned_frac, unsigned=True),
            LnsFormat(a.output_width, a.output_frac),
        )
        Arithmetic(antilog_bits, 32 if accumulator is None else accumulator, mitchell)
    except ValueError as error:
        raise RecogError(str(error), where="number formats") from None
    cluster = ClusterWeightsPass(
        centroids=a.centroids,
        channel_block=a.channel_block,
        linear_block=a.linear_block,
        scale_frac=a.frac,
        code_width=a.width,
        seed=a.seed,
    )
    tune = TuneSettings(
        epochs=a.epochs,
        learning_rate=a.learning_rate,
        loss=a.loss,
        weight_width=a.width,
        weight_frac=a.frac,
        reassign=a.reassign,
        seed=a.seed,
    )
    cluster.check()
    tune.check()
    return ConversionOptions(
        None if a.dense else cluster,
        None if a.dense or a.no_tune else tune,
        activations,
        signed,
        antilog_bits,
        accumulator,
        mitchell,
        chip,
    )
