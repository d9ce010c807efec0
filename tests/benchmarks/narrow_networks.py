"""The alternative to clustered weights: the tasks' networks made narrower, with dense codes.

    python tests/benchmarks/narrow_networks.py --only detection2d          # train it, if nobody has
    python tests/benchmarks/narrow_networks.py --only detection2d --width  # how wide it may be

A narrow network is of its task's family, of a width at which its program of one 8-bit code a weight
takes at least the bytes of the program at 29x, and trained as the wide one was: same frames, same
recipe, same seed. bench_compression.py scores it beside each row at 29x.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch

from recog.frontend.tasks.base import Task
from recog.frontend.tasks.classification import ClassificationTask
from recog.frontend.tasks.detection import Detection2dTask, DetectionNet
from recog.frontend.tasks.networks import digits_resnet
from recog.frontend.tasks.segmentation import SegmentationNet, SegmentationTask
from recog.frontend.tasks.stereo import Stereo3dTask, StereoNet

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKPOINTS = Path(__file__).resolve().parent / "narrow"
STEP = 0.25
"""Between two widths that are tried, in channels of the stem."""


class _NarrowClassification(ClassificationTask):
    def network(self) -> torch.nn.Module:
        return digits_resnet(WIDTHS[self.name])


class _NarrowDetection(Detection2dTask):
    def network(self) -> torch.nn.Module:
        return DetectionNet(width=WIDTHS[self.name])


class _NarrowSegmentation(SegmentationTask):
    def network(self) -> torch.nn.Module:
        return SegmentationNet(width=WIDTHS[self.name])


class _NarrowStereo(Stereo3dTask):
    def network(self) -> torch.nn.Module:
        return StereoNet(width=WIDTHS[self.name])


NARROW = {
    task.name: task
    for task in (_NarrowClassification, _NarrowDetection, _NarrowSegmentation, _NarrowStereo)
}
WIDTHS = {"classification": 17.75, "detection2d": 7.5, "segmentation": 8.75, "stereo3d": 8.75}
"""Channels of the stem; what `--width` finds."""


def narrow_task(name: str) -> Task:
    """The task, with a network of the width of `WIDTHS`."""
    return NARROW[name]()


def narrow_checkpoint(name: str) -> Path:
    """The file of its trained weights."""
    return CHECKPOINTS / f"{name}.safetensors"


def narrow_levels(name: str, scenes: str, engine: str) -> Any:
    """The levels of the narrow network, trained; its `lns` level is what counts."""
    from recog.tools.report.task_scores import task_levels

    task, path = narrow_task(name), str(narrow_checkpoint(name))
    return task_levels(task, path, scenes, ROOT / "build/compression", engine, shipped=False)


def program_bytes(levels: Any) -> int:
    """All that the program of dense codes stores for weights."""
    from recog.backend.machine import Machine

    return Machine(levels.dense.assemble()).weight_bytes


def width_for(name: str, wanted: int, scenes: str) -> float:
    """The narrowest width at which the program of dense codes takes at least so many bytes."""
    from recog.tools.report.task_frames import load_frames
    from recog.tools.report.task_levels import TaskLevels

    task = narrow_task(name)
    few = load_frames(task, "calibration", scenes, 8)

    @cache
    def size(steps: int) -> int:
        WIDTHS[name] = steps * STEP
        torch.manual_seed(0)
        network = task.network().eval()
        found = program_bytes(TaskLevels(task, network, lambda _: few, ROOT / "build/compression"))
        print(f"{name} {WIDTHS[name]:g} wide: {found:,} bytes", file=sys.stderr)
        return found

    steps = round(WIDTHS[name] / STEP)
    while size(steps) < wanted:
        steps += 1
    while size(steps - 1) >= wanted:
        steps -= 1
    return steps * STEP


def train_missing(name: str, scenes: str) -> None:
    """Train the narrow network as the wide one was, if nobody has; goes on where it was stopped."""
    if narrow_checkpoint(name).is_file():
        return
    from recog.backend.files import atomic_write
    from recog.frontend.tasks.training import Trainer
    from recog.tools.console import progress
    from recog.tools.report.task_frames import load_frames

    task = narrow_task(name)
    trainer = Trainer(task, load_frames(task, "train", scenes), ROOT / f"build/narrow/{name}")
    if trainer.state_path.is_file():
        trainer.resume()
    with progress(f"train {name}", trainer.total_steps) as advance:
        trainer.run(on_step=lambda done, total, loss: advance(1, f"loss {loss:.3f}"))
    CHECKPOINTS.mkdir(exist_ok=True)
    with atomic_write(narrow_checkpoint(name), "wb") as stream:
        stream.write(trainer.checkpoint_path.read_bytes())


def wide_bytes(name: str, scenes: str) -> int:
    """What the program of the clustered network takes at 29x, as it comes with the package."""
    from recog.frontend.tasks import get_task
    from recog.lowering.pipeline import Stage
    from recog.tools.report.task_scores import task_levels
    from recog.tools.report.task_tuning import tune_options

    task = get_task(name)
    options = tune_options(task, ratio=29.0)
    levels = task_levels(task, None, scenes, ROOT / "build/compression", "fast", options)
    return levels.weight_bytes(Stage.MACHINE)


def main() -> int:
    """Find widths, or train."""
    from recog.backend.threads import fixed_threads

    parser = argparse.ArgumentParser(description="Narrow networks of the perception tasks.")
    parser.add_argument("--only", nargs="+", choices=[*NARROW], metavar="TASK", default=[*NARROW])
    parser.add_argument("--width", action="store_true", help="say how wide, train nothing")
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"), help="rendered scenes")
    given = parser.parse_args()
    with fixed_threads(1):
        for name in given.only:
            if given.width:
                wanted = wide_bytes(name, given.scenes)
                print(f"{name}: {width_for(name, wanted, given.scenes):g} wide for {wanted:,}")
            else:
                train_missing(name, given.scenes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
