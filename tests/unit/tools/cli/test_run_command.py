"""`recog run` on programs that no conversion gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from chip_programs import program_of, tensors
from image_networks import PLENTY, ImageNetwork, chip_program, divided

from recog.backend.assembly import assemble
from recog.dialects import chip
from recog.dialects.chip import ChipTarget
from recog.tools.cli.main import main

TWO_INPUTS = f"""
chip.input @a {{address = 0, channels = 1, rank = 2, encoded}}
chip.input @b {{address = 1, channels = 1, rank = 2, encoded}}
chip.output @sum {{address = 2, channels = 1, rank = 2, decoded}}
chip.output @twice {{address = 3, channels = 1, rank = 2, decoded}}
{tensors(x=(1, 1, 1), y=(1, 1, 1), s=(1, 1, 1), t=(1, 1, 1))}
chip.dma.in @x = @a
chip.dma.in @y = @b
chip.elt @s = @x, @y {{mode = add}}
chip.elt @t = @s, @s {{mode = add}}
chip.dma.out @sum = @s
chip.dma.out @twice = @t
chip.halt
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A conversion's folder, which is the working one, with a program of two inputs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.recog").write_bytes(assemble(program_of(TWO_INPUTS)))
    return tmp_path


def test_what_is_printed_as_json(folder: Path, capsys: pytest.CaptureFixture[str]):
    np.savez("x.npz", input0=np.zeros((3, 1), np.float32), input1=np.ones((3, 1), np.float32))
    command = ["run", "program.recog", "--data", "x.npz", "--json"]
    assert main([*command, "found.json"]) == 0
    assert json.loads(Path("found.json").read_text()) == {
        "frames": 3,
        "accuracy": None,
        "outputs": [
            {"output": "sum", "dtype": "float32", "shape": [3, 1]},
            {"output": "twice", "dtype": "float32", "shape": [3, 1]},
        ],
    }
    assert main([*command, "x.npz"]) == 2
    assert "--json and --data name the same file" in capsys.readouterr().err
    assert main([*command, "program.recog"]) == 2
    assert "--json and PROGRAM name the same file" in capsys.readouterr().err
    assert main([*command, "golden.json", "--verify", "golden.json"]) == 2
    assert "--json and --verify name the same file" in capsys.readouterr().err


def test_a_program_without_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    body = [chip.TensorOp(sym_name="x", address=0, channels=1), chip.HaltOp()]
    path, data = tmp_path / "empty.recog", tmp_path / "x.npy"
    path.write_bytes(assemble(chip.ProgramOp("main", body, ChipTarget())))
    np.save(data, np.zeros((1, 1), np.float32))
    assert main(["run", str(path), "--data", str(data)]) == 1
    said = capsys.readouterr().err
    assert f"error: {path}: takes no inputs, so there are no frames to run\n" in said


@pytest.mark.parametrize("command", ["cost", "disassemble", "info"])
def test_a_folder_stands_for_its_program(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([command, "program.recog"]) == 0
    of_file = capsys.readouterr().out
    assert main([command, str(folder)]) == 0
    assert capsys.readouterr().out == of_file
    assert main([command, str(folder.parent)]) == 1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 1), np.uint8), "has dtype uint8, the program wants float32\n  hint: scale"),
        (np.array([[1], [np.inf]], np.float32), "holds NaN or infinity in frame 1"),
        (np.zeros((2, 3), np.float32), "has shape [2, 3], the program wants [N, 1]"),
    ],
)
def test_the_file_of_a_wrong_input(
    array: np.ndarray, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    np.savez("x.npz", input0=np.zeros((2, 1), np.float32), input1=array)
    assert main(["run", ".", "--data", "x.npz", "--record", "g.json"]) == 1
    assert f"error: data x.npz: input @b: {message}" in capsys.readouterr().err
    assert not (folder / "g.json").exists()


def test_queues_that_take_turns_at_random(folder: Path, capsys: pytest.CaptureFixture[str]):
    x = np.array([[1], [2]], np.float32)
    np.savez("x.npz", input0=x, input1=x)
    command = ["run", ".", "--data", "x.npz"]
    assert main([*command, "-o", "y.npz"]) == 0
    assert main([*command, "-o", "z.npz", "--interleave", "3"]) == 0
    with np.load("y.npz") as ours, np.load("z.npz") as theirs:
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert main([*command, "--interleave", "-1"]) == 2
    assert "--interleave: must be at least 0, got -1" in capsys.readouterr().err


def test_outputs_that_do_not_fit_a_file(folder: Path, capsys: pytest.CaptureFixture[str]):
    """Said before frames run for hours: here not even the data are read."""
    assert main(["run", ".", "--data", "missing.npz", "-o", "y.npy"]) == 1
    assert "y.npy: 2 outputs do not fit an .npy file" in capsys.readouterr().err
    assert not (folder / "y.npy").exists()


def test_other_files_than_arrays(folder: Path, capsys: pytest.CaptureFixture[str]):
    """What is named o.txt would hold the bytes of an .npy file."""
    assert main(["run", ".", "--data", "missing.npz", "-o", "o.txt"]) == 1
    assert "o.txt: is neither an .npy nor an .npz file" in capsys.readouterr().err
    assert not (folder / "o.txt").exists()


def test_labels_of_no_class(folder: Path, capsys: pytest.CaptureFixture[str]):
    """No accuracy that looks like a bad network's, but why there is none."""
    frame = np.zeros((2, 1), np.float32)
    np.savez("x.npz", input0=frame, input1=frame, targets=np.array([0, 3]))
    assert main(["run", ".", "--data", "x.npz"]) == 0
    said = capsys.readouterr().out
    assert "note: no accuracy, as labels are from 0 to 3, the output has 1 class" in said
    np.savez("x.npz", input0=frame, input1=frame, targets=np.array([0, 0]))
    assert main(["run", ".", "--data", "x.npz"]) == 0
    assert "accuracy: 100.00 % (2 of 2)" in capsys.readouterr().out


def test_steps_that_are_computed_in_part_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    """Windows of one element in every second row and column, of what a convolution gives."""
    net = ImageNetwork((2, 13, 12))
    module = net.module(net.conv(net.conv(net.inputs[0], 3), 3, 1, 2))
    parts = divided(module, 1, 3)
    assert parts is not None
    Path("parts.recog").write_bytes(assemble(parts))
    Path("whole.recog").write_bytes(assemble(chip_program(module, PLENTY)))
    np.save("x.npy", net.frames(2)[0])
    assert main(["run", "whole.recog", "--data", "x.npy", "--record", "golden.json"]) == 0
    steps = json.loads(Path("golden.json").read_text())["steps"]
    for program in ("parts.recog", "whole.recog"):
        capsys.readouterr()
        assert main(["run", program, "--data", "x.npy", "--verify", "golden.json"]) == 0
        printed = capsys.readouterr().out
        note = f"note: not compared, as no output needs all of it: {steps[0]['name']}\n"
        assert (note in printed) == (program == "parts.recog")
        assert f"verified: {4 if program == 'whole.recog' else 2} results" in printed
