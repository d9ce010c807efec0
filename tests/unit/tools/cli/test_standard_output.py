"""`-` for a file is standard output."""

from __future__ import annotations

import errno
import io
import json
import sys
from pathlib import Path

import pytest
from middle_networks import residual

from recog.tools.cli.main import main
from recog.tools.module_files import write_module


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_module(residual(), tmp_path / "net.mlir")
    return "net.mlir"


def test_json_is_alone_there(network: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["check", network, "--json", "-"]) == 0
    output = capfd.readouterr()
    assert main(["check", network, "--json", "file.json"]) == 0
    printed = capfd.readouterr().out
    assert json.loads(output.out) == json.loads(Path("file.json").read_text())
    assert "ops: " in printed
    assert printed in output.err
    assert not (tmp_path / "-").exists()


def test_an_error_leaves_it_empty(capfd: pytest.CaptureFixture[str]):
    assert main(["check", "none.mlir", "--json", "-"]) == 1
    output = capfd.readouterr()
    assert output.out == ""
    assert "none.mlir: No such file" in output.err


@pytest.mark.parametrize("command", ["--help", "check --help"])
def test_no_room_for_help(command: str, monkeypatch: pytest.MonkeyPatch):
    class Full(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None:
            pass

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        assert main(command.split()) == 1


def test_ir(network: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["import", network, "-o", "-"]) == 0
    assert "func.func @main" in capfd.readouterr().out
    assert not (tmp_path / "-").exists()
