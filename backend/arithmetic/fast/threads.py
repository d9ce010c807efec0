"""Work on several threads: the one that asks, and those of pools that engines share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PARTS = 4
"""Parts of the work for each thread, so that none waits long for the slowest."""

WORTH_A_THREAD = 40_000
"""Nanoseconds of work that pay for waking a thread, and for giving it another part."""

_pools: dict[int, ThreadPoolExecutor] = {}


def spread(work: Callable[[int, int], None], units: int, threads: int, nanoseconds: int) -> None:
    """work(first, last) over units 0, ..., units − 1, on so many threads at most.

    Args:
        nanoseconds: about what all of it takes on one thread.
    """
    worth = nanoseconds // WORTH_A_THREAD
    threads = min(threads, units, worth)
    if threads <= 1:
        if units:
            work(0, units)
        return
    parts = min(units, worth, threads * PARTS)
    edges = [units * part // parts for part in range(parts + 1)]
    rest = iter(list(zip(edges, edges[1:])))

    def take() -> None:
        for first, last in rest:
            work(first, last)

    helpers = [_pool(threads - 1).submit(take) for _ in range(threads - 1)]
    try:
        take()
    finally:
        # A helper that has not begun by now has nothing left to do.
        started = [helper for helper in helpers if not helper.cancel()]
        for helper in started:
            helper.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads, thread_name_prefix="recog")
    return _pools[threads]
