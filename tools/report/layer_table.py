"""The table that `recog compare` and the demo print: what each layer loses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from recog.tools.console import print_table
from recog.tools.report.levels import decibels

if TYPE_CHECKING:
    from recog.lowering.check.compare_layers import LayerComparison
    from recog.lowering.check.sensitivity import LayerLoss, MetricCosts


def print_layers(layers: Sequence[LayerComparison], costs: MetricCosts | None = None) -> None:
    """Print both SQNRs of every layer, and what it alone costs in a metric, where that is known."""
    headers = ["layer", "op", "this layer alone dB", "all up to here dB"]
    rows = [[x.layer, x.op, decibels(x.alone_db), decibels(x.cumulative_db)] for x in layers]
    title = "SQNR against the reference"
    if costs is not None:
        shown = _numbers_beside(costs.float_metric)
        title += f", and what each layer alone costs; the reference has {shown(costs.float_metric)}"
        headers += [costs.metric, "loss", "95 % interval"]
        rows = [[*row, *_cells(costs.layers[x.layer], shown)] for row, x in zip(rows, layers)]
    print_table(title, headers, rows, left=["op"])


def _cells(loss: LayerLoss, shown: Callable[[float], str]) -> list[str]:
    interval = ""
    if loss.low is not None and loss.high is not None:
        interval = f"{shown(loss.low)} to {shown(loss.high)}"
    return [shown(loss.metric), shown(loss.loss), interval]


def _numbers_beside(metric: float) -> Callable[[float], str]:
    """How scores are shown, and losses beside them: with as many decimals as four digits of a
    metric have, at least two; what rounding leaves of nothing is nothing."""
    size = abs(metric)
    decimals = 2 if size >= 10 or size == 0 else min(12, 3 - floor(log10(size)))

    def shown(value: float) -> str:
        return f"{round(value, decimals) + 0.0:.{decimals}f}"

    return shown


def comparison_record(
    layers: Sequence[LayerComparison], costs: MetricCosts | None = None
) -> dict[str, Any]:
    """A comparison for JSON: the table's rows, and the metric's name and float value."""
    rows = [_layer_record(each) for each in layers]
    if costs is None:
        return {"rows": rows}
    rows = [row | asdict(costs.layers[row["layer"]]) for row in rows]
    return {"metric": costs.metric, "float_metric": costs.float_metric, "rows": rows}


def _layer_record(layer: LayerComparison) -> dict[str, Any]:
    """A layer for JSON, which has no infinity: None stands for it."""
    record = asdict(layer)
    for key in ("alone_db", "cumulative_db"):
        if not np.isfinite(record[key]):
            record[key] = None
    return record
