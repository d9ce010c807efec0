"""Work shared by threads: all of it once, its errors, and whoever asks at the same time."""

import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest

from recog.backend.arithmetic.fast import threads
from recog.backend.arithmetic.fast.intrinsics import jit
from recog.backend.arithmetic.fast.sharing import OPEN, Crew, new_board, shared
from recog.backend.arithmetic.fast.threads import WORTH_A_THREAD, spread

LONG = 1 << 40
"""Nanoseconds that are worth any number of threads."""


class Given(NamedTuple):
    """Arguments within an argument, as layers have them."""

    turns: int
    failing: int
    noise: np.ndarray


@jit
def mark(
    first: int, last: int, worker: int, done: np.ndarray, workers: np.ndarray, given: Given
) -> None:
    """Count the units in `done`, and who did them in `workers`, each in some turns' time."""
    for unit in range(first, last):
        view = given.noise[unit % given.noise.size :]
        total = 0.0
        for turn in range(given.turns):
            total += np.sqrt(view[0] + turn)
        done[unit] += 1 + np.int64(total < 0)
        workers[unit] = worker
        if unit == given.failing:
            raise MemoryError


marked = shared(mark)


def run(
    units: int, count: int, nanoseconds: int = LONG, turns: int = 1, failing: int = -1
) -> tuple[list[int], set[int]]:
    """How often each unit was done, and by whom."""
    done, workers = np.zeros(units, np.int64), np.full(units, -1)
    given = Given(turns, failing, np.ones(3))
    spread(marked, units, count, nanoseconds, (done, workers, given))
    return done.tolist(), set(workers.tolist())


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("units", [0, 1, 2, 5, 29, 1000])
def test_every_unit_is_done_once(units: int, count: int):
    for _ in range(20):
        assert run(units, count)[0] == [1] * units


def worked_together(units: int, count: int) -> bool:
    """Whether more than one thread did some of a long job, in one of a few attempts."""
    return any(len(run(units, count, turns=20_000)[1]) > 1 for _ in range(50))


def test_helpers_work_too():
    assert worked_together(400, 2)


def test_helpers_that_sleep_are_woken():
    for _ in range(3):
        assert worked_together(400, 3)
        time.sleep(0.05)  # longer than they watch


def test_little_work_stays_on_one_thread():
    assert all(run(40, 2, WORTH_A_THREAD, turns=2_000)[1] == {0} for _ in range(20))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("failing", [0, 399])
def test_an_error_reaches_who_asked(failing: int, count: int):
    with pytest.raises(MemoryError):
        run(400, count, turns=20_000, failing=failing)
    assert run(50, count)[0] == [1] * 50


def test_several_ask_at_once():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: run(n, 3, turns=500)[0], range(1, 200)))
    assert found == [[1] * n for n in range(1, 200)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_process_has_helpers_of_its_own():
    run(50, 2)
    child = os.fork()
    if not child:
        os._exit(0 if run(50, 2)[0] == [1] * 50 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_jobs_of_any_length_one_after_another():
    """More helpers than cores, jobs that end before some begin, and pauses in which all sleep."""
    rng = random.Random(0)
    for number in range(3000):
        units = rng.choice((1, 2, 3, 7, 40))
        assert run(units, 5, turns=rng.choice((1, 10, 1000)))[0] == [1] * units
        if number % 300 == 0:
            time.sleep(0.02)


@jit
def claim(first: int, last: int, worker: int, rows: np.ndarray, turns: int) -> None:
    """Write a worker's own row again and again, as kernels write their scratch."""
    for unit in range(first, last):
        for turn in range(turns):
            rows[worker, turn % rows.shape[1]] += unit * 0 + 1


claimed = shared(claim)


@pytest.mark.parametrize("units", [1, 2, 3, 5, 60])
def test_workers_are_no_more_than_units_and_each_has_its_own_place(units: int):
    """Scratch has rows for min(threads, units) workers: others would write behind it."""
    count, turns = 16, 4000
    for _ in range(100):
        rows = np.zeros((count + 48, 8), np.int64)
        spread(claimed, units, count, LONG, (rows, turns))
        assert not rows[min(count, units) :].any()
        assert rows.sum() == units * turns  # of two in one row some additions would be lost


@jit
def stall(first: int, last: int, worker: int, workers: np.ndarray, turns: int) -> None:
    """Helpers take so many times as long."""
    total = 0.0
    for unit in range(first, last):
        for turn in range(10_000 * (turns if worker else 1)):
            total += np.sqrt(total + turn)
        workers[unit] = worker + np.int64(total < 0)


stalled = shared(stall)


def test_helpers_that_keep_others_waiting_rest_for_a_while(monkeypatch: pytest.MonkeyPatch):
    """As where another process has their core."""
    monkeypatch.setattr(threads, "REST", 3600.0)
    helpers = threads._helpers(1)

    def together(turns: int) -> bool:
        workers = np.full(100, -1)
        spread(stalled, 100, 2, 100 * threads.STEP, (workers, turns))
        assert workers.min() == 0
        return bool(workers.any())

    assert any(together(2000) for _ in range(200))
    assert helpers._resting > time.monotonic()
    assert not any(together(1) for _ in range(20))
    helpers._resting = 0.0
    assert any(together(1) for _ in range(200))
    helpers._resting = 0.0


def test_fewer_threads_than_wanted(monkeypatch: pytest.MonkeyPatch):
    started = list[threading.Thread]()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run(400, 90, turns=2_000)[0] == [1] * 400
    assert threads._helpers(89).count == 2
    monkeypatch.undo()
    assert run(400, 90, turns=2_000)[0] == [1] * 400


def test_a_job_ends_though_no_helper_ever_begins():
    board, done = new_board(), np.zeros(9, np.int64)
    given = Given(1, -1, np.ones(1))
    assert marked(Crew(board, 3, 2, 1000), 9, (done, done.copy(), given)) == 0
    assert done.tolist() == [1] * 9
    assert board[OPEN] % (1 << 16) == 0


def test_arrays_are_as_often_referred_to_as_before():
    done, workers, noise = np.zeros(1000, np.int64), np.zeros(1000, np.int64), np.ones(3)
    before = [sys.getrefcount(each) for each in (done, workers, noise)]
    for count in (1, 2) * 50:
        spread(marked, 1000, count, LONG, (done, workers, Given(1, -1, noise)))
    assert done.tolist() == [100] * 1000
    assert [sys.getrefcount(each) for each in (done, workers, noise)] == before
