"""Layers that two workers of a Dask cluster cluster, with the bytes of one process."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from signal import SIGKILL
from typing import Any

import joblib
import numpy as np
import pytest
from dask import config
from distributed import Client, LocalCluster
from distributed.client import FutureCancelledError

from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.cli.dask_backend import DaskBackend
from recog.tools.cli.dask_cluster import NO_WORK, dask_cluster
from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    convolutions = nn.Conv2d(2, 24, 3), nn.ReLU(), nn.Conv2d(24, 24, 3), nn.ReLU()
    head = nn.Conv2d(24, 48, 1), nn.Flatten(), nn.Linear(48 * 16, 10)
    return nn.Sequential(*convolutions, *head).eval(), (torch.zeros(1, 2, 8, 8),)
"""


@pytest.fixture(autouse=True)
def no_failed_client() -> None:
    """A Client that found no scheduler closes as it is collected. In the thread that the next one
    starts, it would wait for a lock that this has, and this for the thread (distributed 2026.8)."""
    gc.collect()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two processes of one thread each on this machine."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def address_of(client: Any) -> str:
    return client.scheduler_info()["address"]


def tasks_of(client: Any) -> Any:
    """Records what workers do within the context, as `data`."""
    from distributed import get_task_stream

    return get_task_stream(client)


def frames() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (16, 2, 8, 8)).astype(np.float32)


@pytest.mark.parametrize(
    "options",
    [
        ConversionOptions(tune=False, carry_errors=False),
        ConversionOptions(tune=False, ratio=12.0, compare_recipes=False),
    ],
    ids=["clusters", "layouts"],
)
def test_two_workers_give_the_bytes_of_one_process(client: Any, options: ConversionOptions):
    namespace = {}
    exec(NETWORK, namespace)
    module = import_torch(*namespace["make"]())
    alone = convert(module, [frames()], options=options).assemble()
    with tasks_of(client) as stream, joblib.parallel_config("dask"):
        together = convert(module, [frames()], options=options).assemble()
    assert together == alone
    workers = {task["worker"] for task in stream.data}
    assert workers == set(client.scheduler_info()["workers"])
    assert len(workers) == 2


def test_the_command_and_what_it_says_first(
    client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "net.py").write_text(NETWORK)
    np.savez(tmp_path / "x.npz", inputs=frames())
    command = ["convert", f"{tmp_path}/net.py:make", "--data", f"{tmp_path}/x.npz", "--no-tune"]
    command += ["--ratio", "12", "--no-compare-recipes"]
    assert main([*command, "-o", f"{tmp_path}/alone"]) == 0
    address = address_of(client)
    with tasks_of(client) as stream:
        assert main([*command, "-o", f"{tmp_path}/together", "--dask", address]) == 0
    assert len({task["worker"] for task in stream.data}) == 2
    for name in ("program.recog", "recipe.toml"):
        one, other = ((tmp_path / each / name).read_bytes() for each in ("alone", "together"))
        assert one == other
    assert NO_WORK not in capsys.readouterr().out


def test_a_note_where_workers_have_nothing_to_do(client: Any, capsys: pytest.CaptureFixture[str]):
    with dask_cluster(address_of(client)):
        pass
    assert f"note: --dask: {NO_WORK}" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://", ""])
def test_no_scheduler(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recog.tools.cli.dask_cluster.TIMEOUT", "1s")
    with (
        pytest.raises(RecogError, match="no Dask scheduler answers") as error,
        dask_cluster(address),
    ):
        pass
    assert "dask scheduler" in (error.value.hint or "")


def test_no_workers():
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        pytest.raises(RecogError, match="has no workers"),
        dask_cluster(address_of(client)),
    ):
        pass


def test_workers_with_another_recog(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("recog.tools.cli.dask_cluster.version", lambda name: "99.0")
    address = address_of(client)
    with pytest.raises(RecogError, match=r"has recog 0\.") as error, dask_cluster(address):
        pass
    assert "install recog 99.0" in (error.value.hint or "")


def on_cluster(address: str, function: Any, *arguments: Any) -> Any:
    """What a function returns there. Joblib's own backend would wait for ever where workers die."""
    with dask_cluster(address):
        return joblib.Parallel(timeout=60)([joblib.delayed(function)(*arguments)])


def test_one_thread_is_a_cluster_and_may_die_of_its_work():
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        address = address_of(client)
        (worker,) = on_cluster(address, os.getpid)
        assert worker != os.getpid()
        with pytest.raises(RecogError, match="1 worker died of the same work, the last") as error:
            on_cluster(address, os.kill, worker, SIGKILL)
    assert "--memory-limit" in (error.value.hint or "")


def test_a_worker_without_a_package(client: Any):
    with pytest.raises(RecogError, match="a worker has no Python package no_such_one") as error:
        on_cluster(address_of(client), import_module, "no_such_one")
    assert "where workers run" in (error.value.hint or "")


def test_errors_of_the_work_are_its_own(client: Any):
    with pytest.raises(ValueError, match="invalid literal for int"):
        on_cluster(address_of(client), int, "x")
    assert on_cluster(address_of(client), int, "3") == [3]


def test_work_that_the_scheduler_lost(client: Any):
    lost = FutureCancelledError("some work", "scheduler-connection-lost")
    with pytest.raises(RecogError, match="lost the work: scheduler-connection-lost"):
        DaskBackend(client=client).retrieve_result_callback(lost)


def test_dense_weights_want_no_cluster(capsys: pytest.CaptureFixture[str]):
    words = ["convert", "net.py:make", "--data", "x.npz", "--dense", "--dask", "tcp://127.0.0.1:1"]
    assert main(words) == 2
    assert "--dask has no effect with dense weights" in capsys.readouterr().err
