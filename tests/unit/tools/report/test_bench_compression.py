"""The benchmark of compressed tasks, on few frames."""

from __future__ import annotations

import gzip
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


def test_networks_that_were_tuned_before_are_found_and_take_their_place(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Those that were asked for, of the shipped weights and recipes; others stay what they are."""
    from recog.tools.report import task_levels, task_tuning

    name, stale = "classification.29x.tuned.mlir.gz", "classification.40x.tuned.mlir.gz"
    package, here, networks = tmp_path / "package", tmp_path / "here", tmp_path / "networks"
    options = task_tuning.tune_options(get_task("classification"))
    shipped = task_tuning.shipped_tuned("classification", options).read_bytes()
    for folder in (package, here, networks):
        folder.mkdir()
    (here / name).write_bytes(shipped)
    (networks / name).write_bytes(gzip.compress(b"of another key"))
    (networks / stale).write_bytes(gzip.compress(b"of another key"))
    monkeypatch.setattr(bench, "TUNED_HERE", here)

    def in_package(task: str, options: Any) -> Path:
        return package / task_tuning.tuned_name(task, options)

    monkeypatch.setattr(task_tuning, "shipped_tuned", in_package)
    monkeypatch.setattr(task_levels, "shipped_tuned", in_package)
    command = ["--only", "classification", "--seeds", "0", "--frames", "4", "--before-frames", "0"]
    command += ["--out", str(tmp_path / "c.json"), "--networks", str(networks)]
    assert bench.main([*command, "--ratios", "29", "40", "--ship"]) == 0
    assert (networks / name).read_bytes() == (package / name).read_bytes() == shipped
    assert not (package / stale).exists()
    for option in ("--tune-epochs", "--checkpoint"):
        with pytest.raises(SystemExit):
            bench.main([*command, "--ship", option, "0"])


def test_networks_beside_the_benchmark_are_of_the_shipped_ones(bench: ModuleType):
    """Else it would say that nobody has tuned them."""
    from recog.tools.report.task_levels import TaskLevels
    from recog.tools.report.task_tuning import load_tuned, tune_options

    found = sorted(bench.TUNED_HERE.glob("*.tuned.mlir.gz"))
    assert found
    for path in found:
        name, ratio, seed, *_ = path.name.split(".")
        task = get_task(name)
        options = tune_options(task, ratio=float(ratio[:-1]), seed=int(seed.removeprefix("seed")))
        levels = TaskLevels(task, load_checkpoint(task), task.data, path.parent, options)
        assert load_tuned(path, levels.key) is not None


@pytest.mark.parametrize("name", TASK_NAMES)
def test_narrow_networks_are_trained(name: str):
    narrow = load_benchmark("narrow_networks")
    network = load_checkpoint(narrow.narrow_task(name), narrow.narrow_checkpoint(name))
    wide = load_checkpoint(get_task(name))
    few, many = (sum(p.numel() for p in each.parameters()) for each in (network, wide))
    assert 6 < many / few < 8.5
