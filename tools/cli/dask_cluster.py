"""Layers that the workers of a Dask cluster cluster, in place of processes of this machine."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from recog.dialects.errors import RecogError, first_line

TIMEOUT = "10s"
"""For an answer of the scheduler."""

NO_WORK = (
    "the workers had nothing to do; they measure layouts, for a ratio or a budget, and cluster "
    "layers without carry-errors"
)


def add_dask(parser: argparse.ArgumentParser) -> None:
    """--dask, see `dask_cluster`."""
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let the workers of a Dask cluster, whose scheduler is at tcp://HOST:PORT, do what "
        "--jobs processes of this machine would; the bytes are the same",
    )


@contextmanager
def dask_cluster(address: str | None) -> Generator[None]:
    """Within the context joblib gives its work to a cluster, where there is an address.

    Raises:
        RecogError: Dask is not installed, nobody answers, or workers cannot do the work.
    """
    if address is None:
        yield
        return
    try:
        import joblib
        from distributed import Client

        from recog.tools.cli.dask_backend import DaskBackend
    except ImportError as error:
        hint = "pip install 'recog[dask]'"
        raise RecogError(f"{error.name} is not installed", where="--dask", hint=hint) from None
    try:
        client: Any = Client(address, timeout=TIMEOUT)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise RecogError(
            f"no Dask scheduler answers at {address}: {first_line(error)}",
            where="--dask",
            hint="start one with `dask scheduler` and workers with `dask worker tcp://HOST:PORT`",
        ) from None
    # A scheduler that goes is an error of the work, without Dask's own traceback.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with client:
        _check_workers(client, address)
        backend = DaskBackend(client=client)
        with joblib.parallel_config(backend):
            yield
    if not backend.got_work:
        print(f"note: --dask: {NO_WORK}")


def _check_workers(client: Any, address: str) -> None:
    """Raise RecogError where there are none, or one that has not this version of recog."""
    own = version("recog")
    workers = client.get_versions(packages=["recog"])["workers"]
    if not workers:
        hint = f"start some with `dask worker {address}`"
        raise RecogError(f"the cluster at {address} has no workers", where="--dask", hint=hint)
    for worker, found in workers.items():
        theirs = found["packages"].get("recog")
        if theirs != own:
            has = "no recog" if theirs is None else f"recog {theirs}"
            raise RecogError(
                f"the worker at {worker} has {has}",
                where="--dask",
                hint=f"install recog {own} where workers run, as here",
            )
