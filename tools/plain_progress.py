"""Progress where there is no terminal: a line every few seconds, as a log file wants it."""

from __future__ import annotations

import sys
import threading
import time

EVERY = 10.0
"""Seconds between two lines; what takes less says nothing on the way."""

_running: list[PlainProgress] = []


class PlainProgress:
    """Takes the steps of a bar, see `console.Advance`, and prints how far it is now and then.

    Lines come from a thread of its own, so that a step which takes minutes is not silent; of
    several, one inside the other, the innermost speaks.
    """

    def __init__(self, description: str, total: int | None):
        self._description, self._total = description, total
        self._done, self._note = 0, ""
        self._start = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="recog", daemon=True)

    def __call__(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
        self._note = note

    def __enter__(self) -> PlainProgress:
        _running.append(self)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        _running.remove(self)
        self._ended.set()
        self._thread.join()

    def _speak(self) -> None:
        while not self._ended.wait(EVERY):
            if _running[-1:] == [self]:
                self.say()

    def say(self) -> None:
        """Print where it is."""
        parts = [f"{100 * self._done / self._total:.0f} %"] if self._total else []
        parts += [self._note] if self._note else []
        parts.append(f"{time.monotonic() - self._start:.0f} s")
        print(f"{self._description}: {', '.join(parts)}", file=sys.stderr, flush=True)
