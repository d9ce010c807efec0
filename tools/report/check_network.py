"""`recog check`: what of a network is converted, stays on the host, or is not supported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from xdsl.dialects.builtin import DictionaryAttr, ModuleOp
from xdsl.dialects.func import FuncOp

from recog.dialects import nn
from recog.dialects.chip import ChipTarget
from recog.dialects.errors import RecogError, describe_op
from recog.dialects.refusals import open_refusals
from recog.dialects.words import counted
from recog.lowering.partition.report import CHIP, HOST, UNSUPPORTED, CoverageRow, coverage
from recog.tools.report.batch_norms import kept_norms, norm_places, reason_kept

IMPORTED = "imported"
"""The `side` of ops that could be imported, in a network of which others could not."""
PLACES = 3
"""At most so many places are named for each unsupported operator."""


@dataclass
class NetworkReport:
    """The rows of the table, and notes on the network as a whole."""

    rows: list[CoverageRow]
    notes: list[str] = field(default_factory=list[str])
    refusal: RecogError | None = None
    """What `recog convert` will end with, None where it will not refuse the network."""

    @property
    def supported(self) -> bool:
        """Whether the whole network can be imported and converted."""
        return self.refusal is None and all(row.side != UNSUPPORTED for row in self.rows)

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        rows = [asdict(row) for row in self.rows]
        refusal = None if self.refusal is None else str(self.refusal)
        notes = self.notes
        return {"supported": self.supported, "rows": rows, "notes": notes, "refusal": refusal}


def check_network(spec: str, target: ChipTarget | None = None) -> NetworkReport:
    """The report of a network, named as `tools.module_files.load_network` takes it, on a chip.

    Raises:
        RecogError: it cannot be loaded or exported at all.
    """
    from recog.frontend.torch.problems import ImportFailure
    from recog.tools.module_files import load_network

    try:
        module = load_network(spec)
    except ImportFailure as failure:
        return _failure_report(failure)
    return report_of(module, target)


def report_of(module: ModuleOp, target: ChipTarget | None = None) -> NetworkReport:
    """The report of an nn module. The module is modified: its batch norms are folded."""
    from recog.lowering.common.not_tensors import not_tensor_notes
    from recog.lowering.partition.partition import boundary_lines
    from recog.lowering.partition.rehearsal import rehearse
    from recog.lowering.pipeline import fold_network

    before = norm_places(module)
    total = len(before)
    fold_network(module)
    kept = kept_norms(module, before)
    rows = coverage(module)
    notes: list[str] = []
    if total:
        notes.append(f"batch norms: {total}, of which {total - len(kept)} fold into a layer")
    for op in kept:
        notes.append(f"  {describe_op(op)} stays: {reason_kept(op)}")
    on_chip = sum(row.count for row in rows if row.side == CHIP)
    on_host = sum(row.count for row in rows if row.side == HOST)
    notes.append(f"ops: {on_chip} on the chip, {on_host} on the host")
    decomposed = module.attributes.get(nn.DECOMPOSED)
    if isinstance(decomposed, DictionaryAttr):
        counts = [f"{name} ({count.value.data})" for name, count in decomposed.data.items()]  # pyright: ignore
        notes.append(f"by torch's own decomposition: {', '.join(counts)}")
    notes += [note.line() for note in not_tensor_notes(module)]
    function = next((op for op in module.walk() if isinstance(op, FuncOp)), None)
    mixing = None if function is None else nn.batch_mixing_op(function)
    if mixing is not None:
        notes.append(
            f"runs at the batch of its import only: {describe_op(mixing)} mixes it with other axes"
        )
    rehearsal = rehearse(module, target=target)
    if rehearsal.host_part is not None:
        notes += boundary_lines(rehearsal.host_part)
    if rehearsal.refusal is None and on_chip:
        notes += _open_lines(module)
    return NetworkReport(rows, notes, rehearsal.refusal)


def _open_lines(module: ModuleOp) -> list[str]:
    """What `recog convert` may still refuse the network with."""
    from recog.lowering.pipeline import ConversionOptions

    passes = (step.type for step in ConversionOptions().steps())
    lines = [f"  {refusal.when}" for refusal in open_refusals(passes, module)]
    return ["it depends on your data: recog convert refuses the network if", *lines]


def _failure_report(failure: Any) -> NetworkReport:
    rows: dict[tuple[str, str], CoverageRow] = {}
    for problem in failure.problems:
        key = (problem.operator, problem.reason)
        row = rows.setdefault(key, CoverageRow(problem.operator, UNSUPPORTED, problem.reason))
        row.add(problem.place)
    imported = [
        CoverageRow(name, IMPORTED, "", count) for name, count in sorted(failure.converted.items())
    ]
    notes: list[str] = []
    for row in rows.values():
        more = len(row.places) - PLACES
        rest = f" and {counted(more, 'more place')}" if more > 0 else ""
        places = ", ".join(filter(None, row.places[:PLACES]))  # inputs have none
        notes.append(f"{row.op}: {row.reason}{f': {places}{rest}' if places else ''}")
    hints = dict.fromkeys(problem.hint for problem in failure.problems if problem.hint)
    notes += [f"hint: {hint}" for hint in hints]
    return NetworkReport([*rows.values(), *imported], notes)


def check_table(rows: Sequence[CoverageRow]) -> tuple[list[str], list[list[str]]]:
    """Headers and cells for print_table."""
    cells = [
        [row.op, str(row.count), row.side, row.reason, row.places[0] if row.places else ""]
        for row in rows
    ]
    return ["op", "count", "runs on", "why", "first at"], cells
