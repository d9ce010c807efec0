"""Progress where there is no terminal: a line every few seconds, as a log file wants it."""

from __future__ import annotations

import sys
import time

EVERY = 10.0
"""Seconds between two lines; what takes less says nothing on the way."""


class PlainProgress:
    """Takes the steps of a bar, see `console.Advance`, and prints how far it is now and then."""

    def __init__(self, description: str, total: int | None):
        self._description, self._total = description, total
        self._done = 0
        self._start = self._said = time.monotonic()

    def __call__(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._said < EVERY:
            return
        self._said = now
        parts = [f"{100 * self._done / self._total:.0f} %"] if self._total else []
        parts += [note] if note else []
        parts.append(f"{now - self._start:.0f} s")
        print(f"{self._description}: {', '.join(parts)}", file=sys.stderr, flush=True)
