"""Equal inputs give equal bytes: from any folder, in any locale, on one core as on many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.größe = nn.Conv2d(3, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.wide = nn.Conv2d(32, 64, 3)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.norm(self.größe(x)))
        return self.fc(torch.relu(self.wide(x)).mean((2, 3)))

def make():
    torch.manual_seed(0)
    return Net().eval(), torch.zeros(1, 3, 32, 32)
"""
COMMAND = "import sys; from recog.tools.cli.main import main; sys.exit(main(sys.argv[1:]))"
OPTIONS = ("--epochs", "2", "--centroids", "16", "--scalar-centroids", "8")
ENVIRONMENT = {
    "LC_ALL": "C",
    "PYTHONHASHSEED": "7",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "4"),
    "TZ": "Asia/Kathmandu",
}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_wherever_a_network_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own"
    own.mkdir()
    (own / "netz_ä.py").write_text(NETWORK, encoding="utf-8")
    images = np.random.default_rng(0).normal(size=(32, 3, 32, 32)).astype(np.float32)
    np.savez(tmp_path / "data.npz", inputs=images)
    monkeypatch.chdir(tmp_path)
    assert main(["convert", "own/netz_ä.py:make", "--data", "data.npz", "-o", "one", *OPTIONS]) == 0

    def on_one_core() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])

    there = ["convert", "netz_ä.py:make", "--data", "../data.npz", "-o", "../other", *OPTIONS]
    run = subprocess.run(
        [sys.executable, "-c", COMMAND, *there],
        cwd=own,
        env={**os.environ, **ENVIRONMENT},
        preexec_fn=on_one_core if hasattr(os, "sched_setaffinity") else None,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    one, other = content(tmp_path / "one"), content(tmp_path / "other")
    assert any(name.endswith("-tuned.mlir") for name in one)
    assert list(one) == list(other)
    assert [name for name in one if one[name] != other[name]] == []
    assert b'("netz_' in one["0-float.mlir"]


def test_an_ir_file_has_the_same_places_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "net.mlir").write_text("""
func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %y = nn.relu %x : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  func.return %y : tensor<1x1x2x2xf32>
}
""")
    for folder, name in ((tmp_path, "own/net.mlir"), (tmp_path / "own", "net.mlir")):
        monkeypatch.chdir(folder)
        assert main(["import", name, "-o", str(tmp_path / f"{folder.name}.out")]) == 0
    one = (tmp_path / f"{tmp_path.name}.out").read_text()
    assert one == (tmp_path / "own.out").read_text()
    assert 'loc("net.mlir":3:' in one
    monkeypatch.chdir(tmp_path)
    Path("own/broken.mlir").write_text("nn.nothing\n")
    assert main(["import", "own/broken.mlir"]) == 1
    assert "own/broken.mlir:1:" in capsys.readouterr().err
