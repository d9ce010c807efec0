"""recog train and eval of a task in a file of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recog.tools.cli.main import main

TASK = """
from recog.frontend.tasks.base import Recipe, TuneRecipe
from recog.frontend.tasks.classification import ClassificationTask


class Few(ClassificationTask):
    name = "few"
    title = "few digits"
    recipe = Recipe(epochs=2, batch=32, learning_rate=3e-3, average=0.9)
    tune_recipe = TuneRecipe(epochs=1, batch=64)

    def data(self, split, count=None, **more):
        return super().data(split, min(count or 96, 96))


class Broken(Few):
    def metric(self, outputs, truths):
        return {"accuracy": outputs[7]}


class NoTask:
    pass


def fails():
    raise ValueError("not today")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("task")
    (found / "mine.py").write_text(TASK)
    assert main(["train", f"{found}/mine.py:Few", "--out", f"{found}/trained"]) == 0
    return found


def test_it_is_scored_as_the_others_are(folder: Path, tmp_path: Path):
    command = ["eval", f"{folder}/mine.py:Few", "--out", f"{tmp_path}/eval"]
    command += ["--checkpoint", f"{folder}/trained/few.safetensors", "--level", "float", "machine"]
    assert main([*command, "--verify-frames", "4", "--json", f"{tmp_path}/rows.json"]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["level"] for row in rows] == ["float", "machine"]
    assert rows[1]["frames_bit_exact"] == 4
    assert rows[1]["ratio"] > 15
    assert rows[1]["frames"] == 96


def test_a_ratio_is_obeyed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = ["eval", f"{folder}/mine.py:Few", "--out", f"{tmp_path}/eval"]
    command += ["--checkpoint", f"{folder}/trained/few.safetensors", "--frames", "32"]
    command += ["--ratio", "29", "--seed", "1", "--json", f"{tmp_path}/rows.json"]
    assert main([*command, "--level", "machine"]) == 0
    (row,) = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert 29 <= row["ratio"] < 30
    assert (tmp_path / "eval/few.29x.seed1.tuned.mlir.gz").is_file()
    for arguments, text in (
        (["--ratio", "0", "--level", "machine"], "--ratio: must be a finite number above 0"),
        (["--ratio", "9", "--level", "float"], "--ratio has no effect without --level machine"),
        (["--seed", "9", "--level", "float"], "--seed has no effect without --level machine"),
    ):
        assert main(["eval", f"{folder}/mine.py:Few", *arguments]) == 2
        assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("mine.py:Few", "mine.py:Few: a task of your own has no weights that come with"),
        ("mine.py:None", "mine.py: has no function None"),
        ("mine.py:NoTask", "mine.py:NoTask: is NoTask, no task"),
        ("mine.py:fails", "mine.py:26: ValueError: not today"),
        ("none.py:Few", "none.py: no such file"),
        ("mine.py:Broken", "mine.py:18: IndexError: list index out of range"),
    ],
)
def test_what_is_refused(task: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    weights = ["--checkpoint", f"{folder}/trained/few.safetensors", "--level", "float"]
    given = [] if task == "mine.py:Few" else weights
    assert main(["eval", f"{folder}/{task}", *given]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
