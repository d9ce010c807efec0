"""A network whose decode stays on the host, from torch to outputs through the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recog.backend.machine import Machine
from recog.frontend.torch.model_file import import_model
from recog.lowering.pipeline import ConversionOptions, convert
from recog.tools.cli.main import main
from recog.tools.report.compare_bits import compare_bits

NETWORK = """
import torch
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.heat, self.size = nn.Conv2d(16, 4, 3, padding=1), nn.Conv2d(16, 2, 1)

    def forward(self, x):
        x = self.body(x)
        score, where = self.heat(x).sigmoid().flatten(1).topk(8)
        size = self.size(x).flatten(2).gather(2, (where % 64).unsqueeze(1).expand(-1, 2, -1))
        return {"score": score, "size": size, "class": (where // 64).float()}


def make():
    torch.manual_seed(0)
    return Detector().eval(), torch.zeros(1, 3, 16, 16)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("split")
    (folder / "net.py").write_text(NETWORK)
    frames = np.random.default_rng(0).normal(size=(12, 3, 16, 16)).astype(np.float32)
    np.save(folder / "frames.npy", frames)
    return folder


def test_the_whole_runs_from_one_command(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net, data, out = f"{workspace}/net.py:make", f"{workspace}/frames.npy", workspace / "out"
    assert main(["convert", net, "--data", data, "-o", str(out), "--dense"]) == 0
    shown = capsys.readouterr().out
    assert "the host runs the last" in shown
    assert "nn.topk_indices computes with indices or masks: first" in shown
    assert (out / "host.mlir").exists()
    assert (out / "2-split.mlir").exists()
    outputs = workspace / "outputs.npz"
    program, host = str(out / "program.recog"), str(out / "host.mlir")
    assert main(["run", program, "--host", host, "--data", data, "-o", str(outputs)]) == 0
    found = np.load(outputs)
    assert {name: found[name].shape for name in found} == {
        "score": (12, 8),
        "size": (12, 2, 8),
        "class": (12, 8),
    }

    frames = np.load(data)
    options = ConversionOptions(cluster=False)
    conversion = convert(import_model(net), [frames], options=options)
    machine = Machine(conversion.assemble())
    assert (
        compare_bits(conversion.lns_module, conversion.chip_module, machine, [frames]).elements > 0
    )
    for name, value in zip(found, conversion.network(machine.run)(frames), strict=True):
        assert np.array_equal(found[name], value)

    assert "note: the chip's part" not in capsys.readouterr().err
    again = workspace / "again.npz"
    assert main(["run", str(out), "--data", data, "-o", str(again)]) == 0
    assert again.read_bytes() == outputs.read_bytes()
    command = ["run", str(out), "--data", data, "-o", str(again)]
    assert main([*command, "--interleave", "0"]) == 0
    assert again.read_bytes() == outputs.read_bytes()
    golden = str(workspace / "golden.json")
    for option in ("--record", "--verify"):
        assert main(["run", str(out), "--data", data, option, golden]) == 0
    assert main(["run", program, "--data", data]) == 0
    assert f"--host {host}\n" in capsys.readouterr().err


def test_the_boundary_keeps_what_the_decode_needs(workspace: Path) -> None:
    """Scores from the machine are the float network's to the precision of its codes."""
    frames = np.load(workspace / "frames.npy")
    module = import_model(f"{workspace}/net.py:make")
    options = ConversionOptions(cluster=False)
    conversion = convert(module, [frames], options=options)
    exact = conversion.network(lambda *x: _float(conversion, x))(frames)
    found = conversion.network(Machine(conversion.assemble()).run)(frames)
    assert np.abs(found[0] - exact[0]).max() < 0.03
    whole = _run(module, frames)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(exact, whole, strict=True))


def _float(conversion, inputs):
    from recog.lowering.pipeline import module_outputs

    return module_outputs(conversion.float_module, inputs)


def _run(module, frames):
    from recog.lowering.pipeline import module_outputs

    return module_outputs(module, [frames])


def test_a_tuned_network_follows_the_boundary(workspace: Path) -> None:
    net, data = f"{workspace}/net.py:make", f"{workspace}/frames.npy"
    out = workspace / "tuned"
    command = ["convert", net, "--data", data, "-o", str(out), "--centroids", "16"]
    assert main([*command, "--epochs", "2"]) == 0
    assert (out / "program.recog").exists()


def test_a_host_file_that_is_none(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, program = f"{workspace}/frames.npy", str(workspace / "out/program.recog")
    lns = str(workspace / "out/0-float.mlir")
    assert main(["run", program, "--host", lns, "--data", data]) == 1
    assert "no function @host" in capsys.readouterr().err
