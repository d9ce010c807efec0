"""What works where only the packages are installed that programs and IR take."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from recog.backend.machine import Machine
from recog.tools.diagnostics import installed_with

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests/corpus/isa-3.0-cascade.recog"
ABSENT = ("torch", "sklearn", "scipy", "joblib", "safetensors", "PIL")

RUN = f"""
import sys
for name in {ABSENT}:
    sys.modules[name] = None
from recog.tools.cli.main import main
from recog.tools.opt.main import main as recog_opt
command, *words = sys.argv[1:]
sys.exit(recog_opt(words) if command == "recog-opt" else main(words))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "frames.npy"
    (port,) = Machine(PROGRAM.read_bytes()).inputs
    np.save(path, np.zeros((1, *port.frame_shape), port.dtype))
    return path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words",
    [
        ("recog", "info"),
        ("recog", "info", str(PROGRAM)),
        ("recog", "disassemble", str(PROGRAM)),
        ("recog", "cost", str(PROGRAM)),
        ("recog-opt", "--help"),
    ],
    ids=lambda words: " ".join(Path(word).name for word in words),
)
def test_programs_are_read(words: tuple[str, ...]):
    found = run(*words)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout


def test_programs_run(data: Path, tmp_path: Path):
    out = tmp_path / "out.npz"
    found = run("recog", "run", str(PROGRAM), "--data", str(data), "-o", str(out))
    assert found.returncode == 0, found.stderr
    assert out.exists()


def test_networks_say_what_they_need(tmp_path: Path):
    (tmp_path / "net.py").write_text("def make(): ...\n")
    found = run("recog", "check", f"{tmp_path}/net.py:make")
    assert found.returncode == 1
    assert "needs the Python package torch" in found.stderr
    assert "pip install 'recog[torch]'" in found.stderr


def test_each_optional_package_is_found_in_its_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {name: installed_with(name) for name in ABSENT if name != "scipy"} == {
        "torch": "recog[torch]",
        "sklearn": "recog[torch]",
        "joblib": "recog[torch]",
        "safetensors": "recog[tasks]",
        "PIL": "recog[tasks]",
    }
    assert installed_with("numba") == "recog"
    assert installed_with("no_such_package") == "no-such-package"
    assert not any(name in text for name in ABSENT for text in extras["dependencies"])
