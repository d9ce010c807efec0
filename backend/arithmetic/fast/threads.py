"""Work on several threads, from pools that engines of one number of threads share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PARTS = 4
"""Parts of the work for each thread, so that none waits long for the slowest."""

_pools: dict[int, ThreadPoolExecutor] = {}


def spread(work: Callable[[int, int], None], units: int, threads: int) -> None:
    """work(first, last) over units 0, ..., units − 1, on so many threads at most."""
    threads = min(threads, units)
    if threads <= 1:
        if units:
            work(0, units)
        return
    parts = min(units, threads * PARTS)
    edges = [units * part // parts for part in range(parts + 1)]
    for future in [_pool(threads).submit(work, *edge) for edge in zip(edges, edges[1:])]:
        future.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads, thread_name_prefix="recog")
    return _pools[threads]
