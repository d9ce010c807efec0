"""Widths of codes that a user gives by layer name: `stem=12,blocks.3*=8`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from recog.dialects.number_format import MAX_WIDTH
from recog.lowering.common.layer_patterns import matches, nothing_named
from recog.lowering.common.options import OptionError

LEAST_WIDTH = 4
"""A sign, two bits of octaves and one of fraction."""

_T = TypeVar("_T")


def named_widths(option: str, text: str) -> list[tuple[str, int]]:
    """Patterns of names and the widths that they give, in order.

    Args:
        option: whose value the text is, for errors.

    Raises:
        OptionError: the text is not of that form, or a width is none.
    """
    found: list[tuple[str, int]] = []
    for part in text.split(",") if text else ():
        pattern, equals, width = part.strip().rpartition("=")
        if not equals or not pattern or not width.strip().isdecimal():
            reason = f"takes NAME=BITS, separated by commas, got {part.strip()!r}"
            raise OptionError(option, reason)
        if not LEAST_WIDTH <= int(width) <= MAX_WIDTH:
            reason = f"takes {LEAST_WIDTH} to {MAX_WIDTH} bits, got {width} for {pattern}"
            raise OptionError(option, reason)
        found.append((pattern.strip(), int(width)))
    return found


def widths_of(option: str, text: str, names: Mapping[_T, Sequence[str]]) -> dict[_T, int]:
    """The widths of those that a pattern names; of several patterns the last counts.

    Args:
        names: what each may be called by.

    Raises:
        OptionError: a pattern that names nothing, and as `named_widths` does.
    """
    found: dict[_T, int] = {}
    for pattern, width in named_widths(option, text):
        meant = [key for key, own in names.items() if matches(own, pattern)]
        if not meant:
            known = [name for own in names.values() for name in own]
            raise nothing_named(option, pattern, known)
        found.update(dict.fromkeys(meant, width))
    return found
