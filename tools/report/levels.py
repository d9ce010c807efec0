"""What a conversion keeps and costs at each level, from float network to machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from recog.backend.interpreters.lns import run_lns
from recog.backend.machine import Machine
from recog.dialects import lns
from recog.dialects.errors import RecogError
from recog.dialects.facts import Kind
from recog.lowering.check.compare_layers import sqnr_db
from recog.lowering.common.layer_names import label_of
from recog.lowering.pipeline import Conversion, Stage, module_outputs, weight_bytes

BATCH = 64


@dataclass(frozen=True)
class LevelRow:
    """One level: the accuracy in percent (None without labels), its loss and its size.

    `sqnr_db` compares the first output with the float network's; `ratio` is the float
    weights' bytes over this level's.
    """

    level: str
    accuracy: float | None
    sqnr_db: float
    weight_bytes: int
    ratio: float

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
    progress: Callable[[str], None] | None = None,
) -> list[LevelRow]:
    """Run every level on the same inputs (N, ...); labels are class indices (N,)."""
    float_bytes = weight_bytes(conversion.stages[Stage.FLOAT])
    rows: list[LevelRow] = []
    reference: np.ndarray | None = None

    def add(level: Stage, outputs: np.ndarray, size: int) -> None:
        nonlocal reference
        reference = outputs if reference is None else reference
        accuracy = None
        if labels is not None:
            accuracy = 100 * float((outputs.argmax(axis=1) == labels).mean())
        ratio = float_bytes / size
        rows.append(LevelRow(level, accuracy, sqnr_db(reference, outputs), size, ratio))
        if progress is not None:
            progress(level)

    host_bytes = 0 if conversion.host_part is None else weight_bytes(conversion.host_part)
    for level, module in conversion.stages.items():
        if level.runs_in_float:
            outputs, size = module_outputs(module, inputs), weight_bytes(module)
            if not level.is_whole:
                outputs = conversion.network(lambda *_, values=outputs: values)(*inputs)
                size += host_bytes
            add(level, outputs[0], size)
    lns_module = conversion.lns_module
    values = _run_lns(lns_module, inputs)
    outputs = conversion.network(lambda *_: values)(*inputs)
    add(Stage.LNS, outputs[0], weight_bytes(lns_module) + host_bytes)
    outputs = conversion.network(machine.run)(*inputs)
    add(Stage.MACHINE, outputs[0], machine.weight_bytes + host_bytes)
    return rows


def compare_bits(lns_module: ModuleOp, machine: Machine, inputs: Sequence[np.ndarray]) -> int:
    """Hold every layer's codes on the machine against the lns level's, bit for bit.

    Returns:
        The number of codes compared.

    Raises:
        RecogError: naming the first layer that differs, or that the machine did not show.
    """
    compared = 0
    for start in range(0, len(inputs[0]), BATCH):
        batch = [x[start : start + BATCH] for x in inputs]
        expected: dict[str, np.ndarray] = {}

        def observe(
            op: Operation, results: Sequence[Any], expected: dict[str, np.ndarray] = expected
        ) -> None:
            label = label_of(op)
            # What moves is but other addresses of the same codes on the chip.
            moves = isinstance(op, lns.LnsOp) and op.KIND is Kind.MOVES
            if label is not None and not moves:
                rows = isinstance(op, lns.LinearOp)
                expected[label] = np.moveaxis(results[0], -1, 1) if rows else results[0]

        wanted = run_lns(lns_module, *batch, observe=observe)
        seen: dict[str, list[np.ndarray]] = {}
        outputs = machine.run(*batch, observe=lambda name, x, seen=seen: _append(seen, name, x))
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        if len(given) != len(wanted) or not all(map(np.array_equal, given, wanted)):
            raise RecogError("the outputs of the machine differ from the lns level's")
        for label, codes in expected.items():
            if label not in seen:
                raise RecogError("the machine has no such layer", where=f'layer "{label}"')
            found = np.concatenate(seen[label])
            if found.size != codes.size:
                # Of more than three axes: several instructions, each with a tensor of its own.
                continue
            if not np.array_equal(found.reshape(codes.shape), codes):
                raise RecogError(
                    "the machine's bits differ from the lns level's", where=f'layer "{label}"'
                )
            compared += codes.size
    return compared


def _append(seen: dict[str, list[np.ndarray]], name: str, codes: np.ndarray) -> None:
    seen.setdefault(name, []).append(codes.copy())


def _run_lns(module: ModuleOp, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    parts = [
        run_lns(module, *(x[i : i + BATCH] for x in inputs))
        for i in range(0, len(inputs[0]), BATCH)
    ]
    return tuple(np.concatenate(values) for values in zip(*parts))


def level_table(rows: Sequence[LevelRow]) -> tuple[list[str], list[list[str]]]:
    """Headers and cells for print_table."""
    with_accuracy = any(row.accuracy is not None for row in rows)
    headers = ["level", *(["accuracy %"] if with_accuracy else [])]
    headers += ["output SQNR dB", "weight bytes", "ratio"]
    cells = [
        [
            row.level,
            *([f"{row.accuracy:.2f}"] if row.accuracy is not None else []),
            decibels(row.sqnr_db),
            f"{row.weight_bytes:,}",
            f"{row.ratio:.1f}x",
        ]
        for row in rows
    ]
    return headers, cells


def decibels(value: float) -> str:
    """A ratio in decibels, "exact" where nothing differs."""
    return f"{value:.1f}" if np.isfinite(value) else "exact"
