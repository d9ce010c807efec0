"""What networks cost on the described chips: time to compile, bytes, cycles, energy.

    make bench-chip

Writes build/bench/chip.json, a row for each network and chip, and prints a table. Each network is
converted in a process of its own, with clusters but without tuning, which changes no size. One that
does not fit says why (`reason`); one that ends without a row is `failed`, and so is the command.
`chain_8mp` and `skips_8mp` have a row for each of several sizes of activation memory, with what
Arm's Vela takes in as much (`chip_memories`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

TARGETS = ("recog-1", "recog-edge", "recog-large")
LIMIT_S = 3600.0
FRAMES = 4
"""That networks of their own size are clustered and calibrated on."""


def classifier(name: str) -> Any:
    """A network of `networks.py` with its example inputs."""
    from networks import NETWORKS

    return NETWORKS[name]()


def task(name: str, height: int = 0, width: int = 0) -> Any:
    """A task's trained network, on frames of its own, or on one of noise of another size."""
    import torch

    from recog.frontend.tasks import get_task
    from recog.frontend.tasks.checkpoints import load_checkpoint

    found = get_task(name)
    inputs = [torch.from_numpy(each) for each in found.data("calibration", FRAMES).inputs()]
    if height:
        torch.manual_seed(0)
        inputs = [torch.rand(1, *each.shape[1:-2], height, width) for each in inputs]
    return load_checkpoint(found), tuple(inputs)


NETWORKS: dict[str, Callable[[], Any]] = {
    "resnet50": partial(classifier, "resnet50"),
    "mobilenet_v2": partial(classifier, "mobilenet_v2"),
    "classification": partial(task, "classification"),
    "segmentation": partial(task, "segmentation"),
    "detection2d": partial(task, "detection2d"),
    "stereo3d": partial(task, "stereo3d"),
    "segmentation_8mp": partial(task, "segmentation", 2160, 3840),
    "stereo3d_8mp": partial(task, "stereo3d", 2160, 3840),
    "yolo_stereo": partial(classifier, "yolo_stereo"),
}
ON_ONE_CHIP = {"yolo_stereo"}
"""Of 59 million weights, whose clustering takes minutes for each chip."""
IN_MEMORIES = {"chain_8mp": "chain", "skips_8mp": "skips"}
"""Those of `cascade_networks`, which are measured in several sizes of memory of one chip."""


def main() -> int:
    every = [*NETWORKS, *IN_MEMORIES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=every, help="networks (default: all)")
    parser.add_argument("--targets", nargs="+", default=TARGETS, help="names or TOML files")
    parser.add_argument("--out", default="build/bench/chip.json")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    out = Path(arguments.out)
    if arguments.one is not None:
        out.write_text(json.dumps(_rows(*arguments.one)))
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name in arguments.only or every:
        on_one = name in IN_MEMORIES or name in ON_ONE_CHIP
        for target in arguments.targets[:1] if on_one else arguments.targets:
            found = _in_a_process(name, target, out.with_name(f".{out.name}.one"))
            print("\n".join(map(_line, found)), flush=True)
            rows += found
    out.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    failed = [f"{row['network']} on {row['target']}" for row in rows if "failed" in row]
    if failed:
        print(f"not measured: {', '.join(failed)}")
    return int(bool(failed))


def _rows(name: str, target: str) -> list[dict[str, Any]]:
    if name in IN_MEMORIES:
        from chip_memories import measured_memories

        return measured_memories(IN_MEMORIES[name])
    return [measured(name, target)]


def _in_a_process(name: str, target: str, file: Path) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--one", name, target, "--out", str(file)]
    row = {"network": name, "target": target}
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return [row | {"reason": f"took more than {LIMIT_S:.0f} s", "failed": True}]
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        said = run.stderr.strip().splitlines() or [f"ended with {run.returncode}"]
        # A process that was ended says why first, then where it was.
        reason = " ".join(said[:2]) if run.returncode < 0 else said[-1]
        return [row | {"reason": reason, "failed": True}]
    finally:
        file.unlink(missing_ok=True)


def measured(name: str, target: str) -> dict[str, Any]:
    """The row of a network on a chip."""
    from chip_figures import figures

    from recog.dialects.errors import RecogError
    from recog.frontend.torch.importer import import_torch
    from recog.lowering.pipeline import ConversionOptions, Stage, convert

    row: dict[str, Any] = {"network": name, "target": target}
    model, inputs = NETWORKS[name]()
    module = import_torch(model.eval(), tuple(each[:1] for each in inputs))
    options = ConversionOptions(tune=False, round_weights=False, target=target, iterations=10)
    ends: dict[str, float] = {}

    def report(stage: str, share: float) -> None:
        ends[stage] = time.perf_counter()

    start = time.perf_counter()
    try:
        arrays = [each.numpy() for each in inputs]
        conversion = convert(module, arrays, options=options, progress=report)
        content = conversion.assemble()
    except RecogError as error:
        return row | {"reason": " ".join(str(error).split())[:300]}
    total = time.perf_counter() - start
    clustering = _clustering(ends, start, Stage.CLUSTERED)
    return row | {"compile_s": round(total - clustering, 2)} | figures(content)


def _clustering(ends: dict[str, float], start: float, stage: str) -> float:
    """Seconds of a stage: from the end of the one before it."""
    if stage not in ends:
        return 0.0
    before = [end for name, end in ends.items() if name != stage and end <= ends[stage]]
    return ends[stage] - max(before, default=start)


def _line(row: dict[str, Any]) -> str:
    head = f"{row['network']:<18} {row['target']:<12}"
    if "reason" in row:
        return f"{head} {row['reason'][:110]}"
    energy = ", ".join(f"{each * 1e-9:.3f}" for each in row["energy_pj"].values())
    peer = f", {row['peer']} {_times(row, 'peer_dram_bytes')}" if row.get("peer") else ""
    return (
        f"{head} {row['ms']:9.3f} ms {row['fps']:9.1f} fps {100 * row['utilisation']:5.1f} % of "
        f"the array, DRAM {_times(row, 'dram_bytes')}, {energy} mJ, {row['compile_s']:.1f} s{peer}"
    )


def _times(row: dict[str, Any], name: str) -> str:
    return f"{row[name] / row['dram_compulsory']:.2f}x"


if __name__ == "__main__":
    sys.exit(main())
