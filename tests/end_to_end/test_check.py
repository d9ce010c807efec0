"""`recog check`: the table of a network's ops, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recog.tools.cli.main import main

NETWORKS = """
import torch
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.norm = nn.BatchNorm2d(4)
        nn.init.constant_(self.norm.weight, -1.0)  # so that it cannot pass the ReLU

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        return self.norm(x).flatten(1).topk(5)[0]


def detector():
    return Detector().eval(), torch.zeros(1, 3, 8, 8)


class Gamma(nn.Module):
    def forward(self, x):
        return torch.lgamma(x)


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.act = Gamma()
        self.bn = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        x = self.act(self.bn(self.act(self.conv(x))))
        return x.logcumsumexp(1)


def odd():
    return Odd(), torch.zeros(1, 3, 8, 8)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "networks.py"
    path.write_text(NETWORKS)
    return path


def test_a_network_that_is_divided(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = file.parent / "check.json"
    assert main(["check", f"{file}:detector", "--json", str(record)]) == 0
    out = capsys.readouterr().out
    assert "nn.topk_indices computes with indices or masks" in out
    assert "batch norms: 2, of which 1 fold into a layer" in out
    assert 'layer "norm"' in out
    report = json.loads(record.read_text())
    assert report["supported"]
    rows = {(row["op"], row["side"]): row for row in report["rows"]}
    assert rows["nn.conv2d", "chip"]["count"] == 1
    assert rows["nn.gather", "host"]["count"] == 1
    assert 'layer "conv"' in rows["nn.conv2d", "chip"]["places"][0]
    assert "networks.py:16" in rows["nn.gather", "host"]["places"][0]


def test_a_network_that_cannot_be_imported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = file.parent / "odd.json"
    assert main(["check", f"{file}:odd", "--json", str(record)]) == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    report = json.loads(record.read_text())
    assert not report["supported"]
    unsupported = {row["op"]: row for row in report["rows"] if row["side"] == "unsupported"}
    assert set(unsupported) == {
        "aten.lgamma.default",
        "aten.batch_norm.default",
        "aten.logcumsumexp.default",
    }
    assert unsupported["aten.lgamma.default"]["count"] == 2
    assert 'layer "act" (' in unsupported["aten.lgamma.default"]["places"][0]
    assert "networks.py:37" in unsupported["aten.logcumsumexp.default"]["places"][0]
    assert "hint: set track_running_stats=True" in captured.out
    assert [row["op"] for row in report["rows"] if row["side"] == "imported"] == ["nn.conv2d"]


def test_bad_input(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{file}:none"]) == 1
    assert "no function none" in capsys.readouterr().err
    assert main(["check"]) == 2
