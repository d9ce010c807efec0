"""Layers that two workers of a Dask cluster cluster, with the bytes of one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

from recog.dialects.errors import RecogError
from recog.frontend.torch.importer import import_torch
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.cli.dask_cluster import dask_cluster
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
    capsys.readouterr()


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
