"""recog convert: flags are the fields of ConversionOptions, and errors speak of flags."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.universe import Universe

from recog.dialects.errors import RecogError
from recog.lowering.pipeline import ConversionOptions
from recog.tools.cli.conversion_options import LEFT_OUT, conversion_options, extra_passes
from recog.tools.cli.main import build_parser, main
from recog.tools.diagnostics import UsageError

NO_CLUSTERS = ["--scalar-centroids", "0", "--table-share", "0"]
NETWORK = """
import torch

def make():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(288, 3)
    return torch.nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 8, 8),)
"""


def options(*words: str) -> ConversionOptions:
    arguments = build_parser("convert").parse_args(
        ["convert", "net.py:make", "--data", "x.npz", *words]
    )
    return conversion_options(arguments)


def test_without_flags_all_is_as_in_python():
    assert options() == ConversionOptions()


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["--table-share", "0.7", "--batch", "8"], {"table_share": 0.7, "batch": 8}),
        (["--scalar-centroids", "0"], {"scalar_centroids": 0}),
        (["--wide-width", "14", "--wide-frac", "9"], {"wide_width": 14, "wide_frac": 9}),
        (["--dense"], {"cluster": False}),
        (["--no-tune", "--centroids", "16"], {"tune": False, "centroids": 16}),
        (["--width", "6"], {"width": 6, "weight_width": 6}),
        (["--frac", "3", "--weight-frac", "2"], {"frac": 3, "weight_frac": 2}),
        (["--loss", "kl", "--learning-rate", "1e-3"], {"loss": "kl", "learning_rate": 1e-3}),
        (["--mitchell", "--antilog-bits", "5"], {"mitchell": True, "antilog_bits": 5}),
    ],
)
def test_flags_reach_the_options(words: list[str], changes: dict[str, Any]):
    assert options(*words) == dataclasses.replace(ConversionOptions(), **changes)


def test_a_target_is_read_before_anything_runs(tmp_path: Path):
    path = tmp_path / "chip.toml"
    path.write_text("activation_memory = 65536\n")
    assert options("--target", str(path)) == ConversionOptions(target=str(path))
    path.write_text("activation_memory = 1\n")
    with pytest.raises(RecogError, match="chip.toml"):
        options("--target", str(path))
    with pytest.raises(RecogError, match="must be in"):
        options("--weight-memory", "3")


def test_every_option_has_a_flag(capsys: pytest.CaptureFixture[str]):
    assert main(["convert", "--help"]) == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(ConversionOptions):
        if field.name not in LEFT_OUT:
            assert f"--{field.name.replace('_', '-')} " in text


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("convert")
    (folder / "net.py").write_text(NETWORK)
    images = np.random.default_rng(0).normal(size=(16, 1, 8, 8)).astype(np.float32)
    np.savez(folder / "data.npz", inputs=images, targets=np.arange(16) % 3)
    return ["convert", f"{folder}/net.py:make", "--data", f"{folder}/data.npz"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--centroids", "0"], 2, "error: --centroids must be in [2, 65536], got 0"),
        (["--epochs", "0"], 2, "error: --epochs must be in [1, 1000000], got 0"),
        (["--weight-width", "40"], 2, "error: --weight-width must be in [2, 16], got 40"),
        (["--loss", "mse", "--epochs", "1"], 1, "--loss mse does not fit integer targets"),
        (
            ["--dense", "--accumulator-width", "16", "--antilog-bits", "12"],
            1,
            "--accumulator-width",
        ),
        (["--dense", "--ratio", "8"], 2, "error: --ratio has no effect with --dense\n"),
        (["--dense", "--budget", "8kB"], 2, "error: --budget has no effect with --dense\n"),
        (["--dense", "--layouts", "0: dense"], 2, "--layouts has no effect with --dense\n"),
        (
            ["--ratio", "8", "--centroids", "64"],
            2,
            "error: --centroids has no effect with a ratio or a budget, by which each layer gets",
        ),
        (["--budget", "8kB", "--table-share", "0.5"], 2, "error: --table-share has no effect with"),
        (
            ["--ratio", "8", "--linear-block", "8"],
            2,
            "error: --linear-block has no effect with a r",
        ),
        (
            ["--ratio", "8", "--channel-block", "2"],
            2,
            "error: --channel-block has no effect with a",
        ),
        (
            ["--ratio", "8", "--scalar-centroids", "4"],
            2,
            "error: --scalar-centroids has no effect ",
        ),
        (
            ["--layouts", "*: block 1x1x3x3 centroids 200"],
            1,
            "--layouts of '*' do not fit the layer 0: 200 centroids are more than the weight's",
        ),
        (["--no-tune", "--epochs", "3"], 2, "error: --epochs has no effect with --no-tune\n"),
        (["--dense", "--loss", "kl"], 2, "error: --loss has no effect with --dense\n"),
        (["--dense", "--loss", "my.py:f"], 2, "error: --loss has no effect with --dense\n"),
        (["--no-tune", "--loss", "my.py:f"], 2, "error: --loss has no effect with --no-tune\n"),
        (
            ["--no-tune", "--loss", "my.py:f", "--max-loss", "1"],
            2,
            "--loss has no effect with --no-",
        ),
        (
            ["--no-share-tables"],
            2,
            "error: --share-tables has no effect with no --ratio, --budget or --layouts\n",
        ),
        (
            ["--no-balance", "--balance-octaves", "3"],
            2,
            "error: --balance-octaves has no effect with --no-balance\n",
        ),
        (["--add-pass", "mine"], 2, "expected after=PASS:MINE or before=PASS:MINE, got 'mine'"),
        (
            ["--add-pass", "after=encode-lns:no-such-pass"],
            2,
            "unknown pass 'no-such-pass'\n  hint: `recog-opt --list-passes` shows all",
        ),
    ],
)
def test_errors_name_flags(
    words: list[str],
    code: int,
    message: str,
    network: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert main([*network, *words, "-o", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert message in error
    for word in ("option ", "encode-lns{", "cluster-weights{", "Traceback"):
        assert word not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("loss", "inputs", "message"),
    [
        ("mse", "data.npz", "--loss mse does not fit integer targets\n  hint: labels take cross-"),
        ("cross-entropy", "inputs.npy", "--loss cross-entropy does not fit float targets"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_before_anything_is_clustered(
    loss: str,
    inputs: str,
    message: str,
    network: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    """Clustering a large network takes minutes."""
    command, net, data, folder = *network[:3], Path(network[3]).parent
    np.save(folder / "inputs.npy", np.load(folder / "data.npz")["inputs"])
    module = sys.modules["recog.lowering.pipeline.convert"]
    monkeypatch.setattr(module, "cluster_weights", lambda *_, **__: pytest.fail("clustered"))
    words = [command, net, data, f"{folder}/{inputs}", "--loss", loss]
    assert main([*words, "-o", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err


def test_bits_of_clustered_weights_are_refused_before_tuning(
    network: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    """Pointers have the bits that their centroids want, and tuning takes hours."""
    module = sys.modules["recog.lowering.pipeline.convert"]
    monkeypatch.setattr(module, "tune", lambda *_, **__: pytest.fail("tuned"))
    words = [*network, "--weight-widths", "*=12", "-o", str(tmp_path / "out")]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert re.search(r"--weight-widths gives bits to .+, whose weights are clusters", error), error
    assert "hint: --layouts keeps weights dense: '*: dense'" in error


def test_flags_count_for_more_than_what_a_recipe_says():
    """What they leave of it without effect is none of the flags' mistakes."""
    recipe: dict[str, Any] = {"ratio": 8.0, "epochs": 3, "balance_octaves": 3}
    parse = build_parser("convert").parse_args
    words = ["convert", "net.py:make", "--data", "x.npz"]
    dense = conversion_options(parse([*words, "--dense"]), recipe)
    assert dense == ConversionOptions(cluster=False, balance_octaves=3)
    budget = conversion_options(parse([*words, "--budget", "8kB"]), recipe)
    without_ratio = {name: value for name, value in recipe.items() if name != "ratio"}
    assert budget == ConversionOptions(**without_ratio, budget="8kB")
    with pytest.raises(UsageError, match="both say how many bytes"):
        conversion_options(parse([*words, "--budget", "8kB", "--ratio", "4"]), recipe)
    for flags, said, message in (
        (
            ["--loss", "a.py:f"],
            {"tune": False},
            "loss has no effect with --no-tune, which the recipe",
        ),
        (["--epochs", "3"], {"cluster": False}, "epochs has no effect with --dense, which the rec"),
        (["--ratio", "8"], {"cluster": False}, "ratio has no effect with --dense, which the recip"),
        (["--dense", "--ratio", "8"], {}, "option ratio has no effect with --dense$"),
        (["--centroids", "9"], {"ratio": 8.0}, "each layer gets its own, which the recipe says$"),
        (["--centroids", "9", "--budget", "9kB"], {"ratio": 8.0}, "each layer gets its own$"),
        (["--centroids", "9", "--max-loss", "1"], {}, "each layer gets its own$"),
    ):
        with pytest.raises(UsageError, match=message):
            conversion_options(parse([*words, *flags]), said)
    uniform = conversion_options(parse([*words, "--ratio", "8"]), {"centroids": 9})
    assert uniform == ConversionOptions(ratio=8.0)


def test_the_same_choices_without_clusters():
    changed = ConversionOptions(ratio=4.0, epochs=3, frac=3, balance=False)
    assert changed.dense() == ConversionOptions(cluster=False, frac=3, balance=False)


def test_a_network_that_clustering_cannot_shrink(network: list[str], tmp_path: Path):
    """Nothing is left to tune, which is no error."""
    assert main([*network, *NO_CLUSTERS, "-o", str(tmp_path)]) == 0
    names = sorted(path.name for path in tmp_path.glob("*.mlir"))
    assert names[1:4] == ["1-folded.mlir", "2-clustered.mlir", "3-calibrated.mlir"]


SMOOTH = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3), nn.SiLU(), nn.Conv2d(16, 32, 3), nn.SiLU(), nn.Conv2d(32, 4, 1)]
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 3, 16, 16),)
"""


@pytest.mark.parametrize(
    "words", [["--extra-traffic", "1"], ["--value-widths", "1=12,3=12"], ["--value-widths", "2=10"]]
)
def test_a_budget_holds_where_tables_give_or_take_wider_codes(words: list[str], tmp_path: Path):
    """A SiLU is a table: of an entry a code, as wide as what it gives."""
    (tmp_path / "net.py").write_text(SMOOTH)
    images = np.random.default_rng(0).normal(size=(16, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", images)
    command = ["convert", f"{tmp_path}/net.py:make", "--data", f"{tmp_path}/x.npy", "--ratio", "5"]
    quick = ["--no-tune", "--no-compare-recipes", "-q", "-o", str(tmp_path / "out")]
    assert main([*command, *quick, *words]) == 0
    record = json.loads((tmp_path / "out" / "report.json").read_text())
    assert record["plan"]["reserved"]["function tables"] >= 512
    assert record["rows"][-1]["weight_bytes"] <= record["plan"]["budget"]


@dataclass(frozen=True)
class MarkPass(ModulePass):
    """Write a text on the module."""

    name = "mark"

    text: str = "here"
    """The text."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        op.attributes["mark"] = StringAttr(self.text)


def test_a_pass_of_another_package(
    network: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    theirs = Universe(all_passes={"mark": lambda: MarkPass})
    monkeypatch.setattr(Universe, "get_multiverse", lambda: theirs)
    place = 'before=calibrate:mark{text="mine"}'
    assert main([*network, "--dense", "--add-pass", place, "-o", str(tmp_path)]) == 0
    assert '"mine"' not in (tmp_path / "1-folded.mlir").read_text()
    assert 'mark = "mine"' in (tmp_path / "2-calibrated.mlir").read_text()
    assert extra_passes(["after=calibrate:mark,mark", place], ConversionOptions())[2].run == (
        MarkPass("mine")
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NETWORK)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros((4, 2), np.float32), "targets have shape [2] each, the output [3]"),
        (np.full((4, 3), np.nan), "the array targets holds NaN or infinity in frame 0"),
        (np.array([*"abcd"]), "targets hold <U1, not numbers"),
        (np.full(4, 3), "labels are from 3 to 3, the output has 3 classes"),
    ],
)
def test_targets_are_checked_before_clustering(
    targets: np.ndarray, message: str, workspace: None, capsys: pytest.CaptureFixture[str]
):
    np.savez("x.npz", inputs=np.ones((4, 1, 8, 8), np.float32), targets=targets)
    assert main(["convert", "net.py:make", "--data", "x.npz"]) == 1
    said = capsys.readouterr().err
    assert f"error: data x.npz: {message}" in said
    assert not Path("converted.partial").exists()  # nothing that took time


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NUMBA_DISABLE_JIT", "1"), ("RECOG_ENGINE_PATH", "none"), ("RECOG_THREADS", "-1")],
)
def test_an_engine_that_cannot_compute_is_said_at_once(
    variable: str,
    value: str,
    workspace: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """Not after hours of tuning, when the program is measured."""
    from numba import config

    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(config, "DISABLE_JIT", int(variable == "NUMBA_DISABLE_JIT"))
    assert main(["convert", "net.py:make", "--data", "missing.npy", "--dense"]) == 1
    assert variable in capsys.readouterr().err
    assert not Path("converted").exists()


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1GiB", 1 << 30), ("300kB", 300_000), ("65536", 65536), ("5e9", 5 * 10**9)],
)
def test_bytes_are_written_with_their_units(text: str, bytes_: int):
    given = build_parser("convert").parse_args(
        ["convert", "n.py:f", "--data", "x", "--activation-memory", text]
    )
    assert given.activation_memory == bytes_
    run = build_parser("run").parse_args(["run", "p", "--data", "x", "--max-memory", text])
    assert run.max_memory == bytes_
    with pytest.raises(SystemExit):
        build_parser("run").parse_args(["run", "p", "--data", "x", "--max-memory", f"{text}?"])


def test_labels_of_no_class_without_tuning(workspace: None, capsys: pytest.CaptureFixture[str]):
    """Nothing is tuned toward them; they would be an accuracy of 0."""
    np.savez("x.npz", inputs=np.ones((4, 1, 8, 8), np.float32), targets=np.arange(4))
    assert main(["convert", "net.py:make", "--data", "x.npz", "--dense"]) == 1
    message = "data x.npz: labels are from 0 to 3, the output has 3 classes"
    assert f"error: {message}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["convert", "plan", "compare"])
def test_the_file_of_a_wrong_input(
    command: str, workspace: None, capsys: pytest.CaptureFixture[str]
):
    np.save("good.npy", np.ones((2, 1, 8, 8), np.float32))
    words = ["convert", "net.py:make", "--data", "good.npy", "--dense"]
    assert command != "compare" or main(words) == 0
    np.save("x.npy", np.ones((2, 1, 8, 8), np.uint8))
    words = ["net.py:make", *(["converted"] if command == "compare" else []), "--data", "x.npy"]
    assert main([command, *words]) == 1
    message = (
        "data x.npy: input 0: has dtype uint8, the network wants float32\n  hint: scale pixels"
    )
    assert f"error: {message}" in capsys.readouterr().err
