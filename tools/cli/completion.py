"""Print a script that completes commands, flags and file names of `recog` in a shell."""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "tcsh")
EPILOG = """\
for this shell alone:     eval "$(recog completion bash)"
for all of this user's:   recog completion bash > ~/.local/share/bash-completion/completions/recog
                          recog completion zsh > ~/.zfunc/_recog   (a folder of your fpath)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `recog completion`."""
    shell = os.path.basename(os.environ.get("SHELL", ""))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "shell",
        nargs="?",
        choices=SHELLS,
        default=shell if shell in SHELLS else "bash",
        help="default: that of $SHELL, or bash",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from recog.tools.cli.main import COMMANDS, build_parser

    parser = build_parser(*COMMANDS)
    for each in _parsers(parser):
        for action in each._actions:
            takes_text = action.nargs != 0 and action.choices is None
            if takes_text and not isinstance(action.type, type):
                action.complete = shtab.FILE  # pyright: ignore[reportAttributeAccessIssue]
    print(shtab.complete(parser, arguments.shell))
    return 0


def _parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    commands = [a for a in parser._actions if isinstance(a.choices, dict)]
    return [parser, *(each for action in commands for each in dict(action.choices or {}).values())]
