"""Patterns (`*` and `?`) that name layers in the options of passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from recog.lowering.common.options import OptionError


def matches(names: Iterable[str], pattern: str) -> bool:
    """Whether one of the names that a layer goes by is of the pattern."""
    return any(fnmatchcase(name, pattern) for name in names)


def nothing_named(option: str, pattern: str, known: Sequence[str]) -> OptionError:
    """The error for a pattern that matches no layer, with the names that come closest.

    Args:
        option: whose value has the pattern.
        known: names of the layers that there are.
    """
    close = get_close_matches(pattern, known, n=3, cutoff=0.5) or list(dict.fromkeys(known))[:5]
    reason = f"names no layer with {pattern!r}"
    return OptionError(option, f"{reason}; there are {', '.join(close)}" if close else reason)
