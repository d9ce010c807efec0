"""Score the four perception tasks at every level, from float network to machine.

    make bench-tasks
    python tests/benchmarks/bench_tasks.py --only stereo3d --frames 60

Networks and tuned centroids are those that ship with the package. `metric` is in percent, over
the held-out frames, and `interval` where the loss lies at 95 % (paired bootstrap over the frames);
`ratio` is the float weights' bytes over this level's; `frames_bit_exact` is on how many frames
every bit of every layer on the machine was that of the lns level.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
COLUMNS = {
    "task": "task",
    "level": "level",
    "metric_name": "metric",
    "metric": "%",
    "lost": "lost",
    "interval": "95 % interval",
    "weight_bytes": "weight bytes",
    "ratio": "ratio",
    "frames_bit_exact": "frames bit exact",
    "seconds": "s",
}


def main() -> int:
    from recog.backend.threads import fixed_threads
    from recog.frontend.tasks import TASK_NAMES
    from recog.tools.console import print_table

    arguments = _arguments(TASK_NAMES)
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with fixed_threads(arguments.threads):
        rows = _measured(arguments, out)
    cells = [[_cell(key, row[key]) for key in COLUMNS] for row in rows]
    title = "Perception tasks, held-out frames"
    print_table(title, list(COLUMNS.values()), cells, left=["level", "metric"])
    print(f"rows: {out}")
    return 0


def _measured(arguments: argparse.Namespace, out: Path) -> list[dict[str, Any]]:
    """The rows of all tasks, written after each of them."""
    from recog.frontend.tasks import TASK_NAMES, get_task
    from recog.lowering.pipeline.stages import TASK_LEVELS
    from recog.tools.report.task_frames import load_frames
    from recog.tools.report.task_scores import measure, task_levels

    rows: list[dict[str, Any]] = []
    for name in arguments.only or TASK_NAMES:
        print(f"{name}:", file=sys.stderr)
        task = get_task(name)
        levels = task_levels(task, None, arguments.scenes, ROOT / "build/eval", arguments.engine)
        test = load_frames(task, "test", arguments.scenes, arguments.frames)
        measured, _ = measure(levels, test, TASK_LEVELS, verify_frames=arguments.verify_frames)
        for row in measured:
            record = {k: getattr(row, k) for k in COLUMNS if k not in ("lost", "interval")}
            record["lost"] = measured[0].metric - row.metric
            record["interval"] = None if row.low is None else [row.low, row.high]
            rows.append({**record, "scores": row.scores, "frames": row.frames})
        out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    return rows


def _arguments(names: tuple[str, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score the perception tasks at every level.")
    parser.add_argument("--only", nargs="+", choices=names, metavar="TASK", help="these alone")
    parser.add_argument("--frames", type=int, help="the first so many held-out (default: all)")
    parser.add_argument(
        "--verify-frames", type=int, default=20, metavar="N", help="frames to compare bit by bit"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--engine", default="fast", help="of the lns level and the machine")
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"), help="rendered scenes")
    parser.add_argument("--out", default=str(ROOT / "build/bench/tasks.json"), help="JSON file")
    return parser.parse_args()


def _cell(key: str, value: Any) -> str:
    match key, value:
        case _, None:
            return ""
        case (("metric" | "lost"), _):
            return f"{value:.2f}"
        case "interval", _:
            return f"{value[0]:.2f} to {value[1]:.2f}"
        case "weight_bytes", _:
            return f"{value:,}"
        case "ratio", _:
            return f"{value:.1f}x"
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
