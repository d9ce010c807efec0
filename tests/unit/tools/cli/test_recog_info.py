"""recog info, and the options of the fast engine on the command line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from middle_networks import parse

from recog.backend.arithmetic.fast import paths
from recog.backend.chips import load_chip
from recog.dialects.chip import ChipTarget
from recog.lowering.pipeline import convert
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
    assert main(["info", "--threads", threads]) == 2
    assert f"--threads: must be from 1 to 1024, got {threads}" in capsys.readouterr().err


def test_a_chip_is_shown_as_a_file_of_it(capsys: pytest.CaptureFixture[str]):
    assert main(["info", "--target", "recog-edge"]) == 0
    assert ChipTarget.from_toml(capsys.readouterr().out) == load_chip("recog-edge")
    assert main(["info", "--target", "recog-0"]) == 1
    error = capsys.readouterr().err
    assert "target recog-0: No such file or directory" in error
    assert "a TOML file, or one of recog-1, recog-edge, recog-large" in error


def program() -> bytes:
    module = parse("""func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %y = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      func.return %y : tensor<1x4xf32>
    }""")
    return convert(module, [np.random.default_rng(0).normal(size=(8, 4))]).assemble()


def test_bytes_of_a_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    content = program()
    Path("p.recog").write_bytes(content)
    assert main(["info", "p.recog", "--json", "bytes.json"]) == 0
    text = capsys.readouterr().out
    assert row("all", text)[0] == f"{len(content):,}"
    record = json.loads(Path("bytes.json").read_text())
    assert record["file_bytes"] == len(content)
    assert record["folded_ratio"] == 1.0
    assert "as 32-bit floats, batch norms folded: 0 bytes, 1.0 times as many" in text


@pytest.mark.parametrize(
    "words,message",
    [
        (["--json", "x.json"], "argument --json: takes the bytes of a program: name one"),
        (["p.recog", "--target", "recog-1"], "argument --target: shows a chip: name no program"),
    ],
)
def test_what_does_not_go_together(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["info", *words]) == 2
    assert message in capsys.readouterr().err


def test_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "p.recog"
    path.write_bytes(b"no program")
    assert main(["info", str(path)]) == 1
    assert "not a program file" in capsys.readouterr().err
