"""The state of a tuning in a file, from which an interrupted one goes on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from recog.backend.files import shown
from recog.dialects.errors import RecogError
from recog.lowering.cluster.tuner import Resumable

SAVE_SECONDS = 15.0
"""A tuning leaves its state every so often."""
SAVE_SHARE = 50
"""And not before so many times the time that this takes."""


class KeptTuningFile:
    """The state of a tuning in a file, written from time to time."""

    def __init__(self, path: Path, key: str):
        self._path, self._key = path, key
        self.saved: int | None = None
        """After how many steps it was last written."""
        self._next = time.monotonic() + SAVE_SECONDS

    def begin(self, tuner: Resumable) -> None:
        """See `KeptTuning`. Raises RecogError for a state that only seems to be of this tuning."""
        from recog.backend.state_files import read_state

        if not self._path.is_file():
            return
        try:
            state = read_state(self._path, "state of a tuning")
        except RecogError as error:
            _say(f"note: {shown(self._path)} {error.message}; tuning begins anew")
            return
        if state.get("key") != self._key:
            _say(
                f"note: {shown(self._path)} is of a tuning of another network, other data or other "
                "settings; tuning begins anew"
            )
            return
        try:
            tuner.restore(state)
        except RecogError as error:
            raise RecogError(
                error.message, where=shown(self._path), hint="delete it, and tuning begins anew"
            ) from None
        self.saved = tuner.done
        _say(f"goes on with tuning after step {tuner.done:,}")

    def offer(self, tuner: Resumable) -> None:
        """See `KeptTuning`."""
        from recog.backend.state_files import write_state

        begin = time.monotonic()
        if begin < self._next:
            return
        try:
            write_state(self._path, {**tuner.state(), "key": self._key})
        except OSError as error:
            # Hours of tuning are not given up for a disk that is full meanwhile.
            _say(f"note: the state of the tuning cannot be kept: {error.strerror or error}")
            self._next = float("inf")
            return
        self.saved = tuner.done
        end = time.monotonic()
        self._next = end + max(SAVE_SECONDS, SAVE_SHARE * (end - begin))


def _say(line: str) -> None:
    print(line, file=sys.stderr)
