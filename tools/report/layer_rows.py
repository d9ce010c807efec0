"""All that is known of each layer of a program, a row a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from xdsl.dialects.builtin import IntegerType, SymbolRefAttr

from recog.backend.assembly.accounting import LayerBytes, ProgramBytes
from recog.backend.cost import LayerCost, ProgramCost
from recog.dialects.chip import ProgramOp, WeightsOp
from recog.dialects.chip.descriptors import TensorDescriptorOp
from recog.dialects.chip.sums import SumsType
from recog.dialects.chip.target import DRAM
from recog.dialects.element_types import is_signed
from recog.dialects.lns.fixed import FixedType
from recog.dialects.lns.types import NumberType
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.layer_names import module_of
from recog.tools.report.cost_table import layer_record, on_chip_bytes

SIZES = ("pointers", "codes", "table", "biases")
"""What of the weights of a layer takes bytes, as `recog info` names it."""

COSTS = ("metric", "loss", "low", "high")
"""Of a layer alone in the comparison's metric: see `lowering.check.sensitivity.LayerLoss`."""


def layer_rows(
    program: ProgramOp,
    cost: ProgramCost,
    found: ProgramBytes,
    dense: Mapping[str, str],
    compared: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """A row for JSON for each layer, in the order in which they begin; None is what is not known.

    Ops of a module that follow each other, as `body.2` and `body.2#3`, count in its row where the
    chip computes them as one layer (`_together`).

    Args:
        found: where the bytes of the program are.
        dense: why layers have no table, by their names.
        compared: rows of `comparison_record`.
    """
    sizes = {each.layer: each for each in found.layers}
    names = {each.layer for each in cost.layers}
    differences: dict[str, list[Mapping[str, Any]]] = {}
    for row in compared:
        module = module_of(row["layer"])
        follows = module not in differences or module == next(reversed(differences))
        own = row["layer"] in names or module not in names or not follows
        differences.setdefault(row["layer"] if own else module, []).append(row)
    rows = [
        {
            **_costs(each, cost),
            **_weights(_weights_of(each, program, sizes), dense),
            **_differences(_together(differences.get(each.layer, []))),
        }
        for each in cost.layers
    ]
    # Layers that no instruction is needed for: views of what is there.
    views = {
        name: {**_nothing(name, str(row["op"])), **_differences(row)}
        for name, (row, *_) in differences.items()
        if name not in names
    }
    return with_views(rows, views, list(differences))


def with_views(
    rows: Sequence[dict[str, Any]], views: Mapping[str, dict[str, Any]], order: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of layers with those of views between them, each behind what is before it.

    Args:
        views: rows by name.
        order: the names of layers and views.
    """
    found = list(rows)
    place = sum(row["ops"] == ["dma.in"] for row in rows)
    for name in order:
        if name in views:
            found.insert(place, views[name])
            place += 1
        else:
            place = 1 + next(i for i, each in enumerate(found) if each["layer"] == name)
    return found


def _costs(layer: LayerCost, cost: ProgramCost) -> dict[str, Any]:
    record = layer_record(layer, cost)
    tensors = list(layer.slices[-1].cost.op.tensor_fields(cost.scope).values())
    return {
        "layer": record["layer"],
        "ops": record["ops"],
        "shape": record["shape"],
        "source": record["source"],
        "format": format_text(tensors[0]) if tensors else None,
        "macs": record["products"],
        "cycles": record["cycles"],
        "bound": record["bound"],
        "utilisation": record["utilisation"],
        "sram_bytes": on_chip_bytes(layer),
        "dram_bytes": layer.moved(DRAM),
        "energy_pj": record["energy_pj"],
    }


def _nothing(name: str, op: str) -> dict[str, Any]:
    costs = dict.fromkeys(("macs", "cycles", "utilisation", "sram_bytes", "dram_bytes"), 0)
    costs |= {"energy_pj": {}, "bound": None}
    return {
        "layer": name,
        "ops": [op.partition(".")[2]],
        "shape": [],
        "source": "",
        "format": None,
        **costs,
        **_weights([], {}),
    }


def _weights_of(
    layer: LayerCost, program: ProgramOp, sizes: Mapping[str, LayerBytes]
) -> list[tuple[LayerBytes, WeightsOp]]:
    """The weights that a layer's instructions read, each once."""
    named = {op.sym_name.data: op for op in program.descriptors if isinstance(op, WeightsOp)}
    found: dict[str, tuple[LayerBytes, WeightsOp]] = {}
    for each in layer.costs:
        for value in each.op.properties.values():
            if isinstance(value, SymbolRefAttr) and (name := value.string_value()) in named:
                found[name] = (sizes[name.removesuffix(".weight")], named[name])
    return list(found.values())


def _weights(
    found: Sequence[tuple[LayerBytes, WeightsOp]], dense: Mapping[str, str]
) -> dict[str, Any]:
    keys = ("weight_shape", "layout", "weight_format", "weight_bytes", *SIZES, "sharers")
    keys = (*keys, "bits_a_weight", "entries", "used", "pointer_bits", "entropy", "why_dense")
    if not found:
        return dict.fromkeys(keys)
    first, op = found[0]
    program = op.parent_op()
    book = program.scope.codebook(op.codebook) if isinstance(program, ProgramOp) else None
    values = {name: sum(getattr(each, name) for each, _ in found) for name in SIZES}
    blocks = "x".join(map(str, first.block))
    return {
        "weight_shape": list(first.shape),
        "layout": f"{first.entries} of {blocks}" if first.entries else "dense",
        "weight_format": None if book is None else lns_text(book.format),
        "weight_bytes": sum(values.values()),
        **values,
        "sharers": first.sharers if first.entries else None,
        "bits_a_weight": first.bits_a_weight,
        "entries": first.entries or None,
        "used": first.used if first.entries else None,
        "pointer_bits": first.pointer_bits or None,
        "entropy": first.entropy if first.entries else None,
        "why_dense": None if first.entries else dense.get(first.layer, dense.get("", None)),
    }


def _differences(row: Mapping[str, Any]) -> dict[str, Any]:
    """The SQNRs of a row of a comparison, and what the layer alone costs in the metric; a layer
    that differs nowhere has no SQNR, and says so."""
    return {
        "alone_db": row.get("alone_db"),
        "cumulative_db": row.get("cumulative_db"),
        **{key: row.get(key) for key in COSTS},
        "exact": [key for key in ("alone_db", "cumulative_db") if key in row and row[key] is None],
    }


def _together(parts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One row of a comparison for the ops of a module: what the last gives, and what the one of
    them loses that alone loses most."""
    if not parts:
        return {}
    worst = min(parts, key=lambda row: (-(row.get("loss") or 0.0), _or_exact(row["alone_db"])))
    costs = {key: worst[key] for key in ("alone_db", *COSTS) if key in worst}
    return {**parts[-1], **costs}


def _or_exact(decibels: float | None) -> float:
    return inf if decibels is None else decibels


def format_text(tensor: TensorDescriptorOp) -> str:
    """The numbers of a tensor in a word or two."""
    match tensor.element_type:
        case NumberType() as number:
            return lns_text(number.format)
        case FixedType() as fixed:
            return f"fixed {fixed.frac}"
        case IntegerType() as integer:
            return f"{'' if is_signed(integer) else 'u'}int{integer.width.data}"
        case SumsType() as sums:
            return f"sums, {sums.width.data} bits"


def lns_text(number: LnsFormat) -> str:
    """Bits of a code and, of them, of the fraction of its logarithm: `8.4`, `u8.5` without sign."""
    return f"{'u' if number.unsigned else ''}{number.width}.{number.frac}"
