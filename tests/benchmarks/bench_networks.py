"""Import, fold and convert every network of `networks.py`, and hold each step against eager.

    make bench-networks
    python tests/benchmarks/bench_networks.py --only resnet50 unet

Every network runs in a process of its own; what one cannot do is written in its `reason` and
stops no other. Differences are the largest over all outputs, relative to each output's largest
value; after folding, a detector's decode takes the decisions (which score is a peak, which are
the largest) of the run before. `sqnr_db` compares
what the chip's part returns with the float network's values there, on other frames than those that
it was calibrated with; `sqnr_plain_db` is that of 8 bits everywhere, each weight rounded to the
nearest code, of the same frames.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MEMORY = 1 << 30
"""Bytes of each memory of the benchmark's chip, which holds every network whole."""
CALIBRATION, HELD_OUT = 8, 2
"""Frames that networks are calibrated with, and on which they are then scored."""
PLAIN: dict[str, Any] = {"extra_traffic": 0.0, "extra_weights": 0.0, "round_weights": False}
"""Options of a conversion with 8 bits everywhere, each weight rounded by itself."""


def main() -> int:
    arguments = _arguments()
    if arguments.one is not None:
        row = SavedRow(Path(arguments.out))
        row["network"] = arguments.one
        try:
            _measure(row, arguments.no_chip)
        except Exception as error:
            row["reason"] = _first_line(error)
            if os.environ.get("RECOG_DEBUG"):
                traceback.print_exc()
        return 0
    from networks import NETWORKS

    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    names = arguments.only or list(NETWORKS)
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        print(f"no network {', '.join(unknown)}; there are: {', '.join(NETWORKS)}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(names, 1):
        print(f"[{i}/{len(names)}] {name} ...", end=" ", file=sys.stderr, flush=True)
        start = time.perf_counter()
        rows.append(_in_a_process(name, arguments, out.parent / f".{name}.json"))
        seconds = time.perf_counter() - start
        print(f"{seconds:.0f} s  {rows[-1].get('reason') or ''}", file=sys.stderr, flush=True)
        out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    _print(rows)
    print(f"rows: {out}")
    return 0 if all("max_diff_folded" in row for row in rows) else 1


class SavedRow(dict[str, Any]):
    """A row that is in its file as soon as it is measured, should the process be ended."""

    def __init__(self, path: Path):
        super().__init__()
        self._path = path

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._path.write_text(json.dumps(self))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bring every network of the list to the chip.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these networks alone")
    parser.add_argument("--no-chip", action="store_true", help="import and fold alone")
    parser.add_argument("--limit", type=float, default=1800, help="seconds a network may take")
    default = ROOT / "build/bench/networks.json"
    parser.add_argument("--out", default=str(default), help="JSON file to write")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(name: str, arguments: argparse.Namespace, file: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", name, "--out", str(file)]
    command += ["--no-chip"] if arguments.no_chip else []
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=arguments.limit, check=False
        )
        if os.environ.get("RECOG_DEBUG"):
            print(run.stderr, file=sys.stderr)
        return _row_of(run, name, file)
    except subprocess.TimeoutExpired:
        row = json.loads(file.read_text()) if file.exists() else {"network": name}
        return row | {"reason": f"took more than {arguments.limit:.0f} s"}
    finally:
        file.unlink(missing_ok=True)


def _row_of(run: subprocess.CompletedProcess[str], name: str, file: Path) -> dict[str, Any]:
    """What the process wrote, or how it ended without writing."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        return {"network": name, "reason": f"exit code {run.returncode}: {last}"}


def _first_line(error: Exception) -> str:
    text = str(error).splitlines() or [type(error).__name__]
    return " ".join(line.strip() for line in text[:2])[:300]


def _measure(row: dict[str, Any], no_chip: bool) -> None:
    """Fill the row step by step, so that a failure leaves what was measured before it."""
    import torch
    from networks import NETWORKS, frames_like
    from torch.utils._pytree import tree_leaves

    from recog.dialects import nn
    from recog.frontend.torch.importer import import_exported
    from recog.lowering.pipeline import fold_network
    from recog.tools.report.batch_norms import kept_norms, norm_places, reason_kept

    model, inputs = NETWORKS[row["network"]]()
    with torch.no_grad():
        expected = [leaf.numpy() for leaf in tree_leaves(model(*inputs))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        program = torch.export.export(model, inputs)
        row["export_s"] = round(time.perf_counter() - start, 2)
    start = time.perf_counter()
    module = import_exported(program)
    row["import_s"] = round(time.perf_counter() - start, 2)
    del program, model
    gc.collect()
    row["ops"] = sum(isinstance(op, nn.NnOp) for op in module.walk())
    before = norm_places(module)
    row["bn_total"] = len(before)
    row["max_diff_import"] = _difference(_run(module, inputs), expected)
    decisions: list[Any] = []
    _run(module, inputs, lambda op, results: decisions.extend(_decided(op, results)))
    start = time.perf_counter()
    fold_network(module)
    row["fold_s"] = round(time.perf_counter() - start, 2)
    kept = kept_norms(module, before)
    row["bn_folded"] = row["bn_total"] - len(kept)
    row["kept_because"] = sorted({reason_kept(op) for op in kept})
    folded = _run(module, inputs, _decide_as(decisions))
    row["max_diff_folded"] = _difference(folded, expected)
    if not no_chip:
        frames, others = (
            [x.numpy() for x in frames_like(inputs, range(first, first + count))]
            for first, count in ((0, CALIBRATION), (CALIBRATION, HELD_OUT))
        )
        _to_the_chip(row, module, frames, others)


def _run(module: Any, inputs: Any, observe: Any = None) -> list[Any]:
    import torch

    from recog.backend.interpreters.nn_runner import run_nn

    with torch.no_grad():
        return [value.numpy() for value in run_nn(module, *inputs, observe=observe)]


def _decided(op: Any, results: Any) -> list[Any]:
    """What a decoder decided: which elements are equal, which are the largest."""
    from recog.dialects import nn

    decides = isinstance(op, (nn.ArgmaxOp, nn.CompareOp, nn.TopkIndicesOp))
    return [value.clone() for value in results] if decides else []


def _decide_as(decisions: list[Any]) -> Any:
    """An observer that puts the decisions of another run in place of this run's.

    Values that are equal but for a rounding may be decided either way, and everything after a
    different decision differs.
    """
    left = iter(decisions)

    def observe(op: Any, results: Any) -> None:
        for value, _ in zip(results, _decided(op, results)):
            value.copy_(next(left))

    return observe


def _difference(found: list[Any], expected: list[Any]) -> float:
    """The largest difference of any output, relative to that output's largest value."""
    import numpy as np

    return max(
        float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(b).max(), 1e-30))
        for a, b in zip(found, expected, strict=True)
    )


def _to_the_chip(row: dict[str, Any], module: Any, frames: list[Any], others: list[Any]) -> None:
    from recog.backend.machine import Machine
    from recog.backend.split_network import HostPlan
    from recog.dialects import nn
    from recog.dialects.errors import RecogError
    from recog.lowering.partition.partition import STAYS_BECAUSE
    from recog.lowering.pipeline import ConversionOptions, convert
    from recog.tools.report.compare_bits import compare_bits

    options = ConversionOptions(cluster=False, activation_memory=MEMORY, weight_memory=MEMORY)
    start = time.perf_counter()
    conversion = convert(module, frames, options=options)
    row["convert_s"] = round(time.perf_counter() - start, 2)
    host = [] if conversion.host_part is None else list(conversion.host_part.walk())
    reasons = [op.attributes[STAYS_BECAUSE].data for op in host if STAYS_BECAUSE in op.attributes]  # pyright: ignore
    row["chip_ops"] = sum(isinstance(op, nn.NnOp) for op in conversion.float_module.walk())
    row["host_ops"] = sum(isinstance(op, nn.NnOp) for op in host)
    row["host_because"] = dict(Counter(reasons).most_common())
    if reasons:
        row["reason"] = f"split: {reasons[0]}"
    machine = Machine(conversion.assemble())
    row["weight_bytes"] = machine.weight_bytes

    def run(*frames: Any, observe: Any = None) -> Any:
        start = time.perf_counter()
        outputs = plain_run(*frames, observe=observe)
        row["machine_s"] = round(time.perf_counter() - start, 2)
        return outputs

    plain_run, machine.run = machine.run, run
    calls = 0 if conversion.host_part is None else len(HostPlan.of(conversion.host_part).calls)
    row["host_calls"] = calls
    inputs = list(conversion.chip_inputs([x[:1] for x in frames]))
    try:
        row["codes_compared"] = compare_bits(
            conversion.lns_module, conversion.chip_module, machine, inputs
        ).elements
        row["bit_exact"] = True
    except RecogError:
        row["bit_exact"] = False
        raise
    row["sqnr_db"] = _least_sqnr(conversion, plain_run, others)
    plain = convert(module, frames, options=replace(options, **PLAIN))
    row["sqnr_plain_db"] = _least_sqnr(plain, Machine(plain.assemble()).run, others)


def _least_sqnr(conversion: Any, run: Any, frames: list[Any]) -> float:
    """The SQNR of the worst output beside what the float network gives there, in dB."""
    from recog.lowering.check.compare_layers import sqnr_db
    from recog.lowering.pipeline import module_outputs

    inputs = list(conversion.chip_inputs(frames))
    outputs = run(*inputs)
    found = outputs if isinstance(outputs, tuple) else (outputs,)
    wanted = module_outputs(conversion.float_module, inputs)
    return round(min(sqnr_db(a, b) for a, b in zip(wanted, found, strict=True)), 2)


COLUMNS = {
    "network": "network",
    "ops": "ops",
    "export_s": "export s",
    "import_s": "import s",
    "bn_total": "BN",
    "bn_folded": "folded",
    "max_diff_import": "diff import",
    "max_diff_folded": "diff folded",
    "chip_ops": "on chip",
    "host_ops": "on host",
    "host_calls": "calls",
    "sqnr_db": "SQNR dB",
    "sqnr_plain_db": "plain dB",
    "machine_s": "machine s",
    "bit_exact": "bit exact",
    "reason": "reason",
}


def _print(rows: list[dict[str, Any]]) -> None:
    from recog.tools.console import print_table

    cells = [[_cell(key, row.get(key)) for key in COLUMNS] for row in rows]
    print_table("Networks as people have them", list(COLUMNS.values()), cells, left=["reason"])


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key.startswith("max_diff"):
        return f"{value:.1e}"
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
