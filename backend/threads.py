"""How many threads PyTorch computes in: the order in which it sums, and so the last bits of a
result, depend on it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

THREADS = 2
"""On one processor as on many, so that equal inputs give equal bytes."""

_chosen = ContextVar("threads of PyTorch", default=THREADS)


@contextmanager
def fixed_threads(count: int | None = None) -> Generator[None, None, None]:
    """Within the block, or the function that it decorates, PyTorch computes in `count` threads.

    Without a count they are those of the block outside, and THREADS where there is none: never
    as many as the processor, or OMP_NUM_THREADS, happens to have.
    """
    import torch

    before = torch.get_num_threads()
    wanted = _chosen.get() if count is None else count
    token = _chosen.set(wanted)
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _chosen.reset(token)
