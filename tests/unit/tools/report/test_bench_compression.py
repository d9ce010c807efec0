"""The benchmark of compressed tasks, on few frames."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


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
