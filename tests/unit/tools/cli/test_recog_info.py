"""recog info, and the options of the fast engine on the command line."""

import os

import pytest

from recog.backend.arithmetic.fast import paths
from recog.tools.cli.main import main


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch):
    """Settings that commands make go away with the test."""
    for variable in (paths.PATH_VARIABLE, paths.THREADS_VARIABLE):
        monkeypatch.setenv(variable, "")


def test_info(capsys: pytest.CaptureFixture[str]):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"{paths.chosen_path()}, of: {', '.join(paths.available_paths())}" in text
    for word in ("processor", "threads", "compiled code", "numba"):
        assert word in text


def test_options_set_path_and_threads(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--engine-path", "portable", "--threads", "3"]) == 0
    text = capsys.readouterr().out
    assert "portable, of:" in text
    assert os.environ[paths.THREADS_VARIABLE] == "3"


def test_wrong_threads(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--threads", "0"]) == 1
    assert "RECOG_THREADS is '0'" in capsys.readouterr().err
