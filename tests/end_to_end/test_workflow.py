"""The `recog` command on a user's own network and data, as a user would type it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from recog.backend.assembly import load_program, weight_bytes
from recog.backend.machine import Machine
from recog.frontend.torch.importer import import_torch
from recog.frontend.torch.model_file import load_model
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.cli.main import main
from recog.tools.opt.main import main as recog_opt
from recog.tools.report.compare_bits import compare_bits

NETWORK = """
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x):
        return torch.relu(x + self.bn(self.conv(x)))


def make():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), Residual(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.SiLU(), nn.Conv2d(16, 32, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval(), (torch.zeros(1, 3, 16, 16),)


def unsupported():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.linalg.inv(torch.cumsum(x, 1))

    return Odd(), (torch.zeros(1, 4, 4),)


def broken():
    raise KeyError("no checkpoint here")
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's network, their data, and its conversion in `out`."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "net.py").write_text(NETWORK)
    random = np.random.default_rng(0)
    images = random.normal(size=(48, 3, 16, 16)).astype(np.float32)
    np.savez(folder / "data.npz", inputs=images)
    np.save(folder / "images.npy", images)
    np.savez(folder / "labelled.npz", inputs=images, targets=np.arange(48) % 5)
    command = [f"{folder}/net.py:make", "--data", f"{folder}/data.npz", "-o", f"{folder}/out"]
    assert main(["convert", *command, "--epochs", "10", "--centroids", "32"]) == 0
    return folder


def test_convert_writes_every_stage(workspace: Path) -> None:
    names = sorted(path.name for path in (workspace / "out").iterdir())
    assert names == [
        "0-float.mlir",
        "1-folded.mlir",
        "2-balanced.mlir",
        "3-clustered.mlir",
        "4-tuned.mlir",
        "5-calibrated.mlir",
        "6-rounded.mlir",
        "7-lns.mlir",
        "8-chip.mlir",
        "program.recog",
        "recipe.toml",
        "report.html",
        "report.json",
    ]
    rows = json.loads((workspace / "out/report.json").read_text())["rows"]
    levels = [row["level"] for row in rows]
    assert levels == ["float", "folded", "clustered", "tuned", "lns", "machine"]
    by_level = {row["level"]: row for row in rows}
    assert by_level["float"]["ratio"] == 1
    assert by_level["folded"]["sqnr_db"] > 100
    assert by_level["machine"]["sqnr_db"] == by_level["lns"]["sqnr_db"] > 5
    assert by_level["tuned"]["sqnr_db"] >= by_level["clustered"]["sqnr_db"]
    assert by_level["machine"]["weight_bytes"] < by_level["float"]["weight_bytes"] / 4


def test_a_recipe_gives_the_same_bytes(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    network = [f"{workspace}/net.py:make", "--data", f"{workspace}/data.npz"]
    asked = ["--ratio", "7", "--layouts", "11: dense", "--no-tune", "--jobs", "2", "--seed", "3"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["convert", *network, "-o", str(first), *asked]) == 0
    recipe = str(first / "recipe.toml")
    assert main(["convert", *network, "-o", str(second), "--recipe", recipe]) == 0
    for name in ("program.recog", "recipe.toml", "3-clustered.mlir"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    plan = json.loads((first / "report.json").read_text())["plan"]
    budget = plan["float_bytes"] // 7
    assert weight_bytes(load_program(first / "program.recog")) <= plan["bytes"] <= budget
    capsys.readouterr()
    # What is asked on the command line counts for more, and what is impossible is refused.
    words = ["--recipe", recipe, "--ratio", "1000", "-o", str(second)]
    assert main(["convert", *network, *words]) == 1
    assert "--ratio is beyond what is sure to fit: at most" in capsys.readouterr().err
    text = Path(recipe).read_text().replace("seed = 3", "sead = 3")
    (tmp_path / "wrong.toml").write_text(text)
    assert main(["convert", *network, "--recipe", str(tmp_path / "wrong.toml")]) == 1
    line = text.split("\n").index("sead = 3") + 1
    message = f"recipe {tmp_path}/wrong.toml:{line}: options.sead is no key, did you mean seed?"
    assert message in capsys.readouterr().err


def test_run_gives_the_machine_s_outputs(workspace: Path, capsys: pytest.CaptureFixture) -> None:
    program, output = workspace / "out/program.recog", workspace / "y.npy"
    data = str(workspace / "images.npy")
    assert main(["run", str(program), "--data", data, "-o", str(output)]) == 0
    images = np.load(workspace / "images.npy")
    assert np.array_equal(np.load(output), Machine(program).run(images))
    assert np.array_equal(np.load(output), Machine(program, "reference").run(images))
    assert main(["run", str(program), "--data", str(workspace / "labelled.npz")]) == 0
    printed = capsys.readouterr().out
    assert "accuracy:" in printed
    assert "input" not in printed  # whose values all have codes


def test_what_layers_gave_is_recorded_and_verified(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command = ["run", str(workspace / "out"), "--data", str(workspace / "images.npy")]
    golden = tmp_path / "golden.json"
    assert main([*command, "--record", str(golden)]) == 0
    assert main([*command, "--verify", str(golden), "--interleave", "7"]) == 0
    assert main([*command, "--verify", str(golden), "--engine", "gemm"]) == 0
    frames, steps = len(np.load(command[-1])), json.loads(golden.read_text())["steps"]
    verified = f"verified: {len(steps) * frames} results, of {frames} of {frames} frames, as in"
    assert f"{verified} {golden}\n" in capsys.readouterr().out
    same = str(tmp_path / "same.npz")
    for options in (["-o", same, "--record", same], ["--record", command[-1]]):
        assert main([*command, *options]) == 2
        assert "name the same file" in capsys.readouterr().err
    assert main([*command, "--record", "/dev/full"]) == 1
    assert "/dev/full: No space left on device" in capsys.readouterr().err
    content = golden.read_text().replace(steps[1]["hashes"][0], "0" * 16)
    golden.write_text(content)
    assert main([*command, "--verify", str(golden)]) == 1
    said = capsys.readouterr().err
    assert f"step {steps[1]['step']}, {steps[1]['name']}, is the first that differs" in said


def test_run_says_what_was_clipped(workspace: Path, capsys: pytest.CaptureFixture) -> None:
    program, data = workspace / "out/program.recog", workspace / "large.npy"
    np.save(data, 100 * np.load(workspace / "images.npy"))
    assert main(["run", str(program), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"note: input @input: \d+ % \([\d,]+ of 36,864 values\) .* clipped", printed)


def test_convert_says_what_calibration_did_not_see(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    np.save(tmp_path / "dark.npy", np.zeros((4, 3, 16, 16), np.float32))
    command = [f"{workspace}/net.py:make", "--data", str(tmp_path / "dark.npy"), "--dense"]
    assert main(["convert", *command, "-o", str(tmp_path / "out")]) == 0
    assert "note: input @input: zero in all calibration frames" in capsys.readouterr().out
    notes = json.loads((tmp_path / "out/report.json").read_text())["notes"]
    (note,) = (each for each in notes if each["kind"] == "zero-input")
    assert (note["kind"], note["count"], note["places"]) == ("zero-input", 1, ["input @input"])


def test_import_and_recog_opt_give_a_program(workspace: Path) -> None:
    net, program = workspace / "net.mlir", workspace / "opt.recog"
    assert main(["import", f"{workspace}/net.py:make", "-o", str(net)]) == 0
    pipeline = (
        "fold-batch-norm,cluster-weights{centroids=32},"
        f'encode-lns{{data="{workspace}/images.npy"}},convert-lns-to-chip'
    )
    arguments = [str(net), "-p", pipeline, "-t", "chip-program", "-o", str(program)]
    assert recog_opt(arguments) == 0
    outputs = Machine(program).run(np.load(workspace / "images.npy"))
    assert isinstance(outputs, np.ndarray)
    assert outputs.shape == (48, 5)


def test_pt2_archive_is_the_same_network(workspace: Path) -> None:
    model, inputs = load_model(f"{workspace}/net.py:make")
    archive = workspace / "net.pt2"
    torch.export.save(torch.export.export(model.eval(), inputs), archive)
    first, second = workspace / "a.mlir", workspace / "b.mlir"
    assert main(["import", str(archive), "-o", str(first)]) == 0
    assert main(["import", f"{workspace}/net.py:make", "-o", str(second)]) == 0
    assert _without_locations(first) == _without_locations(second)


def _without_locations(path: Path) -> str:
    return subprocess.run(
        [sys.executable, "-m", "recog.tools.opt.main", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_compare_locates_the_loss(workspace: Path, capsys: pytest.CaptureFixture) -> None:
    table = workspace / "layers.json"
    command = [f"{workspace}/net.py:make", f"{workspace}/out", "--data", f"{workspace}/data.npz"]
    assert main(["compare", *command, "--json", str(table)]) == 0
    rows = json.loads(table.read_text())["rows"]
    assert [row["layer"] for row in rows if row["op"] == "lns.conv2d"] == ["0", "3.conv", "5", "7"]
    # A pool or table alone costs one rounding; the clustered convolutions cost more.
    alone = {row["layer"]: row["alone_db"] for row in rows}
    assert alone["6"] > 30 > alone["3.conv"]
    assert "this layer alone" in capsys.readouterr().out


def test_disassemble_and_assemble_again(workspace: Path) -> None:
    program, text = workspace / "out/program.recog", workspace / "program.mlir"
    again = workspace / "again.recog"
    assert main(["disassemble", str(program), "--locations", "-o", str(text)]) == 0
    assert recog_opt([str(text), "-t", "chip-program", "-o", str(again)]) == 0
    assert again.read_bytes() == program.read_bytes()


def test_python_api_agrees_with_itself_on_every_bit(workspace: Path) -> None:
    model, inputs = load_model(f"{workspace}/net.py:make")
    images = np.load(workspace / "images.npy")
    for options in (
        ConversionOptions(cluster=False),
        ConversionOptions(centroids=16, epochs=1),
    ):
        conversion = convert(import_torch(model.eval(), inputs), [images], options=options)
        program = conversion.assemble()
        assert program == conversion.assemble()
        machine = Machine(program)
        assert (
            compare_bits(conversion.lns_module, conversion.chip_module, machine, [images]).elements
            > 48 * 16 * 8 * 8
        )
        one = np.concatenate([machine.run(images[i : i + 1]) for i in range(4)])
        assert np.array_equal(one, machine.run(images[:4]))


@pytest.mark.parametrize(
    ("arguments", "code", "texts"),
    [
        (["import", "{0}/none.py:make"], 1, ["none.py", "no such file"]),
        (["import", "{0}/net.py:none"], 1, ["no function none", "make"]),
        (["import", "{0}/net.py"], 1, ["file.py:function"]),
        (["import", "{0}/net.py:broken"], 1, ["no checkpoint here", "net.py"]),
        (["import", "{0}/net.py:unsupported"], 1, ["inv", "net.py"]),
        (
            ["import"],
            2,
            [
                "recog import: error: the following arguments are required",
                "see recog import --help",
            ],
        ),
        (["convert", "{0}/net.py:make"], 2, ["--data"]),
        (["convert", "{0}/net.py:make", "--data", "{0}/none.npz"], 1, ["none.npz"]),
        (["convert", "{0}/net.py:make", "--data", "{0}/net.py"], 1, ["cannot be read"]),
        (["convert", "{0}/net.py:make", "--data", "{0}/small.npy"], 1, ["[N, 3, 16, 16]"]),
        (["convert", "{0}/net.py:make", "--data", "{0}/nan.npy"], 1, ["NaN"]),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/none-of.npy"],
            1,
            ["none-of.npy: input 0: has shape [4, 0, 16, 16], the network wants [N, 3, 16, 16]"],
        ),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/data.npz", "--test-data", "{0}/nan.npy"],
            1,
            ["data {0}/nan.npy: input 0: holds NaN"],
        ),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/data.npz", "--width", "40"],
            2,
            ["--width must be in"],
        ),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/data.npz", "--target", "{0}/none.toml"],
            1,
            ["none.toml"],
        ),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/data.npz", "--no-tune"]
            + ["--target", "{0}/tiny.toml"],
            1,
            ["activation memory of 256 bytes is too small", "activation_memory ="],
        ),
        (["run", "{0}/images.npy", "--data", "{0}/images.npy"], 1, ["images.npy"]),
        (["run", "{0}/cut.recog", "--data", "{0}/images.npy"], 1, ["cut.recog"]),
        (["run", "{0}/out/program.recog", "--data", "{0}/small.npy"], 1, ["shape"]),
        (["run", "{0}/out/program.recog", "--data", "{0}/nan.npy"], 1, ["NaN"]),
        (
            ["compare", "{0}/net.py:make", "{0}", "--data", "{0}/images.npy"],
            1,
            ["holds no stage"],
        ),
        (["disassemble", "{0}/none.recog"], 1, ["none.recog"]),
        (["check", "{0}/out/7-lns.mlir"], 1, ["the network is converted already"]),
        (
            ["convert", "{0}/net.py:make", "--data", "{0}/data.npz", "--accumulator-width", "0"],
            2,
            ["--accumulator-width must be in"],
        ),
    ],
)
def test_bad_input_is_a_message_and_leaves_no_file(
    workspace: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    code: int,
    texts: list[str],
) -> None:
    np.save(workspace / "small.npy", np.zeros((4, 3, 8, 8), np.float32))
    np.save(workspace / "none-of.npy", np.zeros((4, 0, 16, 16), np.float32))
    np.save(workspace / "nan.npy", np.full((4, 3, 16, 16), np.nan, np.float32))
    (workspace / "tiny.toml").write_text("activation_memory = 256\n")
    data = (workspace / "out/program.recog").read_bytes()
    (workspace / "cut.recog").write_bytes(data[: len(data) // 2])
    output = tmp_path / ("output.npy" if arguments[:1] == ["run"] else "output")
    filled = [argument.format(workspace) for argument in arguments]
    if code == 1:
        filled += ["--json" if filled[0] in ("compare", "check") else "-o", str(output)]
    assert main(filled) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert len(captured.err) < 2000
    for text in texts:
        assert text.format(workspace) in captured.err
    assert not output.exists()
    assert not output.with_name("output.partial").exists()


def test_outputs_are_checked_first(workspace: Path, capsys: pytest.CaptureFixture) -> None:
    network, data = f"{workspace}/net.py:make", ["--data", f"{workspace}/data.npz"]
    program = f"{workspace}/out/program.recog"
    for arguments, where in (
        (["run", program, *data, "-o", f"{workspace}/none/out.npy"], "none/out.npy"),
        (["run", program, *data, "-o", f"{workspace}/out"], "out"),
        (["convert", network, *data, "-o", f"{workspace}/net.py"], "net.py"),
        (["compare", network, f"{workspace}/out", *data, "--json", f"{workspace}"], "directory"),
        (["check", network, "--json", f"{workspace}/none/x.json"], "none/x.json"),
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert where in error
        assert len(error.splitlines()) == 1  # not even the network was read


def test_a_conversion_replaces_the_one_before(workspace: Path, tmp_path: Path) -> None:
    for name in ("host.mlir", "report.json", "2-clustered.mlir", "8-chip.mlir", "notes.mlir"):
        (tmp_path / name).write_text("old")
    command = [f"{workspace}/net.py:make", "--data", f"{workspace}/data.npz", "-o", str(tmp_path)]
    assert main(["convert", *command, "--dense"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("0-float.mlir", "1-folded.mlir", "2-balanced.mlir"),
        *("3-calibrated.mlir", "4-rounded.mlir", "5-lns.mlir", "6-chip.mlir"),
        *("notes.mlir", "program.recog", "recipe.toml", "report.html", "report.json"),
    ]
    assert "rows" in json.loads((tmp_path / "report.json").read_text())


def test_only_labels_give_an_accuracy(workspace: Path, capsys: pytest.CaptureFixture) -> None:
    images = np.load(workspace / "images.npy")[:2]
    for targets, shown in ((np.array([1, 2]), True), (np.array([0.5, 1]), False)):
        np.savez(workspace / "few.npz", inputs=images, targets=targets)
        data = ["--data", f"{workspace}/few.npz"]
        assert main(["run", f"{workspace}/out/program.recog", *data]) == 0
        assert ("accuracy" in capsys.readouterr().out) == shown
