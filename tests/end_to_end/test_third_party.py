"""examples/third_party, installed beside recog: its dialect and passes are found and run."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "examples/third_party"
IR = """
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %y = quick.gelu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  func.return %y : tensor<1x4xf32>
}
"""
NETWORK = """
import torch

def make():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(1, 4, 3), torch.nn.GELU(), torch.nn.Conv2d(4, 2, 3)
    return torch.nn.Sequential(*layers).eval(), torch.zeros(1, 1, 8, 8)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a module of recog where the package is installed: its code and what pip writes of it."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    (module,) = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["tool"]["setuptools"][
        "py-modules"
    ]
    (site / f"{module}.py").symlink_to(PACKAGE / f"{module}.py")
    info = site / f"{module}-{project['version']}.dist-info"
    info.mkdir()
    name = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{name}")
    ((group, points),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_recog_opt_knows_dialect_and_passes(run: Run, tmp_path: Path):
    (tmp_path / "net.mlir").write_text(IR)
    done = run("recog.tools.opt.main", tmp_path / "net.mlir", "-p", "lower-quick")
    assert (done.returncode, done.stderr) == (0, "")
    ops = [line.split("= ")[1].split()[0] for line in done.stdout.splitlines() if "%" in line[:6]]
    assert ops == ["data.constant", "nn.mul", "nn.sigmoid", "nn.mul"]
    listed = run("recog.tools.opt.main", "--help-pass", "use-quick-gelu")
    assert "Write QuickGELU for GELU" in listed.stdout


def test_a_conversion_runs_the_passes(run: Run, tmp_path: Path):
    (tmp_path / "net.py").write_text(NETWORK)
    frames = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
    np.save(tmp_path / "frames.npy", frames)
    out = tmp_path / "out"
    place = "after=fold-batch-norm:use-quick-gelu,lower-quick"
    command = ["recog.tools.cli.main", "convert", f"{tmp_path}/net.py:make", "--dense"]
    done = run(*command, "--data", tmp_path / "frames.npy", "--add-pass", place, "-o", out)
    assert done.returncode == 0, done.stderr
    folded = (out / "1-folded.mlir").read_text()
    assert "nn.gelu" in (out / "0-float.mlir").read_text()
    assert "nn.gelu" not in folded
    assert "nn.sigmoid" in folded
    assert (out / "program.recog").stat().st_size > 500
