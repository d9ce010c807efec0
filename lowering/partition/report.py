"""What of a network the chip runs: its ops by kind, where they run, and why on the host."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp

from recog.dialects.errors import describe_location
from recog.dialects.functions import depends_on_inputs, find_function, nn_ops
from recog.lowering.partition.placement import host_reasons

CHIP, HOST, UNSUPPORTED = "chip", "host", "unsupported"
FOLLOWS = "comes after an op on the host"


@dataclass
class CoverageRow:
    """Ops of one kind with one fate: `side` is chip, host or unsupported."""

    op: str
    side: str
    reason: str = ""
    count: int = 0
    places: list[str] = field(default_factory=list[str])
    """Module paths and source lines, each once, in execution order."""

    def add(self, place: str) -> None:
        self.count += 1
        if place and place not in self.places:
            self.places.append(place)


def coverage(module: ModuleOp, entry: str = "main") -> list[CoverageRow]:
    """The rows of a folded nn module: what stays on the host first, most frequent first."""
    function = find_function(module, entry)
    reasons = host_reasons(module, entry)
    variable = depends_on_inputs(function)
    rows: dict[tuple[str, str, str], CoverageRow] = {}
    for op in nn_ops(function):
        if op.output not in variable:
            continue  # of constants alone: computed once
        reason = reasons.get(op)
        side = CHIP if reason is None else HOST
        text = "" if reason is None else FOLLOWS if reason.follows else reason.text
        row = rows.setdefault((op.name, side, text), CoverageRow(op.name, side, text))
        row.add(describe_location(op.location) or "")
    return sorted(rows.values(), key=_order)


def _order(row: CoverageRow) -> tuple[bool, bool, int, str]:
    return row.side == CHIP, row.reason == FOLLOWS, -row.count, row.op
