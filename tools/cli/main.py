"""`recog`: the workflow on a user's own network and data."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from keyword import iskeyword
from types import ModuleType
from typing import Any, NoReturn

COMMANDS = {
    "import": "write a network as nn IR",
    "check": "show what of a network runs on the chip",
    "plan": "show which layer would get how many bytes, and what other sizes would lose",
    "convert": "convert a network to a chip program",
    "sweep": "search formats, codebooks and chips for the best points",
    "run": "run a program on the machine",
    "compare": "find the layers that lose accuracy",
    "cost": "say what a frame of a program costs in time, bytes and energy",
    "report": "draw a conversion as an offline page",
    "disassemble": "print a program file as chip assembly",
    "train": "train the network of a perception task",
    "eval": "score the network of a perception task at any level",
    "info": "show how the arithmetic runs on this machine",
    "completion": "print a script that completes command lines in a shell",
}
"""Every command, with its line in `recog --help`. The command NAME is the module of that name
beside this one (`import_` for a keyword): its docstring describes the command,
`add_arguments(parser)` adds the arguments, `run(arguments)` does the work and returns the exit
code. It is imported only when it is called."""

OPTION = re.compile(r"\boption ([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
"""How the passes name their options in errors, spelled as recog-opt takes them."""


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"recog.tools.cli.{name}{'_' if iskeyword(name) else ''}")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line without listing all that would be right."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n  see {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse would take no notice of an error, such as no room.
        if message:
            (file or sys.stderr).write(message)


def build_parser(*called: str | None) -> argparse.ArgumentParser:
    """The command line.

    Args:
        called: the commands whose own arguments are wanted; the other commands stay names.
    """
    parser = _Parser(
        prog="recog",
        description="Convert PyTorch networks to programs for a logarithmic-number-system chip, "
        "run them bit for bit, and measure their accuracy and size.",
        epilog="Single passes over IR files: recog-opt --help",
    )
    parser.add_argument("--version", action="version", version=f"recog {version('recog')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in called:
            module = command_module(name)
            command.description = module.__doc__
            module.add_arguments(command)
            _add_loudness(command)
            command.set_defaults(run=module.run, parser=command)
    return parser


def _add_loudness(command: argparse.ArgumentParser) -> None:
    either = command.add_mutually_exclusive_group()
    either.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    either.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="say what each pass takes, and where in recog an error was found",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for bad input, 2 for a bad command line."""
    # Waiting OpenMP threads that spin cost up to 16x on busy cores; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from recog.tools.console import run_main, set_loudness
    except KeyboardInterrupt:
        print("recog: interrupted", file=sys.stderr)
        return 130

    words = sys.argv[1:] if argv is None else argv
    flags = set[str]()

    def body() -> int:
        called = next((word for word in words if not word.startswith("-")), None)
        arguments, unknown = build_parser(called).parse_known_args(words)
        flags.update(arguments.parser._option_string_actions)
        if unknown:
            arguments.parser.error(_unknown(unknown, flags))
        set_loudness(quiet=arguments.quiet, verbose=arguments.verbose)
        from recog.dialects.verification import located_errors
        from recog.tools.cli.workers import check_shared

        check_shared(called)

        with located_errors(), _json_alone(arguments):
            return arguments.run(arguments)

    return run_main("recog", body, reword=lambda text: in_flags(text, flags))


def _json_alone(arguments: argparse.Namespace) -> AbstractContextManager[object]:
    """For `--json -`: JSON is all that standard output gets, and standard error the rest."""
    if getattr(arguments, "json", None) != "-":
        return nullcontext()
    arguments.json = "/dev/stdout"
    return redirect_stdout(sys.stderr)


def _unknown(words: Sequence[str], flags: Collection[str]) -> str:
    """What to say of words that a command does not take."""
    flag = next((word for word in words if word.startswith("-")), None)
    if flag is None:
        return f"unexpected argument: {words[0]}"
    if flag in flags:
        return f"{flag} stands before the command; flags come after it"
    close = get_close_matches(flag.partition("=")[0], flags, n=1)
    return f"unknown flag {flag}" + (f", did you mean {close[0]}?" if close else "")


def in_flags(text: str, flags: Collection[str]) -> str:
    """Name options of passes as the flags of a command, where it has them: `option centroids`
    becomes `--centroids`."""

    def flag(match: re.Match[str]) -> str:
        name = f"--{match[1]}"
        return name if name in flags else match[0]

    return OPTION.sub(flag, text)


if __name__ == "__main__":
    sys.exit(main())
