"""Tuning that several processes share, as torchrun starts them.

Each has the whole network, computes some parts of every step, and adds its gradients to those of
the others (data parallelism: Li et al., VLDB 2020), so all of them take the same steps.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    from recog.lowering.cluster.tuner import Resumable

T = TypeVar("T")

_joined = False
"""Whether tuning is shared: a program of its own that torchrun starts may tune in one process."""


def started_by_torchrun() -> bool:
    """Whether this process is one of several that torchrun started."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


@contextmanager
def joined_workers() -> Generator[None, None, None]:
    """Within the context the processes that torchrun started tune together."""
    if not started_by_torchrun():
        yield
        return
    import torch.distributed as distributed

    global _joined
    distributed.init_process_group("gloo")
    _joined = True
    try:
        yield
    finally:
        _joined = False
        distributed.destroy_process_group()


def worker_count() -> int:
    """How many processes tune together."""
    if not _joined:
        return 1
    import torch.distributed as distributed

    return distributed.get_world_size()


def worker_number() -> int:
    """The number of this one, from 0."""
    if worker_count() == 1:
        return 0
    import torch.distributed as distributed

    return distributed.get_rank()


def wait_for_all() -> None:
    """Return when all of them are here."""
    if worker_count() > 1:
        import torch.distributed as distributed

        distributed.barrier()


def own_parts(parts: Iterable[T]) -> Iterator[T]:
    """The parts of a step that this process computes."""
    return islice(parts, worker_number(), None, worker_count())


def sum_of_all(parameters: Sequence[Tensor], objective: float) -> float:
    """Add up the gradients of all processes, in place, and what each has of the objective, which is
    returned."""
    if worker_count() == 1:
        return objective
    import torch
    import torch.distributed as distributed

    for each in parameters:
        if each.grad is None:  # a worker without a part
            each.grad = torch.zeros_like(each)
    gradients = [each.grad for each in parameters if each.grad is not None]
    total = torch.tensor([objective], dtype=torch.float64)
    whole = torch.cat([each.flatten() for each in gradients])
    distributed.all_reduce(whole)
    distributed.all_reduce(total)
    for gradient, summed in zip(gradients, whole.split([each.numel() for each in gradients])):
        gradient.copy_(summed.view_as(gradient))
    return float(total)


def of_first_worker(value: T) -> T:
    """What the first process has."""
    if worker_count() == 1:
        return value
    import torch.distributed as distributed

    given = [value]
    distributed.broadcast_object_list(given, src=0)
    return given[0]


def begin_equal(tuner: Resumable) -> None:
    """Give a tuner the state of the first process', which may go on from an interruption."""
    if worker_count() > 1:
        state = of_first_worker(tuner.state() if worker_number() == 0 else None)
        if state is not None and worker_number() > 0:
            tuner.restore(state)
