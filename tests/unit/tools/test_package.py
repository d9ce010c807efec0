"""What `import recog` and `python -m recog` give."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import recog


def test_all_names_are_there():
    assert set(recog.__all__) <= set(dir(recog))
    for name in recog.__all__:
        assert getattr(recog, name).__name__ == name
    assert recog.__version__ == version("recog")


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match="'recog' has no attribute 'Machines'"):
        _ = recog.Machines


def test_nothing_heavy_is_imported_for_them():
    check = "import recog, sys; print(recog.Machine.__name__, 'torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("Machine False\n", "")


def test_the_package_is_the_command():
    command = [sys.executable, "-m", "recog", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == (f"recog {version('recog')}\n", "")
