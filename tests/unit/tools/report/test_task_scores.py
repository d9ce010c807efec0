"""Intervals of what tasks lose, and the benchmark that prints them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.base import Task
from recog.tools.report.task_scores import loss_interval

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def outputs_of(task: Task, count: int, seed: int) -> list[np.ndarray]:
    """Decoded outputs of a network that was never trained."""
    import torch

    torch.manual_seed(seed)
    network = task.network().eval()
    return task.predict(network, task.data("test", count), batch=4)


@pytest.mark.parametrize("name", TASK_NAMES)
def test_the_metric_is_that_of_all_frames_parts(name: str, tmp_path: Path):
    task = get_task(name)
    count = 24 if name == "classification" else 3
    truths = task.data("test", count).truths
    outputs = outputs_of(task, count, 0)
    parts = task.frame_parts(outputs, truths)
    whole = task.metric(outputs, truths)
    assert task.metric_of(parts) == pytest.approx(whole, nan_ok=True)
    plain = Task.metric_of(task, Task.frame_parts(task, outputs, truths))
    assert plain == pytest.approx(whole, nan_ok=True)


def test_the_interval_of_a_loss_is_paired():
    """Networks that err on the same frames lose nothing on any draw."""
    task = get_task("classification")
    labels = np.arange(200) % 10
    right = np.eye(10, dtype=np.float32)[labels]
    some = right.copy()
    some[:20] = np.roll(right[:20], 1, axis=1)
    more = some.copy()
    more[20:30] = np.roll(right[20:30], 1, axis=1)
    assert loss_interval(task, labels, [some], [some]) == (0.0, 0.0)
    low, high = loss_interval(task, labels, [some], [more])
    assert low is not None
    assert high is not None
    # The binomial's, of 10 among 200: 5 % with a standard deviation of 1.54.
    assert low == pytest.approx(5 - 1.96 * 1.54, abs=0.7)
    assert high == pytest.approx(5 + 1.96 * 1.54, abs=0.7)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = BENCHMARKS / "bench_compression.py"
    spec = importlib.util.spec_from_file_location("bench_compression", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_scores_what_is_shipped_and_goes_on(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
):
    out = tmp_path / "compression.json"
    command = ["--only", "classification", "--frames", "60", "--before-frames", "0"]
    command += ["--out", str(out), "--networks", str(tmp_path / "none"), "--seeds", "0"]
    assert bench.main([*command, "--ratios", "29", "17"]) == 0
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["task"], row["target_ratio"], row["seed"]) == ("classification", 29, 0)
    assert row["ratio"] >= 29
    assert row["frames"] == 60
    assert row["low"] <= row["metric_float"] - row["metric_after"] <= row["high"]
    assert row["metric_after"] > 95
    assert row["metric_before"] is None
    assert "not tuned yet: classification 17x seed 0" in capsys.readouterr().out
    monkeypatch.setattr(bench.Measured, "row", lambda *given: pytest.fail("measured again"))
    assert bench.main([*command, "--ratios", "29"]) == 0
    assert json.loads(out.read_text())["rows"] == [row]
