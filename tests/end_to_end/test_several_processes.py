"""Tuning that torchrun shares among processes gives the bits of one that computes all parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU()
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)
    return nn.Sequential(*layers, *head).eval(), torch.zeros(1, 1, 8, 8)

def loss(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets)
"""
ONE = """
import sys
from recog.lowering.cluster import tune_centroids, tune_own
from recog.tools.cli.main import main
tune_centroids.worker_count = tune_own.worker_count = lambda: 2
sys.exit(main(sys.argv[1:]))
"""
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "recog")
OWN = ("--loss", "net.py:loss")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NETWORK)
    random = np.random.default_rng(0)
    frames = random.normal(size=(36, 1, 8, 8)).astype(np.float32)
    labels = random.integers(0, 3, 36)
    np.savez(tmp_path / "data.npz", inputs=frames, targets=labels)
    return tmp_path


def called(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=folder, text=True, capture_output=True, timeout=300
    )


def converted(output: str, *flags: str) -> list[str]:
    sizes = ("--centroids", "8", "--epochs", "3", "--batch", "8", "--iterations", "3")
    return ["convert", "net.py:make", "--data", "data.npz", "-o", output, *sizes, *flags]


@pytest.mark.parametrize("flags", [(), OWN], ids=["labels", "own loss"])
def test_two_processes_tune_as_one_does(folder: Path, flags: tuple[str, ...]):
    two = called(folder, *TWO, *converted("two", *flags))
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("program: ") == 1
    one = called(folder, "-c", ONE, *converted("one", *flags))
    assert one.returncode == 0, one.stderr
    programs = [(folder / name / "program.recog").read_bytes() for name in ("one", "two")]
    assert programs[0] == programs[1]
    assert "has not lowered" not in two.stdout
    left = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert left == {"data.npz", "net.py", "one", "two"}


def test_other_commands_are_not_shared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["info"]) == 2
    assert "without torchrun" in capsys.readouterr().err
