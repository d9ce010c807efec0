"""All that is known of a conversion, for `report.json`, and for the page that is drawn from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import ModuleOp, StringAttr

from recog.backend.assembly import load_program
from recog.backend.assembly.accounting import program_bytes
from recog.backend.cost import ProgramCost, program_cost
from recog.backend.cost.live import live_bytes, stays
from recog.dialects import nn
from recog.dialects.chip import Queue
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.errors import describe_location
from recog.lowering.cluster.cluster_weights import KEPT_DENSE
from recog.lowering.common.layer_names import label_of
from recog.lowering.encode.label_layers import module_path
from recog.lowering.partition.partition import boundary_lines
from recog.lowering.pipeline import Stage
from recog.tools.report.batch_norms import kept_norms, norm_places, reason_kept
from recog.tools.report.cost_table import cost_record
from recog.tools.report.layer_rows import layer_rows
from recog.tools.report.network_graph import network_graph

if TYPE_CHECKING:
    from recog.lowering.allocation.plan import Plan
    from recog.lowering.common.notes import Note
    from recog.tools.report.levels import LevelRow

STAGES = (Stage.FLOAT, Stage.FOLDED, Stage.CLUSTERED, Stage.LNS)
"""The stages that a report looks at."""
DENSE_BECAUSE = "the conversion gives each weight a code of its own (--dense)"
MAX_SPANS = 6000
"""Of a timeline; of more instructions those of a layer that follow each other are one."""


@dataclass(frozen=True)
class ConversionParts:
    """What a conversion made, in memory or read from its folder.

    Attributes:
        program: the bytes of the program file.
        stages: the modules of `STAGES`, as far as there are; `Stage.LNS` there always is.
        host: the module of the host's functions.
        recipe: the text of the recipe.
    """

    program: bytes
    stages: Mapping[Stage, ModuleOp]
    host: ModuleOp | None
    recipe: str


@dataclass(frozen=True)
class Measured:
    """What only the conversion knew, for JSON: see `LevelRow`, `Note`, `Plan`.

    Attributes:
        network: what it is of, for people.
        versions: of the packages that made it.
        comparison: of the layers on example inputs, as `comparison_record` gives it, with the
            number of its `frames`; None where there was none.
        pictures: of frames, as `task_pictures` gives them.
        search: for the smallest program within a loss, as `LossSearched` gives it.
    """

    network: str
    rows: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[Mapping[str, Any]] = ()
    plan: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    comparison: Mapping[str, Any] | None = None
    pictures: Mapping[str, Any] | None = None
    search: Mapping[str, Any] | None = None

    @staticmethod
    def of(
        network: str,
        rows: Sequence[LevelRow],
        notes: Sequence[Note],
        plan: Plan | None,
        pictures: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
    ) -> Measured:
        """Of a conversion that this process has made."""
        from recog.tools.versions import versions

        return Measured(
            network,
            [row.as_record() for row in rows],
            [note.as_record() for note in notes],
            None if plan is None else plan.as_record(),
            versions(),
            pictures=pictures,
            search=search,
        )


def conversion_record(parts: ConversionParts, measured: Measured) -> dict[str, Any]:
    """What `report.json` holds.

    Raises:
        RecogError: the program is damaged, or the parts are not of one conversion.
    """
    program = load_program(parts.program)
    cost = program_cost(program)
    found = program_bytes(parts.program, program)
    compared = [] if measured.comparison is None else measured.comparison["rows"]
    dense = _kept_dense(parts.stages.get(Stage.CLUSTERED), measured.plan)
    record: dict[str, Any] = {
        "network": measured.network,
        "rows": list(measured.rows),
        "notes": list(measured.notes),
    }
    if measured.plan is not None:
        record["plan"] = measured.plan
    if measured.search is not None:
        record["search"] = measured.search
    if measured.comparison is not None:
        record["comparison"] = measured.comparison
    if measured.pictures is not None:
        record["pictures"] = measured.pictures
    return record | {
        "versions": dict(measured.versions),
        "recipe": parts.recipe,
        "program": {"sha256": hashlib.sha256(parts.program).hexdigest()},
        "batch_norms": _batch_norms(parts.stages),
        "boundary": [] if parts.host is None else list(boundary_lines(parts.host)),
        "cost": _without_layers(cost_record(cost)),
        "bytes": _without_layers(found.as_record()),
        "layers": layer_rows(program, cost, found, dense, compared),
        "graph": network_graph(parts.stages[Stage.LNS], parts.host),
        "timeline": timeline(cost),
        "memory": memory(cost),
        "roofline": roofline(cost),
    }


def _without_layers(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "layers"}


def _kept_dense(clustered: ModuleOp | None, plan: Mapping[str, Any] | None) -> dict[str, str]:
    """Why layers have no table, by their names; "" stands for all others."""
    if clustered is None:
        return {"": DENSE_BECAUSE}
    found: dict[str, str] = {}
    for op in clustered.walk():
        why = op.attributes.get(KEPT_DENSE)
        if isinstance(op, nn.LayerOp) and isinstance(why, StringAttr):
            name = label_of(op) or module_path(op.location) or op.name
            found[name] = why.data
    chosen = [] if plan is None else plan["layers"]
    return found | {each["layer"]: each["why"] for each in chosen if each["layout"] == "dense"}


def _batch_norms(stages: Mapping[Stage, ModuleOp]) -> dict[str, Any] | None:
    """How many batch norms the network has, and which stay; None where that is not known."""
    if Stage.FLOAT not in stages or Stage.FOLDED not in stages:
        return None
    places = norm_places(stages[Stage.FLOAT])
    kept = kept_norms(stages[Stage.FOLDED], places)
    return {
        "count": len(places),
        "folded": len(places) - len(kept),
        "kept": [
            {"place": describe_location(op.location) or op.name, "why": reason_kept(op)}
            for op in kept
        ],
    }


def timeline(cost: ProgramCost, most: int = MAX_SPANS) -> list[dict[str, Any]]:
    """What each queue does when, in cycles: the slices of the trace of `recog cost --trace`.

    Args:
        most: of more slices, those of a layer that follow each other in a queue become one.
    """
    slices = [each for each in cost.replay.slices if each.cost.queue is not Queue.CONTROL]
    spans: list[dict[str, Any]] = []
    last: dict[Queue, dict[str, Any]] = {}
    for each in slices:
        own = each.cost
        before = last.get(own.queue)
        if len(slices) > most and before is not None and before["layer"] == own.layer:
            before["end"] = each.end
            before["busy"] += own.duration
            before["instructions"] += 1
            continue
        last[own.queue] = {
            "queue": own.queue.value,
            "layer": own.layer,
            "op": own.op.name.removeprefix("chip."),
            "start": each.start,
            "end": each.end,
            "busy": own.duration,
            "bound": own.bound,
            "instructions": 1,
        }
        spans.append(last[own.queue])
    return spans


def roofline(cost: ProgramCost) -> dict[str, Any]:
    """The layers that multiply, and what they can reach, as `recog cost --plot` draws them.

    `array` is in products a cycle, `bandwidth` in bytes of activation memory a cycle, `bytes` of a
    layer are those into and out of it.
    """
    return {
        "array": cost.chip.array.size,
        "bandwidth": cost.chip.memory(ACTIVATION_MEMORY).bandwidth,
        "layers": [
            {
                "layer": each.layer,
                "products": each.products,
                "bytes": moved,
                "cycles": each.cycles,
                "bound": each.bound,
            }
            for each in cost.layers
            if each.products and (moved := each.moved(ACTIVATION_MEMORY))
        ],
    }


def memory(cost: ProgramCost) -> dict[str, Any]:
    """What lies where in activation memory, and when; times in cycles, sizes in bytes."""
    found = stays(cost.replay, cost.scope)
    return {
        "size": cost.chip.size(ACTIVATION_MEMORY),
        "stays": [
            {
                "tensor": each.name,
                "layer": each.layer,
                "address": each.bytes.start,
                "bytes": len(each.bytes),
                "start": each.start,
                "end": each.end,
            }
            for each in found
        ],
        "live": [list(each) for each in live_bytes(found)],
    }
