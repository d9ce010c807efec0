"""Errors as text for people: what is wrong and where, in at most a screenful."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import requires

from xdsl.utils.exceptions import (
    ArgSpecParseError,
    DiagnosticException,
    MultipleSpansParseError,
    ParseError,
)
from xdsl.utils.lexer import Span

from recog.dialects.errors import RecogError, describe_op
from recog.dialects.verification import failed_op
from recog.dialects.words import counted

MAX_MESSAGE = 1200
MAX_NOTE = 300
COLUMNS_BEFORE, COLUMNS_AFTER = 50, 70
NO_MEMORY = ("DefaultCPUAllocator", "Storage size calculation overflowed")
"""In torch's errors for tensors that no memory holds, which have no type of their own."""


class UsageError(RecogError):
    """A wrong command line: exit code 2."""


class IRParseError(RecogError):
    """Text that is not IR."""


@contextmanager
def during(activity: str) -> Generator[None, None, None]:
    """Errors raised in the block say what was being done, as in `during("pass 'calibrate'")`."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in {activity}")
        raise


def describe_error(error: BaseException) -> str | None:
    """The text for the user, or None if `error` is a bug of the compiler."""
    text = _describe(error)
    if text is None:
        return None
    notes = (clip(note, MAX_NOTE) for note in getattr(error, "__notes__", ()))
    return "\n  ".join([text, *notes])


def _describe(error: BaseException) -> str | None:
    match error:
        case RecogError():
            return clip(_with_place(str(error), error if error.where is None else None))
        case ParseError():
            return describe_parse_error(error)
        case DiagnosticException():
            return clip(_with_place(str(error) or type(error).__name__, error))
        case OSError():
            reason = error.strerror or str(error) or type(error).__name__
            return reason if error.filename is None else f"{error.filename}: {reason}"
        case ArgSpecParseError():
            return clip(str(error).rstrip())
        case ModuleNotFoundError() if (package := _package_of(error)) is not None:
            hint = f"pip install '{installed_with(package)}'"
            return f"needs the Python package {package}, which is not installed\n  hint: {hint}"
        case RecursionError():
            return "the input nests too deeply"
        case MemoryError():
            return "out of memory"
        case RuntimeError() if any(words in str(error) for words in NO_MEMORY):
            return "out of memory"
        case ValueError() if "integer string conversion" in str(error):
            return "a number has more digits than are read or written"
        case _:
            return None


def _package_of(error: ModuleNotFoundError) -> str | None:
    """The package that is missing, None where it is a part of recog itself."""
    package = (error.name or "").partition(".")[0]
    return package if package not in ("", "recog") else None


PACKAGES = {"sklearn": "scikit-learn", "PIL": "pillow"}
"""Packages that are imported by another name than they are installed by."""


def installed_with(package: str) -> str:
    """What to install for a package that is imported: recog with the first extra that brings it,
    `recog[torch]`, or the package by itself."""
    name = PACKAGES.get(package, package).replace("_", "-").lower()
    for requirement in requires("recog") or []:
        found = re.match(r"([A-Za-z0-9._-]+)(?:.*extra == ['\"]([a-z0-9-]+)['\"])?", requirement)
        if found is not None and found[1].replace("_", "-").lower() == name:
            return f"recog[{found[2]}]" if found[2] else "recog"
    return name


def _with_place(text: str, error: BaseException | None) -> str:
    op = failed_op(error) if error is not None else None
    return f"{describe_op(op)}: {text}" if op is not None else text


def describe_parse_error(error: ParseError) -> str:
    """`net.mlir:3:14: message` above the line at fault, clipped to fit."""
    parts = [f"{error.span.get_location()}: {clip(error.msg.strip())}", excerpt(error.span)]
    if isinstance(error, MultipleSpansParseError):
        for span, message in error.refs:
            note = message or (error.ref_text or "").strip()
            parts += [f"{span.get_location()}: {clip(note, MAX_NOTE)}", excerpt(span)]
    return "\n".join(part for part in parts if part)


def excerpt(span: Span[str] | Span[bytes]) -> str:
    """The surroundings of `span` in its line with a caret under it; "" for a blank line."""
    source = span.input
    line_start = source.get_start_of_line(span.start)
    start = max(line_start, span.start - COLUMNS_BEFORE)
    end = min(source.get_end_of_line(span.start), span.start + COLUMNS_AFTER)
    before = _printable(source.content[start : span.start])
    after = _printable(source.content[span.start : end])
    if not (before + after).strip():
        return ""
    left = "…" if start > line_start else ""
    right = "…" if end < source.get_end_of_line(span.start) else ""
    carets = "^" * max(1, min(span.end, end) - span.start)
    return f"  {left}{before}{after}{right}\n  {' ' * (len(left) + len(before))}{carets}"


def _printable(content: str | bytes) -> str:
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    return "".join(char if char.isprintable() else " " for char in text)


def clip(text: str, limit: int = MAX_MESSAGE) -> str:
    """`text`, with its middle left out if it is longer than `limit`."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return (
        f"{text[:head]} … ({counted(len(text) - head - tail, 'character')} more) … {text[-tail:]}"
    )
