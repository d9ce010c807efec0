"""recog compare --metric: the table, its JSON, and what is wrong with metrics and data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from middle_networks import images, residual

from recog.backend.interpreters.nn_runner import run_nn
from recog.tools.cli.main import main
from recog.tools.module_files import write_module

SCORES = """
import numpy as np

def error(outputs, targets):
    return -np.abs(outputs - targets).mean(axis=1)

def deciding(outputs, targets):
    assert targets is None
    return float((outputs.argmax(1) == 0).mean())

def broken(outputs, targets):
    return outputs[:, 99]

def few():
    return 1.0

def text(outputs, targets):
    return "good"
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("metric")
    module, x = residual(), images(40)
    (outputs,) = run_nn(module, x)
    decided = outputs.argmax(1).numpy()
    write_module(module, folder / "net.mlir")
    np.save(folder / "images.npy", x)
    np.savez(folder / "labels.npz", inputs=x, targets=decided)
    np.savez(folder / "wrong.npz", inputs=x, targets=decided + 1000)
    np.savez(folder / "floats.npz", inputs=x, targets=outputs.numpy())
    np.savez(folder / "rows.npz", inputs=x, targets=np.zeros((40, 2), int))
    (folder / "scores.py").write_text(SCORES)
    (folder / "syntax.py").write_text("def f(:\n")
    command = ["convert", "--dense", f"{folder}/net.mlir", "--data", f"{folder}/images.npy"]
    assert main([*command, "-o", f"{folder}/out"]) == 0
    return folder


def compared(workspace: Path, data: str, *options: str) -> int:
    network, out = f"{workspace}/net.mlir", f"{workspace}/out"
    return main(["compare", network, out, "--data", f"{workspace}/{data}", *options])


def record(workspace: Path, data: str, *options: str) -> dict[str, Any]:
    table = workspace / "layers.json"
    assert compared(workspace, data, *options, "--json", str(table)) == 0
    return json.loads(table.read_text())


def test_accuracy_agreement_and_classification_are_one_here(
    workspace: Path, capsys: pytest.CaptureFixture[str]
):
    """The labels are the float network's own decisions."""
    found = record(workspace, "labels.npz", "--metric", "accuracy")
    out = capsys.readouterr().out
    assert "the reference has 100.00" in out
    for text in ("accuracy %", "loss", "95 % interval", "this layer alone dB", " 0.00 to "):
        assert text in out
    assert (found["metric"], found["float_metric"]) == ("accuracy %", 100)
    rows = found["rows"]
    assert rows[0]["layer"] == "stem.conv"
    for row in rows:
        assert row["metric"] + row["loss"] == pytest.approx(100)
        assert row["low"] <= row["loss"] <= row["high"]
        assert row["alone_db"] > 20
    agreement = record(workspace, "images.npy", "--metric", "agreement")
    assert agreement == {**found, "metric": "agreement %"}
    assert record(workspace, "labels.npz", "--metric", "classification") == found
    assert record(workspace, "images.npy", "--metric", "classification") == agreement


def test_a_function_sorted_by_loss(workspace: Path):
    spec = f"{workspace}/scores.py:error"
    found = record(workspace, "floats.npz", "--metric", spec)
    assert found["metric"] == spec
    assert found["float_metric"] == pytest.approx(0, abs=1e-6)
    losses = [row["loss"] for row in found["rows"]]
    assert min(losses) > 0  # every layer moves the outputs away from the float network's
    ordered = record(workspace, "floats.npz", "--metric", spec, "--sort", "loss")
    assert [row["loss"] for row in ordered["rows"]] == sorted(losses, reverse=True)
    assert sorted(map(str, ordered["rows"])) == sorted(map(str, found["rows"]))


def test_a_function_of_all_frames_without_targets(workspace: Path):
    spec = f"{workspace}/scores.py:deciding"
    found = record(workspace, "images.npy", "--metric", spec, "--resamples", "20")
    assert 0 <= found["float_metric"] <= 1
    assert all(row["low"] <= row["high"] for row in found["rows"])
    without = record(workspace, "images.npy", "--metric", spec, "--resamples", "0")
    assert all(row["low"] is row["high"] is None for row in without["rows"])
    assert [row["loss"] for row in without["rows"]] == [row["loss"] for row in found["rows"]]


def test_without_a_metric_nothing_of_it_is_shown(
    workspace: Path, capsys: pytest.CaptureFixture[str]
):
    found = record(workspace, "labels.npz")
    assert set(found) == {"rows"}
    assert set(found["rows"][0]) == {"layer", "op", "alone_db", "cumulative_db"}
    assert "loss" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "options", "code", "texts"),
    [
        ("images.npy", ["accuracy"], 1, ["images.npy: has no targets", "agreement"]),
        ("wrong.npz", ["accuracy"], 1, ["wrong.npz: has the label 10", "classes 0 to"]),
        ("floats.npz", ["classification"], 1, ["floats.npz: has targets of float32", "integers"]),
        ("rows.npz", ["accuracy"], 1, ["rows.npz: has targets of shape [N, 2]", "decides [N]"]),
        ("labels.npz", ["acuracy"], 1, ["expected accuracy, agreement", "'acuracy'"]),
        ("labels.npz", ["{0}/none.py:f"], 1, ["none.py: no such file"]),
        ("labels.npz", ["{0}/scores.py:none"], 1, ["has no function none", "error, deciding"]),
        ("labels.npz", ["{0}/syntax.py:f"], 1, ["syntax.py:1: SyntaxError"]),
        ("labels.npz", ["{0}/scores.py:broken"], 1, ["scores.py:12: IndexError", "float network"]),
        ("labels.npz", ["{0}/scores.py:few"], 1, ["TypeError", "takes 0 positional arguments"]),
        ("labels.npz", ["{0}/scores.py:text"], 1, ["scores.py:text: returned str", "a frame"]),
        ("labels.npz", ["{0}/scores.py:deciding"], 1, ["scores.py:8: AssertionError"]),
        ("labels.npz", ["accuracy", "--resamples", "-1"], 2, ["--resamples: must be at least 0"]),
        ("labels.npz", ["accuracy", "--sort", "name"], 2, ["--sort"]),
    ],
)
def test_what_is_wrong(
    workspace: Path,
    data: str,
    options: list[str],
    code: int,
    texts: list[str],
    capsys: pytest.CaptureFixture[str],
):
    table = workspace / "wrong.json"
    given = [each.format(workspace) for each in options]
    assert compared(workspace, data, "--json", str(table), "--metric", *given) == code
    shown = capsys.readouterr()
    for text in texts:
        assert text in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert not table.exists()


def test_sorting_wants_a_metric(workspace: Path, capsys: pytest.CaptureFixture[str]):
    assert compared(workspace, "labels.npz", "--sort", "loss") == 2
    assert "--sort loss wants a --metric" in capsys.readouterr().err


UNEVEN = """
func.func @main(%x: tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32> {
  %a = data.constant dense<[[[[1.0]], [[0.5]]], [[[0.0001]], [[-0.0002]]]]> : tensor<2x2x1x1xf32>
  %b = data.constant dense<[[[[1.0]], [[10000.0]]], [[[1.0]], [[3000.0]]]]> : tensor<2x2x1x1xf32>
  %0 = nn.conv2d %x, %a {layer = "first"} : (tensor<1x2x6x6xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x6x6xf32>
  %1 = nn.conv2d %0, %b {layer = "second"} : (tensor<1x2x6x6xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x6x6xf32>
  func.return %1 : tensor<1x2x6x6xf32>
}
"""  # noqa: E501


def test_channels_evened_out_by_the_conversion_are_no_loss(workspace: Path, tmp_path: Path):
    """The converted layers are held to the balanced network, which computes the same."""
    (tmp_path / "net.mlir").write_text(UNEVEN)
    data = f"{workspace}/images.npy"
    command = ["convert", "--dense", f"{tmp_path}/net.mlir", "--data", data]
    assert main([*command, "-o", f"{tmp_path}/out"]) == 0
    assert list((tmp_path / "out").glob("*-balanced.mlir"))
    network, table = f"{tmp_path}/net.mlir", tmp_path / "layers.json"
    compare = ["compare", network, f"{tmp_path}/out", "--data", data, "--json", str(table)]
    assert main([*compare, "--metric", "agreement"]) == 0
    rows = json.loads(table.read_text())["rows"]
    assert [row["layer"] for row in rows] == ["first", "second"]
    for row in rows:
        assert row["alone_db"] > 25
        assert row["metric"] > 80
