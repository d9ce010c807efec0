"""recog info, and the options of the fast engine on the command line."""

import os

import pytest

from recog.backend.arithmetic.fast import paths
from recog.backend.chips import load_chip
from recog.dialects.chip import ChipTarget
from recog.tools.cli.main import main


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch):
    """Nothing is forced by the environment that the tests run in."""
    for variable in (paths.PATH_VARIABLE, paths.THREADS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def row(name: str, text: str) -> list[str]:
    """The words beside a name in the table."""
    lines = (line.split() for line in text.splitlines())
    return next(words[1:] for words in lines if words[:1] == [name])


def test_info(capsys: pytest.CaptureFixture[str]):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"{paths.chosen_path()}, of: {', '.join(paths.available_paths())}" in text
    for word in ("processor", "threads", "compiled code", "numba"):
        assert word in text


def test_options_set_path_and_threads_of_this_command_alone(capsys: pytest.CaptureFixture[str]):
    before = dict(os.environ)
    assert main(["info", "--engine-path", "portable", "--threads", "3"]) == 0
    text = capsys.readouterr().out
    assert row("path", text)[0] == "portable,"
    assert row("threads", text) == ["3"]
    assert dict(os.environ) == before
    assert main(["info"]) == 0
    assert row("path", capsys.readouterr().out)[0] == f"{paths.available_paths()[0]},"


def test_the_environment_sets_what_options_leave_open(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(paths.THREADS_VARIABLE, "5")
    assert main(["info"]) == 0
    assert row("threads", capsys.readouterr().out) == ["5"]
    assert main(["info", "--threads", "2"]) == 0
    assert row("threads", capsys.readouterr().out) == ["2"]
    monkeypatch.setenv(paths.THREADS_VARIABLE, "0")
    assert main(["info"]) == 1
    assert "RECOG_THREADS is '0'" in capsys.readouterr().err


@pytest.mark.parametrize("threads", ["0", "-1", "1025"])
def test_wrong_threads(threads: str, capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--threads", threads]) == 1
    assert f"--threads: must be from 1 to 1024, got {threads}" in capsys.readouterr().err


def test_a_chip_is_shown_as_a_file_of_it(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--target", "recog-edge"]) == 0
    assert ChipTarget.from_toml(capsys.readouterr().out) == load_chip("recog-edge")
    assert main(["info", "--target", "recog-0"]) == 1
    error = capsys.readouterr().err
    assert "target recog-0: No such file or directory" in error
    assert "a TOML file, or one of recog-1, recog-edge, recog-large" in error
