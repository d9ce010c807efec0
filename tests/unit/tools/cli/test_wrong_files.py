"""Files and folders given where others are meant: what is said, and that it helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from middle_networks import residual

from recog.tools.cli.main import main
from recog.tools.module_files import write_module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_module(residual(), tmp_path / "net.mlir")
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.txt").write_text("hello")
    return tmp_path


FOLDER = "hint: give the folder that recog convert wrote"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run empty --data words.txt -o o.npy", f"empty: holds no program.recog\n  {FOLDER}, or a"),
        ("info empty", f"empty: holds no program.recog\n  {FOLDER}, or a program file"),
        ("cost empty", f"empty: holds no program.recog\n  {FOLDER}, or a program file"),
        (
            "compare net.mlir words.txt --data x",
            f"words.txt: is no folder and no IR file\n  {FOLDER}",
        ),
        ("compare net.mlir none --data x", f"none: there is no such folder\n  {FOLDER}"),
        ("compare net.mlir empty --data x", f"empty: holds no stage *-lns.mlir\n  {FOLDER}"),
        ("report words.txt", f"words.txt: is no folder\n  {FOLDER}"),
    ],
)
def test_what_is_not_meant(words: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(words.split()) == 1
    assert f"recog: error: {said}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run {} --data x -o o.npy", "info {}", "cost {}"])
def test_a_program_without_a_name(command: str, capsys: pytest.CaptureFixture[str]):
    words = [word.format("") for word in command.split()]
    assert main(words) == 1
    assert "the name of the program is empty" in capsys.readouterr().err
