"""Work on several threads: the one that asks, and helpers that engines share.

Waking a sleeping thread takes longer than a small layer, above all on virtual machines. So helpers
watch for more work for a while, some tenths of a millisecond, before they go to sleep; and neither
watching nor working needs Python's lock, for which they would wait as long again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Condition, Lock, Thread, stack_size
from typing import Any

from recog.backend.arithmetic.fast.sharing import (
    CLAIMS,
    FAILURE,
    OPEN,
    STALL,
    Crew,
    help_out,
    new_board,
)

WORTH_A_THREAD, STEP = 10_000, 5_000
"""Nanoseconds of work that pay for another thread, and that one takes at once: much more, and all
wait for the slowest."""

TURNS = 10_000
"""How often a helper looks for more work before it goes to sleep; 20 to 50 ns each."""

PATIENCE, REST = 300_000, 0.1
"""Nanoseconds to wait for helpers' last parts, beyond twice what those should take, until all jobs
are done without helpers for so many seconds. Where a core has other work, a helper that has taken a
part may stand still for as long as ten layers take."""

STACK_BYTES = 1 << 20
"""Of a helper, which calls little: with the usual 8 MB hundreds would take all address space."""

Run = Callable[[Crew, int, tuple[Any, ...]], int]
"""What `sharing.shared` makes of a kernel."""


def spread(
    run: Run, units: int, threads: int, nanoseconds: int, arguments: tuple[Any, ...]
) -> None:
    """Run a kernel on the units 0, ..., units − 1, on so many threads at most.

    Args:
        run: what `sharing.shared` has made of it.
        nanoseconds: about what all of it takes on one thread.
        arguments: what the kernel takes behind a part's first unit, last unit and worker, of which
            there are no more than threads, nor than units.

    Raises:
        MemoryError: of the kernel.
    """
    worth = nanoseconds // WORTH_A_THREAD
    helpers = _helpers(threads - 1) if min(threads, units, worth) > 1 else None
    if helpers is None or not helpers.take():
        found = run(_ALONE, units, arguments)
    else:
        try:
            step = max(1, STEP * units // nanoseconds)
            patience = PATIENCE + 2 * step * nanoseconds // units
            crew = Crew(helpers.board, min(helpers.count, units - 1), step, patience)
            found = run(crew, units, arguments)
            if found & STALL:
                helpers.rest()
        finally:
            helpers.free.release()
    if found & FAILURE:
        raise MemoryError


_ALONE = Crew(new_board(), 0, 1, 0)


class Helpers:
    """Threads that take part in the jobs of a board.

    Args:
        wanted: how many; there are fewer where the system gives no more.

    Attributes:
        count: how many there are.
        free: held by whoever has a job.
    """

    def __init__(self, wanted: int):
        self.count, self.board, self.free = 0, new_board(), Lock()
        self._awake, self._asleep, self._resting = Condition(), 0, 0.0
        usual = stack_size(STACK_BYTES)
        try:
            while self.count < wanted:
                name = f"recog-{self.count + 1}"
                Thread(target=self._help, name=name, daemon=True).start()
                self.count += 1
        except RuntimeError:  # "can't start new thread"
            pass
        finally:
            stack_size(usual)

    def take(self) -> bool:
        """Have the helpers for a job, unless somebody else has or they rest; those that sleep look
        for work again. One that falls asleep now misses the job."""
        if time.monotonic() < self._resting or not self.free.acquire(blocking=False):
            return False
        if self._asleep:
            with self._awake:
                self._awake.notify_all()
        return True

    def rest(self) -> None:
        """Take no jobs for a while: something else needs their cores, and has them in turn."""
        self._resting = time.monotonic() + REST

    def _help(self) -> None:
        while True:
            help_out(self.board, TURNS)
            with self._awake:
                self._asleep += 1
                if not self.board[OPEN] % CLAIMS:
                    self._awake.wait()
                self._asleep -= 1


_kept: dict[int, Helpers] = {}


def _helpers(count: int) -> Helpers:
    if count not in _kept:
        _kept[count] = Helpers(count)
    return _kept[count]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kept.clear)  # threads do not go along
