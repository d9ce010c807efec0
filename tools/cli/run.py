"""Run a program file on the reference machine, bit for bit as the chip would."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recog.dialects.errors import RecogError
from recog.dialects.words import counted
from recog.tools.cli.arguments import (
    add_data,
    add_engine,
    add_json,
    byte_count,
    check_outputs,
    check_positive,
    engine_options,
    program_file,
)
from recog.tools.diagnostics import UsageError

if TYPE_CHECKING:
    import numpy as np

    from recog.backend.machine import Budget, Machine
    from recog.backend.machine.golden import GoldenRecorder, GoldenVerifier
    from recog.dialects.chip import ProgramOp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog run`."""
    parser.add_argument(
        "program",
        metavar="PROGRAM",
        help="program file of recog convert, or its folder, in which the host's part is found too",
    )
    parser.add_argument(
        "--host",
        metavar="FILE",
        help="the part of a divided network that stays on the host: the host.mlir that "
        "recog convert wrote beside the program",
    )
    add_data(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=".npy file for the output, or .npz file for the outputs by their names, float32",
    )
    parser.add_argument(
        "--max-steps",
        type=float,
        metavar="N",
        help="refuse a program whose frame takes more elementary steps, such as products "
        "(default: 5.5e11, about half a minute)",
    )
    parser.add_argument(
        "--max-memory",
        type=byte_count,
        metavar="BYTES",
        help="refuse a program that may take more memory (default: 3 GiB)",
    )
    add_json(parser, "also write the outputs' kinds and shapes, and the accuracy, as JSON")
    parser.add_argument(
        "--interleave",
        type=int,
        metavar="SEED",
        help="let the chip's queues take turns at random, in an order that follows from the seed: "
        "each waits for the others only where it has to, and no bit changes (default: program "
        "order)",
    )
    golden = parser.add_mutually_exclusive_group()
    golden.add_argument(
        "--record",
        metavar="FILE",
        help="write a hash of what each layer gives for each frame, as JSON: the same on every "
        "machine, engine and schedule",
    )
    golden.add_argument(
        "--verify",
        metavar="FILE",
        help="hold each layer against what --record wrote, and stop at the first that differs",
    )
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the program on all inputs; print its outputs' shapes, and an accuracy for labels."""
    from recog.backend.machine import Machine
    from recog.backend.split_network import SplitNetwork
    from recog.lowering.common.data_files import naming_file
    from recog.tools.console import stage
    from recog.tools.module_files import (
        check_room,
        load_inputs,
        load_network,
        save_arrays,
    )
    from recog.tools.report.json_files import write_json

    program, host_path = _parts(arguments.program, arguments.host)
    _check_files(arguments, program, host_path)
    budget = _budget(arguments)
    source = _ordered(program, arguments.interleave, host_path)
    machine = Machine(source, engine=engine_options(arguments), budget=budget)
    host = None if host_path is None else load_network(host_path)
    network = SplitNetwork(machine, host)
    if network.input_count == 0:
        raise RecogError("takes no inputs, so there are no frames to run", where=program)
    if arguments.output is not None:
        check_room(arguments.output, len(network.output_names))
    inputs, targets = load_inputs(arguments.data, network.input_count)
    with naming_file(f"data {arguments.data}"):
        network.check_inputs(inputs)
    golden = _golden(arguments, machine, inputs)
    with stage(f"run {counted(len(inputs[0]), 'frame')}"):
        outputs = list(network(*inputs, observe=None if golden is None else golden.observe))
    named = dict(zip(network.output_names, outputs))
    if arguments.output is not None:
        save_arrays(arguments.output, named)
    for name, output in named.items():
        print(f"{name}: {output.dtype} {list(output.shape)}")
    _finish_golden(arguments, golden, len(inputs[0]))
    for each in machine.saturated:
        print(f"note: {each.line()}")
    accuracy = _accuracy(targets, outputs)
    for line in accuracy.lines:
        print(line)
    if arguments.json is not None:
        write_json(Path(arguments.json), _record(named, len(inputs[0]), accuracy))
    return 0


def _budget(arguments: argparse.Namespace) -> Budget:
    """What the program may take."""
    from recog.backend.machine import Budget

    check_positive(max_steps=arguments.max_steps, max_memory=arguments.max_memory)
    return Budget(
        Budget.steps if arguments.max_steps is None else int(arguments.max_steps),
        Budget.memory if arguments.max_memory is None else arguments.max_memory,
    )


def _ordered(program: str, seed: int | None, host: str | None) -> str | ProgramOp:
    """The program file, or its program with the queues' turns as they follow from a seed."""
    from recog.backend.assembly.loader import load_program
    from recog.backend.machine.interleaving import interleaved, random_pick

    if seed is None:
        return program
    if seed < 0:
        raise UsageError(f"must be at least 0, got {seed}", where="--interleave")
    return interleaved(load_program(program), random_pick(seed), host_computes=host is not None)


class _Accuracy(NamedTuple):
    """What is printed of it, and the number in percent, where there is one."""

    lines: list[str]
    percent: float | None = None


def _accuracy(targets: np.ndarray | None, outputs: Sequence[np.ndarray]) -> _Accuracy:
    """The accuracy of the first output for labels, or why there is none; nothing without any."""
    from recog.lowering.cluster.targets import TargetError
    from recog.tools.module_files import class_labels

    try:
        labels = class_labels(targets, outputs[0].shape) if outputs else None
    except TargetError as error:
        return _Accuracy([f"note: no accuracy, as {error.message}"])
    if labels is None:
        return _Accuracy([])
    correct = outputs[0].argmax(axis=1) == labels
    percent = 100 * float(correct.mean())
    line = f"accuracy: {percent:.2f} % ({int(correct.sum())} of {correct.size})"
    return _Accuracy([line], percent)


def _record(outputs: Mapping[str, np.ndarray], frames: int, accuracy: _Accuracy) -> dict[str, Any]:
    """What was printed, for JSON."""
    rows = [
        {"output": name, "dtype": str(each.dtype), "shape": list(each.shape)}
        for name, each in outputs.items()
    ]
    return {"frames": frames, "accuracy": accuracy.percent, "outputs": rows}


def _check_files(arguments: argparse.Namespace, program: str, host: str | None) -> None:
    """Raise unless the files to write can be written, and are neither each other nor read."""
    inputs = {
        "PROGRAM": program,
        "--host": host,
        "--data": arguments.data,
        "--verify": arguments.verify,
    }
    outputs = {"-o": arguments.output, "--record": arguments.record, "--json": arguments.json}
    check_outputs(outputs, inputs)


def _golden(
    arguments: argparse.Namespace, machine: Machine, inputs: Sequence[np.ndarray]
) -> GoldenRecorder | GoldenVerifier | None:
    """What is to observe the machine, if anything."""
    from recog.backend.machine.golden import GoldenRecorder, GoldenVerifier, read_golden

    if arguments.record is not None:
        return GoldenRecorder(machine.program, inputs)
    if arguments.verify is None:
        return None
    file = Path(arguments.verify)
    return GoldenVerifier(read_golden(file), machine.program, inputs, file)


def _finish_golden(
    arguments: argparse.Namespace, golden: GoldenRecorder | GoldenVerifier | None, frames: int
) -> None:
    """Write what was recorded, or say what was verified and what was not."""
    from recog.backend.machine.golden import GoldenRecorder, write_golden

    if isinstance(golden, GoldenRecorder):
        found = golden.golden
        write_golden(found, arguments.record)
        print(
            f"{arguments.record}: {counted(len(found.steps), 'step')} of {counted(frames, 'frame')}"
        )
    elif golden is not None:
        count = f"{frames} of {counted(golden.frames, 'frame')}"
        print(
            f"verified: {counted(golden.compared, 'result')}, of {count}, as in {arguments.verify}"
        )
        for name in golden.left_out:
            print(f"note: not compared, as no output needs all of it: {name}")


def _parts(program: str, host: str | None) -> tuple[str, str | None]:
    """The program file and the host's part that are meant; of a conversion's folder, its own."""
    from recog.tools.conversion_folder import HOST_NAME

    path = Path(program_file(program))
    beside = path.with_name(HOST_NAME)
    if str(path) != program:
        return str(path), host or (str(beside) if beside.exists() else None)
    if host is None and beside.exists():
        print(f"note: the chip's part alone; with the host's: --host {beside}", file=sys.stderr)
    return program, host
