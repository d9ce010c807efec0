"""Training and its files: equal seeds, interruptions, damage."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recog.backend.folders import held_folder
from recog.dialects.errors import RecogError
from recog.frontend.tasks import get_task
from recog.frontend.tasks.base import Task
from recog.frontend.tasks.checkpoints import load_checkpoint, save_checkpoint
from recog.frontend.tasks.networks import ResidualBlock
from recog.frontend.tasks.training import (
    STATE_NAME,
    WARM_UP,
    Step,
    Trainer,
    fastest_format,
    one_cycle,
)
from recog.tools.cli.main import main

FRAMES = 64


@pytest.fixture(scope="module")
def task() -> Task:
    return get_task("classification")


def trainer(task: Task, folder: Path, *, epochs: int = 3, seed: int = 5) -> Trainer:
    recipe = replace(task.recipe, epochs=epochs)
    return Trainer(task, task.data("train", FRAMES), folder, recipe=recipe, seed=seed)


def weights(path: Path) -> bytes:
    return path.read_bytes()


def test_equal_seeds_give_equal_weights_stopped_or_not(task: Task, tmp_path: Path):
    whole = trainer(task, tmp_path / "whole")
    assert whole.run()
    stopped = trainer(task, tmp_path / "stopped")

    def interrupt(done: int, total: int, loss: float) -> None:
        if done == stopped.steps + 1:  # in the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.run(on_step=interrupt)
    resumed = trainer(task, tmp_path / "stopped", seed=5)
    resumed.resume()
    assert resumed.done == 1
    assert resumed.run()
    assert weights(resumed.checkpoint_path) == weights(whole.checkpoint_path)
    other = trainer(task, tmp_path / "other", seed=6)
    other.run()
    assert weights(other.checkpoint_path) != weights(whole.checkpoint_path)


def test_an_interruption_in_the_first_epoch_can_be_resumed(task: Task, tmp_path: Path):
    first = trainer(task, tmp_path)

    def interrupt(done: int, total: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(on_step=interrupt)
    again = trainer(task, tmp_path)
    again.resume()
    assert again.done == 0


def test_time_is_kept(task: Task, tmp_path: Path):
    assert not trainer(task, tmp_path).run(minutes=1e-9)


def test_more_epochs_train_on(task: Task, tmp_path: Path):
    short = trainer(task, tmp_path, epochs=1)
    short.run()
    before = weights(short.checkpoint_path)
    longer = trainer(task, tmp_path, epochs=2)
    longer.resume()
    assert longer.done == 1
    assert longer.run()
    assert weights(longer.checkpoint_path) != before


@pytest.mark.parametrize("change", [{"seed": 6}, {"epochs": 1}], ids=["seed", "epochs"])
def test_other_trainings_are_not_resumed(task: Task, tmp_path: Path, change: dict[str, int]):
    started = trainer(task, tmp_path)
    started.done = 2
    started.save_state()
    with pytest.raises(RecogError, match=f"was started with {next(iter(change))}"):
        trainer(task, tmp_path, **change).resume()


def write_state(state: object, path: Path) -> None:
    """A file whose digest is right, whatever it holds."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())


def test_damaged_states_are_refused(task: Task, tmp_path: Path):
    started = trainer(task, tmp_path)
    with pytest.raises(RecogError, match="no training to resume"):
        started.resume()
    started.save_state()
    path = tmp_path / STATE_NAME
    whole = path.read_bytes()
    flipped = [bytearray(whole) for _ in range(3)]
    for content, place in zip(flipped, (0, len(whole) // 2, len(whole) - 1)):
        content[place] ^= 1
    for content in (b"", b"junk", whole[:2000], whole[: len(whole) // 2], *flipped):
        path.write_bytes(content)
        with pytest.raises(RecogError, match="is damaged") as error:
            started.resume()
        assert error.value.hint == "start without --resume"
    write_state([1, 2], path)
    with pytest.raises(RecogError, match="is no saved training"):
        started.resume()
    state = {"task": "classification", "seed": 5, "frames": FRAMES, "recipe": vars(started.recipe)}
    write_state(state, path)
    with pytest.raises(RecogError, match="is of another network"):
        started.resume()


def test_the_learning_rate_rises_and_falls():
    rates = [one_cycle(i / 100) for i in range(101)]
    peak = max(range(101), key=lambda i: rates[i])
    assert peak == round(100 * WARM_UP)
    assert rates == sorted(rates[: peak + 1]) + sorted(rates[peak + 1 :], reverse=True)
    assert rates[-1] == pytest.approx(0.001)
    assert rates[peak] == pytest.approx(1)


def test_checkpoints_keep_the_network(task: Task, tmp_path: Path):
    torch.manual_seed(1)
    network = task.network().eval()
    path = tmp_path / "net.safetensors"
    save_checkpoint(network, task.name, path)
    found = load_checkpoint(task, path)
    assert not found.training
    for (name, value), (_, other) in zip(network.state_dict().items(), found.state_dict().items()):
        if value.is_floating_point():
            torch.testing.assert_close(other, value, rtol=2**-11, atol=1e-7, msg=name)
    save_checkpoint(found, task.name, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_bad_checkpoints_are_refused(task: Task, tmp_path: Path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(RecogError, match="no such checkpoint"):
        load_checkpoint(task, path)
    save_checkpoint(task.network(), task.name, path)
    whole = path.read_bytes()
    for content in (b"", b"junk" * 9, whole[:100], whole[:-7], bytes(2000)):
        path.write_bytes(content)
        with pytest.raises(RecogError, match="is no checkpoint"):
            load_checkpoint(task, path)
    save_checkpoint(task.network(), "segmentation", path)
    with pytest.raises(RecogError, match="of the task segmentation, not of classification"):
        load_checkpoint(task, path)
    save_checkpoint(torch.nn.Linear(2, 3), task.name, path)
    with pytest.raises(RecogError, match="is of another network"):
        load_checkpoint(task, path)
    network = task.network()
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    save_checkpoint(network, task.name, path)
    with pytest.raises(RecogError, match="NaN or infinite"):
        load_checkpoint(task, path)


def test_a_changed_shape_is_refused(task: Task, tmp_path: Path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = tmp_path / "net.safetensors"
    save_checkpoint(task.network(), task.name, path)
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    tensors["fc.bias"] = torch.zeros(11)
    save_file(tensors, path, metadata)
    with pytest.raises(RecogError, match=r"fc.bias is \[11\], not \[10\]"):
        load_checkpoint(task, path)
    del tensors["fc.bias"]
    save_file(tensors, path, {"recog": "classification format 2"})
    with pytest.raises(RecogError, match="has format 2, not 1"):
        load_checkpoint(task, path)


def recog(*arguments: str) -> int:
    return main(["train", *arguments, "--threads", "1"])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "out"
    options = ("classification", "--out", str(folder), "--epochs", "2", "--frames", "128")
    assert recog(*options, "--minutes", "1e-9") == 0
    kept = f"0 of 2 epochs are done, kept in {folder}.partial; the same command with --resume"
    assert kept in capsys.readouterr().out
    assert os.listdir(tmp_path) == ["out.partial"]
    assert recog(*options, "--resume") == 0
    found = capsys.readouterr().out
    assert "epoch   2 of 2" in found
    assert "accuracy" in found
    assert "360 held-out frames" in found
    assert os.listdir(tmp_path) == ["out"]
    network = load_checkpoint(get_task("classification"), folder / "classification.safetensors")
    assert not network.training


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_is_of_one_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """A second one changes it when it is finished, whatever happens meanwhile."""
    folder = tmp_path / "out"
    options = ("classification", "--out", str(folder), "--frames", "128")
    assert recog(*options, "--epochs", "1") == 0
    (folder / "notes.txt").write_text("mine")
    before = content(folder)
    whole_epoch = Trainer._epoch

    def second_epoch_is_interrupted(self: Trainer, on_step: Step) -> float:
        if self.done == 1:
            with pytest.raises(RecogError, match="another process is writing"), held_folder(folder):
                pytest.fail("two hold the folder")
            raise KeyboardInterrupt
        return whole_epoch(self, on_step)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_epoch", second_epoch_is_interrupted)
        assert recog(*options, "--epochs", "2", "--seed", "1") == 130
        assert f"stopped in epoch 2, kept in {folder}.partial; the same command" in said(capsys)
        assert content(folder) == before
        assert recog(*options, "--epochs", "2", "--seed", "2") == 130
        assert f"note: replaces the unfinished training in {folder}.partial" in said(capsys)
    assert recog(*options, "--epochs", "2", "--seed", "1", "--resume") == 1
    assert "was started with seed 2, not 1" in said(capsys)
    assert content(folder) == before
    assert recog(*options, "--epochs", "2", "--seed", "2", "--resume") == 0
    assert os.listdir(tmp_path) == ["out"]
    after = content(folder)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] == before[name]] == ["notes.txt"]
    assert recog(*options, "--epochs", "3", "--seed", "2", "--resume") == 0
    assert "epoch   3 of 3" in capsys.readouterr().out


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--epochs", "0"], 2, "--epochs: must be above 0, got 0"),
        (["--minutes", "nan"], 2, "--minutes: must be above 0, got nan"),
        (["--seed", "-1"], 2, "--seed: must be from 0"),
        (["--resume"], 1, "no training to resume"),
    ],
    ids=json.dumps,
)
def test_bad_options(
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert recog("classification", "--out", str(tmp_path), "--frames", "64", *options) == code
    assert message in capsys.readouterr().err


def test_a_task_must_be_one_of_the_four(capsys: pytest.CaptureFixture[str]):
    assert recog("depth") == 2
    assert "stereo3d" in capsys.readouterr().err


@pytest.mark.parametrize(
    "channels, order", [(16, torch.channels_last), (15, torch.contiguous_format)]
)
def test_channels_come_last_where_torch_can_do_it(channels: int, order: torch.memory_format):
    assert fastest_format(ResidualBlock(channels, 32, 2)) is order
