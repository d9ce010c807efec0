"""What recog train and eval refuse before they load or render anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from recog.tools.cli.main import main


@pytest.mark.parametrize("threads", ["0", "-1", "1025", "100000", str(1 << 70)])
@pytest.mark.parametrize("command", ["train", "eval"])
def test_threads(command: str, threads: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "classification", "--threads", threads]) == 2
    assert f"--threads: must be from 1 to 1024, got {threads}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tune-epochs", "2", "--level", "float"], "--tune-epochs has no effect without --level"),
        (["--verify-frames", "2", "--level", "lns"], "--verify-frames has no effect without"),
        (["--engine", "gemm", "--engine-path", "avx2"], "--engine-path has no effect without the"),
        (["--frames", "0"], "--frames: must be above 0, got 0"),
        (["--verify-frames", "-1"], "--verify-frames: must be at least 0, got -1"),
    ],
)
def test_flags_without_effect(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["eval", "classification", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "classification", "--out", "{0}/file"],
        ["eval", "classification", "--json", "{0}/none/rows.json"],
        ["eval", "classification", "--json", "{0}"],
        ["eval", "classification", "--pictures", "{0}/file"],
    ],
    ids=" ".join,
)
def test_outputs_that_cannot_be(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    assert main([argument.format(tmp_path) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert str(tmp_path) in error
    assert len(error.splitlines()) == 1
