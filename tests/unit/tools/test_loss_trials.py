"""recog convert --max-loss: the smallest program within a loss, found, kept and reproduced."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from recog.frontend.torch.importer import import_torch
from recog.lowering.cluster.tuner import Tuner
from recog.tools import kept_tuning
from recog.tools.cli.main import main
from recog.tools.module_files import write_module
from recog.tools.partial_conversion import TRIALS_NAME, PartialConversion

INTERRUPTED = 130
OPTIONS = ("--epochs", "4", "--no-compare-recipes", "--metric", "agreement", "--max-loss", "4")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, data to tune and to measure on, and a whole search."""
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    layers = (nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 4))
    network = nn.Sequential(*layers).eval()
    write_module(import_torch(network, torch.zeros(1, 32)), folder / "net.mlir")
    random = np.random.default_rng(0)
    for name, count in (("train", 64), ("test", 400)):
        inputs = random.normal(size=(count, 32)).astype(np.float32)
        labels = network(torch.from_numpy(inputs)).argmax(1).numpy()
        np.savez(folder / f"{name}.npz", inputs=inputs)
        np.savez(folder / f"{name}-labels.npz", inputs=inputs, targets=labels)
    assert convert(folder, folder, *OPTIONS) == 0
    return folder


def convert(given: Path, into: Path, *options: str, test: str | None = "test.npz") -> int:
    words = [str(given / "net.mlir"), "--data", str(given / "train.npz"), "-o", str(into / "out")]
    if test is not None:
        words += ["--test-data", str(given / test)]
    return main(["convert", *words, *options])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out/report.json").read_text())


def test_the_smallest_program_within_the_loss_is_written(given: Path):
    found = report(given)
    search, machine = found["search"], found["rows"][-1]
    taken = [each for each in search["trials"] if each["taken"]]
    assert search["max_loss"] == 4
    assert search["metric"] == "agreement %"
    assert len(taken) == 1
    assert taken[0]["epochs"] == 4
    assert taken[0]["bytes"] == machine["weight_bytes"]
    assert taken[0]["lost"] == machine["lost"] == 100 - machine["metric"] <= 4
    assert (taken[0]["low"], taken[0]["high"]) == (machine["low"], machine["high"])
    smaller = [each for each in search["trials"] if 0 < each["bytes"] < taken[0]["bytes"]]
    assert smaller
    assert all(each["lost"] > 4 for each in smaller if each["epochs"] == 4)
    assert {each["epochs"] for each in search["trials"]} == {1, 4}
    assert "trials" in (given / "out/report.html").read_text()


def test_its_recipe_gives_the_same_bytes_without_a_search(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = given / "out/recipe.toml"
    words = ("--recipe", str(recipe), "--metric", "agreement")
    assert convert(given, tmp_path, *words) == 0
    assert "trial" not in capsys.readouterr().out
    program = "out/program.recog"
    assert (tmp_path / program).read_bytes() == (given / program).read_bytes()
    assert (tmp_path / "out/recipe.toml").read_text() == recipe.read_text()


def test_the_report_is_drawn_anew_with_its_trials(given: Path, tmp_path: Path):
    page, found = str(tmp_path / "page.html"), str(tmp_path / "page.json")
    assert main(["report", str(given / "out"), "-o", page, "--json", found]) == 0
    assert json.loads(Path(found).read_text())["search"] == report(given)["search"]


@contextmanager
def interrupted(*, trials: int | None = None, step: int | None = None) -> Generator[None]:
    """Searches end as by Ctrl-C after so many trials, or that many steps of the tuning after."""
    begin_again, tune = PartialConversion.begin_again, Tuner.step_in_parts

    def begin_or_stop(self: PartialConversion) -> None:
        begin_again(self)
        if step is None and self.trials == trials:
            raise KeyboardInterrupt

    current: list[PartialConversion] = []

    def tune_or_stop(self: Tuner, parts: Any) -> float:
        if step is not None and self.done == step and current[-1].trials == trials:
            raise KeyboardInterrupt
        return tune(self, parts)

    def remember(self: PartialConversion, *given: Any) -> Any:
        current.append(self)
        return begin(self, *given)

    begin = PartialConversion.begin
    with (
        patch.object(PartialConversion, "begin_again", begin_or_stop),
        patch.object(PartialConversion, "begin", remember),
        patch.object(Tuner, "step_in_parts", tune_or_stop),
        patch.multiple(kept_tuning, SAVE_SECONDS=0.0, SAVE_SHARE=0),
    ):
        yield


def test_interrupted_after_each_trial_it_ends_in_the_same_bytes(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    resume = list[str]()
    for done in range(1, len(report(given)["search"]["trials"])):
        with interrupted(trials=done):
            assert convert(given, tmp_path, *OPTIONS, *resume) == INTERRUPTED
        said = capsys.readouterr().err
        trials = f"{done} {'trial' if done == 1 else 'trials'}"
        assert f"kept in {tmp_path}/out.partial: {trials}, folded, " in said
        assert os.listdir(tmp_path) == ["out.partial"]
        resume = ["--resume"]
        if done > 1:
            assert said.count("loses") == 1, "trials are not made again"
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    assert os.listdir(tmp_path) == ["out"]
    assert content(tmp_path / "out") == content(given / "out")


@pytest.mark.parametrize(("trials", "step"), [(0, 1), (2, 1), (-1, 3)])
def test_interrupted_in_a_tuning_it_ends_in_the_same_bytes(
    trials: int, step: int, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    trials %= len(report(given)["search"]["trials"])
    with interrupted(trials=trials, step=step):
        assert convert(given, tmp_path, *OPTIONS) == INTERRUPTED
    capsys.readouterr()
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    said = capsys.readouterr().err
    assert f"goes on with tuning after step {step}\n" in said
    assert content(tmp_path / "out") == content(given / "out")


def test_a_loss_that_nothing_meets_is_said_with_the_least(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    low = ("--weight-width", "3", "--weight-frac", "0")
    words = (*OPTIONS[:-1], "0.1", *low)
    assert convert(given, tmp_path, *words) == 1
    said = capsys.readouterr().err
    assert re.search(
        r"error: --max-loss: no program found loses at most 0.1 in agreement %: the least is "
        r"[\d.]+ \([\d.]+ to [\d.]+\), of [\d,]+ bytes \([\d.]+x\)\n  hint: ",
        said,
    )
    assert "with --resume, a command whose options mend it goes on from there" in said
    assert os.listdir(tmp_path) == ["out.partial"]
    before = said.count("trial ")
    assert not re.search(r"the least is (-|0[. ])", said)
    assert convert(given, tmp_path, *OPTIONS[:-1], "90", *low, "--resume") == 0
    said = capsys.readouterr().err
    assert re.search(r"goes on after \d+ trials, kept in ", said)
    assert len(report(tmp_path)["search"]["trials"]) > before - 1
    assert report(tmp_path)["rows"][-1]["lost"] <= 90


def flip(path: Path) -> None:
    path.write_text(path.read_text().replace('"epochs": 1', '"epochs": "x"', 1))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def no_list(path: Path) -> None:
    path.write_text("[]")


def changed(**values: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = json.loads(path.read_text())
        content["trials"][0].update(values)
        path.write_text(json.dumps(content))

    return change


DAMAGES = [
    *(flip, cut, no_list),
    *(changed(ratio=-1), changed(epochs=float("inf")), changed(low=float("nan"))),
    *(changed(reached=1e308), changed(lost=-float("inf")), changed(bytes=-4)),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_damaged_trials_are_made_anew(
    damage: Callable[[Path], None],
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    with interrupted(trials=2):
        assert convert(given, tmp_path, *OPTIONS) == INTERRUPTED
    damage(tmp_path / "out.partial" / TRIALS_NAME)
    with interrupted(trials=1):
        assert convert(given, tmp_path, *OPTIONS, "--resume") == INTERRUPTED
    assert f"{TRIALS_NAME} is damaged: " in capsys.readouterr().err


def test_trials_on_other_frames_do_not_count(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with interrupted(trials=2):
        assert convert(given, tmp_path, *OPTIONS) == INTERRUPTED
    with interrupted(trials=1):
        code = convert(given, tmp_path, *OPTIONS, "--resume", test="train.npz")
    assert code == INTERRUPTED
    assert "is of other data, options or metrics; trials begin anew" in capsys.readouterr().err


def test_a_search_without_resume_begins_anew(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with interrupted(trials=2):
        assert convert(given, tmp_path, *OPTIONS) == INTERRUPTED
    with interrupted(trials=1):
        assert convert(given, tmp_path, *OPTIONS) == INTERRUPTED
    assert "note: replaces the unfinished conversion in" in capsys.readouterr().err


def test_labels_are_enough(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ("--no-tune", "--no-compare-recipes", "--max-loss", "10")
    assert convert(given, tmp_path, *words, test="test-labels.npz") == 0
    assert " in accuracy %, the smallest program found" in capsys.readouterr().out
    assert {each["epochs"] for each in report(tmp_path)["search"]["trials"]} == {0}


METRICS = """
import numpy as np

draws = np.random.default_rng(0)

def random(outputs, targets):
    return draws.random(len(outputs))

def drawn_later(outputs, targets, seen=[]):
    seen.append(outputs)
    late = len(seen) > 5
    return 100 * (outputs.argmax(1) == seen[0].argmax(1)) - late * draws.random(len(outputs))

def near_ones(outputs, targets, seen=[]):
    seen.append(outputs)
    return 100.0 if np.abs(outputs - seen[0]).std() < 0.3 * seen[0].std() else np.nan

def wrong(outputs, targets):
    return -abs(outputs).max(1)

def huge(outputs, targets):
    return np.full(len(outputs), 1e200)
"""


@pytest.fixture
def metrics(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of metrics."""
    path = tmp_path_factory.mktemp("metrics") / "metrics.py"
    path.write_text(METRICS)
    return str(path)


QUICK = ("--no-tune", "--no-compare-recipes", "--max-loss", "5", "--metric")


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("random", r"--max-loss: .*metrics.py:random scores the same outputs in two ways"),
        (
            "drawn_later",
            r"--max-loss: the program of [\d,]+ bytes loses .*, and lost .* when it was",
        ),
        ("huge", r".*metrics.py:huge: returned a number beyond 1e\+100"),
    ],
)
def test_metrics_that_cannot_be_searched_by(
    metric: str,
    says: str,
    given: Path,
    metrics: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert convert(given, tmp_path, *QUICK, f"{metrics}:{metric}") == 1
    assert re.search(f"error: {says}", capsys.readouterr().err)
    assert os.listdir(tmp_path) == []


def test_a_metric_that_is_no_number_is_not_met(
    given: Path, metrics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """As the precision of a class that is never found."""
    assert convert(given, tmp_path, *QUICK, f"{metrics}:near_ones") == 0
    trials = report(tmp_path)["search"]["trials"]
    assert any(each["lost"] is None and each["bytes"] for each in trials)
    assert "loses what is no number" in capsys.readouterr().err
    assert report(tmp_path)["rows"][-1]["lost"] == 0


def test_a_metric_whose_small_numbers_are_better_shows(
    given: Path, metrics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert convert(given, tmp_path, *QUICK, f"{metrics}:wrong") == 0
    assert "note: it scores better than the float network: the larger" in capsys.readouterr().out


def test_only_programs_that_memory_holds_are_tried(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The largest that it holds is tried before it is said that none will do."""
    words = (*QUICK[:3], "30", "--metric", "agreement", "--weight-memory", "1600")
    assert convert(given, tmp_path, *words) == 0
    trials = report(tmp_path)["search"]["trials"]
    assert all(each["bytes"] <= 1600 for each in trials)
    assert report(tmp_path)["rows"][-1]["lost"] <= 30
    capsys.readouterr()
    words = (*QUICK, "agreement", "--weight-memory", "1600")
    assert convert(given, tmp_path, *words) == 1
    said = capsys.readouterr().err
    assert re.search(r"no program found loses at most 5 .* fits weight memory, which wants 3", said)


def test_a_network_without_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_module(import_torch(nn.ReLU(), torch.zeros(1, 4)), tmp_path / "net.mlir")
    np.savez(tmp_path / "train.npz", inputs=np.ones((4, 4), np.float32))
    words = ("--max-loss", "1", "--metric", "agreement")
    assert convert(tmp_path, tmp_path, *words, test=None) == 1
    assert "--max-loss: the network has no weights to make smaller" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["net.mlir", "train.npz"]


def test_a_recipe_of_a_dense_conversion(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recipe = tmp_path / "dense.toml"
    recipe.write_text("[options]\ncluster = false\n")
    words = ("--max-loss", "1", "--metric", "agreement", "--recipe", str(recipe))
    assert convert(given, tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert "--max-loss has no effect with --dense, which the recipe says" in said


def test_it_says_how_far_the_loss_can_be_relied_on(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ("--no-tune", "--no-compare-recipes", "--metric", "agreement", "--max-loss", "5")
    assert convert(given, tmp_path, *words, test=None) == 0
    said = capsys.readouterr().out
    assert "note: it is measured on what it was tuned on: --test-data FILE says more\n" in said
    assert "note: on other frames it may lose up to " in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--max-loss", "1", "--ratio", "8"], 2, "--max-loss finds the bytes that --ratio names"),
        (["--max-loss", "1", "--budget", "9kB"], 2, "the bytes that --budget names: give one"),
        (["--max-loss", "1", "--dense"], 2, "--max-loss has no effect with --dense"),
        (["--max-loss", "-1"], 2, "--max-loss: must be a finite number of at least 0, got -1"),
        (["--max-loss", "nan"], 2, "--max-loss: must be a finite number of at least 0"),
        (["--max-loss", "much"], 2, "argument --max-loss: invalid float value: 'much'"),
        (["--max-loss", "1"], 2, "--max-loss wants what may be lost"),
        (["--metric", "accuracy"], 1, "has no targets, which accuracy wants"),
        (["--metric", "much"], 1, "accuracy, agreement, classification or file.py:function"),
    ],
)
def test_what_cannot_be_asked_for(
    words: list[str],
    code: int,
    says: str,
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert convert(given, tmp_path, *words) == code
    assert says in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
