"""The notebooks run from the first cell to the last, and the example that one of them imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS_A_CELL = 240
"""Minutes where others have the processor too; all cells of one take half a minute alone."""


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stripped(path: Path):
    cells = code_cells(path)
    assert len(cells) >= 5
    assert [cell for cell in cells if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, tmp_path: Path):
    # As in the repository, but what they write stays here.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.read(path, 4)
    resources = {"metadata": {"path": str(tmp_path / "notebooks")}}
    NotebookClient(notebook, timeout=SECONDS_A_CELL, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/svg+xml" in shown
    assert [output for output in outputs if output.output_type == "error"] == []
    if path.stem == "convert_a_network":
        assert (tmp_path / "build/notebook/converted/report.html").stat().st_size > 100_000


def test_the_classifier_writes_what_the_tour_takes(tmp_path: Path):
    command = [sys.executable, ROOT / "examples/own_classifier.py", "--epochs", "1"]
    run = subprocess.run([*command, "--out", tmp_path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "% of 700 held-out patches" in run.stdout
    with np.load(tmp_path / "test.npz") as data:
        assert data["inputs"].shape == (700, 1, 32, 32)
        assert np.bincount(data["targets"]).tolist() == [350, 350]
    assert (tmp_path / "network.pt2").exists()


def test_the_large_frame_is_rendered_run_and_drawn(tmp_path: Path):
    script = ROOT / "examples/eight_megapixels.py"
    command = [sys.executable, script, "--size", "64x128", "--out", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout.split("both agree         on ")[1].split(" %")[0]) > 50
    assert (tmp_path / "program.recog").stat().st_size > 80_000
    assert (tmp_path / "pictures/index.html").exists()


@pytest.mark.parametrize("size", ["64", "64x100", "0x64"])
def test_frames_that_the_network_does_not_take(size: str, tmp_path: Path):
    command = [sys.executable, ROOT / "examples/eight_megapixels.py", "--size", size]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 2
    assert f"expected HxW, multiples of 8, got {size}" in run.stderr
