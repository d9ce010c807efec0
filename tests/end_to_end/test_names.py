"""Names and paths in any script, from a network to its program and back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from recog.backend.machine import Machine
from recog.tools.cli.main import main
from recog.tools.opt.main import main as recog_opt

NETWORK = r"""
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("größe", "畳み込み", 'a"b\\c', "two\nlines\t\u2028", "long" * 600):
            self.add_module(name, torch.nn.Linear(4, 4))

    def forward(self, x):
        for layer in self.children():
            x = torch.relu(layer(x))
        return x


def make():
    torch.manual_seed(0)
    return Net().eval(), (torch.zeros(1, 4),)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ö 'a\"b\\c"
    path.mkdir()
    (path / "nétz.py").write_text(NETWORK, encoding="utf-8")
    np.save(path / "bilder.npy", np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32))
    return path


def test_names_and_paths_in_any_script(folder: Path) -> None:
    network, output = f"{folder}/nétz.py:make", folder / "größe"
    assert main(["import", network, "-o", str(folder / "netz.mlir")]) == 0
    data = ["--data", str(folder / "bilder.npy"), "--no-tune"]
    assert main(["convert", network, *data, "-o", str(output)]) == 0
    files = [folder / "netz.mlir", *sorted(output.glob("*.mlir"))]
    assert len(files) > 5
    for file in files:
        text = file.read_text()
        assert "größe" in text
        assert "畳み込み" in text
        again = folder / "again.mlir"
        assert recog_opt([str(file), "--print-debuginfo", "-o", str(again)]) == 0
        assert again.read_text() == text
        assert recog_opt([str(again), "-p", "cse", "-o", os.devnull]) == 0
    program = output / "program.recog"
    assembly = folder / "program.mlir"
    assert main(["disassemble", str(program), "--locations", "-o", str(assembly)]) == 0
    assert '"two\\\\nlines' in assembly.read_text()
    assert recog_opt([str(assembly), "-t", "chip-program", "-o", str(folder / "p.recog")]) == 0
    assert (folder / "p.recog").read_bytes() == program.read_bytes()


HEADS = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.file = torch.nn.Linear(4, 3)

    def forward(self, x):
        y = self.file(x)
        return {"file": y, "x": y.sigmoid(), "größe": -y}


def make():
    torch.manual_seed(0)
    return Net().eval(), (torch.zeros(1, 4),)
"""


def test_names_of_outputs_reach_the_file_of_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that a layer, an input and np.savez have too."""
    (tmp_path / "net.py").write_text(HEADS, encoding="utf-8")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    data, folder = ["--data", str(tmp_path / "x.npy")], tmp_path / "out"
    network = f"{tmp_path}/net.py:make"
    assert main(["convert", network, *data, "--dense", "-o", str(folder)]) == 0
    program = str(folder / "program.recog")
    machine = Machine(program)
    assert [port.sym_name.data for port in machine.outputs] == ["file", "x.2", "größe"]
    capsys.readouterr()
    results = tmp_path / "results.npz"
    assert main(["run", program, *data, "-o", str(results)]) == 0
    assert "größe: float32 [32, 3]" in capsys.readouterr().out
    with np.load(results) as found:
        assert found.files == ["file", "x.2", "größe"]
        for name, value in zip(found.files, machine.run(x)):
            assert np.array_equal(found[name], value)
    assert main(["run", program, *data, "-o", str(tmp_path / "results.npy")]) == 1
    assert "3 outputs do not fit an .npy file" in capsys.readouterr().err
