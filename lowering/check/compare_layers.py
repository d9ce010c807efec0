"""Where the loss comes from: each layer's values in LNS against the float module's.

Two figures a layer, as signal-to-quantization-noise ratio against the float values:
*alone*, this layer on float inputs encoded for it, and *up to here*, all layers before it
converted too. A layer bad alone needs another format; one bad only up to here inherits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.engine import DEFAULT_ENGINE, EngineChoice
from recog.backend.arithmetic.reference.boxes import decode_fixed
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.backend.interpreters.lns import check_input, lns_interpreter, run_lns
from recog.dialects import lns, nn
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function
from recog.dialects.lns import format_of
from recog.dialects.lns.types import holds_codes
from recog.lowering.common.layer_names import label_of
from recog.lowering.encode.label_layers import label_layers


@dataclass(frozen=True)
class LayerComparison:
    """One layer: its label and op, and both SQNRs in decibels (inf where nothing differs)."""

    layer: str
    op: str
    alone_db: float
    cumulative_db: float


def sqnr_db(reference: np.ndarray, value: np.ndarray) -> float:
    """10·log10(Σ reference² / Σ (reference − value)²); inf for equal arrays, 0 for no signal."""
    reference, value = reference.astype(np.float64), value.astype(np.float64)
    noise = float(((reference - value) ** 2).sum())
    signal = float((reference**2).sum())
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal else 0.0


def compare_layers(
    float_module: ModuleOp,
    lns_module: ModuleOp,
    inputs: Sequence[np.ndarray],
    *,
    entry: str = "main",
    engine: EngineChoice = DEFAULT_ENGINE,
) -> list[LayerComparison]:
    """Both SQNRs of every layer that the two modules share, in execution order.

    Args:
        float_module: the nn module before or after clustering: what "lossless" means here.
        lns_module: the same network after encode-lns.
        inputs: float arrays (N, ...), one an argument.

    Raises:
        RecogError: the modules have no layer in common.
    """
    references = _float_values(float_module, inputs, entry)
    cumulative: dict[str, float] = {}

    def observe(op: Operation, results: Sequence[Any]) -> None:
        label = label_of(op)
        if label in references:
            value = _decoded(op, results[0])
            cumulative[label] = sqnr_db(_same_size(op, references[label], value), value)

    run_lns(lns_module, *inputs, entry=entry, engine=engine, observe=observe)
    alone = _alone(lns_module, references, inputs, entry, engine)
    if not alone:
        raise RecogError(
            "the float and the lns module have no layer in common",
            hint="compare an lns module with the nn module that it was made from",
        )
    return [
        LayerComparison(label, name, db, cumulative[label]) for (label, name), db in alone.items()
    ]


def _float_values(
    module: ModuleOp, inputs: Sequence[np.ndarray], entry: str
) -> dict[str, np.ndarray]:
    from recog.backend.interpreters.nn import run_nn

    label_layers(find_function(module, entry))
    values: dict[str, np.ndarray] = {}

    def observe(op: Operation, results: Sequence[Any]) -> None:
        label = label_of(op)
        if isinstance(op, nn.NnOp) and label is not None:
            values[label] = results[0].detach().numpy()
            if isinstance(op, nn.PeaksOp):
                values[_indices(label)] = results[1].numpy()

    run_nn(module, *inputs, entry=entry, observe=observe)
    return values


def _same_size(op: Operation, reference: np.ndarray, value: np.ndarray) -> np.ndarray:
    if reference.size != value.size:
        fail(
            op,
            f"gives {list(value.shape)}, the float network {list(reference.shape)} in this layer",
            hint="compare an lns module with the nn module that it was made from",
        )
    return reference.reshape(value.shape)


def _indices(label: str) -> str:
    """The key of a layer's second result: what is picked there has the same rows in both."""
    return f"{label} indices"


def _decoded(op: Operation, value: np.ndarray) -> np.ndarray:
    element = op.results[0].type.element_type  # pyright: ignore[reportAttributeAccessIssue]
    match element:
        case lns.NumberType():
            return decode(value, element.format)
        case lns.FixedType():
            return decode_fixed(value, element.frac)
        case _:
            return value


def _alone(
    module: ModuleOp,
    references: dict[str, np.ndarray],
    inputs: Sequence[np.ndarray],
    entry: str,
    engine: EngineChoice,
) -> dict[tuple[str, str], float]:
    """Run each op on operands as good as their format allows."""
    interpreter = lns_interpreter(module, engine)
    block = find_function(module, entry).body.block
    values: dict[SSAValue, Any] = {
        arg: check_input(i, x, arg.type) for i, (arg, x) in enumerate(zip(block.args, inputs))
    }
    ratios: dict[tuple[str, str], float] = {}
    for op in block.ops:
        if isinstance(op, func.ReturnOp):
            break
        results = interpreter.run_op(op, tuple(values[operand] for operand in op.operands))
        values.update(zip(op.results, results))
        label = label_of(op)
        if label not in references or isinstance(op, lns.ArgmaxOp):
            continue
        if isinstance(op, lns.PeaksOp):
            values[op.indices] = references[_indices(label)]
        value = _decoded(op, results[0])
        reference = _same_size(op, references[label], value)
        ratios[label, op.name] = sqnr_db(reference, value)
        if holds_codes(op.results[0]):
            values[op.results[0]] = encode(reference, format_of(op.results[0]))
    return ratios
