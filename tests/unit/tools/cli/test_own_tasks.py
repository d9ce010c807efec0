"""recog train and eval of a task in a file of the user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recog.frontend.tasks import get_task
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
    command = ["train", f"{found}/mine.py:Few", "--out", f"{found}/trained"]
    assert main([*command, "--json", f"{found}/scores.json"]) == 0
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
    trained = json.loads((folder / "scores.json").read_text())
    assert trained == {"task": "few", "scores": {"accuracy": pytest.approx(rows[0]["metric"])}}


def test_its_conversion_is_reported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Layers lose what `recog compare` measures on the same frames; the task draws them."""
    task, out = f"{folder}/mine.py:Few", tmp_path / "out"
    command = ["eval", task, "--out", f"{tmp_path}/eval", "--level", "float", "lns", "machine"]
    command += ["--checkpoint", f"{folder}/trained/few.safetensors", "--frames", "32"]
    assert main([*command, "--conversion", str(out), "--json", f"{tmp_path}/rows.json"]) == 0
    assert f"program: {out}/program.recog, IR and report beside it" in capsys.readouterr().out
    scored = json.loads((tmp_path / "rows.json").read_text())["rows"]
    record = json.loads((out / "report.json").read_text())
    assert record["network"] == "few digits"
    rows = {row["level"]: row for row in record["rows"]}
    assert list(rows) == ["float", "machine"], "the lns level of a task has dense weights"
    for each in scored:
        if each["level"] in rows:
            row = rows[each["level"]]
            assert (row["metric"], row["weight_bytes"]) == (each["metric"], each["weight_bytes"])
            assert (row["low"], row["high"]) == (each["low"], each["high"])
    assert [each.name for each in sorted(out.glob("*.mlir"))][:3] == [
        *("0-float.mlir", "1-folded.mlir", "2-tuned.mlir")
    ]
    pictures = record["pictures"]
    assert (pictures["of"], pictures["frames"], len(pictures["facts"])) == ("labels", 32, 3)

    assert main(["report", str(out), "--task", task, "--frames", "32"]) == 0
    again = json.loads((out / "report.json").read_text())
    assert again["pictures"] == pictures
    assert again["comparison"]["metric"] == "accuracy of few digits"
    images, labels = digits(32)
    np.savez(tmp_path / "frames.npz", inputs=images, targets=labels)
    compare = ["compare", f"{out}/0-float.mlir", str(out), "--data", f"{tmp_path}/frames.npz"]
    assert main([*compare, "--metric", "accuracy", "--json", f"{tmp_path}/layers.json"]) == 0
    wanted = json.loads((tmp_path / "layers.json").read_text())
    assert again["comparison"]["float_metric"] == pytest.approx(wanted["float_metric"])
    for ours, other in zip(again["comparison"]["rows"], wanted["rows"], strict=True):
        assert ours.keys() == other.keys()
        for key, value in other.items():
            assert ours[key] == (value if isinstance(value, str) else pytest.approx(value))

    check_comparison_by_task([*compare[:3], "--task", task], again["comparison"], tmp_path)
    assert main(["report", str(out), "--task", f"{folder}/mine.py:Broken"]) == 1
    assert "mine.py:18: IndexError" in capsys.readouterr().err
    assert main(["report", str(out), "--task", "stereo3d"]) == 1
    assert "2 images a frame, the network takes 1 input" in capsys.readouterr().err


def check_comparison_by_task(command: list[str], reported: dict[str, Any], folder: Path) -> None:
    """`recog compare --task` gives what the report has, in the order asked for."""
    command += ["--frames", "32", "--sort", "loss", "--resamples", "0"]
    assert main([*command, "--json", f"{folder}/sorted.json"]) == 0
    found = json.loads((folder / "sorted.json").read_text())
    assert found["metric"] == reported["metric"]
    losses = {row["layer"]: row["loss"] for row in reported["rows"]}
    assert {row["layer"]: row["loss"] for row in found["rows"]} == pytest.approx(losses)
    ordered = [row["loss"] for row in found["rows"]]
    assert ordered == sorted(ordered, reverse=True)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    data = get_task("classification").data("test", count)
    return data.inputs()[0], np.array(data.truths)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "classification", "--data", "x.npz"], "--task takes the place of --data and"),
        (["--task", "classification", "--metric", "accuracy"], "--task takes the place of --data"),
        (["--frames", "3"], "--frames has no effect without a --task"),
        (["--task", "classification", "--frames", "0"], "--frames: must be above 0"),
        (["--task", "nonesuch"], "invalid choice: 'nonesuch'"),
    ],
)
@pytest.mark.parametrize("command", [["report", "none"], ["compare", "none", "none"]])
def test_command_lines_that_make_no_sense(
    command: list[str], arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert main([*command, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_comparison_wants_frames(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "none", "none"]) == 2
    assert "wants frames: --data FILE, or the --task" in capsys.readouterr().err


def test_another_loss_is_tuned_anew(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Of a task that is edited meanwhile, the tuning before is none of its own."""
    file = tmp_path / "abc_edited.py"  # abc itself is Python's
    command = ["eval", f"{file}:Few", "--out", f"{tmp_path}/eval", "--frames", "16"]
    command += ["--checkpoint", f"{folder}/trained/few.safetensors", "--level", "float", "tuned"]
    loss = "\n\n    def loss(self, h, t):\n        return 0.5 * super().loss(h, t)\n"
    loss += "\n    def frame_parts(self, outputs, truths):\n        return None\n"
    other = TASK.replace("\n\n\nclass Broken", f"{loss}\n\nclass Broken")
    for text, tuned in ((TASK, True), (TASK, False), (other, True)):
        file.write_text(text)
        assert main(command) == 0
        out, error = capsys.readouterr()
        assert ("tune centroids" in error) is tuned
        assert ("tuned before, equally" in error) is not tuned
        assert ("lost, 95 %" in out) is (text is TASK)
        assert "lost" in out


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
        ("mine.py:None", "mine.py: has no class None"),
        ("mine.py:NoTask", "mine.py:NoTask: is NoTask, no task"),
        ("mine.py:fails", "mine.py:26: ValueError: not today"),
        ("none.py:Few", "none.py: no such file"),
        ("mine.py:Broken", "mine.py:18: IndexError: list index out of range"),
    ],
)
def test_what_is_refused(task: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    weights = ["--checkpoint", f"{folder}/trained/few.safetensors", "--level", "float"]
    given = [] if task in ("mine.py:Few", "mine.py:None") else weights
    assert main(["eval", f"{folder}/{task}", *given]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_checkpoint_that_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]):
    task = f"{folder}/mine.py:Few"
    weights = ["--checkpoint", f"{folder}/none.safetensors", "--level", "float"]
    assert main(["eval", task, *weights]) == 1
    assert f"hint: recog train {task} writes one" in capsys.readouterr().err
