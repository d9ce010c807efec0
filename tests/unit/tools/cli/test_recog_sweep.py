"""recog sweep: points, their recipes, failed trials, studies that go on and are shared."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recog.backend.assembly import load_program, weight_bytes
from recog.backend.cost import program_cost
from recog.tools.cli.main import main

NETWORK = """
import torch
from torch import nn


def make():
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 4, 4),)
"""
DENSE = """
[options]
cluster = false
width = [4, 8]

[target]
array.outputs = [1, 2, 4]
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NETWORK)
    Path("sweep.toml").write_text(DENSE)
    np.save("x.npy", np.random.default_rng(0).normal(size=(64, 1, 4, 4)).astype(np.float32))


def words(*more: str) -> list[str]:
    return ["sweep", "net.py:make", "sweep.toml", "--data", "x.npy", *more]


def record() -> dict[str, Any]:
    return json.loads(Path("sweep/points.json").read_text())


def test_a_grid(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    from recog.lowering.encode.encode_lns import EncodeLnsPass

    encoded = list[str]()
    apply = EncodeLnsPass.apply

    def counting(self: EncodeLnsPass, *arguments: Any) -> None:
        encoded.append(self.name)
        apply(self, *arguments)

    monkeypatch.setattr(EncodeLnsPass, "apply", counting)
    more = ("--objectives", "loss,cycles", "--json", "all.json")
    assert main(words("--sampler", "grid", *more)) == 0
    assert json.loads(Path("all.json").read_text()) == record()
    text = capsys.readouterr().out
    assert "Pareto front of loss, cycles" in text
    assert len(encoded) == 2  # of six points: the others are of other arrays alone
    points = record()["points"]
    assert {tuple(each["values"].values()) for each in points} == {
        (width, outputs) for width in (4, 8) for outputs in (1, 2, 4)
    }
    by_values = {tuple(each["values"].values()): each for each in points}
    for width in (4, 8):
        cycles = [by_values[width, outputs]["cycles"] for outputs in (1, 2, 4)]
        assert cycles == sorted(set(cycles), reverse=True)
        assert len({by_values[width, outputs]["loss"] for outputs in (1, 2, 4)}) == 1
    assert by_values[4, 4]["loss"] > by_values[8, 4]["loss"]
    assert by_values[4, 4]["bytes"] < by_values[8, 4]["bytes"]
    assert {tuple(e["values"].values()) for e in points if e["on_front"]} == {(8, 4)} | (
        {(4, 4)} if by_values[4, 4]["cycles"] < by_values[8, 4]["cycles"] else set()
    )
    with open("sweep/points.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["cycles"]) for row in rows] == [each["cycles"] for each in points]
    with Image.open("sweep/front.png") as picture:
        assert picture.size[0] > 600


def test_recipes_make_the_points(capsys: pytest.CaptureFixture[str]):
    assert main(words("--sampler", "grid")) == 0
    point = record()["points"][1]
    recipe = f"sweep/{point['recipe']}"
    convert = ["convert", "net.py:make", "--data", "x.npy", "--recipe", recipe, "-o", "made"]
    assert main(convert) == 0
    program = load_program("made/program.recog")
    cost = program_cost(program)
    assert cost.chip.array.outputs == point["values"]["target.array.outputs"]
    assert cost.latency == point["cycles"]
    assert weight_bytes(program) == point["bytes"]
    assert cost.energy(cost.chip.energy[0]) * 1e-6 == pytest.approx(point["energy"], rel=1e-12)


CLUSTERED = """
import torch
from torch import nn


def make():
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 2), nn.Flatten(), nn.Linear(32, 3))
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 4, 4),)
"""


def test_recipes_make_tuned_clusters_again(capsys: pytest.CaptureFixture[str]):
    """Points of one tuning share it; made alone, each has the same bytes."""
    Path("net.py").write_text(CLUSTERED)
    Path("sweep.toml").write_text(
        "[options]\nepochs = 1\ncentroids = [8, 32]\nfrac = [3, 4]\n[target]\n"
        "array.outputs = [4, 8]\n"
    )
    assert main(words("--sampler", "grid")) == 0
    points = record()["points"]
    assert len(points) == 8
    for point in points:
        if point["values"]["target.array.outputs"] == 4:
            continue
        recipe = f"sweep/{point['recipe']}"
        convert = ["convert", "net.py:make", "--data", "x.npy", "--recipe", recipe, "-o", "made"]
        assert main(convert) == 0
        program = load_program("made/program.recog")
        assert weight_bytes(program) == point["bytes"]
        assert program_cost(program).latency == point["cycles"]
    sizes = {point["values"]["centroids"]: point["bytes"] for point in points}
    assert sizes[8] < sizes[32]


def test_failed_trials_have_reasons(capsys: pytest.CaptureFixture[str]):
    Path("sweep.toml").write_text("[options]\ncluster = false\naccumulator-width = [16, 32]\n")
    assert main(words("--sampler", "grid")) == 0
    assert "failed: 1 trial: " in capsys.readouterr().out
    by_width = {each["values"]["accumulator-width"]: each for each in record()["points"]}
    assert "accumulator" in by_width[16]["reason"]
    assert by_width[16]["recipe"] is None
    assert by_width[32]["on_front"]


@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_a_study_goes_on_to_the_same_points(sampler: str, capsys: pytest.CaptureFixture[str]):
    Path("sweep.toml").write_text(
        "[options]\ncluster = false\n[target]\n"
        "array.outputs = {low = 1, high = 64, log = true}\nvector.lanes = [1, 2, 4, 8]\n"
    )
    assert main(words("--sampler", sampler, "--trials", "10")) == 0
    whole = record()["points"]
    assert len({tuple(each["values"].values()) for each in whole}) > 5
    for trials in ("4", "10", "10"):
        more = ("--sampler", sampler, "--trials", trials, "--study", "again")
        if trials == "10" or sampler == "random":  # the size of a population follows the trials
            assert main(words(*more)) == 0
    assert record()["points"] == whole


def test_a_study_of_something_else_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(words("--sampler", "grid", "--trials", "1")) == 0
    assert main(words("--objectives", "loss")) == 1
    assert "is the study of another sweep: objectives differ" in capsys.readouterr().err
    Path("sweep.toml").write_text(DENSE.replace("[4, 8]", "[5, 8]"))
    assert main(words()) == 1
    assert "is the study of another sweep: sweep differ" in capsys.readouterr().err
    assert main(words("--study", "x.npy")) == 1
    assert "is no study of a sweep" in capsys.readouterr().err


def test_an_interrupted_trial_is_tried_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from recog.tools.sweep.measure import Measurer

    measure, calls = Measurer.measure, list[object]()

    def interrupted(self: Measurer, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(self, *arguments)

    monkeypatch.setattr(Measurer, "measure", interrupted)
    assert main(words("--sampler", "grid")) == 130
    assert "kept in sweep.journal: 2 of 6 trials; the same command goes on" in (
        capsys.readouterr().err
    )
    assert main(words("--sampler", "grid")) == 0
    assert len(calls) == 7
    assert len(record()["points"]) == 6


TOGETHER = """
import json, sys, time
from pathlib import Path
from recog.tools.sweep.measure import Measurer
from recog.tools.cli.main import main

measure = Measurer.measure

def owners():
    lines = map(json.loads, Path("shared").read_text().splitlines())
    found = [each["user_attr"]["owner"] for each in lines if "owner" in each.get("user_attr", {})]
    return {tuple(each) for each in found}

def wait_for_the_other(self, *arguments):
    deadline = time.monotonic() + 120
    while len(owners()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    return measure(self, *arguments)

Measurer.measure = wait_for_the_other
sys.exit(main(sys.argv[1:]))
"""
"""A sweep that measures nothing before the other process has begun a trial."""


def test_two_processes_share_a_study_that_a_third_was_killed_in():
    shared = words("--sampler", "grid", "--study", "shared")
    slow = "import time\nfrom recog.tools.sweep.measure import Measurer\n"
    slow += "from recog.tools.cli.main import main\nimport sys\n"
    slow += "Measurer.measure = lambda *_: time.sleep(600)\nsys.exit(main(sys.argv[1:]))"
    killed = subprocess.Popen([sys.executable, "-c", slow, *shared], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while "owner" not in (Path("shared").read_text() if Path("shared").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, *shared, "-o", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("1 trial of processes that were killed" in out for out, _ in said) == 1
    lines = [json.loads(line) for line in Path("shared").read_text().splitlines()]
    attributes = [each["user_attr"] for each in lines if each.get("user_attr")]
    owners = {each["owner"][1] for each in attributes if "owner" in each}
    assert owners == {each.pid for each in (killed, *both)}
    # All points are there once, as one process alone finds them.
    assert main(shared) == 0
    points = record()["points"]
    assert len(points) == 6
    assert main(words("--sampler", "grid", "-o", "alone")) == 0
    alone = json.loads(Path("alone/points.json").read_text())["points"]
    assert found(points) == found(alone)


def found(points: list[dict[str, Any]]) -> dict[tuple[Any, ...], Any]:
    """What is measured of each point, by its values."""
    names = ("loss", "bytes", "cycles", "energy", "on_front", "reason")
    return {tuple(each["values"].values()): [each[name] for name in names] for each in points}


SLOW = """
import signal, sys, time
from recog.tools.sweep.measure import Measurer
from recog.tools.cli.main import main

measure, calls = Measurer.measure, []
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was ignored

def slow(self, *arguments):
    calls.append(arguments)
    if len(calls) > 2:
        print("third", flush=True)
        time.sleep(600)
    return measure(self, *arguments)

Measurer.measure = slow
sys.exit(main(sys.argv[1:]))
"""
"""A sweep whose third point takes long, which it says."""


def test_control_c_ends_a_sweep_that_goes_on():
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *words("--sampler", "grid")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "third" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert "kept in sweep.journal: 2 of 6 trials; the same command goes on" in said
    assert "Traceback" not in said
    assert not Path("sweep").exists()
    before = Path("sweep.journal").read_text()
    assert main(words("--sampler", "grid")) == 0
    assert Path("sweep.journal").read_text().startswith(before)
    points = record()["points"]
    assert len(points) == len({tuple(each["values"].values()) for each in points}) == 6
    assert all(each["reason"] is None for each in points)


def test_a_trial_of_another_machine_is_left_to_it(monkeypatch: pytest.MonkeyPatch):
    """Whether its process lives cannot be known here: only that machine tries it again."""
    import platform

    import optuna

    from recog.tools.sweep.study import OWNER, take_up

    study = optuna.create_study()
    study.ask().set_user_attr(OWNER, ["elsewhere", 1 << 22])  # more than Linux gives
    monkeypatch.setattr(platform, "node", lambda: "here")
    assert take_up(study) == 0
    assert study.trials[0].state == optuna.trial.TrialState.RUNNING
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert take_up(study) == 1
    assert take_up(study) == 0


def test_wrong_command_lines(capsys: pytest.CaptureFixture[str]):
    assert main(words("--objectives", "loss,speed")) == 2
    assert main(words("--trials", "0")) == 2
    assert main(words("--study", "out", "-o", "./out")) == 2
    assert "is the folder of -o" in capsys.readouterr().err
    Path("sweep.toml").write_text("[options]\nlearning-rate = {low = 1e-3, high = 1}\n")
    assert main(words("--sampler", "grid")) == 1
    assert "has no step, which a grid wants" in capsys.readouterr().err
