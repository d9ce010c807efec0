"""The commands of `recog`, one function each: parsed arguments in, exit code out."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.files import atomic_write, check_output, check_output_folder
from recog.dialects.errors import RecogError
from recog.dialects.functions import find_function
from recog.lowering.pipeline import ConversionOptions, Progress, Stage, convert
from recog.tools.console import Advance, print_table, progress, stage
from recog.tools.module_files import (
    load_inputs,
    load_network,
    save_arrays,
    write_module,
)
from recog.tools.report.json_files import write_json

PROGRAM_NAME = "program.recog"
HOST_NAME = "host.mlir"
REPORT_NAME = "report.json"


def import_command(arguments: argparse.Namespace) -> int:
    """recog import: a network as nn IR."""
    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    write_module(module, arguments.output or "/dev/stdout")
    return 0


def info_command(arguments: argparse.Namespace) -> int:
    """recog info: how the arithmetic runs on this machine."""
    from recog.tools.cli.info_command import show_info

    return show_info(arguments)


def check_command(arguments: argparse.Namespace) -> int:
    """recog check: where each op of a network will run; 1 if some cannot be imported."""
    from recog.tools.report.check_network import check_network, check_table

    _check_json(arguments)
    with stage(f"check {arguments.network}"):
        report = check_network(arguments.network)
    print_table(None, *check_table(report.rows), left=["runs on", "why", "first at"])
    for line in report.notes:
        print(line)
    if arguments.json is not None:
        write_json(Path(arguments.json), report.as_record())
    return 0 if report.supported else 1


def convert_command(arguments: argparse.Namespace) -> int:
    """recog convert: IR of every stage, program file and report in one folder."""
    from recog.backend.machine import Machine
    from recog.lowering.partition.partition import boundary_lines
    from recog.tools.report.levels import level_table, measure_levels

    options = conversion_options(arguments)
    check_output_folder(arguments.output)
    with stage(f"import {arguments.network}"):
        module = load_network(arguments.network)
    count = _input_count(module)
    inputs, targets = load_inputs(arguments.data, count)
    test_inputs, labels = inputs, targets
    if arguments.test_data is not None:
        test_inputs, labels = load_inputs(arguments.test_data, count)
    with progress("convert", 600) as advance:
        conversion = convert(
            module, inputs, targets=targets, options=options, progress=stage_notes(advance)
        )
    program = conversion.assemble()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    remove_conversion(folder)
    for i, (name, stage_module) in enumerate(conversion.stages.items()):
        write_module(stage_module, folder / stage_file(i, name))
    with atomic_write(folder / PROGRAM_NAME, "wb") as stream:
        stream.write(program)
    if conversion.host_part is not None:
        write_module(conversion.host_part, folder / HOST_NAME)
        for line in boundary_lines(conversion.host_part):
            print(line)
    labels = labels if labels is not None and is_labels(labels) else None
    with stage(f"measure every level on {len(test_inputs[0])} inputs"):
        rows = measure_levels(conversion, Machine(program), test_inputs, labels)
    print_table(None, *level_table(rows))
    write_json(folder / REPORT_NAME, {"rows": [row.as_record() for row in rows]})
    print(f"program: {folder / PROGRAM_NAME} ({len(program):,} bytes), IR and report beside it")
    return 0


def remove_conversion(folder: Path) -> None:
    """Remove what an earlier `recog convert` left, lest its files be taken for this one's."""
    stages = [f"[0-9]-{name}.mlir" for name in Stage if name.is_ir]
    for pattern in (*stages, HOST_NAME, REPORT_NAME):
        for file in folder.glob(pattern):
            if file.is_file():
                file.unlink()


def is_labels(targets: np.ndarray) -> bool:
    """Whether targets name a class for each frame."""
    return targets.ndim == 1 and targets.dtype.kind in "iu"


def stage_file(index: int, name: str) -> str:
    """The file name of a stage's IR: in order when sorted."""
    return f"{index}-{name}.mlir"


def conversion_options(arguments: argparse.Namespace) -> ConversionOptions:
    """The options of a conversion from the command line; RecogError names a bad one."""
    a = arguments
    return ConversionOptions(
        cluster=not a.dense,
        tune=not (a.dense or a.no_tune),
        centroids=a.centroids,
        channel_block=a.channel_block,
        linear_block=a.linear_block,
        weight_width=a.width,
        weight_frac=a.frac,
        seed=a.seed,
        epochs=a.epochs,
        learning_rate=a.learning_rate,
        loss=a.loss,
        reassign=a.reassign,
        width=a.width,
        frac=a.frac,
        unsigned_frac=a.unsigned_frac,
        output_width=a.output_width,
        output_frac=a.output_frac,
        antilog_bits=a.antilog_bits,
        accumulator_width=a.accumulator_width,
        mitchell=a.mitchell,
        target=a.target,
        activation_memory=a.activation_memory,
        weight_memory=a.weight_memory,
    )


def run_command(arguments: argparse.Namespace) -> int:
    """recog run: a program on the machine."""
    from recog.backend.machine import Machine
    from recog.backend.split_network import SplitNetwork
    from recog.lowering.partition.partition import host_inputs

    if arguments.output is not None:
        check_output(arguments.output)
    machine = Machine(arguments.program, engine=arguments.engine)
    network = SplitNetwork(machine.run, None)
    if arguments.host is not None:
        host = load_network(arguments.host)
        network = SplitNetwork(machine.run, host, host_inputs(host))
    inputs, targets = load_inputs(arguments.data, len(machine.inputs))
    with stage(f"run {len(inputs[0])} frames"):
        outputs = list(network(*inputs))
    if arguments.output is not None:
        save_arrays(arguments.output, outputs)
    for i, output in enumerate(outputs):
        print(f"output {i}: {output.dtype} {list(output.shape)}")
    if targets is not None and is_labels(targets) and outputs[0].ndim == 2:
        correct = outputs[0].argmax(axis=1) == targets
        print(f"accuracy: {100 * correct.mean():.2f} % ({int(correct.sum())} of {correct.size})")
    return 0


def compare_command(arguments: argparse.Namespace) -> int:
    """recog compare: both SQNRs of every layer."""
    from recog.lowering.check.compare_layers import compare_layers
    from recog.tools.report.levels import decibels

    _check_json(arguments)
    float_module, lns_module = _modules_to_compare(arguments.network, arguments.converted)
    inputs, _ = load_inputs(arguments.data, _input_count(lns_module))
    with stage(f"compare on {len(inputs[0])} inputs"):
        layers = compare_layers(float_module, lns_module, inputs, engine=arguments.engine)
    rows = [
        [each.layer, each.op, decibels(each.alone_db), decibels(each.cumulative_db)]
        for each in layers
    ]
    headers = ["layer", "op", "this layer alone dB", "all up to here dB"]
    print_table("SQNR against the float network", headers, rows, left=["op"])
    if arguments.json is not None:
        records = [
            {
                "layer": each.layer,
                "op": each.op,
                "alone_db": _finite(each.alone_db),
                "cumulative_db": _finite(each.cumulative_db),
            }
            for each in layers
        ]
        write_json(Path(arguments.json), {"rows": records})
    return 0


def _modules_to_compare(network: str, converted: str) -> tuple[ModuleOp, ModuleOp]:
    """The float module with its batch norms folded, as the converted one has them."""

    from recog.lowering.pipeline import fold_network

    path = Path(converted)
    if path.is_dir():
        found = sorted(path.glob("*-lns.mlir"))
        if not found:
            hint = "give the folder that recog convert wrote"
            raise RecogError("holds no stage *-lns.mlir", where=converted, hint=hint)
        path = found[0]
    float_module, lns_module = load_network(network), load_network(str(path))
    fold_network(float_module)
    return float_module, lns_module


def eval_command(arguments: argparse.Namespace) -> int:
    """recog eval: a perception task's network at any level."""
    from recog.tools.cli.eval_command import evaluate

    return evaluate(arguments)


def train_command(arguments: argparse.Namespace) -> int:
    """recog train: a perception task's network."""
    from recog.tools.cli.train_command import train

    return train(arguments)


def disassemble_command(arguments: argparse.Namespace) -> int:
    """recog disassemble: a program file as chip assembly, which recog-opt reads again."""
    from recog.backend.assembly import load_program
    from recog.backend.targets import ChipAsmTarget
    from recog.tools.context import make_context

    module = ModuleOp([load_program(arguments.program)])
    target = ChipAsmTarget(arguments.elide_constants, arguments.locations)
    with atomic_write(arguments.output or "/dev/stdout") as stream:
        target.emit(make_context(), module, stream)
    return 0


def _check_json(arguments: argparse.Namespace) -> None:
    if arguments.json is not None:
        check_output(arguments.json)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _input_count(module: ModuleOp) -> int:
    return len(find_function(module, "main").body.block.args)


def stage_notes(advance: Advance) -> Progress:
    """Progress of a conversion as one bar, the same length for each stage."""
    finished, position = 0, 0

    def report(name: str, share: float) -> None:
        nonlocal finished, position
        now = int(100 * (finished + share))
        advance(now - position, name)
        position = now
        finished += share >= 1.0

    return report
