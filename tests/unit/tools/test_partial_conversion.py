"""Interrupted conversions: each goes on to the bytes of one that was not, or says why not."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
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
from recog.lowering.pipeline import Stage
from recog.lowering.pipeline.kept import KeptStage
from recog.tools import kept_tuning
from recog.tools.cli.main import main
from recog.tools.module_files import write_module
from recog.tools.partial_conversion import MANIFEST_NAME, TUNING_NAME, PartialConversion

OPTIONS = ("--epochs", "3", "--centroids", "4", "--scalar-centroids", "4", "--table-share", "100")
STAGES = [stage for stage in Stage if stage.is_ir]
FILES = {stage: stage.file_name(i) for i, stage in enumerate(STAGES)}
INTERRUPTED = 130


class Network(nn.Module):
    """With something for each stage: a batch norm, an uneven channel, an op of the host's."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1)
        self.c = nn.Conv2d(8, 4, 3)
        with torch.no_grad():
            self.a.weight[3] *= 2**-9
            self.a.bias[3:4] = 0  # pyright: ignore[reportOptionalSubscript]
            self.b.weight[:, 3] *= 2**9

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.b(torch.relu(self.norm(self.a(x))))
        return self.c(torch.sort(x, 1)[0]).flatten(1)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, its data, and what a conversion makes of them."""
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    write_module(import_torch(Network().eval(), torch.zeros(1, 1, 8, 8)), folder / "net.mlir")
    data = np.random.default_rng(0).normal(size=(64, 1, 8, 8)).astype(np.float32)
    np.savez(folder / "data.npz", inputs=data)
    np.savez(folder / "other.npz", inputs=data[::-1])
    assert convert(folder, folder, *OPTIONS) == 0
    assert sorted(os.listdir(folder)) == ["data.npz", "net.mlir", "other.npz", "out"]
    return folder


@pytest.fixture(autouse=True)
def _every_step_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_tuning, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(kept_tuning, "SAVE_SHARE", 0)


def convert(given: Path, into: Path, *options: str, data: str = "data.npz") -> int:
    network = str(given / "net.mlir")
    command = ["convert", network, "--data", str(given / data), "-o", str(into / "out")]
    return main([*command, *options])


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def interrupted(*, stage: object = None, step: object = None) -> Generator[None, None, None]:
    """Conversions end as by Ctrl-C after a stage, or after so many steps of tuning."""
    keep, tune = PartialConversion.keep, Tuner.step_in_parts

    def keep_and_stop(self: PartialConversion, finished: KeptStage) -> None:
        keep(self, finished)
        if finished.stage == stage:
            raise KeyboardInterrupt

    def stop_or_tune(self: Tuner, parts: Any) -> float:
        if self.done == step:
            raise KeyboardInterrupt
        return tune(self, parts)

    with (
        patch.object(PartialConversion, "keep", keep_and_stop),
        patch.object(Tuner, "step_in_parts", stop_or_tune),
    ):
        yield


@pytest.fixture(scope="module")
def kept(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The partial folder of a conversion that was interrupted at its end."""
    folder = tmp_path_factory.mktemp("kept")
    with interrupted(stage=Stage.LNS):
        assert convert(given, folder, *OPTIONS) == INTERRUPTED
    return folder / "out.partial"


@pytest.fixture(scope="module")
def tuning(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of one which was interrupted while it tuned."""
    folder = tmp_path_factory.mktemp("tuning")
    with interrupted(step=4), patch.multiple(kept_tuning, SAVE_SECONDS=0, SAVE_SHARE=0):
        assert convert(given, folder, *OPTIONS) == INTERRUPTED
    return folder / "out.partial"


def copied(partial: Path, folder: Path) -> Path:
    return Path(shutil.copytree(partial, folder / "out.partial"))


def test_from_every_stage_to_the_same_bytes(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """One conversion, interrupted after each of its stages and twice while it tunes."""
    places: list[tuple[str, Any]] = [("stage", stage) for stage in STAGES[1:]]
    tuned = places.index(("stage", Stage.TUNED))
    places[tuned:tuned] = [("step", 1), ("step", 4)]
    resume, before = list[str](), "float"
    for what, where in places:
        with interrupted(**{what: where}):
            assert convert(given, tmp_path, *OPTIONS, *resume) == INTERRUPTED
        said = capsys.readouterr().err
        assert os.listdir(tmp_path) == ["out.partial"]
        if resume:
            assert f"goes on after the stage {before}, kept in {tmp_path}/out.partial\n" in said
        line = said[said.index(f"kept in {tmp_path}/out.partial: folded") :].splitlines()[0]
        if what == "stage":
            before = str(where)
            assert f"{where}; the same command with --resume goes on from there" in line
        else:
            steps = f"{where} step{'' if where == 1 else 's'} of tuning"
            assert f"clustered, {steps}; the same command with --resume" in line
        resume = ["--resume"]
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    assert "goes on after the stage chip" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["out"]
    assert content(tmp_path / "out") == content(given / "out")


def test_the_plan_of_layouts_is_kept(given: Path, tmp_path: Path):
    """The report draws it."""
    options = ("--epochs", "1", "--ratio", "3.5", "--no-compare-recipes")
    (tmp_path / "whole").mkdir()
    assert convert(given, tmp_path / "whole", *options) == 0
    with interrupted(stage=Stage.TUNED):
        assert convert(given, tmp_path, *options) == INTERRUPTED
    assert convert(given, tmp_path, *options, "--resume") == 0
    assert "plan" in json.loads((tmp_path / "out/report.json").read_text())
    assert content(tmp_path / "out") == content(tmp_path / "whole/out")


def test_tuning_goes_on_after_its_last_step(
    tuning: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert TUNING_NAME in os.listdir(copied(tuning, tmp_path))
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    assert "goes on with tuning after step 4\n" in capsys.readouterr().err
    assert content(tmp_path / "out") == content(given / "out")


@pytest.mark.parametrize(
    ("options", "data", "after", "changed"),
    [
        (["--width", "7", "--weight-width", "8"], "data.npz", Stage.CLUSTERED, "calibrate"),
        (["--no-round-weights"], "data.npz", Stage.CALIBRATED, "round-weights"),
        (["--epochs", "1"], "data.npz", Stage.CLUSTERED, "tune-centroids"),
        ([], "other.npz", Stage.SPLIT, "data"),
        (["--no-balance"], "data.npz", Stage.SPLIT, "balance-ranges"),
    ],
    ids=["width", "rounding", "epochs", "data", "balance"],
)
def test_it_goes_on_after_the_last_stage_that_fits(
    options: list[str],
    data: str,
    after: Stage,
    changed: str,
    kept: Path,
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    partial = copied(kept, tmp_path)
    assert convert(given, tmp_path, *OPTIONS, *options, "--resume", data=data) == 0
    line = f"goes on after the stage {after}, kept in {partial}; {changed} has changed since\n"
    assert line in capsys.readouterr().err
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    assert convert(given, fresh, *OPTIONS, *options, data=data) == 0
    assert content(tmp_path / "out") == content(fresh / "out")


def test_what_is_refused_at_the_end_goes_on_with_another_chip(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert convert(given, tmp_path, *OPTIONS, "--weight-memory", "64") == 1
    said = capsys.readouterr().err
    assert f"kept in {tmp_path}/out.partial: folded, split, balanced, clustered, tuned" in said
    assert "; with --resume, a command whose options mend it goes on from there\n" in said
    assert "weight memory of 64 bytes" in said
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    assert "goes on after the stage tuned" in capsys.readouterr().err
    assert content(tmp_path / "out") == content(given / "out")


@pytest.mark.parametrize("options", [OPTIONS, ("--dense",)], ids=["tuned", "dense"])
def test_what_is_refused_before_it_took_long_leaves_nothing(
    options: tuple[str, ...], given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A tensor that no chip of this size holds, which needs no tuning to be seen."""
    assert convert(given, tmp_path, *options, "--activation-memory", "64") == 1
    said = capsys.readouterr().err
    assert "activation memory of 64 bytes is too small" in said
    assert "kept in" not in said
    assert os.listdir(tmp_path) == []


def test_another_network_is_refused(
    kept: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    partial = copied(kept, tmp_path)
    before = content(partial)
    torch.manual_seed(1)
    write_module(import_torch(Network().eval(), torch.zeros(1, 1, 8, 8)), tmp_path / "net.mlir")
    shutil.copy(given / "data.npz", tmp_path)
    assert convert(tmp_path, tmp_path, *OPTIONS, "--resume") == 1
    said = capsys.readouterr().err
    assert f"error: {partial}: is of another conversion: network has changed\n" in said
    assert content(partial) == before


def test_without_resume_it_is_replaced(
    kept: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    partial = copied(kept, tmp_path)
    (partial / "notes.txt").write_text("mine")
    assert convert(given, tmp_path, *OPTIONS) == 0
    assert f"note: replaces the unfinished conversion in {partial}\n" in capsys.readouterr().err
    assert content(tmp_path / "out") == content(given / "out")
    assert os.listdir(partial) == ["notes.txt"]
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 1
    said = capsys.readouterr().err
    assert f"error: {partial}: no conversion to resume\n  hint: start without --resume" in said


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip, cut, empty, Path.unlink])
def test_damaged_stages_are_made_anew(
    damage: Callable[[Path], None],
    tuning: Path,
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    partial = copied(tuning, tmp_path)
    damage(partial / FILES[Stage.FLOAT])
    damage(partial / FILES[Stage.BALANCED])
    damage(partial / TUNING_NAME)
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0
    said = capsys.readouterr().err
    assert f"note: {partial / FILES[Stage.BALANCED]} is damaged; it is made anew\n" in said
    assert "goes on after the stage split" in said
    if damage is not Path.unlink:
        assert f"note: {partial / TUNING_NAME} is damaged: its digest" in said
        assert "; tuning begins anew\n" in said
    assert content(tmp_path / "out") == content(given / "out")


def sign(manifest: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest and give it the right digest."""
    data = json.loads(manifest.read_text())["content"]
    change(data)
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    manifest.write_text(json.dumps({"digest": digest, "content": data}))


def test_a_damaged_manifest_is_refused(
    kept: Path, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    manifest = copied(kept, tmp_path) / MANIFEST_NAME
    whole = manifest.read_bytes()
    deep = b"[" * 100_000
    texts = (b"", b"{}", b"[]", b"null", b'{"content": 1}', whole[:-9], deep, b"\xff\xfe")
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda c: c.pop("stages"),
        lambda c: c["stages"].reverse(),
        lambda c: c["stages"].pop(0),
        lambda c: c["stages"][0].update(stage="../float"),
        lambda c: c["stages"][1].update(notes=[{"kind": 1}]),
        lambda c: c["parts"].append(7),
        lambda c: c.update(format=99),
        lambda c: c.update(stages=[]),
    ]
    for damage in (*texts, *changes):
        manifest.write_bytes(damage if isinstance(damage, bytes) else whole)
        if not isinstance(damage, bytes):
            sign(manifest, damage)
        assert convert(given, tmp_path, *OPTIONS, "--resume") == 1
        said = capsys.readouterr().err
        assert f"error: {manifest}: is damaged: " in said, damage
        assert "internal" not in said
    manifest.write_bytes(whole)
    assert convert(given, tmp_path, *OPTIONS, "--resume") == 0


def test_a_full_disk_does_not_end_a_tuning(
    given: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def full(path: Path, state: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("recog.backend.state_files.write_state", full)
    assert convert(given, tmp_path, *OPTIONS) == 0
    said = capsys.readouterr().err
    assert said.count("note: the state of the tuning cannot be kept: No space left") == 1
    assert content(tmp_path / "out") == content(given / "out")


def test_states_are_not_written_all_the_time(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """At most a 50th of the time goes into it, and nothing in the first seconds."""
    clock, writes = [0.0], list[float]()

    def write(path: Path, state: object) -> None:
        writes.append(clock[0])
        clock[0] += 2.0

    def tick(self: Tuner, parts: Any) -> float:
        clock[0] += 10.0
        return step(self, parts)

    step = Tuner.step_in_parts
    monkeypatch.undo()
    monkeypatch.setattr(Tuner, "step_in_parts", tick)
    monkeypatch.setattr("recog.backend.state_files.write_state", write)
    monkeypatch.setattr(kept_tuning.time, "monotonic", lambda: clock[0])
    assert convert(given, tmp_path, *OPTIONS, "--epochs", "10") == 0
    assert writes == [20.0, 122.0]
