"""Commands that are stopped, or run twice at once: nothing lost, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3)
    return nn.Sequential(*layers).eval(), torch.zeros(1, 1, 8, 8)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NETWORK)
    np.savez(
        tmp_path / "data.npz",
        inputs=np.random.default_rng(0).normal(size=(64, 1, 8, 8)).astype(np.float32),
    )
    return tmp_path


COMMAND = """
import sys
from recog.tools import kept_tuning
from recog.tools.cli.main import main
kept_tuning.SAVE_SECONDS = 0.05
sys.exit(main(sys.argv[1:]))
"""
KILLED = """
import os, signal, sys
from recog.tools import kept_tuning, partial_conversion
from recog.tools.cli.main import main

class Killed(kept_tuning.KeptTuningFile):
    def offer(self, tuner):
        super().offer(tuner)
        if self.saved is not None and tuner.done > self.saved + 1:
            os.kill(os.getpid(), signal.SIGKILL)

kept_tuning.SAVE_SECONDS, kept_tuning.SAVE_SHARE = 0, 1 << 40
partial_conversion.KeptTuningFile = Killed
sys.exit(main(sys.argv[1:]))
"""
"""A conversion that keeps the state of its tuning once, and is killed two steps later."""
CLUSTERS = ("--centroids", "4", "--scalar-centroids", "4", "--table-share", "100")


def command(folder: Path, *options: str, program: str = COMMAND) -> list[str]:
    data = ["--data", str(folder / "data.npz"), "-o", str(folder / "out"), *options]
    return [sys.executable, "-c", program, "convert", f"{folder}/net.py:make", *data]


def convert(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *options), capture_output=True, text=True, check=False)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def start_long(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A conversion that has long to tune, once a state of its tuning is kept."""
    run = subprocess.Popen(command(folder, *options), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not (folder / "out.partial" / "tuning.state").exists():
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def test_what_was_there_stays_until_all_is_there(folder: Path):
    assert convert(folder, "--dense").returncode == 0
    (folder / "out" / "notes.txt").write_text("mine")
    before = content(folder)
    long = start_long(folder, "--epochs", "100000", *CLUSTERS)
    second = convert(folder, "--dense")
    assert second.returncode == 1
    assert "another process is writing to this folder" in second.stderr
    long.send_signal(signal.SIGTERM)
    said = long.communicate(timeout=300)[1]
    assert long.returncode == 128 + signal.SIGTERM
    kept = rf"kept in {folder}/out.partial: folded, clustered, [0-9,]+ steps? of tuning; the same"
    assert re.search(kept, said)
    assert content(folder) == before
    names = {"data.npz", "net.py", "out", "out.partial"}
    assert set(os.listdir(folder)) - {"__pycache__"} == names
    stages = {"0-float.mlir", "1-folded.mlir", "2-clustered.mlir"}
    assert set(os.listdir(folder / "out.partial")) == {*stages, "tuning.state", "unfinished.json"}


def test_a_killed_conversion_goes_on_to_the_same_bytes(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    options = ("--epochs", "50", *CLUSTERS)
    killed = subprocess.run(
        command(folder, *options, program=KILLED), capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "out").exists()
    words = command(folder, *options)[3:]
    assert main([*words, "--resume"]) == 0
    said = capsys.readouterr().err
    assert "goes on after the stage clustered" in said
    assert "goes on with tuning after step 1" in said
    assert not (folder / "out.partial").exists()
    resumed = content(folder)
    assert main(words) == 0
    assert content(folder) == resumed


def test_a_conversion_that_fails_leaves_the_earlier_one(folder: Path):
    assert convert(folder, "--dense").returncode == 0
    before = content(folder)
    failed = convert(folder, "--dense", "--activation-memory", "64")
    assert failed.returncode == 1
    assert "activation memory of 64 bytes is too small" in failed.stderr
    assert content(folder) == before


def test_files_of_another_conversion_go_and_others_stay(folder: Path):
    assert convert(folder, "--epochs", "1", *CLUSTERS).returncode == 0
    assert "3-tuned.mlir" in content(folder)
    (folder / "out" / "notes.txt").write_text("mine")
    assert convert(folder, "--dense").returncode == 0
    names = set(content(folder))
    assert "notes.txt" in names
    assert "3-tuned.mlir" not in names
    assert {"0-float.mlir", "1-folded.mlir", "5-chip.mlir", "program.recog"} <= names
