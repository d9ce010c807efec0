"""Show this processor, how the arithmetic runs on it, versions, and where compiled code is kept;
or where the bytes of a program are; or, with --target, a chip that programs are made for."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

from recog.dialects.words import counted
from recog.tools.cli.arguments import (
    add_engine,
    add_json,
    add_target,
    check_json,
    engine_options,
    program_file,
)
from recog.tools.diagnostics import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog info`."""
    parser.add_argument(
        "program",
        metavar="PROGRAM",
        nargs="?",
        help="show instead what the bytes of this program file, or of a conversion's, are: "
        "pointers, tables, biases, and how well each layer uses them",
    )
    add_target(
        parser, "show this chip instead, as a TOML file that says all there is to say of one"
    )
    add_json(parser, "also write the bytes of PROGRAM as JSON")
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the processor, the engine's path and threads, versions, and the cache; or a chip; or
    the bytes of a program."""
    if arguments.program is None and arguments.json is not None:
        raise UsageError("takes the bytes of a program: name one", where="argument --json")
    if arguments.program is not None:
        if arguments.target is not None:
            raise UsageError("shows a chip: name no program", where="argument --target")
        return _show_program(arguments)
    if arguments.target is not None:
        from recog.backend.chips import description, load_chip

        print(description(load_chip(arguments.target)), end="")
        return 0
    from recog.backend.arithmetic.fast import paths
    from recog.backend.arithmetic.fast.cache import cache_folder
    from recog.tools.console import print_table
    from recog.tools.versions import versions

    engine = engine_options(arguments)
    path, threads = paths.chosen_path(engine.path), paths.thread_count(engine.threads)
    folder = cache_folder()
    rows = [
        (
            "processor",
            f"{paths.host()[0]} ({platform.machine()}), {counted(paths.available_cores(), 'core')}",
        ),
        ("engine", engine.name),
        ("path", f"{path}, of: {', '.join(paths.available_paths())}"),
        ("threads", threads),
        ("compiled code", "not kept: no folder can be written" if folder is None else folder),
        *versions().items(),
    ]
    print_table(None, ["", ""], rows, left=[""])
    return 0


def _show_program(arguments: argparse.Namespace) -> int:
    from recog.backend.assembly import load_program
    from recog.backend.assembly.accounting import program_bytes
    from recog.backend.assembly.container import read_program_file
    from recog.tools.report.json_files import write_json
    from recog.tools.report.program_table import print_program_bytes

    check_json(arguments)
    file = program_file(arguments.program)
    program = load_program(file)
    found = program_bytes(read_program_file(file), program)
    print_program_bytes(found)
    if arguments.json is not None:
        write_json(Path(arguments.json), found.as_record())
    return 0
