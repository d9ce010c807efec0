"""Files that never end, or end after all memory: each command refuses them in words, at once."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from recog.tools.cli.main import main as recog
from recog.tools.opt.main import main as recog_opt

COMMANDS = {
    "opt": ["{0}"],
    "run program": ["run", "{0}", "--data", "x.npz"],
    "cost": ["cost", "{0}"],
    "disassemble": ["disassemble", "{0}"],
    "check IR": ["check", "{0}.mlir"],
    "check archive": ["check", "{0}.pt2"],
    "target": ["info", "--target", "{0}"],
    "cost target": ["check", "net.mlir", "--target", "{0}"],
    "data": ["convert", "net.mlir", "--data", "{0}", "-o", "out"],
}
PROGRAMS = ("run program", "cost", "disassemble")
"""They take the folder of a conversion for its program."""
NETWORK = """
func.func @main(%x: tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32> {
  %y = nn.relu %x : (tensor<1x2x3x3xf32>) -> tensor<1x2x3x3xf32>
  func.return %y : tensor<1x2x3x3xf32>
}
"""


@pytest.fixture(params=["device", "pipe", "folder", "terabyte"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("net.mlir").write_text(NETWORK)
    for name in ("device", "device.mlir", "device.pt2"):
        os.symlink("/dev/zero", name)
    for end in ("", ".mlir", ".pt2"):
        os.mkfifo(f"pipe{end}")
        os.mkdir(f"folder{end}")
        with open(f"terabyte{end}", "wb") as stream:
            stream.truncate(1 << 40)
    return request.param


@pytest.mark.parametrize("command", COMMANDS)
def test_refused_at_once(command: str, kind: str, capsys: pytest.CaptureFixture[str]):
    words = [word.format(kind) for word in COMMANDS[command]]
    assert (recog_opt if command == "opt" else recog)(words) == 1
    said = capsys.readouterr().err
    expected = {
        "device": "this is a device, not a file",
        "pipe": "this is a pipe, not a file",
        "folder": "holds no program" if command in PROGRAMS else "Is a directory",
        "terabyte": "bytes, which is the most",
    }
    assert expected[kind] in said
    assert "internal error" not in said
    assert kind in said.partition(expected[kind])[0]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no endless device")
@pytest.mark.parametrize("name", [(), ("-",), ("/dev/stdin",)])
def test_standard_input_that_never_ends(name: tuple[str, ...]):
    command = [sys.executable, "-m", "recog.tools.opt.main", *name]
    with open("/dev/zero", "rb") as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this is a binary file, not IR text" in done.stderr


def test_standard_input_is_read_to_its_bound(monkeypatch: pytest.MonkeyPatch):
    command = [sys.executable, "-c"]
    program = (
        "import sys, recog.tools.opt.ir_parser as p; from recog.tools.opt import main; "
        "main.MAX_IR_BYTES = p.MAX_IR_BYTES = 1 << 20; sys.exit(main.main([]))"
    )
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        done = subprocess.run(
            [*command, program], stdin=endless.stdout, capture_output=True, text=True, check=False
        )
        endless.kill()
    assert done.returncode == 1
    assert "error: standard input: has more than 1,048,576 bytes" in done.stderr


def test_arrays_that_a_small_file_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Zeros are packed to a thousandth: what arrays will take is known before they are read."""
    from recog.lowering.common import data_files

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data_files, "MAX_DATA_BYTES", 1 << 20)
    Path("net.mlir").write_text(NETWORK)
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.npy", bytes(2 << 20))
    assert Path("x.npz").stat().st_size < 4096
    assert recog(["convert", "net.mlir", "--data", "x.npz", "-o", "out"]) == 1
    assert "its arrays take 2,097,152 bytes, and 1,048,576 is the most here" in (
        capsys.readouterr().err
    )


def test_an_archive_that_unpacks_to_more_than_a_network_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from recog.frontend.torch import archive as reader

    monkeypatch.setattr(reader, "MAX_ARCHIVE_BYTES", 1 << 20)
    path = tmp_path / "x.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data/weights/weight_0", bytes(2 << 20))
    assert recog(["check", str(path)]) == 1
    assert "holds 2,097,152 bytes, and 1,048,576 is the most" in capsys.readouterr().err
