"""recog plan: sizes before any tuning, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn


def make():
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 2, 8, 8),)
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NETWORK)


def test_a_plan(capsys: pytest.CaptureFixture[str]):
    np.save("x.npy", np.random.default_rng(0).normal(size=(8, 2, 8, 8)).astype(np.float32))
    words = ["plan", "net.py:make", "--ratio", "12", "--data", "x.npy", "--json", "plan.json"]
    assert main(words) == 0
    text = capsys.readouterr().out
    record = json.loads(Path("plan.json").read_text())
    assert f"weights: at most {record['bytes']:,} bytes of {record['budget']:,}" in text
    assert "at the outputs" in text
    assert record["bytes"] <= record["budget"] == record["float_bytes"] // 12
    assert [each["layer"] for each in record["layers"]] == ["0", "2"]
    losses = [each["loss_db"] for each in record["curve"]]
    assert losses == sorted(losses)
    own = {name: record[name] for name in ("bytes", "ratio", "loss_db")}
    assert own in record["curve"]
    assert not Path("converted").exists()


def test_it_is_the_plan_that_convert_makes():
    """Of more frames than either looks at, and channels whose ranges differ."""
    x = np.random.default_rng(0).normal(size=(150, 2, 8, 8)).astype(np.float32)
    np.save("x.npy", x * np.array([1, 100], np.float32)[:, None, None])
    words = ["net.py:make", "--ratio", "12", "--data", "x.npy"]
    assert main(["plan", *words, "--json", "plan.json"]) == 0
    assert main(["convert", *words, "--no-tune", "-o", "converted", "-q"]) == 0
    plan = json.loads(Path("plan.json").read_text())
    assert plan["held_out_frames"] == 24
    assert json.loads(Path("converted/report.json").read_text())["plan"] == plan


def test_without_a_ratio_it_shows_what_clustering_does(capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "net.py:make", "--centroids", "16"]) == 0
    text = capsys.readouterr().out
    assert "as the options of clustering say" in text
    assert "other sizes" not in text


def test_a_layout_by_name_says_which_pattern(capsys: pytest.CaptureFixture[str]):
    layouts = "0*: dense; 2: block 1x1x3x3 centroids 16"
    assert main(["plan", "net.py:make", "--layouts", layouts]) == 0
    text = capsys.readouterr().out
    assert "option layouts says so ('0*')" in text
    assert "option layouts says so ('2')" in text
    assert "cluster.layout" not in text


def test_what_is_impossible(capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "net.py:make", "--budget", "100"]) == 1
    assert "--budget is below what is sure to fit: 100 of " in capsys.readouterr().err
