"""What check says is still open is what convert refuses, where the numbers are so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from recog.dialects.refusals import NOT_FINITE, OpenRefusal
from recog.lowering.encode.constants import BIAS_OVERFLOW
from recog.lowering.pipeline import ConversionOptions
from recog.lowering.select.convert_lns_to_chip import WEIGHTS_TOO_LARGE
from recog.tools.cli.main import main

NETWORK = """
func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {{
  %w = data.constant dense<{weight}> : tensor<1x1x3x3xf32>
  %b = data.constant dense<{bias}> : tensor<1xf32>
  %y = nn.conv2d %x, %w, %b {{padding = array<i64: 1, 1, 1, 1>}} : (tensor<1x1x2x2xf32>, tensor<1x1x3x3xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  func.return %y : tensor<1x1x2x2xf32>
}}
"""  # noqa: E501
GOOD = np.ones((4, 1, 2, 2), np.float32)
CASES = {
    "not finite": (NOT_FINITE, GOOD * np.nan, "1.0", "0.5", ()),
    "weight memory": (WEIGHTS_TOO_LARGE, GOOD, "1.0", "0.5", ("--weight-memory", "16")),
    "bias": (BIAS_OVERFLOW, GOOD * 1e-6, "1.0", "1000000.0", ("--accumulator-width", "16")),
}


def pattern(refusal: OpenRefusal) -> str:
    return ".+".join(map(re.escape, re.split(r"{[^}]*}", refusal.words)))


@pytest.mark.parametrize("name", CASES)
def test_check_leaves_open_what_convert_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    refusal, data, weight, bias, options = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path("net.mlir").write_text(NETWORK.format(weight=weight, bias=bias))
    np.save("data.npy", data)
    assert main(["check", "net.mlir"]) == 0
    said = capsys.readouterr().out
    assert f"  {refusal.when}\n" in said
    words = ["convert", "net.mlir", "--data", "data.npy", "-o", "out", "--dense", *options]
    assert main(words) == 1
    assert re.search(pattern(refusal), capsys.readouterr().err)


def test_a_network_that_no_data_mend_is_refused_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A vector without frames: data that do not fit it either are not what is to be mended."""
    monkeypatch.chdir(tmp_path)
    Path("net.mlir").write_text("""
func.func @main(%x: tensor<4xf32>) -> tensor<2x2xf32> {
  %y = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %z = nn.relu %y : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %z : tensor<2x2xf32>
}
""")
    np.save("data.npy", np.zeros((8, 4), np.float32))
    assert main(["check", "net.mlir"]) == 1
    _, said = capsys.readouterr().err.split("recog: error: ")
    assert "a chip's program runs one frame" in said
    assert main(["convert", "net.mlir", "--data", "data.npy", "-o", "out"]) == 1
    assert capsys.readouterr().err.split("recog: error: ")[1] == said
    assert not Path("out").exists()


def test_nothing_is_open_of_layers_where_there_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "net.mlir"
    path.write_text("""
func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32> {
  %y = nn.relu %x : (tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
  func.return %y : tensor<1x1x2x2xf32>
}
""")
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert NOT_FINITE.when in said
    assert BIAS_OVERFLOW.when not in said


def test_every_pass_declares_refusals_of_its_own_words():
    declared = [
        refusal
        for step in ConversionOptions().steps()
        for refusal in getattr(step.type, "OPEN_REFUSALS", ())
    ]
    assert len({refusal.words for refusal in declared}) == len(declared) >= 7
    said = {refusal.when for refusal in declared}
    assert len(said) == len(declared)
    assert not any(mark in each for each in said for mark in "{}…()")
