"""What a program costs, as tables, JSON and CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recog.backend.cost import LayerCost, ProgramCost
from recog.backend.cost.live import peak_bytes
from recog.backend.cost.savings import DESIGNS, TERMS, DesignCost
from recog.backend.files import atomic_write
from recog.dialects.chip.target import ACTIVATION_MEMORY, DRAM, WEIGHT_MEMORY
from recog.tools.console import print_table

MICRO, MILLI = 1e-6, 1e-9
"""Microjoules and millijoules of a picojoule."""


def print_cost(cost: ProgramCost) -> None:
    """Print a table by layer, then totals, bytes by cause, and energy by row."""
    print_table(_title(cost), _headers(cost), _rows(cost), left=["op", "shape", "bound by"])
    for line in totals(cost):
        print(line)
    print()
    print_table(
        "Bytes of a frame",
        ["memory", "of", "bytes"],
        [[*key, f"{size:,}"] for key, size in sorted(cost.traffic.items())],
        left=["of"],
    )
    tables = cost.chip.energy
    print_table(
        "Energy of a frame, in microjoules",
        ["row", "times", *(_named(table.name, table.rows[0].node) for table in tables)],
        _energy_rows(cost),
    )


def _title(cost: ProgramCost) -> str:
    chip = cost.chip
    array = chip.array
    return (
        f"On {chip.name}: {array.outputs} x {array.inputs} x {array.pixels} products a cycle, "
        f"{chip.clock_mhz} MHz"
    )


def _headers(cost: ProgramCost) -> list[str]:
    energy = [f"uJ {table.name}" for table in cost.chip.energy]
    sizes = ["SRAM bytes", "DRAM bytes"]
    return ["layer", "op", "shape", "products", "cycles", "bound by", "array %", *sizes, *energy]


def _rows(cost: ProgramCost) -> list[list[str]]:
    return [
        [
            each.layer,
            "+".join(each.ops),
            "x".join(map(str, each.shape)),
            f"{each.products:,}",
            f"{each.cycles:,}",
            each.bound,
            f"{100 * each.utilisation(cost.chip):.1f}",
            f"{on_chip_bytes(each):,}",
            f"{each.moved(DRAM):,}",
            *(f"{each.energy(table) * MICRO:.2f}" for table in cost.chip.energy),
        ]
        for each in cost.layers
    ]


def on_chip_bytes(cost: LayerCost | ProgramCost) -> int:
    """Bytes into and out of the memories on the chip."""
    return cost.moved(ACTIVATION_MEMORY) + cost.moved(WEIGHT_MEMORY)


def totals(cost: ProgramCost) -> list[str]:
    """What of a frame as a whole, a line each."""
    busiest = max(cost.queues, key=lambda queue: cost.queues[queue])
    share = cost.queues[busiest] / cost.period
    loaded = sum(each.moved(DRAM) for each in cost.loads)
    loading = sum(each.duration for each in cost.loads)
    peak, room = peak_bytes(cost.replay, cost.scope), cost.chip.size(ACTIVATION_MEMORY)
    energy = ", ".join(
        f"{cost.energy(table) * MILLI:.3f} mJ ({table.name})" for table in cost.chip.energy
    )
    return [
        f"frame: {cost.latency:,} cycles, {cost.milliseconds(cost.latency):.3f} ms",
        f"frames one after the other: {cost.frames_per_second:,.1f} a second, one every "
        f"{cost.period:,} cycles; queue {busiest.value} is busy {100 * share:.0f} % of them",
        f"products: {cost.products:,}, {100 * cost.utilisation:.1f} % of what the array can do",
        f"activation memory: at most {peak:,} of {room:,} bytes at once",
        f"DRAM: {cost.moved(DRAM):,} bytes a frame; weights once: {loaded:,} bytes, "
        f"{cost.milliseconds(loading):.3f} ms",
        f"energy: {energy}",
    ]


def _named(table: str, node: str) -> str:
    return f"{table} ({node})"


def _energy_rows(cost: ProgramCost) -> list[list[str]]:
    tables = cost.chip.energy
    rows = [
        [row, f"{count:,}", *(f"{count * table.value(row) * MICRO:.2f}" for table in tables)]
        for row, count in cost.counts.items()
    ]
    return [*rows, ["total", "", *(f"{cost.energy(table) * MICRO:.2f}" for table in tables)]]


def print_savings(cost: ProgramCost, designs: Sequence[DesignCost]) -> None:
    """Print where the energy goes in each design, in every table, and what was assumed."""
    names = [each.design.name for each in designs]
    own = next(each for each in designs if each.design.resident)
    for table in cost.chip.energy:
        parts = [each.energy(table) for each in designs]
        sums = [sum(part.values()) for part in parts]
        least = sum(own.energy(table).values())
        rows = [[term, *(f"{part[term] * MICRO:,.1f}" for part in parts)] for term in TERMS]
        rows.append(["all", *(f"{each:,.1f}" for each in (total * MICRO for total in sums))])
        rows.append(["times this program's", *(f"{total / least:.2f}" for total in sums)])
        operations = max(1, 2 * cost.products)
        rows.append(["pJ an operation", *(f"{total / operations:.3f}" for total in sums)])
        title = f"Energy of a frame in microjoules, {_named(table.name, table.rows[0].node)}"
        print_table(title, ["term", *names], rows)
        print(_largest_part(parts[0], own.energy(table)))
        print()
    rows = [
        ["weight bytes", *(f"{each.weight_bytes:,}" for each in designs)],
        ["activations spilled", *(f"{each.spilled:,}" for each in designs)],
        ["DRAM cycles", *(f"{each.dram_cycles:,}" for each in designs)],
        ["cycles a frame, at least", *(f"{each.period:,}" for each in designs)],
    ]
    print_table("Bytes and time of a frame", ["", *names], rows)
    for line in ASSUMPTIONS:
        print(line)


ASSUMPTIONS = (
    "Assumed: the same array, mapping, schedule, memories and clock for every design; weights in",
    "DRAM are read once a frame and pass through weight memory; no leakage, clock tree or control;",
    "a product and its addition are two operations.",
    "FP16 activations get no schedule of their own: while twice this program's bytes do not fit in",
    "activation memory, all results go to DRAM and are read back once. On a chip (--target) with",
    "twice the activation memory they do not, and the savings are those without it: docs/cost.md.",
)


def _largest_part(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Which term most of the difference between two designs is of."""
    saved = {term: before[term] - after[term] for term in TERMS}
    term = max(saved, key=lambda each: saved[each])
    share = saved[term] / sum(saved.values())
    return f"Of what this program saves beside {DESIGNS[0].name}, {100 * share:.0f} % is {term}."


def cost_record(cost: ProgramCost) -> dict[str, Any]:
    """All of it for JSON: energy in picojoules, times in cycles unless a name says otherwise."""
    chip = cost.chip
    return {
        "target": chip.name,
        "clock_mhz": chip.clock_mhz,
        "array": [chip.array.outputs, chip.array.inputs, chip.array.pixels],
        "cycles": cost.latency,
        "milliseconds": cost.milliseconds(cost.latency),
        "period_cycles": cost.period,
        "fps": cost.frames_per_second,
        "utilisation": cost.utilisation,
        "products": cost.products,
        "amem_peak": peak_bytes(cost.replay, cost.scope),
        "dram_bytes": cost.moved(DRAM),
        "weights_once_bytes": sum(each.moved(DRAM) for each in cost.loads),
        "busy_cycles": dict(cost.busy),
        "queue_cycles": {queue.value: cycles for queue, cycles in cost.queues.items()},
        "traffic": _traffic(cost),
        "counts": cost.counts,
        "energy_pj": {table.name: cost.energy(table) for table in chip.energy},
        "layers": [layer_record(each, cost) for each in cost.layers],
    }


def _traffic(cost: LayerCost | ProgramCost) -> list[dict[str, Any]]:
    return [
        {"memory": memory, "cause": cause, "bytes": size}
        for (memory, cause), size in cost.traffic.items()
    ]


def layer_record(layer: LayerCost, cost: ProgramCost) -> dict[str, Any]:
    """A layer for JSON."""
    return {
        "layer": layer.layer,
        "ops": list(layer.ops),
        "shape": list(layer.shape),
        "source": next((each.source for each in layer.costs if each.source), ""),
        "products": layer.products,
        "cycles": layer.cycles,
        "start": layer.start,
        "end": layer.end,
        "bound": layer.bound,
        "utilisation": layer.utilisation(cost.chip),
        "traffic": _traffic(layer),
        "energy_pj": {table.name: layer.energy(table) for table in cost.chip.energy},
    }


def savings_record(cost: ProgramCost, designs: Sequence[DesignCost]) -> list[dict[str, Any]]:
    """The designs for JSON, energy in picojoules by table and term."""
    return [
        {
            "design": each.design.name,
            "weight_bytes": each.weight_bytes,
            "spilled_bytes": each.spilled,
            "dram_cycles": each.dram_cycles,
            "period_cycles": each.period,
            "energy_pj": {table.name: each.energy(table) for table in cost.chip.energy},
        }
        for each in designs
    ]


def write_csv(path: Path, cost: ProgramCost) -> None:
    """A line a layer; energy in picojoules."""
    tables = cost.chip.energy
    names = ["layer", "ops", "shape", "products", "cycles", "start", "end", "bound", "utilisation"]
    memories = [memory.name for memory in cost.chip.memories] + ["buffer"]
    with atomic_write(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            [
                *names,
                *(f"{name}_bytes" for name in memories),
                *(f"{table.name}_pj" for table in tables),
            ]
        )
        for each in cost.layers:
            record = layer_record(each, cost)
            record |= {"ops": "+".join(each.ops), "shape": "x".join(map(str, each.shape))}
            writer.writerow(
                [
                    *(record[name] for name in names),
                    *(each.moved(name) for name in memories),
                    *(each.energy(table) for table in tables),
                ]
            )
