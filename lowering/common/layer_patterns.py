"""Patterns (`*` and `?`) that name layers in the options of passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from recog.lowering.common.options import OptionError

SHOWN = 5
"""Names of layers that an error lists."""


def matches(names: Iterable[str], pattern: str) -> bool:
    """Whether one of the names that a layer goes by is of the pattern."""
    return any(fnmatchcase(name, pattern) for name in names)


def nothing_named(
    option: str, pattern: str, known: Sequence[str], what: str = "layer"
) -> OptionError:
    """The error for a pattern that matches no layer, with the names that come closest.

    Args:
        option: whose value has the pattern.
        known: names of the layers that there are.
        what: the pattern could name.
    """
    names, reason = list(dict.fromkeys(known)), f"names no {what} with {pattern!r}"
    close = get_close_matches(pattern, names, n=3, cutoff=0.5)
    if close:
        reason += f"; like it are {', '.join(close)}"
    elif names:
        more = ", …" if len(names) > SHOWN else ""
        reason += f"; there are {', '.join(names[:SHOWN])}{more}"
    return OptionError(option, reason)
