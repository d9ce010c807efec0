"""Spellings of `mlir-opt` on the command line of recog-opt: understood, or answered with ours."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from recog.tools.diagnostics import UsageError

SAME_AS = {
    "--mlir-timing": "time_passes",
    "--mlir-print-debuginfo": "print_debuginfo",
    "--mlir-print-op-generic": "print_op_generic",
    "--print-ir-after-all": "print_ir_after_all",
    "--mlir-print-ir-after-all": "print_ir_after_all",
    "--print-ir-before-all": "print_ir_before_all",
    "--mlir-print-ir-before-all": "print_ir_before_all",
    "--mlir-elide-elementsattrs-if-larger": "elide_constants",
    "--mlir-elide-resource-strings-if-larger": "elide_constants",
}
"""Flags of mlir-opt, with what each sets here."""
WITH_NUMBER = ("--mlir-elide-elementsattrs-if-larger", "--mlir-elide-resource-strings-if-larger")
"""Those of them behind which mlir-opt wants a number, which is of no account here."""
AS_ALWAYS = ("--verify-each", "--mlir-disable-threading")
"""Flags of mlir-opt that ask for what recog-opt always does."""
HELP = {
    "--print-ir-after-all": "print the IR after each pass on standard error, long constants elided",
    "--print-ir-before-all": "print the IR before each pass on standard error",
}


def add_mlir_flags(parser: argparse.ArgumentParser) -> None:
    """Let `parser` take the flags of mlir-opt that mean something here."""
    parser.add_argument("--pass-pipeline", dest="passes", help=argparse.SUPPRESS)
    for flag, destination in SAME_AS.items():
        parser.add_argument(
            flag,
            dest=destination,
            action="store_true",
            help=HELP.get(flag, argparse.SUPPRESS),
        )
    for flag in AS_ALWAYS:
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--show-dialects", action="store_true", help="name all dialects, and exit")
    for when in ("before", "after"):
        parser.add_argument(
            *(f"--print-ir-{when}", f"--mlir-print-ir-{when}"),
            metavar="PASS",
            action="append",
            default=[],
            help=f"as --print-ir-{when}-all, of this pass alone",
        )


def respell(
    words: Sequence[str], flags: Collection[str], passes: Collection[str], targets: Collection[str]
) -> list[str]:
    """The command line with one dash for two where mlir-opt takes it.

    Args:
        flags: all that recog-opt takes.
        passes, targets: what may stand right behind `-p` and `-t`.

    Raises:
        UsageError: passes as flags, as mlir-opt has them, and flags that are not known.
    """
    attached = (*(f"-p{name}" for name in passes), *(f"-t{name}" for name in targets), "-o")
    return list(_respelled(words, flags, passes, attached))


def _respelled(
    words: Sequence[str], flags: Collection[str], passes: Collection[str], attached: tuple[str, ...]
) -> Iterator[str]:
    for at, word in enumerate(words):
        if word == "--":
            yield from words[at:]
            return
        flag = word.partition("=")[0]
        if word.startswith("-") and f"-{flag}" in flags:
            word, flag = f"-{word}", f"-{flag}"
        if flag in AS_ALWAYS and word != flag:
            _check_as_always(word)
            yield flag
        elif flag in WITH_NUMBER:
            yield flag
        elif not word.startswith("-") or word == "-" or flag in flags:
            yield word
        else:
            if not word.startswith(attached):
                _refuse(flag, flags, passes)
            yield word


def _check_as_always(word: str) -> None:
    flag, _, value = word.partition("=")
    if value not in ("1", "true", "True"):
        hint = "--disable-verify leaves all of it out" if flag == "--verify-each" else None
        raise UsageError(f"{word}: only {flag} is possible", hint=hint)


def _refuse(flag: str, flags: Collection[str], passes: Collection[str]) -> None:
    name = flag.lstrip("-")
    if name in passes:
        raise UsageError(
            f"unknown flag {flag}",
            hint=f"'{name}' is a pass: -p {name}, with others as -p 'first,second{{option=1}}'",
        )
    if flag.startswith("--") and any(known.startswith(flag) for known in flags):
        return  # an abbreviation, which argparse looks up
    meant = [f"-p {close}" for close in get_close_matches(name, passes, n=2, cutoff=0.8)]
    meant += get_close_matches(f"--{name}", flags, n=2, cutoff=0.7)
    listing = "`recog-opt --help` shows all"
    hint = f"did you mean {' or '.join(meant)}? {listing}" if meant else listing
    raise UsageError(f"unknown flag {flag}", hint=hint)
