"""The benchmark of compressed tasks, on few frames."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from benchmark_modules import load_benchmark

from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.checkpoints import load_checkpoint


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    return load_benchmark("bench_compression")


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
    # A narrower network of these bytes, with one code a weight, comes with the benchmark.
    assert row["narrow_bytes"] >= row["packed_bytes"]
    assert row["narrow_low"] <= row["metric_float"] - row["narrow_metric"] <= row["narrow_high"]
    assert "not tuned yet: classification 17x seed 0" in capsys.readouterr().out
    monkeypatch.setattr(bench.Measured, "row", lambda *given: pytest.fail("measured again"))
    assert bench.main([*command, "--ratios", "29"]) == 0
    assert json.loads(out.read_text())["rows"] == [row]


@pytest.mark.parametrize("name", TASK_NAMES)
def test_narrow_networks_are_trained(name: str):
    narrow = load_benchmark("narrow_networks")
    network = load_checkpoint(narrow.narrow_task(name), narrow.narrow_checkpoint(name))
    wide = load_checkpoint(get_task(name))
    few, many = (sum(p.numel() for p in each.parameters()) for each in (network, wide))
    assert 6 < many / few < 8.5
