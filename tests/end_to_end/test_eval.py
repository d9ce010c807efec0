"""`recog eval`: a task's network at every level, on few frames and briefly tuned."""

from __future__ import annotations

import gzip
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recog.backend.locks import locked
from recog.dialects.cluster import LookupOp
from recog.dialects.errors import RecogError
from recog.frontend.tasks import TASK_NAMES, get_task
from recog.frontend.tasks.checkpoints import load_checkpoint, save_checkpoint
from recog.frontend.tasks.classification import ClassificationTask
from recog.frontend.tasks.training import Trainer
from recog.lowering.cluster.tuner import Tuner
from recog.lowering.pipeline import ConversionOptions, Stage
from recog.lowering.pipeline.stages import TASK_LEVELS
from recog.tools import kept_tuning
from recog.tools.cli.main import main
from recog.tools.report import task_tuning
from recog.tools.report.task_levels import BUSY, TaskLevels
from recog.tools.report.task_tuning import load_tuned, save_tuned, tune_options, tuned_key

TASK = get_task("classification")
QUICK = ConversionOptions(centroids=32, epochs=4, batch=16, learning_rate=1e-2)


SHIPPED_RATIOS = [(name, ratio) for name in TASK_NAMES for ratio in (16.0, 40.0)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    recipe = replace(TASK.recipe, epochs=5)
    trainer = Trainer(TASK, TASK.data("train", 512), folder, recipe=recipe)
    trainer.run()
    return trainer.checkpoint_path


def levels_of(
    checkpoint: Path, folder: Path, frames: int = 128, options: ConversionOptions = QUICK
) -> TaskLevels:
    network = load_checkpoint(TASK, checkpoint)
    return TaskLevels(TASK, network, lambda split: TASK.data(split, frames), folder, options)


def test_levels(checkpoint: Path, tmp_path: Path):
    levels, test = levels_of(checkpoint, tmp_path), TASK.data("test", 40)
    outputs = {level: levels.predict(level, test)[0] for level in TASK_LEVELS}
    np.testing.assert_allclose(outputs[Stage.FOLDED], outputs[Stage.FLOAT], rtol=1e-3, atol=1e-3)
    sized = (Stage.FLOAT, Stage.LNS, Stage.CLUSTERED, Stage.MACHINE)
    sizes = [levels.weight_bytes(level) for level in sized]
    assert sizes == sorted(sizes, reverse=True)
    assert levels.frames_bit_exact(test, 20) == 20

    losses = {
        level: float(TASK.loss([torch.from_numpy(y)], test.targets(range(40))))
        for level, y in outputs.items()
    }
    assert losses[Stage.TUNED] < losses[Stage.CLUSTERED] - 0.1
    assert abs(losses[Stage.MACHINE] - losses[Stage.TUNED]) < 0.1

    # Pointers and codebooks are no longer those of k-means.
    pairs = zip(
        (op for op in levels.clustered.walk() if isinstance(op, LookupOp)),
        (op for op in levels.tuned.walk() if isinstance(op, LookupOp)),
    )
    moved = 0
    for before, after in pairs:
        moved += before.pointers.owner.value != after.pointers.owner.value  # pyright: ignore
        assert before.codebook.owner.value != after.codebook.owner.value  # pyright: ignore
    assert moved > 0


def test_a_tuned_network_is_kept_for_its_float_network_alone(checkpoint: Path, tmp_path: Path):
    levels = levels_of(checkpoint, tmp_path)
    kept = levels.tuned
    key = tuned_key(QUICK, levels.folded)
    again = levels_of(checkpoint, tmp_path)
    again.__dict__["frames"] = None  # no frames to tune on: it must come from the file
    assert str(again.tuned) == str(kept)

    longer = replace(QUICK, epochs=5)
    assert tuned_key(longer, levels.folded) != key
    assert load_tuned(levels.tuned_path, tuned_key(longer, levels.folded)) is None
    with torch.no_grad():
        next(levels.network.parameters())[0] += 1e-3
    assert tuned_key(QUICK, levels_of(checkpoint, tmp_path).folded) == key
    other = TaskLevels(TASK, levels.network, levels.frames, tmp_path, QUICK)
    assert tuned_key(QUICK, other.folded) != key

    levels.tuned_path.write_bytes(gzip.compress(b"nonsense")[:-9])
    with pytest.raises(RecogError, match="is damaged"):
        load_tuned(levels.tuned_path, key)


def test_layouts_of_a_tuned_network_are_not_chosen_again(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Choosing them takes longer than all the rest of an evaluation."""
    quick = {"epochs": 1, "compare_recipes": False, "carry_errors": False}
    options = replace(QUICK, centroids=256, ratio=20.0, **quick)
    levels = levels_of(checkpoint, tmp_path, 32, options)
    chosen, tuned = str(levels.clustered), str(levels.tuned)
    assert "cluster.layout" in tuned
    monkeypatch.setattr(task_tuning, "choose_layouts", lambda *_, **__: pytest.fail("chosen again"))
    assert str(levels_of(checkpoint, tmp_path, 32, options).clustered) == chosen != tuned


def test_parameters_of_a_loss_may_have_any_names(checkpoint: Path, tmp_path: Path):
    class Renamed(ClassificationTask):
        def loss(self, h: Any, t: Any) -> torch.Tensor:  # pyright: ignore
            return super().loss(h, t)

    levels = levels_of(checkpoint, tmp_path, 16, replace(QUICK, epochs=1))
    levels.task = Renamed()
    assert any(isinstance(op, LookupOp) for op in levels.tuned.walk())


@pytest.mark.parametrize("made", ["clustered", "dense"])
def test_an_op_of_the_host_is_named_before_any_work(made: str, checkpoint: Path, tmp_path: Path):
    levels = levels_of(checkpoint, tmp_path)
    levels.network = torch.nn.Sequential(levels.network, torch.nn.Softmax(1)).eval()
    levels.__dict__["frames"] = None
    with pytest.raises(RecogError, match=r"(?s)'nn.softmax' op .*does not run .* whole"):
        getattr(levels, made)


def test_a_ratio_is_kept_or_said_to_be_missed(checkpoint: Path, tmp_path: Path):
    quick = {"epochs": 1, "compare_recipes": False, "carry_errors": False}
    options = replace(QUICK, centroids=256, ratio=20.0, **quick)
    levels = levels_of(checkpoint, tmp_path, 32, options)
    float_bytes = levels.weight_bytes(Stage.FLOAT)
    assert levels.weight_bytes(Stage.MACHINE) <= float_bytes / 20
    other = levels_of(checkpoint, tmp_path, 32, replace(options, ratio=60.0))
    other.__dict__["tuned"] = levels.tuned
    with pytest.raises(RecogError, match=rf"of {int(float_bytes / 60):,} that they may take"):
        _ = other.conversion


def test_a_network_that_another_process_tunes_is_waited_for(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    levels = levels_of(checkpoint, tmp_path)
    key = tuned_key(QUICK, levels.folded)
    waits = levels_of(checkpoint, tmp_path)
    waits.__dict__["frames"] = None  # no frames to tune on: it must come from the other one
    with ThreadPoolExecutor(1) as pool:
        with locked(levels.lock_path, lambda: pytest.fail("nobody tunes")):
            found = pool.submit(lambda: waits.tuned)
            while BUSY not in capsys.readouterr().err:
                time.sleep(0.01)
            save_tuned(levels.clustered, key, levels.tuned_path)
        assert str(found.result()) == str(levels.clustered)
    assert os.listdir(tmp_path) == [levels.tuned_path.name]


@pytest.mark.parametrize("damaged", [False, True])
def test_an_interrupted_tuning_goes_on_to_the_same_network(
    damaged: bool,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    whole = str(levels_of(checkpoint, tmp_path / "whole").tuned)
    monkeypatch.setattr(kept_tuning, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(kept_tuning, "SAVE_SHARE", 0)
    step, levels = Tuner.step, levels_of(checkpoint, tmp_path)

    def step_or_stop(self: Tuner, *given: Any) -> float:
        if self.done == 11:  # amid an epoch of 8 steps
            raise KeyboardInterrupt
        return step(self, *given)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tuner, "step", step_or_stop)
        _ = levels.tuned
    assert levels.state_path.exists()
    if damaged:
        levels.state_path.write_bytes(levels.state_path.read_bytes()[:-5])
    assert str(levels_of(checkpoint, tmp_path).tuned) == whole
    said = capsys.readouterr().err
    assert ("tuning begins anew" if damaged else "goes on with tuning after step 11\n") in said
    assert not levels.state_path.exists()


@pytest.mark.parametrize(
    "name,ratio",
    [*((name, None) for name in TASK_NAMES), *SHIPPED_RATIOS],
)
def test_the_shipped_program_is_of_the_shipped_network(
    name: str, ratio: float | None, tmp_path: Path
):
    """Else `recog eval` would tune for half an hour."""
    task = get_task(name)
    options = tune_options(task, ratio=ratio)
    levels = TaskLevels(task, load_checkpoint(task), task.data, tmp_path, options)
    levels.__dict__["frames"] = None  # no frames to tune on
    assert any(isinstance(op, LookupOp) for op in levels.tuned.walk())


def test_the_command(checkpoint: Path, tmp_path: Path, capsys):
    table = tmp_path / "table.json"
    command = ["eval", "classification", "--checkpoint", str(checkpoint), "--frames", "24"]
    command += ["--level", "lns", "float", "--json", str(table), "--out", str(tmp_path)]
    assert main([*command, "--threads", "1"]) == 0
    rows = json.loads(table.read_text())["rows"]
    assert [row["level"] for row in rows] == ["float", "lns"]
    assert [rows[0]["metric_name"], rows[0]["frames"], rows[0]["ratio"]] == ["accuracy", 24, 1]
    assert rows[1]["ratio"] > 3.9
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments,code,text",
    [
        (["--frames", "0"], 2, "--frames: must be above 0"),
        (["--level", "none"], 2, "invalid choice"),
        (["--checkpoint", "{0}/none.safetensors"], 1, "no such checkpoint"),
        (["--checkpoint", "{0}/cut.safetensors"], 1, "is no checkpoint"),
        (["--checkpoint", "{0}/other.safetensors"], 1, "holds weights of the task segmentation"),
    ],
)
def test_bad_input(checkpoint: Path, tmp_path: Path, capsys, arguments, code, text):
    (tmp_path / "cut.safetensors").write_bytes(checkpoint.read_bytes()[:2000])
    segmentation = get_task("segmentation")
    save_checkpoint(segmentation.network(), "segmentation", tmp_path / "other.safetensors")
    filled = [argument.format(tmp_path) for argument in arguments]
    assert main(["eval", "classification", *filled, "--threads", "1"]) == code
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
