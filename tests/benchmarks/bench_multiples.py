"""What a sign or a gain inside pointers would bring: smaller tables, each centroid in multiples.

    python tests/benchmarks/bench_multiples.py
    python tests/benchmarks/bench_multiples.py --only classification --ratios 29

Layouts are chosen for the same bytes in several ways, and the loss that is predicted at the
outputs (before tuning, in dB) is said of each: `plain` as recog has tables; `sign` where a bit of
the pointer says whether the centroid or its negative is meant, so that a table holds half as many;
`gain` where it halves the centroid; `sign and gain` where two bits do both; `2 gains` where two
bits say how many half octaves it is smaller. `half` is a bound that nothing reaches: tables of half
the bytes whose centroids are free to be anywhere. `tables` is the share of the bytes that tables
have by `plain`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
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
from recog.lowering.cluster.kmeans import nearest_rows, plus_plus_seeds
from recog.lowering.common.options import taken_from
from recog.lowering.pipeline import weight_bytes
from recog.tools.console import print_table
from recog.tools.report.task_scores import task_levels
from recog.tools.report.task_tuning import tune_options

ROOT = Path(__file__).resolve().parent.parent.parent
plain_bytes = candidates.table_bytes


class Multiples:
    """Codebooks whose centroids are stored ones times each of some factors."""

    def __init__(self, factors: Sequence[float]):
        self._factors = np.array(factors, np.float32)

    def bytes(self, layout: Layout, width: int) -> int:
        """Of a table that holds one centroid for as many as there are factors."""
        return -(-plain_bytes(layout, width) // len(self._factors))

    def codebooks(
        self, rows: np.ndarray, counts: np.ndarray, random: np.random.RandomState
    ) -> dict[int, np.ndarray]:
        """As `growing_codebooks`."""
        books: dict[int, np.ndarray] = {}
        rows = np.ascontiguousarray(rows, np.float32)
        weights = counts if counts.sum() > 0 else np.ones_like(counts)
        scalar, stored = rows.shape[1] == 1, np.zeros((0, rows.shape[1]), np.float32)
        book, size = np.zeros((1, rows.shape[1]), np.float32), curves.FIRST
        while size <= min(curves.MOST, len(rows) // 2, 1 << curves.MOST_BITS * rows.shape[1]):
            errors = weights * curves.squared_distances(rows, book)
            if not errors.sum() > 0:
                break
            count = max(1, size // len(self._factors))
            factors = self._factors[:size]
            if scalar:
                signed = bool((self._factors < 0).any())
                seeded = np.abs(rows) if signed else rows
                stored = plus_plus_seeds(seeded, count, weights, random)
            else:
                wanted = min(count - len(stored), int((errors > 0).sum()))
                drawn = random.choice(len(rows), wanted, replace=False, p=errors / errors.sum())
                stored = np.concatenate([stored, rows[drawn]])
            for _ in range(curves.SCALAR_ITERATIONS if scalar else curves.ITERATIONS):
                stored = _moved(rows, weights, stored, factors)
            book = books[size] = _multiples(stored, factors)
            size *= curves.GROWTH
        return books or {2: np.concatenate([book, book])}


def _multiples(stored: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return (factors[:, None, None] * stored).reshape(-1, stored.shape[1])


def _moved(
    rows: np.ndarray, weights: np.ndarray, stored: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """A step of Lloyd's: each stored centroid where the rows of its multiples want it."""
    labels = nearest_rows(rows, _multiples(stored, factors))
    factor, own = factors[labels // len(stored)], labels % len(stored)
    shares = np.bincount(own, weights * factor**2, len(stored))
    sums = [np.bincount(own, weights * factor * column, len(stored)) for column in rows.T]
    used = shares > 0
    moved = stored.copy()
    moved[used] = (np.stack(sums, 1)[used] / shares[used, None]).astype(np.float32)
    return moved


def half_bytes(layout: Layout, width: int) -> int:
    """Of a table that holds every other centroid."""
    return (plain_bytes(layout, width) + 1) // 2


MULTIPLES = {
    "sign": (1.0, -1.0),
    "gain": (1.0, 0.5),
    "sign and gain": (1.0, -1.0, 0.5, -0.5),
    "2 gains": (1.0, 0.5**0.5, 0.5, 0.5**1.5),
}
WAYS: dict[str, tuple[Callable[..., Any], Callable[[Layout, int], int]]] = {
    "plain": (curves.growing_codebooks, plain_bytes),
    **{
        name: (each.codebooks, each.bytes)
        for name, each in ((name, Multiples(factors)) for name, factors in MULTIPLES.items())
    },
    "half": (curves.growing_codebooks, half_bytes),
}
"""What clusters, and what a table takes."""


def main() -> int:
    """Print the table and write the rows."""
    parser = argparse.ArgumentParser(
        description="Predict what signs and gains inside pointers would bring."
    )
    parser.add_argument("--only", nargs="+", default=TASK_NAMES, choices=TASK_NAMES)
    parser.add_argument("--ratios", nargs="+", type=float, default=[29.0, 40.0])
    parser.add_argument("--scenes", default=str(ROOT / "build/scenes"))
    parser.add_argument("--out", default=str(ROOT / "build/bench/multiples.json"))
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
