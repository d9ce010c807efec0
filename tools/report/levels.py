"""What a conversion keeps and costs at each level, from float network to machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects.functions import find_function
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.check.metrics import Metric, Outputs
from recog.lowering.common.batches import groups_of_frames
from recog.lowering.pipeline import Conversion, Stage, module_outputs, weight_bytes
from recog.tools.report.level_scores import Scorer, loss_of


@dataclass(frozen=True)
class LevelRow:
    """One level: the accuracy in percent (None without labels), its loss and its size.

    `sqnr_db` compares with the float network's the first output that the machine does not give
    exactly, the first of all where it gives all so; `ratio` is the float weights'
    bytes over this level's; `metric` is what a function of the user's gives, None without one.
    `lost` is what the float network has more of it, or of accuracy where there is none, and `low`
    and `high` what 95 % of it lies between, where it is a mean over frames.
    """

    level: str
    accuracy: float | None
    sqnr_db: float
    weight_bytes: int
    ratio: float
    metric: float | None = None
    lost: float | None = None
    low: float | None = None
    high: float | None = None

    def as_record(self) -> dict[str, Any]:
        """For JSON, which has no infinity: None stands for it."""
        record = asdict(self)
        record["sqnr_db"] = self.sqnr_db if np.isfinite(self.sqnr_db) else None
        return record


def measure_levels(
    conversion: Conversion,
    machine: Machine,
    inputs: Sequence[np.ndarray],
    labels: np.ndarray | None = None,
    *,
    metric: Metric | None = None,
    observe: Callable[[Stage, tuple[np.ndarray, ...]], None] | None = None,
) -> list[LevelRow]:
    """Run every level on the same inputs (N, ...); labels are class indices (N,).

    Args:
        metric: scores the outputs of each level too.
        observe: called with the outputs of each level.
    """
    float_bytes = weight_bytes(conversion.stages[Stage.FLOAT])
    rows: list[LevelRow] = []
    ratios: list[list[float]] = []
    reference: Outputs = ()
    best: np.ndarray | None = None
    score = Scorer(len(inputs[0]), labels, metric)

    def add(level: Stage, outputs: tuple[np.ndarray, ...], size: int) -> None:
        nonlocal reference, best
        reference = reference or outputs
        accuracy, value, scores = score(outputs, reference)
        best = scores if best is None else best
        ratio = float_bytes / size if size else 1.0  # of a network without weights
        ratios.append([sqnr_db(wanted, found) for wanted, found in zip(reference, outputs)])
        row = LevelRow(level, accuracy, ratios[-1][0], size, ratio, value)
        if scores is not None and best is not None:
            row = replace(row, **loss_of(best, scores)._asdict())
        rows.append(row)
        if observe is not None:
            observe(level, outputs)

    host_bytes = 0 if conversion.host_part is None else weight_bytes(conversion.host_part)
    for level, module in conversion.stages.items():
        if level.runs_in_float:
            size = weight_bytes(module)
            if level.is_whole:
                outputs = module_outputs(module, inputs)
            else:
                outputs = conversion.network(partial(_run_float, module))(*inputs)
                size += host_bytes
            add(level, outputs, size)
    lns_module = conversion.lns_module
    outputs = conversion.network(partial(_run_lns, lns_module))(*inputs)
    add(Stage.LNS, outputs, weight_bytes(lns_module) + host_bytes)
    outputs = conversion.network(machine)(*inputs)
    add(Stage.MACHINE, outputs, machine.weight_bytes + host_bytes)
    compared = next((i for i, db in enumerate(ratios[-1]) if not np.isposinf(db)), 0)
    return [replace(row, sqnr_db=db[compared]) for row, db in zip(rows, ratios)]


def _run_float(module: ModuleOp, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    return module_outputs(module, inputs)


def _run_lns(module: ModuleOp, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    groups = groups_of_frames(find_function(module, "main"), len(inputs[0]))
    parts = [run_lns(module, *(x[group] for x in inputs)) for group in groups]
    return tuple(np.concatenate(values) for values in zip(*parts))


def level_table(rows: Sequence[LevelRow]) -> tuple[list[str], list[list[str]]]:
    """Headers and cells for print_table."""
    with_accuracy = any(row.accuracy is not None for row in rows)
    with_metric = any(row.metric is not None for row in rows)
    headers = ["level", *(["accuracy %"] if with_accuracy else [])]
    headers += ["metric"] if with_metric else []
    headers += ["output SQNR dB", "weight bytes", "ratio"]
    cells = [
        [
            row.level,
            *([f"{row.accuracy:.2f}"] if row.accuracy is not None else []),
            *([f"{row.metric:.4g}"] if row.metric is not None else []),
            decibels(row.sqnr_db),
            f"{row.weight_bytes:,}",
            f"{row.ratio:.1f}x",
        ]
        for row in rows
    ]
    return headers, cells


def decibels(value: float) -> str:
    """A ratio in decibels: "exact" where nothing differs, "NaN" where there is none."""
    if np.isnan(value):
        return "NaN"
    return f"{value:.1f}" if np.isfinite(value) else "exact"
