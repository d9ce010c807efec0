"""Where the energy goes, beside the same network in other numbers and with its weights elsewhere.

Every design runs the same instructions on the same array with the same mapping; only how numbers
are stored, what a product costs, and where weights are kept differs. So each step from one design
to the next has its own part in the whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from recog.backend.cost.instructions import (
    ACTIVATION_MEMORY,
    DRAM,
    WEIGHT_MEMORY,
    InstructionCost,
    Storage,
    instruction_cost,
)
from recog.backend.cost.live import live_bytes, stays
from recog.backend.cost.program import ProgramCost
from recog.backend.cost.sharing import Sharing, shared_products
from recog.dialects.chip import EnergyTable, LayerOp, ProgramOp, Queue
from recog.dialects.chip.energy import BUFFER

TERMS = (
    "products",
    "vector unit, encoding",
    "accumulators, codebooks",
    "weight memory",
    "activation memory",
    "DRAM: weights",
    "DRAM: activations",
)
PRODUCT_ROWS = ("mac", "mac_wide", "mac_int8", "mac_fp16", "add")


@dataclass(frozen=True)
class Design:
    """A way to run the network.

    Attributes:
        name: for tables.
        storage: of its numbers; None as in the program.
        resident: whether weights stay on the chip; else they come from DRAM once a frame.
        shared: whether products that equal kernels have in common are computed once.
    """

    name: str
    storage: Storage | None = None
    resident: bool = False
    shared: bool = False


DESIGNS = (
    Design("FP16, weights in DRAM", Storage(2, 2, "mac_fp16")),
    Design("int8, weights in DRAM", Storage(1, 1, "mac_int8")),
    Design("this program, weights in DRAM"),
    Design("this program", resident=True),
    Design("this program, products shared", resident=True, shared=True),
)
"""From the usual to the chip's, one thing changed at a time."""


@dataclass(frozen=True)
class DesignCost:
    """What a frame costs in a design.

    Attributes:
        counts: by term, how often what each row of energy is of happens.
        weight_bytes: of all weights, as stored.
        spilled: bytes of activations that go through DRAM because they do not fit.
        dram_cycles: cycles of a frame in which DRAM is busy.
        period: cycles from a frame to the next, at least.
    """

    design: Design
    counts: Mapping[str, Mapping[str, float]]
    weight_bytes: int
    spilled: int
    dram_cycles: int
    period: int

    def energy(self, table: EnergyTable) -> dict[str, float]:
        """Picojoules by term."""
        return {
            term: sum(count * table.value(row) for row, count in self.counts[term].items())
            for term in TERMS
        }


def design_costs(program: ProgramOp, cost: ProgramCost) -> list[DesignCost]:
    """What a frame costs in each of `DESIGNS`."""
    sharing = shared_products(program)
    return [_design_cost(design, program, cost, sharing) for design in DESIGNS]


def _design_cost(
    design: Design, program: ProgramOp, cost: ProgramCost, sharing: Mapping[LayerOp, Sharing]
) -> DesignCost:
    chip, scope = cost.chip, cost.scope
    costs = [instruction_cost(each.op, scope, chip, design.storage) for each in cost.costs]
    weights = _weight_bytes(design, program, cost)
    spilled = _spilled(design, cost, costs)
    counts = {term: Counter[str]() for term in TERMS}
    for each in costs:
        _add_products(counts["products"], each, sharing if design.shared else {})
        counts["vector unit, encoding"]["vector"] += each.counts.get("vector", 0)
        counts["accumulators, codebooks"][BUFFER] += each.moved(BUFFER)
        counts["weight memory"][WEIGHT_MEMORY] += each.moved(WEIGHT_MEMORY)
        counts["activation memory"][ACTIVATION_MEMORY] += each.moved(ACTIVATION_MEMORY)
        counts["DRAM: activations"][DRAM] += each.moved(DRAM)
    counts["DRAM: activations"][DRAM] += spilled
    if not design.resident:
        counts["weight memory"][WEIGHT_MEMORY] += weights
        counts["DRAM: weights"][DRAM] += weights
    width = min(chip.memory(DRAM).bandwidth, chip.dma.width)
    moved = counts["DRAM: activations"][DRAM] + counts["DRAM: weights"][DRAM]
    dram_cycles = -(-moved // width)
    busy = {name: sum(each.cycles.get(name, 0) for each in costs) for name in cost.busy}
    queue = max(sum(c.duration for c in costs if c.queue is each) for each in Queue)
    period = max(queue, *busy.values(), dram_cycles)
    return DesignCost(design, counts, weights, spilled, dram_cycles, period)


def _add_products(
    counts: Counter[str], cost: InstructionCost, sharing: Mapping[LayerOp, Sharing]
) -> None:
    found = sharing.get(cost.op) if isinstance(cost.op, LayerOp) else None
    for row in PRODUCT_ROWS:
        count = cost.counts.get(row, 0)
        if found is None or not count:
            counts[row] += count
            continue
        counts[row] += round(count * found.products)
        counts["add"] += round(count * found.additions)


def _weight_bytes(design: Design, program: ProgramOp, cost: ProgramCost) -> int:
    """All weights once, as the design stores them."""
    if design.storage is None:
        return sum(each.moved(DRAM) for each in cost.loads)
    scope = program.scope
    layers = {
        op.weights.string_value(): scope.weights(op.weights)
        for op in program.instructions
        if isinstance(op, LayerOp)
    }
    elements = sum(prod(each.shape) for each in layers.values())
    biases = sum(each.shape[0] for each in layers.values())
    return elements * design.storage.weight_bytes + 4 * biases


def _spilled(design: Design, cost: ProgramCost, costs: Sequence[InstructionCost]) -> int:
    """Bytes through DRAM where a design's larger activations do not fit: all that an instruction
    computes while too much is needed is written there and read back once.

    The schedule stays that of the program, so FP16 has a cliff. How little could be spilled, only
    a schedule of its own would tell.
    """
    if design.storage is None:
        return 0
    levels = live_bytes(stays(cost.replay, cost.scope))
    times = [time for time, _ in levels]
    room = cost.chip.size(ACTIVATION_MEMORY) / design.storage.element_bytes
    spilled = 0
    for each, own in zip(cost.replay.slices, costs):
        first = max(0, bisect_right(times, each.start) - 1)
        last = bisect_left(times, each.end)
        if max((size for _, size in levels[first:last]), default=0) > room:
            spilled += 2 * sum(part.bytes for part in own.traffic if part.cause == "results")
    return spilled
