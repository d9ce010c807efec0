"""Print a program file as chip assembly. `recog-opt -t chip-program` assembles it again."""

from __future__ import annotations

import argparse

from recog.tools.cli.arguments import add_output, program_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog disassemble`."""
    parser.add_argument(
        "program", metavar="PROGRAM", help="program file of recog convert, or its folder"
    )
    add_output(parser, "assembly file to write")
    parser.add_argument(
        "--elide-constants",
        action="store_true",
        help="leave out the weights; such a text can be read but not assembled",
    )
    parser.add_argument(
        "--locations",
        action="store_true",
        help="print source locations, without which assembling does not give the same file",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the assembly text, which recog-opt reads again."""
    from xdsl.dialects.builtin import ModuleOp

    from recog.backend.assembly import load_program
    from recog.backend.files import atomic_write
    from recog.backend.targets import ChipAsmTarget
    from recog.tools.context import make_context

    module = ModuleOp([load_program(program_file(arguments.program))])
    target = ChipAsmTarget(arguments.elide_constants, arguments.locations)
    with atomic_write(arguments.output or "/dev/stdout") as stream:
        target.write(make_context(), module, stream)
    return 0
