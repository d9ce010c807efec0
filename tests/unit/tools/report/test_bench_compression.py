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


def test_networks_that_were_tuned_before_are_found_and_take_their_place(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from recog.tools.report import task_tuning

    name, seed1 = "classification.29x.tuned.mlir.gz", "classification.29x.seed1.tuned.mlir.gz"
    package, here, networks = tmp_path / "package", tmp_path / "here", tmp_path / "networks"
    options = task_tuning.tune_options(get_task("classification"))
    shipped = task_tuning.shipped_tuned("classification", options).read_bytes()
    for folder in (package, here):
        folder.mkdir()
    (here / seed1).write_bytes(b"not read")
    monkeypatch.setattr(bench, "TUNED_HERE", here)
    command = ["--only", "classification", "--ratios", "29", "--seeds", "0", "--frames", "4"]
    command += ["--before-frames", "0", "--out", str(tmp_path / "c.json")]
    assert bench.main([*command, "--networks", str(networks)]) == 0
    assert (networks / seed1).read_bytes() == b"not read"
    (networks / name).write_bytes(shipped)
    monkeypatch.setattr(task_tuning, "shipped_tuned", lambda *given: package / name)
    assert bench.main([*command, "--networks", str(networks), "--ship"]) == 0
    assert (package / name).read_bytes() == shipped
    with pytest.raises(SystemExit):
        bench.main([*command, "--ship", "--tune-epochs", "1"])


def test_networks_beside_the_benchmark_are_of_the_shipped_ones(bench: ModuleType):
    """Else it would say that nobody has tuned them."""
    from recog.tools.report.task_levels import TaskLevels
    from recog.tools.report.task_tuning import load_tuned, tune_options, tuned_key

    found = sorted(bench.TUNED_HERE.glob("*.tuned.mlir.gz"))
    assert found
    for path in found:
        name, ratio, seed, *_ = path.name.split(".")
        task = get_task(name)
        options = tune_options(task, ratio=float(ratio[:-1]), seed=int(seed.removeprefix("seed")))
        folded = TaskLevels(task, load_checkpoint(task), task.data, path.parent, options).folded
        assert load_tuned(path, tuned_key(options, folded)) is not None


@pytest.mark.parametrize("name", TASK_NAMES)
def test_narrow_networks_are_trained(name: str):
    narrow = load_benchmark("narrow_networks")
    network = load_checkpoint(narrow.narrow_task(name), narrow.narrow_checkpoint(name))
    wide = load_checkpoint(get_task(name))
    few, many = (sum(p.numel() for p in each.parameters()) for each in (network, wide))
    assert 6 < many / few < 8.5
