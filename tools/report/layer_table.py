"""The table that `recog compare` and the demo print: what each layer loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from recog.tools.console import print_table
from recog.tools.report.levels import decibels

if TYPE_CHECKING:
    from recog.lowering.check.compare_layers import LayerComparison


def print_layers(layers: Sequence[LayerComparison]) -> None:
    """Print both SQNRs of every layer."""
    print_table(
        "SQNR against the reference",
        ["layer", "op", "this layer alone dB", "all up to here dB"],
        [[x.layer, x.op, decibels(x.alone_db), decibels(x.cumulative_db)] for x in layers],
        left=["op"],
    )


def layer_record(layer: LayerComparison) -> dict[str, Any]:
    """A layer for JSON, which has no infinity: None stands for it."""
    record = asdict(layer)
    for key in ("alone_db", "cumulative_db"):
        if not np.isfinite(record[key]):
            record[key] = None
    return record
