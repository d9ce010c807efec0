"""Arguments that several commands take, and checks of their values."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, ENGINES, EngineOptions
from recog.backend.arithmetic.fast.paths import FORMS, MAX_THREADS
from recog.backend.chips import CHIPS
from recog.backend.files import check_output
from recog.backend.threads import THREADS
from recog.dialects.errors import RecogError
from recog.frontend.tasks import TASK_NAMES, is_own
from recog.tools.diagnostics import UsageError

NETWORK = (
    "file.py:function that returns (module, example inputs), a torch.export archive (.pt2), an "
    "ONNX file (.onnx, or net.onnx:1x3x224x224 where it leaves sizes open), or an IR file of the "
    "nn dialect (.mlir)"
)
DATA = (
    ".npz file with `inputs` (or `input0`, `input1`, ...) and optionally `targets`, or .npy file "
    "with the inputs: float arrays of shape (N, ...); or file.py:function that returns batches, "
    "pairs of inputs and targets"
)

TASK = f"{', '.join(TASK_NAMES)}, or file.py:Class of a task of your own"


def task_spec(text: str) -> str:
    """A task's name, or `file.py:Class`, as `frontend.tasks.find_task` takes it."""
    if text not in TASK_NAMES and not is_own(text):
        names = ", ".join(map(repr, TASK_NAMES))
        raise argparse.ArgumentTypeError(
            f"invalid choice: {text!r} (choose from {names}, or file.py:Class)"
        )
    return text


def add_network(parser: argparse.ArgumentParser, text: str = NETWORK) -> None:
    """The network to work on, as `tools.module_files.load_network` takes it."""
    parser.add_argument("network", metavar="NETWORK", help=text)


def add_data(parser: argparse.ArgumentParser, text: str = DATA) -> None:
    """Inputs for the network, as `tools.module_files.load_inputs` takes them."""
    parser.add_argument("--data", required=True, metavar="FILE", help=text)


def add_output(parser: argparse.ArgumentParser, text: str) -> None:
    """A text file to write; standard output without one, or for `-`."""
    parser.add_argument(
        *("-o", "--output"),
        metavar="FILE",
        type=lambda name: None if name == "-" else name,
        help=f"{text} (default: standard output)",
    )


ON_STDOUT = "(-: on standard output, and on standard error what is printed)"


def add_json(parser: argparse.ArgumentParser, text: str = "also write the table as JSON") -> None:
    """A JSON file beside what is printed; see `check_json`."""
    parser.add_argument("--json", metavar="FILE", help=f"{text} {ON_STDOUT}")


def check_json(arguments: argparse.Namespace) -> None:
    """Raise an OSError, before any work, where the file of --json cannot be written."""
    if arguments.json is not None:
        check_output(arguments.json)


def check_outputs(outputs: Mapping[str, str | None], inputs: Mapping[str, str | None]) -> None:
    """Raise unless the files to write, by their options, can be written, and none is another or is
    read. None is `-`, which stands for standard output where an option takes it."""
    taken = {os.path.realpath(file): name for name, file in inputs.items() if file is not None}
    for name, file in outputs.items():
        if file is None:
            continue
        if file == "-":
            raise UsageError("a file name is expected, got -", where=name)
        check_output(file)
        other = taken.setdefault(os.path.realpath(file), name)
        if other != name and not os.path.realpath(file).startswith("/dev/"):
            raise UsageError(f"{name} and {other} name the same file, {file}")


def check_pictures(outputs: Mapping[str, str | None]) -> None:
    """Raise UsageError for a picture to write, by its option, whose name is not that of a PNG."""
    for name, file in outputs.items():
        if file is None or file.startswith("/dev/") or file.lower().endswith(".png"):
            continue
        raise UsageError(
            f"pictures are PNG files: the name must end in .png, got {file}", where=name
        )


def add_target(parser: argparse.ArgumentParser, text: str) -> None:
    """A chip, as `backend.chips.load_chip` takes it."""
    parser.add_argument(
        "--target",
        metavar="NAME|FILE.toml",
        help=f"{text}; NAME is one of {', '.join(CHIPS)}",
    )


def add_engine(
    parser: argparse.ArgumentParser, threads: str = "threads of the fast engine"
) -> None:
    """The arithmetic engine and how it runs; see `engine_options`."""
    group = parser.add_argument_group("arithmetic engine")
    group.add_argument(
        "--engine",
        default=DEFAULT_ENGINE,
        choices=sorted(ENGINES),
        help=f"implementation of the arithmetic; all give the same bits (default: "
        f"{DEFAULT_ENGINE})",
    )
    group.add_argument(
        "--threads", type=int, metavar="N", help=f"{threads} (default: one per core)"
    )
    group.add_argument(
        "--engine-path",
        choices=tuple(FORMS),
        help="instruction set that the fast engine uses (default: the best that this processor "
        "has, see recog info)",
    )


def engine_options(arguments: argparse.Namespace) -> EngineOptions:
    """The engine of the command line.

    Raises:
        UsageError: a number of threads out of range, or a path of another engine.
    """
    if arguments.threads is not None:
        _check_threads(arguments.threads)
    if arguments.engine_path is not None and arguments.engine != "fast":
        raise UsageError("--engine-path has no effect without the fast engine")
    return EngineOptions(arguments.engine, arguments.engine_path, arguments.threads)


def add_scenes(parser: Any) -> None:
    """Where the perception tasks find their frames."""
    parser.add_argument(
        "--scenes",
        default="build/scenes",
        metavar="DIR",
        help="folder of rendered road scenes, filled on first use (default: build/scenes)",
    )


def add_task_frames(parser: argparse.ArgumentParser) -> None:
    """--task and which of its frames, in place of --data and --metric; see `check_task_frames`."""
    group = parser.add_argument_group("perception tasks")
    group.add_argument(
        "--task",
        type=task_spec,
        metavar="TASK",
        help="in place of --data and --metric: the held-out frames of a task, its metric and its "
        f"pictures; its conversion is that of recog eval --conversion: {TASK}",
    )
    group.add_argument(
        "--frames", type=int, metavar="N", help="take the first N held-out frames (default: all)"
    )
    add_scenes(group)


def check_task_frames(arguments: argparse.Namespace) -> None:
    """Raise UsageError where --task and --frames do not go with the other flags."""
    if arguments.task is not None and (arguments.data or arguments.metric):
        raise UsageError("--task takes the place of --data and --metric")
    if arguments.frames is not None and arguments.task is None:
        raise UsageError("--frames has no effect without a --task")
    check_positive(frames=arguments.frames)


def torch_threads(threads: int | None) -> int:
    """How many threads PyTorch is to use, by default the same number on every machine.

    Raises:
        UsageError: a number that PyTorch does not start (it crashes).
    """
    if threads is None:
        return THREADS
    _check_threads(threads)
    return threads


def _check_threads(threads: int) -> None:
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"must be from 1 to {MAX_THREADS}, got {threads}", where="--threads")


def byte_count(text: str) -> int:
    """A number of bytes, as 1GiB, 300kB or 65536; what argparse reports where it is none."""
    from recog.lowering.allocation.options import parse_size
    from recog.lowering.common.options import OptionError

    try:
        return parse_size(text)
    except OptionError:
        pass
    try:
        return int(float(text))  # 5e9
    except (OverflowError, ValueError):
        message = f"bytes are written 1GiB, 300kB, 65536 or 5e9, not {text!r}"
        raise argparse.ArgumentTypeError(message) from None


def check_positive(**values: float | None) -> None:
    """Raise UsageError unless each flag that was given is a finite number above 0."""
    for name, value in values.items():
        if value is not None and not 0 < value < math.inf:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"must be above 0, got {value}", where=flag)


def program_file(path: str) -> str:
    """The file of a program that a command line names: in a conversion's folder, its own.

    Raises:
        RecogError: a folder without one.
    """
    if not path:
        raise RecogError("the name of the program is empty")
    if not Path(path).is_dir():
        return path
    from recog.tools.conversion_folder import NO_FOLDER_HINT, PROGRAM_NAME

    inside = Path(path) / PROGRAM_NAME
    if not inside.exists():
        hint = f"{NO_FOLDER_HINT}, or a program file"
        raise RecogError(f"holds no {PROGRAM_NAME}", where=path, hint=hint)
    return str(inside)


def add_renamed(parser: argparse.ArgumentParser, old: str, new: str) -> None:
    """Answer an old spelling of a flag with the new one; it is not in the help."""

    class Renamed(argparse.Action):
        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
            parser.error(f"{old} is now called {new}")

    parser.add_argument(old, action=Renamed, nargs="?", help=argparse.SUPPRESS)
