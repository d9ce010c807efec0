"""Tuning on a loss and data of one's own: the API, the command, and what can be wrong with them."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from middle_networks import images, residual
from torch import Tensor
from torch.nn import functional as F

from recog.backend.machine import Machine
from recog.dialects.errors import RecogError
from recog.lowering.cluster import own_objective
from recog.lowering.cluster.own_objective import OwnObjective
from recog.lowering.cluster.tuner import Tuner
from recog.lowering.pipeline import ConversionOptions, Stage, convert, module_outputs
from recog.tools.cli.main import main
from recog.tools.module_files import write_module
from recog.tools.own_objective import frames_of_batches
from recog.tools.tuning import tune

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = ConversionOptions(
    centroids=8, table_share=100, epochs=6, learning_rate=0.02, distill=0.0, balance=False
)
X = torch.from_numpy(images(48))
WANTED = torch.from_numpy(2 * module_outputs(residual(), [images(48)])[0] + 1)
BATCHES = [(X[i : i + 16], WANTED[i : i + 16]) for i in (0, 16, 32)]


def error(outputs: np.ndarray) -> float:
    return float(np.square(outputs - WANTED.numpy()).mean())


def test_a_loss_of_ones_own_falls():
    """Targets that the float network does not give: only this loss leads to them."""
    conversion = tune(residual(), BATCHES, F.mse_loss, options=OPTIONS)
    before, after = (
        error(module_outputs(conversion.stages[stage], [X.numpy()])[0])
        for stage in (Stage.CLUSTERED, Stage.TUNED)
    )
    assert after < 0.5 * before
    outputs = Machine(conversion.assemble()).run(X.numpy())
    assert isinstance(outputs, np.ndarray)
    assert error(outputs) < 0.6 * before


@pytest.mark.parametrize(
    "given,message",
    [
        ({"options": ConversionOptions(tune=False)}, "the loss has no effect with option tune=F"),
        ({"options": ConversionOptions(cluster=False)}, "no effect with option cluster=False"),
        ({"loss": "mse"}, "loss is a str, not a function"),
        ({"loss": None}, "loss is None, not a function"),
        ({"augment": 3}, "augment is an int, not a function"),
    ],
)
def test_what_would_not_be_called(given: dict[str, Any], message: str):
    arguments: dict[str, Any] = {"loss": F.mse_loss, "options": OPTIONS, **given}
    with pytest.raises(RecogError, match=message):
        tune(residual(), BATCHES, **arguments)


def test_a_function_of_batches_and_augmentation_are_the_same_in_every_run():
    changed: list[float] = []

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(48).split(16):
            yield X[chosen], WANTED[chosen]

    def augment(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        changed.append(np.random.uniform(0.9, 1.1))
        return inputs * changed[-1], targets

    programs = []
    for _ in range(2):
        torch.rand(7)  # whatever was drawn before
        conversion = tune(residual(), batches, F.mse_loss, augment=augment, options=OPTIONS)
        programs.append(conversion.assemble())
    assert programs[0] == programs[1]
    assert len(set(changed)) > 6
    plain = tune(residual(), batches, F.mse_loss, options=OPTIONS)
    assert plain.assemble() != programs[0]


class Kept:
    """The state of a tuning in memory; stops it after a step."""

    def __init__(self, stop: int | None = None):
        self.stop, self.state = stop, None

    def begin(self, tuner: Any) -> None:
        if self.state is not None:
            tuner.restore(self.state)

    def offer(self, tuner: Any) -> None:
        import copy

        self.state = copy.deepcopy(tuner.state())
        if tuner.done == self.stop:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_an_interrupted_tuning_goes_on_to_the_same_bits(stop: int, monkeypatch: pytest.MonkeyPatch):
    module = importlib.import_module("recog.lowering.pipeline.convert")
    own = OwnObjective(F.mse_loss, lambda: [(x, t) for x, t in BATCHES])
    whole = convert(residual(), [X.numpy()], own=own, options=OPTIONS).assemble()
    kept = Kept(stop)
    plain = module.tune_own
    monkeypatch.setattr(module, "tune_own", lambda *a, **k: plain(*a, **{**k, "kept": kept}))
    with pytest.raises(KeyboardInterrupt):
        convert(residual(), [X.numpy()], own=own, options=OPTIONS)
    kept.stop = None
    assert convert(residual(), [X.numpy()], own=own, options=OPTIONS).assemble() == whole


def detached(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs.detach(), targets)


def each(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean(1)


def number(outputs: Tensor, targets: Tensor) -> float:
    return 1.0


def nothing(outputs: Tensor, targets: Tensor) -> None:
    return None


def not_a_number(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.sum() * float("nan")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (detached, "no gradient flows from the loss to the network's outputs"),
        (each, r"the loss returned a tensor of shape \[16\]\n  hint: .*\.mean\(\) makes it one"),
        (number, "the loss returned a float\n  hint: it is to return a scalar tensor"),
        (nothing, "the loss returned None\n"),
        (not_a_number, "the loss of the float network's outputs is nan"),
    ],
)
def test_losses_that_are_none(loss: Callable[..., Any], message: str):
    with pytest.raises(RecogError, match=message):
        tune(residual(), BATCHES, loss, options=OPTIONS)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (iter(BATCHES), "can be gone through once only"),
        ([], "there are no batches"),
        (7, "the batches are an int, which cannot be gone through"),
        (lambda: 7, "the batches are an int, which cannot be gone through"),
        ([X], "a batch is a Tensor\n  hint: each batch is a pair"),
        ([(X, WANTED, WANTED)], "a batch is a tuple of 3\n"),
        ([("x", WANTED)], "the inputs of a batch are a str, not tensors"),
        ([(X[:0], WANTED[:0])], "a batch has no frames"),
        ([(X[:, :1], WANTED)], r"input 0: has shape \[48, 1, 6, 6\]"),
        ([(X * float("inf"), WANTED)], "input 0: holds NaN or infinity"),
    ],
)
def test_batches_that_are_none(batches: Any, message: str):
    with pytest.raises(RecogError, match=message):
        tune(residual(), batches, F.mse_loss, options=OPTIONS)


def test_an_epoch_that_is_shorter_than_the_first():
    calls: list[int] = []

    def batches() -> list[tuple[Tensor, Tensor]]:
        calls.append(0)
        return BATCHES[: 3 if len(calls) < 6 else 2]

    with pytest.raises(RecogError, match="epoch 2 has fewer batches than the first, which has 3"):
        tune(residual(), batches, F.mse_loss, options=OPTIONS)


def test_a_loss_that_diverges():
    calls: list[int] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(0)
        return outputs.square().mean() * (1.0 if len(calls) < 9 else float("inf"))

    with pytest.raises(RecogError, match="tuning diverged in step 5\n  hint: a lower"):
        tune(residual(), BATCHES, loss, options=OPTIONS)


FUNCTIONS = """
import numpy as np
import torch

def batches():
    inputs, targets = torch.ones(48, 2, 6, 6), torch.zeros(48, dtype=torch.int64)
    for chosen in torch.randperm(48).split(16):
        yield inputs[chosen] * torch.rand(16, 1, 1, 1), targets[chosen]

def broken():
    yield torch.ones(4, 2, 6, 6), torch.zeros(4, dtype=torch.int64)
    raise IndexError("no more of them")

def loss(outputs, targets):
    return torch.nn.functional.cross_entropy(outputs, targets)

def crash(outputs, targets):
    return outputs[:, 99].mean()

def few(outputs):
    return outputs.mean()

def root(outputs, targets):
    return (outputs - outputs.detach()).square().mean().sqrt()

def square(outputs, targets):
    return outputs.square().mean()

def hit(outputs, targets):
    return 100 * (outputs.argmax(1) == targets)

def endless():
    while True:
        yield torch.rand(100, 2, 6, 6), {"boxes": []}

def pairs():
    return [((torch.ones(4, 2, 6, 6), torch.ones(4, 1)), torch.zeros(4))]

def short():
    return [(torch.ones(24, 2, 6, 6), torch.zeros(12)), (torch.ones(24, 2, 6, 6), torch.zeros(12))]

def complex():
    return [(torch.ones(4, 2, 6, 6) * 1j, None)]

def sparse():
    return [(torch.ones(4, 2, 6, 6).to_sparse(), None)]

def nothing():
    return []

def learned():
    w = torch.ones(8, 2, 6, 6, requires_grad=True)
    return [(2 * w, w[:, 0, 0, 0])]

def number():
    return 3

def uneven():
    return [(torch.ones(4, 2, 6, 6), 0), (torch.ones(4, 2, 6, 7), 0)]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("own")
    write_module(residual(), found / "net.mlir")
    np.savez(found / "data.npz", inputs=images(48), targets=np.zeros(48, int))
    np.savez(found / "bare.npz", inputs=images(48))
    (found / "own.py").write_text(FUNCTIONS)
    return found


def converted(folder: Path, out: Path, *options: str) -> int:
    command = ["convert", f"{folder}/net.mlir", "-o", str(out), "--epochs", "3"]
    named = {"OWN": f"{folder}/own.py", "BARE": f"{folder}/bare.npz"}
    return main([*command, *(re.sub("OWN|BARE", lambda m: named[m[0]], each) for each in options)])


@pytest.mark.parametrize("data", ["OWN:batches", "DATA"])
def test_the_command_takes_loss_data_and_metric(data: str, folder: Path, tmp_path: Path):
    data = data.replace("DATA", f"{folder}/data.npz")
    own = ["--loss", "OWN:loss", "--metric", "OWN:hit", "--learning-rate", "0.05"]
    assert converted(folder, tmp_path / "out", "--data", data, *own, "--distill", "0") == 0
    rows = json.loads((tmp_path / "out/report.json").read_text())["rows"]
    found = {row["level"]: row["metric"] for row in rows}
    assert found["machine"] == 100 > found["float"]
    # Its recipe knows the loss: the same bytes again.
    recipe = ["--recipe", str(tmp_path / "out/recipe.toml")]
    assert converted(folder, tmp_path / "again", "--data", data, *recipe) == 0
    programs = [(tmp_path / name / "program.recog").read_bytes() for name in ("out", "again")]
    assert programs[0] == programs[1]
    recipes = [(tmp_path / name / "recipe.toml").read_text() for name in ("out", "again")]
    assert recipes[0] == recipes[1]
    assert f'own-loss = "{folder}/own.py:loss"' in recipes[0]


def test_every_command_takes_batches_for_data(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """With the targets that they have; those of no use to a metric are left out."""
    network, batches = f"{folder}/net.mlir", f"{folder}/own.py:batches"
    out, again = tmp_path / "out", tmp_path / "again"
    given = frames_of_batches(batches, 1)
    assert given[1] is not None
    np.savez(tmp_path / "same.npz", inputs=given[0][0], targets=given[1])
    words = ("--test-data", batches, "--metric", "accuracy")
    assert converted(folder, out, "--data", batches, *words) == 0
    file = str(tmp_path / "same.npz")
    assert converted(folder, again, "--data", file, "--test-data", file, *words[2:]) == 0
    for name in ("program.recog", "report.json"):
        assert (out / name).read_bytes() == (again / name).read_bytes()
    for command in (
        ["plan", network, "--ratio", "2"],
        ["compare", network, str(out), "--metric", "accuracy"],
        ["report", str(out), "-o", str(tmp_path / "page.html")],
    ):
        capsys.readouterr()
        assert main([*command, "--data", batches]) == 0
        assert "note: " not in capsys.readouterr().err


def test_threads_that_spin_are_warned_of(monkeypatch: pytest.MonkeyPatch):
    model, batches = torch.nn.Linear(2, 2).eval(), [(torch.ones(2, 2), None)]

    def diverging(outputs: torch.Tensor, targets: None) -> torch.Tensor:
        return outputs.sum() * float("nan")

    monkeypatch.delenv("OMP_WAIT_POLICY")
    with pytest.warns(RuntimeWarning, match="OMP_WAIT_POLICY=PASSIVE"), pytest.raises(RecogError):
        tune(model, batches, diverging)


def test_importing_recog_first_makes_threads_sleep():
    for first, set_ in (("", True), ("import torch; ", False)):
        code = f"{first}import recog, os; print(os.environ.get('OMP_WAIT_POLICY'))"
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert (run.stdout.strip() == "PASSIVE") == set_


def test_batches_without_end_are_cut(capsys: pytest.CaptureFixture[str], folder: Path):
    (inputs,), targets = frames_of_batches(f"{folder}/own.py:endless", 1)
    assert inputs.shape == (1100, 2, 6, 6)
    assert targets is None
    said = capsys.readouterr().err
    assert said.startswith(f"note: {folder}/own.py:endless: the first 1,100 frames are taken\n")
    assert "own.py:endless: targets that are no arrays of numbers are left out" in said


def test_an_epoch_without_end_is_refused(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(own_objective, "MOST_BATCHES", 99)
    words = ["--data", f"{folder}/own.py:endless", "--loss", f"{folder}/own.py:square"]
    assert converted(folder, tmp_path / "out", *words) == 1
    assert "an epoch has more than 99 batches\n  hint: batches without" in capsys.readouterr().err


def test_batches_may_be_parts_of_a_graph(folder: Path):
    (inputs,), targets = frames_of_batches(f"{folder}/own.py:learned", 1)
    assert (inputs == 2).all()
    assert targets is not None
    assert (targets == 1).all()


def test_a_metric_that_fails_is_found_before_tuning(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(Tuner, "step_in_parts", lambda *_: pytest.fail("tuned"))
    words = ["--data", f"{folder}/data.npz", "--metric", "OWN:few"]
    assert converted(folder, tmp_path / "out", *words) == 1
    assert re.search(r"own.py: TypeError: few\(\) takes 1", capsys.readouterr().err)


def test_a_loss_without_a_derivative_diverges_at_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """It is a number all the same, and codebooks would be none."""
    words = ["--data", "OWN:batches", "--loss", "OWN:root"]
    assert converted(folder, tmp_path / "out", *words) == 1
    said = capsys.readouterr().err
    assert re.search(r"tuning .*diverge.*\n  hint: a loss that has derivatives everywhere", said), (
        said
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "BARE", "--loss", "OWN:loss"], "bare.npz has no array targets: the loss gets"),
        (["--data", "OWN:pairs"], "own.py:pairs: the batches have 2 inputs, the network takes 1"),
        (["--data", "OWN:short"], "own.py:short: the batches have 48 frames and 24 targets"),
        (["--data", "OWN:complex"], "own.py:complex: the inputs of a batch are complex numbers"),
        (["--data", "OWN:sparse"], "own.py:sparse: the inputs of a batch are no plain tensors"),
        (["--data", "OWN:nothing"], "own.py:nothing: there are no batches\n  hint: each batch is"),
        (["--data", "OWN:uneven"], "own.py:uneven: the batches differ: frames of input 0 have sh"),
        (["--data", "OWN:uneven", "--loss", "OWN:loss"], "own.py:uneven: the batches differ: fra"),
        (["--data", "OWN:number"], "own.py:number: returned a value of type int, not something"),
        (["--data", "OWN:number", "--loss", "OWN:loss"], "own.py:number: returned a value of ty"),
        (["--data", "OWN:broken"], "own.py:12: IndexError: no more of them"),
        (["--data", "OWN:none", "--loss", "OWN:loss"], "own.py: has no function none"),
        (["--data", "OWN:batches", "--loss", "OWN:few"], r"own.py: TypeError: few\(\) takes 1"),
        (["--data", "OWN:batches", "--loss", "OWN:crash"], r"own.py:18: IndexError: index 99"),
        (["--data", "OWN:broken", "--loss", "OWN:loss"], "own.py:12: IndexError: no more of them"),
        (["--data", "OWN:batches", "--loss", "dice"], "argument --loss: expected auto, mse"),
        (["--data", "none.py:batches", "--loss", "OWN:loss"], "none.py: no such file"),
    ],
    ids=lambda each: str(each)[-24:],
)
def test_what_the_command_refuses(
    options: list[str],
    message: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    try:
        code = converted(folder, tmp_path / "out", *options)
    except SystemExit as error:  # argparse's
        code = error.code
    assert code in (1, 2)
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any):
    path = ROOT / "examples/own_segmentation.py"
    spec = importlib.util.spec_from_file_location("own_segmentation", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FRAMES", 64)
    arguments = ["own", "--out", str(tmp_path), "--epochs", "3", "--tune-epochs", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    module.main()
    said = dict(re.findall(r"^(\w+):? +([\d.]+)", capsys.readouterr().out, re.MULTILINE))
    assert float(said["machine"]) > float(said["float"]) - 10
    assert float(said["weights"]) > 15
    assert {"program.recog", "network.pt2"} <= {each.name for each in tmp_path.iterdir()}
