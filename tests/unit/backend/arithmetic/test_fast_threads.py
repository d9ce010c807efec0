"""Work shared by threads: all of it once, its errors, and whoever asks at the same time."""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from recog.backend.arithmetic.fast import threads
from recog.backend.arithmetic.fast.threads import spread

TraceFunction = Callable[[FrameType, str, Any], Any]

LONG = 1 << 40
"""Nanoseconds that are worth any number of threads."""


def units_done(units: int, count: int, nanoseconds: int = LONG, pause: float = 0) -> Counter[int]:
    done = Counter[int]()

    def work(first: int, last: int) -> None:
        time.sleep(pause)
        done.update(range(first, last))

    spread(work, units, count, nanoseconds)
    return done


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("units", [0, 1, 2, 5, 29, 1000])
def test_every_unit_is_done_once(units: int, count: int):
    for _ in range(20):
        assert units_done(units, count) == Counter(range(units))


def test_helpers_that_sleep_are_woken():
    for _ in range(3):
        assert units_done(50, 3) == Counter(range(50))
        time.sleep(0.05)  # longer than they watch


def test_helpers_work_too():
    workers = set[int]()

    def work(first: int, last: int) -> None:
        workers.add(threading.get_ident())
        time.sleep(0.02)

    spread(work, 40, 2, LONG)
    assert len(workers) == 2


def test_little_work_stays_on_one_thread():
    workers = set[int]()
    spread(lambda first, last: workers.add(threading.get_ident()), 40, 2, threads.WORTH_A_THREAD)
    assert workers == {threading.get_ident()}


@pytest.mark.parametrize("on_helper", [False, True])
def test_an_error_reaches_who_asked(on_helper: bool):
    here = threading.get_ident()

    def work(first: int, last: int) -> None:
        time.sleep(0.005)
        if (threading.get_ident() != here) is on_helper:
            raise ValueError("as it must")

    with pytest.raises(ValueError, match="as it must"):
        spread(work, 40, 2, LONG)
    assert units_done(50, 2) == Counter(range(50))


def test_several_ask_at_once():
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: units_done(n, 3, pause=0.001), range(1, 40)))
    assert found == [Counter(range(n)) for n in range(1, 40)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_process_has_helpers_of_its_own():
    units_done(50, 2)
    child = os.fork()
    if not child:
        os._exit(0 if units_done(50, 2) == Counter(range(50)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_no_order_of_steps_makes_who_asks_wait_for_ever():
    """Each line of each thread may be followed by a pause, in which the others go on."""
    rng, done = random.Random(0), [0]

    def pause(frame: FrameType, event: str, argument: object) -> TraceFunction:
        if event == "line" and rng.random() < 0.2:
            time.sleep(rng.choice((0, 1e-5, 1e-4)))
        return pause

    def trace(frame: FrameType, event: str, argument: object) -> TraceFunction | None:
        return pause if frame.f_code.co_filename == threads.__file__ else None

    def ask() -> None:
        sys.settrace(trace)
        crew = threads._Crew(2)
        while done[0] < 2000:
            crew.run(lambda: None)
            done[0] += 1

    threading.settrace(trace)  # of the helpers
    try:
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(60)
    finally:
        threading.settrace(None)
    assert done == [2000]
