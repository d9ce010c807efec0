"""Work on several threads: the one that asks, and helpers that engines share.

Waking a sleeping thread takes longer than a small layer, above all on virtual machines. So helpers
watch for more work for a while, some tenths of a millisecond, before they go to sleep.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Condition, Lock, Thread

import numpy as np

from recog.backend.arithmetic.fast.intrinsics import spin_until, spin_while

PARTS = 4
"""Parts of the work for each thread, so that none waits long for the slowest."""

WORTH_A_THREAD, WORTH_A_PART = 25_000, 200_000
"""Nanoseconds of work that pay for another thread, and for giving threads more than a part each."""

TURNS = 10_000
"""How often a helper looks for more work before it goes to sleep; 20 to 50 ns each."""


def spread(work: Callable[[int, int], None], units: int, threads: int, nanoseconds: int) -> None:
    """work(first, last) over units 0, ..., units − 1, on so many threads at most.

    Args:
        nanoseconds: about what all of it takes on one thread.
    """
    worth = nanoseconds // WORTH_A_THREAD
    crew = _crew(threads - 1) if min(threads, units, worth) > 1 else None
    if crew is None or not crew.free.acquire(blocking=False):
        if units:
            work(0, units)
        return
    rounds = max(1, min(PARTS, nanoseconds // (threads * WORTH_A_PART)))
    parts = min(units, threads * rounds)
    edges = [units * part // parts for part in range(parts + 1)]
    rest = iter(list(zip(edges, edges[1:])))

    def take() -> None:
        for first, last in rest:
            work(first, last)

    try:
        crew.run(take)
    finally:
        crew.free.release()


class _Job:
    """Work of which one part runs on each thread that begins before its end.

    Attributes:
        number: jobs are counted from 1.
        work: what each thread runs.
        claims: one for each helper that may still begin.
        errors: of helpers.
    """

    def __init__(self, number: int, work: Callable[[], None], helpers: int):
        self.number, self.work = number, work
        self.claims: list[None] = [None] * helpers
        self.errors: list[BaseException] = []


class _Crew:
    """Threads that run what another one runs, at the same time.

    Python's lock orders all but the waiting: `_board` has the number of the newest job, and by
    helper that of the last one it has finished. A helper takes all that it knows of a job from one
    `_Job`: between two looks at the crew the job may have ended and the next one begun.

    Attributes:
        free: held by who uses the crew.
    """

    def __init__(self, helpers: int):
        self.free = Lock()
        self._board = np.zeros(1 + helpers, np.int64)
        self._job = _Job(0, lambda: None, 0)
        self._awake, self._asleep = Condition(), 0
        for place in range(1, 1 + helpers):
            Thread(target=self._help, args=(place,), name=f"recog-{place}", daemon=True).start()

    def run(self, work: Callable[[], None]) -> None:
        """Run work on this thread and, as far as they begin before its end, on the helpers."""
        helpers = len(self._board) - 1
        job = _Job(int(self._board[0]) + 1, work, helpers)
        # The number first: who has finished a job finds no second claim of it.
        self._board[0] = job.number
        self._job = job
        if self._asleep:
            with self._awake:
                self._awake.notify_all()
        try:
            work()
        finally:
            begun = helpers - _emptied(job.claims)
            while not spin_until(self._board, job.number, begun, TURNS // 10):
                _yield_core()  # on which a helper may have to run
        if job.errors:
            raise job.errors[0]

    def _help(self, place: int) -> None:
        number = 0
        while True:
            if not spin_while(self._board, number, TURNS):
                self._sleep(number)
            job = self._job
            number = job.number
            try:
                job.claims.pop()
            except IndexError:  # the job has ended
                continue
            try:
                job.work()
            except BaseException as error:
                job.errors.append(error)
            self._board[place] = number

    def _sleep(self, number: int) -> None:
        with self._awake:
            self._asleep += 1
            while self._board[0] == number:
                self._awake.wait()
            self._asleep -= 1


def _yield_core() -> None:
    """Let another thread run here."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        time.sleep(0)


def _emptied(claims: list[None]) -> int:
    """How many there were."""
    count = 0
    while claims:
        try:
            claims.pop()
        except IndexError:
            break
        count += 1
    return count


_crews: dict[int, _Crew] = {}


def _crew(helpers: int) -> _Crew:
    if helpers not in _crews:
        _crews[helpers] = _Crew(helpers)
    return _crews[helpers]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_crews.clear)  # threads do not go along
