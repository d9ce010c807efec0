"""What a sign inside pointers would bring: tables of half the size, whose centroids come in pairs.

    python tests/benchmarks/bench_signed_pointers.py
    python tests/benchmarks/bench_signed_pointers.py --only classification --ratios 29

Layouts are chosen for the same bytes in four ways, and the loss that is predicted at the outputs
(before tuning, in dB) is said of each: `plain` as recog has tables; `signed` with half as many
centroids in a table, each of which stands for its negative too, clustered for that; and two bounds
that nothing can reach, since their centroids are free to be anywhere: `half`, tables of half the
bytes, and `none`, tables that take no bytes, beyond which no scheme of smaller tables (a sign, a
mirrored kernel, a gain in the pointer) can come. `tables` is the share of the bytes that tables
have by `plain`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from recog.backend.arithmetic.engine import DEFAULT_ENGINE
from recog.backend.threads import fixed_threads
from recog.dialects.cluster import Layout
from recog.frontend.tasks import TASK_NAMES, find_task
from recog.lowering.allocation import candidates, curves
from recog.lowering.allocation.choose_layouts import ChooseLayoutsPass, choose_layouts
from recog.lowering.allocation.plan import Plan
from recog.lowering.cluster.kmeans import fitted_centroids, plus_plus_seeds
from recog.lowering.common.options import taken_from
from recog.lowering.pipeline import weight_bytes
from recog.tools.console import print_table
from recog.tools.report.task_scores import task_levels
from recog.tools.report.task_tuning import tune_options

ROOT = Path(__file__).resolve().parent.parent.parent
plain_bytes = candidates.table_bytes


def half_bytes(layout: Layout, width: int) -> int:
    """Of a table that holds one of each pair of centroids."""
    return (plain_bytes(layout, width) + 1) // 2


def no_bytes(layout: Layout, width: int) -> int:
    """Of a table that is stored nowhere."""
    return 0


def paired_codebooks(
    rows: np.ndarray, counts: np.ndarray, random: np.random.RandomState
) -> dict[int, np.ndarray]:
    """As `growing_codebooks`, the second half of each the negatives of the first.

    Lloyd's steps on all blocks and their negatives, from seeds and their negatives, keep the pairs.
    """
    books: dict[int, np.ndarray] = {}
    rows = np.ascontiguousarray(rows, np.float32)
    weights = counts if counts.sum() > 0 else np.ones_like(counts)
    both, twice = np.concatenate([rows, -rows]), np.concatenate([weights, weights])
    scalar, half = rows.shape[1] == 1, np.zeros((0, rows.shape[1]), np.float32)
    book, size = np.zeros((1, rows.shape[1]), np.float32), curves.FIRST
    while size <= min(curves.MOST, len(rows) // 2, 1 << curves.MOST_BITS * rows.shape[1]):
        errors = weights * curves.squared_distances(rows, book)
        if not errors.sum() > 0:
            break
        if scalar:
            seeds = plus_plus_seeds(np.abs(rows), size // 2, weights, random)
        else:
            wanted = min(size // 2 - len(half), int((errors > 0).sum()))
            drawn = random.choice(len(rows), wanted, replace=False, p=errors / errors.sum())
            seeds = np.concatenate([half, rows[drawn]])
        steps = curves.SCALAR_ITERATIONS if scalar else curves.ITERATIONS
        fitted = fitted_centroids(both, np.concatenate([seeds, -seeds]), twice, steps)
        half = fitted[: len(seeds)]
        book = np.concatenate([half, -half])
        books[size] = book
        size *= curves.GROWTH
    return books or {2: np.concatenate([book, -book])}


WAYS: dict[str, tuple[Callable[..., Any], Callable[[Layout, int], int]]] = {
    "plain": (curves.growing_codebooks, plain_bytes),
    "signed": (paired_codebooks, half_bytes),
    "half": (curves.growing_codebooks, half_bytes),
    "none": (curves.growing_codebooks, no_bytes),
}
"""What clusters, and what a table takes."""


def main() -> int:
    """Print the table and write the rows."""
    parser = argparse.ArgumentParser(description="Predict what signs inside pointers would bring.")
    parser.add_argument("--only", nargs="+", default=TASK_NAMES, choices=TASK_NAMES)
    parser.add_argument("--ratios", nargs="+", type=float, default=[29.0, 40.0])
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"))
    parser.add_argument("--out", default=str(ROOT / "build/bench/signed_pointers.json"))
    arguments = parser.parse_args()
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with fixed_threads(1):
        for name in arguments.only:
            for ratio in arguments.ratios:
                rows.append(_row(name, ratio, arguments.scenes))
                out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    headers = ["task", "ratio", "tables", *(f"{way} dB" for way in WAYS)]
    cells = [
        [row["task"], f"{row['ratio']:g}x", f"{100 * row['tables']:.1f} %"]
        + [f"{row[way]:.2f}" for way in WAYS]
        for row in rows
    ]
    print_table("Predicted loss at the outputs, before tuning", headers, cells)
    print(f"rows: {out}")
    return 0


def _row(name: str, ratio: float, scenes: str) -> dict[str, Any]:
    task = find_task(name)
    options = tune_options(task, ratio=ratio)
    levels = task_levels(task, None, scenes, ROOT / "build/bench", DEFAULT_ENGINE, options)
    inputs = levels.frames("calibration").inputs()
    float_bytes = weight_bytes(levels.float_module)
    row: dict[str, Any] = {"task": name, "ratio": ratio}
    for way, (books, size) in WAYS.items():
        chosen = replace(taken_from(options, ChooseLayoutsPass), compare_recipes=False)
        with ExitStack() as patches:
            for module in (candidates, curves):
                patches.enter_context(patch.object(module, "growing_codebooks", books))
            patches.enter_context(patch.object(candidates, "table_bytes", size))
            plan = choose_layouts(levels.folded.clone(), chosen, inputs, float_bytes=float_bytes)
        row[way] = 10 * float(np.log10(plan.loss))
        if way == "plain":
            row["tables"] = _tables(plan) / plan.bytes
    return row


def _tables(plan: Plan) -> int:
    own = [each.layout for each in plan.layers if each.layout.block and each.layout.table is None]
    return sum(plain_bytes(each, 8) for each in own) + sum(plan.tables.values())


if __name__ == "__main__":
    sys.exit(main())
