"""`recog`: the workflow on a user's own network and data."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from recog.tools.cli.eval_arguments import add_eval
from recog.tools.cli.train_arguments import add_train

NETWORK_HELP = (
    "file.py:function returning (module, example inputs), a torch.export archive (.pt2), "
    "or an nn IR file (.mlir)"
)
DATA_HELP = (
    ".npz with `inputs` (or input0, input1, ...) and perhaps `targets`, or .npy of the inputs; "
    "float, (N, ...)"
)


def build_parser() -> argparse.ArgumentParser:
    """The command line; help texts are all that a user needs to start."""
    parser = argparse.ArgumentParser(
        prog="recog",
        description="Convert PyTorch networks to programs for a logarithmic-number-system chip, "
        "run them bit for bit, and see what they keep and cost.",
        epilog="Single passes over IR files: recog-opt --help",
    )
    parser.add_argument("--version", action="version", version=f"recog {version('recog')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_import(commands)
    _add_check(commands)
    _add_convert(commands)
    _add_run(commands)
    _add_compare(commands)
    _add_disassemble(commands)
    add_train(commands)
    _add_engine(add_eval(commands), threads=False)
    _add_info(commands)
    return parser


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "import", help="write a network as nn IR", description="Write a network as nn IR."
    )
    command.add_argument("network", help=NETWORK_HELP)
    command.add_argument("-o", "--output", help="IR file to write (default: standard output)")


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "check",
        help="show what of a network runs on the chip",
        description="List a network's ops: which run on the chip, which stay on the host and why, "
        "which are not supported and where they are. Exit code 1 if something is not supported.",
    )
    command.add_argument("network", help=NETWORK_HELP)
    command.add_argument("--json", metavar="FILE", help="write the table as JSON too")


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "convert",
        help="convert a network to a chip program",
        description="Convert a network to a chip program: fold batch norms, cluster the weights, "
        "tune the centroids, encode in LNS, assemble. Writes the IR of every stage, the program "
        "and a report.",
    )
    command.add_argument("network", help=NETWORK_HELP)
    command.add_argument("--data", required=True, help=f"example inputs: {DATA_HELP}")
    command.add_argument("-o", "--output", default="converted", help="folder (default: converted)")
    command.add_argument(
        "--test-data", help="measure on these inputs instead; integer targets give an accuracy"
    )
    cluster = command.add_argument_group("weights")
    cluster.add_argument("--dense", action="store_true", help="8-bit codes without clustering")
    cluster.add_argument("--centroids", type=int, default=256, help="most a layer (default: 256)")
    cluster.add_argument("--channel-block", type=int, default=8, help="of 1x1 layers (default: 8)")
    cluster.add_argument("--linear-block", type=int, default=4, help="of linear layers (default 4)")
    tune = command.add_argument_group("tuning")
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
    numbers = command.add_argument_group("number formats")
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
    chip = command.add_argument_group("chip")
    chip.add_argument(
        "--target", metavar="FILE", help="TOML file of the chip's memories and arithmetic"
    )
    chip.add_argument(
        "--activation-memory", metavar="BYTES", type=int, help="in place of the chip's (4 MiB)"
    )
    chip.add_argument(
        "--weight-memory", metavar="BYTES", type=int, help="in place of the chip's (16 MiB)"
    )


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "run",
        help="run a program on the machine",
        description="Run a program file on the reference machine, bit for bit.",
    )
    command.add_argument("program", help="program file")
    command.add_argument(
        "--host", metavar="FILE", help="the host's part of a divided network: host.mlir"
    )
    command.add_argument("--data", required=True, help=DATA_HELP)
    command.add_argument("-o", "--output", help=".npy or .npz file for the outputs, float32")
    _add_engine(command)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "compare",
        help="locate the loss, layer by layer",
        description="For each layer the signal-to-noise ratio against the float network: this "
        "layer alone converted, and all layers up to here converted.",
    )
    command.add_argument("network", help=f"the float network: {NETWORK_HELP}")
    command.add_argument(
        "converted", help="the converted network: an lns IR file, or the folder of `recog convert`"
    )
    command.add_argument("--data", required=True, help=DATA_HELP)
    command.add_argument("--json", metavar="FILE", help="write the table as JSON too")
    _add_engine(command)


def _add_disassemble(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "disassemble",
        help="print a program file as chip assembly",
        description="Print a program file as chip assembly; recog-opt -t chip-program is the way "
        "back.",
    )
    command.add_argument("program", help="program file")
    command.add_argument("-o", "--output", help="file to write (default: standard output)")
    command.add_argument(
        "--elide-constants", action="store_true", help="leave out weights: for reading only"
    )
    command.add_argument(
        "--locations", action="store_true", help="with source locations: assembles to the same file"
    )


def _add_engine(command: argparse.ArgumentParser, *, threads: bool = True) -> None:
    command.add_argument(
        "--engine",
        default="fast",
        choices=("fast", "gemm", "reference"),
        help="arithmetic: all give the same bits (default: fast)",
    )
    if threads:
        command.add_argument(
            "--threads", type=int, help="threads of the fast engine (default: one a core)"
        )
    command.add_argument(
        "--engine-path",
        choices=("avx512", "avx2", "portable"),
        help="instructions of the fast engine (default: the processor's best, see recog info)",
    )


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "info",
        help="show how the arithmetic runs on this machine",
        description="Show this processor, the path and threads of the arithmetic, versions, and "
        "where compiled code is kept.",
    )
    _add_engine(command)


def _set_engine(arguments: argparse.Namespace) -> None:
    """Options of the fast engine are settings of this process and of those that it starts."""
    for option, variable in (("threads", "RECOG_THREADS"), ("engine_path", "RECOG_ENGINE_PATH")):
        value = getattr(arguments, option, None)
        if value is not None:
            os.environ[variable] = str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for bad input, 2 for a bad command line."""
    # Waiting OpenMP threads that spin cost up to 16x on busy cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from recog.tools.console import run_main

    def body() -> int:
        arguments = build_parser().parse_args(argv)
        _set_engine(arguments)
        from recog.dialects.verification import located_errors
        from recog.tools.cli import commands

        with located_errors():
            return getattr(commands, f"{arguments.command}_command")(arguments)

    return run_main("recog", body)


if __name__ == "__main__":
    sys.exit(main())
