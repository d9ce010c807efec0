"""Bring large networks into as many bytes as one was asked for, and say how long that takes.

    make bench-budgets
    python tests/benchmarks/bench_budgets.py --only resnet50 --budget 5MB

ResNet-50 in 3.5 MB, and a stereo detector of 59 million parameters in 8.2 MB, which is what the
published system made of its own. Weights are random (`networks.py`), so that this measures bytes
and seconds, not what networks keep. Layouts are chosen on `--frames` frames and clustered in
`--jobs` processes, and nothing is tuned; `program_bytes` are those of the weights in the program
file. Exit code 1 if a program or its clustering takes more than it may.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from networks import NETWORKS, frames_like

from recog.backend.machine import Machine
from recog.backend.threads import fixed_threads
from recog.frontend.torch.importer import import_torch
from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass
from recog.lowering.cluster.cluster_weights import ClusterWeightsPass
from recog.lowering.pipeline import ConversionOptions, convert, weight_bytes
from recog.tools.console import print_table

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = 1 << 30
"""Bytes of each memory of the benchmark's chip, which holds every network whole."""
COLUMNS = {
    "network": "network",
    "parameters": "parameters",
    "float_bytes": "float bytes",
    "budget": "budget",
    "program_bytes": "program bytes",
    "ratio": "ratio",
    "choose_s": "choosing s",
    "cluster_s": "clustering s",
    "convert_s": "all s",
}


@dataclass(frozen=True)
class Goal:
    """What a network may take."""

    budget: str
    seconds: float
    """For choosing layouts and clustering."""


GOALS = {"resnet50": Goal("3.5MB", 300), "yolo_stereo": Goal("8.2MB", 600)}


class PassTimes(logging.Handler):
    """The seconds of each pass of a conversion, which it logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what `timed` says of a pass: its name and seconds."""
        if isinstance(record.args, tuple) and len(record.args) == 2:
            name, seconds = record.args
            self.seconds[str(name)] = float(str(seconds))


def main() -> int:
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with fixed_threads(arguments.threads):
            rows.append(_measure(name, arguments))
        out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    cells = [[_cell(row[key]) for key in COLUMNS] for row in rows]
    print_table("Budgets of bytes", list(COLUMNS.values()), cells)
    print(f"rows: {out}")
    return 0 if all(row["met"] for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(GOALS), metavar="NAME")
    parser.add_argument("--budget", help="bytes, for example 5MB, in place of the networks' own")
    parser.add_argument("--frames", type=int, default=8, help="calibration frames")
    parser.add_argument("--jobs", type=int, default=2, help="processes that cluster")
    parser.add_argument("--threads", type=int, default=2, help="of everything else")
    default = ROOT / "build/bench/budgets.json"
    parser.add_argument("--out", default=str(default), help="JSON file to write")
    arguments = parser.parse_args()
    if arguments.budget is None and (missing := set(arguments.only) - set(GOALS)):
        parser.error(f"--budget is needed for {', '.join(sorted(missing))}")
    return arguments


def _measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    network, inputs = NETWORKS[name]()
    frames = [x.numpy() for x in frames_like(inputs, range(arguments.frames))]
    module = import_torch(network, inputs)
    budget = arguments.budget or GOALS[name].budget
    options = ConversionOptions(
        budget=budget,
        tune=False,
        jobs=arguments.jobs,
        activation_memory=MEMORY,
        weight_memory=MEMORY,
    )
    times, start = PassTimes(), time.perf_counter()
    logger = logging.getLogger("recog")
    logger.addHandler(times)
    logger.setLevel(logging.DEBUG)
    conversion = convert(module, frames, options=options)
    converted = time.perf_counter() - start
    logger.removeHandler(times)
    machine = Machine(conversion.assemble())
    given = weight_bytes(module)
    chosen = times.seconds[ChooseLayoutsPass.name]
    clustered = times.seconds[ClusterWeightsPass.name]
    allowed = options.budget_bytes(given)
    met = allowed is not None and machine.weight_bytes <= allowed
    within = name not in GOALS or chosen + clustered <= GOALS[name].seconds
    return {
        "network": name,
        "parameters": sum(each.numel() for each in network.parameters()),
        "float_bytes": given,
        "budget": budget,
        "program_bytes": machine.weight_bytes,
        "ratio": round(given / machine.weight_bytes, 2),
        "choose_s": round(chosen, 1),
        "cluster_s": round(clustered, 1),
        "convert_s": round(converted, 1),
        "met": met and within,
    }


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.exit(main())
