"""Score the four perception tasks compressed to a ratio, from float network to machine.

    make bench-compression          # networks that come with the package, or were tuned before
    make bench-compression TUNE=1   # tune them, one after another, as `recog eval --ratio` does
    make bench-compression TUNE=1 SHIP=1   # and put them into the package, or beside this file
    python tests/benchmarks/bench_compression.py --only detection2d --ratios 29 --frames 320

One row a task, ratio and seed: `metric_float`, `metric_before` tuning (clusters in float, on the
first `--before-frames`, null for 0), `metric_after` (the program on the machine), all in percent on
held-out frames; `low` to `high` is the 95 % interval of the loss by a paired bootstrap over these;
`ratio` is the float weights' bytes over `packed_bytes`, all that the program stores for weights;
`minutes` are of clustering and tuning, of this process' own time, where this run did it. Rows at
29x and of seed 0 have beside them what a narrower network of at least these bytes keeps, with dense
codes (`narrow_networks.py`, trained with `--tune`): `narrow_metric`, `narrow_bytes`, `narrow_low`
and `narrow_high`, null where nobody has trained it. `missing` lists those that nobody has tuned
yet. Rows stay in the file from run to run, and those that are there for as many frames are not
measured again while their network and settings (`key`) stay, so a run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from recog.frontend.tasks.base import TaskData
    from recog.tools.report.task_levels import TaskLevels

ROOT = Path(__file__).resolve().parent.parent.parent
TUNED_HERE = Path(__file__).resolve().parent / "tuned"
"""Networks of other ratios and seeds than those that come with the package."""
RATIOS = (16.0, 29.0, 40.0)
SEEDS = {29.0: (0, 1, 2)}
"""Of a ratio, where not only the first."""
NARROW_BESIDE = 29.0
NARROW_COLUMNS = ("narrow_metric", "narrow_bytes", "narrow_low", "narrow_high")
FRAMES = 2000
BEFORE_FRAMES = 320
COLUMNS = {
    "task": "task",
    "target_ratio": "asked",
    "seed": "seed",
    "ratio": "ratio",
    "metric_float": "float %",
    "metric_before": "untuned %",
    "metric_after": "machine %",
    "lost": "lost",
    "interval": "95 % interval",
    "packed_bytes": "bytes",
    "minutes": "min",
    "narrow_metric": "narrow %",
    "narrow_bytes": "narrow bytes",
}


class Measured:
    """A task's held-out frames and what the float network makes of them."""

    def __init__(self, name: str, arguments: argparse.Namespace):
        from recog.frontend.tasks import get_task
        from recog.tools.report.task_frames import load_frames

        self.task, self.arguments = get_task(name), arguments
        self.test: TaskData = load_frames(self.task, "test", arguments.scenes, arguments.frames)

    @cached_property
    def float_outputs(self) -> list[np.ndarray]:
        from recog.lowering.pipeline import Stage

        return self.levels(None, 0).predict(Stage.FLOAT, self.test)

    def levels(self, ratio: float | None, seed: int) -> TaskLevels:
        """The task's network with this ratio and seed."""
        from recog.tools.report.task_scores import task_levels
        from recog.tools.report.task_tuning import load_tuned, tune_options

        a = self.arguments
        options = tune_options(self.task, ratio=ratio, seed=seed, epochs=a.tune_epochs)
        levels = task_levels(
            *(self.task, a.checkpoint, a.scenes, Path(a.networks), a.engine),
            options,
            shipped=not a.tune,
        )
        kept, path = TUNED_HERE / levels.tuned_path.name, levels.tuned_path
        if not a.tune and kept.is_file() and load_tuned(path, levels.key) is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(kept, path)
        return levels

    def ship(self, levels: TaskLevels) -> None:
        """Copy the network that was tuned here to where it is looked for."""
        from recog.tools.report.task_tuning import load_tuned, shipped_tuned

        if load_tuned(levels.tuned_path, levels.key) is None:
            return
        here = TUNED_HERE / levels.tuned_path.name
        kept = here if levels.options.seed else shipped_tuned(self.task.name, levels.options)
        kept.parent.mkdir(exist_ok=True)
        if not kept.exists() or not kept.samefile(levels.tuned_path):
            print(f"shipped: {shutil.copy(levels.tuned_path, kept)}")

    def row(self, levels: TaskLevels, ratio: float, seed: int) -> dict[str, Any] | None:
        """Measure one row; None where nobody has tuned the network."""
        from recog.lowering.pipeline import Stage
        from recog.tools.report.task_scores import loss_interval

        minutes = None
        if levels.tuned_before is None:
            if not self.arguments.tune:
                return None
            start = time.process_time()
            _ = levels.tuned
            minutes = (time.process_time() - start) / 60
        after = levels.predict(Stage.MACHINE, self.test)
        low, high = loss_interval(self.task, self.test.truths, self.float_outputs, after)
        return {
            "task": self.task.name,
            "target_ratio": ratio,
            "seed": seed,
            "key": levels.key,
            "ratio": levels.weight_bytes(Stage.FLOAT) / levels.weight_bytes(Stage.MACHINE),
            "metric": self.task.metric_name,
            "metric_float": self._score(self.float_outputs),
            "metric_before": self._before(levels),
            "metric_after": self._score(after),
            "low": low,
            "high": high,
            "packed_bytes": levels.weight_bytes(Stage.MACHINE),
            "minutes": minutes,
            "frames": len(self.test),
            **self._narrow(ratio, seed),
        }

    def lacks_narrow(self, row: dict[str, Any]) -> bool:
        """Whether a row was measured before its narrower network was trained."""
        import narrow_networks as narrow

        beside = (row["target_ratio"], row["seed"]) == (NARROW_BESIDE, 0)
        trained = narrow.narrow_checkpoint(self.task.name).is_file()
        return beside and trained and row.get("narrow_metric") is None

    def _narrow(self, ratio: float, seed: int) -> dict[str, Any]:
        """What a narrower network of the same bytes keeps, with one code a weight."""
        import narrow_networks as narrow

        from recog.lowering.pipeline import Stage
        from recog.tools.report.task_scores import loss_interval

        name, a = self.task.name, self.arguments
        if (ratio, seed) == (NARROW_BESIDE, 0) and a.tune:
            narrow.train_missing(name, a.scenes)
        if (ratio, seed) != (NARROW_BESIDE, 0) or not narrow.narrow_checkpoint(name).is_file():
            return dict.fromkeys(NARROW_COLUMNS)
        levels = narrow.narrow_levels(name, a.scenes, a.engine)
        outputs = levels.predict(Stage.LNS, self.test)
        truths = self.test.truths
        low, high = loss_interval(self.task, truths, self.float_outputs, outputs)
        size = narrow.program_bytes(levels)
        return dict(zip(NARROW_COLUMNS, (self._score(outputs), size, low, high)))

    def _score(self, outputs: Sequence[np.ndarray]) -> float:
        return self.task.metric(outputs, self.test.truths)[self.task.metric_name]

    def _before(self, levels: TaskLevels) -> float | None:
        from recog.lowering.pipeline import Stage
        from recog.tools.report.task_frames import load_frames

        a = self.arguments
        if not a.before_frames:
            return None
        few = load_frames(self.task, "test", a.scenes, min(a.before_frames, len(self.test)))
        outputs = levels.predict(Stage.CLUSTERED, few)
        return self.task.metric(outputs, few.truths)[self.task.metric_name]


def main(given: Sequence[str] | None = None) -> int:
    """Measure the rows that are asked for; print all that the file holds."""
    from recog.backend.threads import fixed_threads
    from recog.frontend.tasks import TASK_NAMES
    from recog.tools.console import print_table

    arguments = _arguments(TASK_NAMES, given)
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with fixed_threads(arguments.threads):
        rows, missing = _measured(arguments, out)
    cells = [[_cell(key, row) for key in COLUMNS] for row in rows]
    print_table("Compressed perception tasks, held-out frames", list(COLUMNS.values()), cells)
    for each in missing:
        print(f"not tuned yet: {each} (make bench-compression TUNE=1)")
    print(f"rows: {out}")
    return 0


def _measured(a: argparse.Namespace, out: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All rows of the file, written after each new one, and what could not be measured."""
    from recog.backend.files import atomic_write

    rows: list[dict[str, Any]] = json.loads(out.read_text())["rows"] if out.is_file() else []
    missing: list[str] = []
    for name in a.only:
        measured = Measured(name, a)
        for ratio in a.ratios:
            for seed in a.seeds if a.seeds is not None else SEEDS.get(ratio, (0,)):
                levels = measured.levels(ratio, seed)
                key = {"task": name, "target_ratio": ratio, "seed": seed}
                same = {**key, "frames": len(measured.test), "key": levels.key}
                found = [row for row in rows if same.items() <= row.items()]
                if not found or measured.lacks_narrow(found[0]):
                    print(f"{name} {ratio:g}x seed {seed}:", file=sys.stderr)
                    row = measured.row(levels, ratio, seed)
                    if row is None:
                        missing.append(f"{name} {ratio:g}x seed {seed}")
                        continue
                    rows = [each for each in rows if not key.items() <= each.items()] + [row]
                    rows.sort(key=lambda each: (each["task"], each["target_ratio"], each["seed"]))
                    with atomic_write(out, "w") as stream:
                        stream.write(json.dumps({"rows": rows}, indent=1) + "\n")
                if a.ship:
                    measured.ship(levels)
    return rows, missing


def _arguments(names: tuple[str, ...], given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score compressed perception tasks.")
    parser.add_argument("--only", nargs="+", choices=names, metavar="TASK", default=list(names))
    parser.add_argument("--ratios", nargs="+", type=float, metavar="R", default=list(RATIOS))
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="0, at 29x 0 to 2 too")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"held out ({FRAMES})")
    parser.add_argument("--before-frames", type=int, default=BEFORE_FRAMES)
    parser.add_argument("--tune", action="store_true", help="tune, whatever the package has")
    parser.add_argument("--tune-epochs", type=int, metavar="N", help="in place of the recipe's")
    parser.add_argument(
        "--ship",
        action="store_true",
        help="put the networks of --networks where they come from: of seed 0 into the package",
    )
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="of one task, in place of the package's"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--engine", default="fast", help="of the machine")
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"), help="rendered scenes")
    parser.add_argument(
        "--networks", default=str(ROOT / "build/compression"), help="networks that are tuned here"
    )
    parser.add_argument("--out", default=str(ROOT / "build/bench/compression.json"))
    found = parser.parse_args(given)
    if found.ship and (found.checkpoint or found.tune_epochs is not None):
        parser.error("--ship takes networks of the shipped weights and recipes alone")
    return found


def _cell(key: str, row: dict[str, Any]) -> str:
    match key:
        case "lost":
            return f"{row['metric_float'] - row['metric_after']:.2f}"
        case "interval":
            return f"{row['low']:.2f} to {row['high']:.2f}"
        case "target_ratio":
            return f"{row[key]:g}x"
        case "ratio":
            return f"{row[key]:.1f}x"
        case _ if row.get(key) is None:  # rows of before a column was there lack it
            return ""
        case "packed_bytes" | "narrow_bytes":
            return f"{row[key]:,}"
        case _:
            return f"{row[key]:.2f}" if isinstance(row[key], float) else str(row[key])


if __name__ == "__main__":
    sys.exit(main())
