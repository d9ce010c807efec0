"""What a program costs on its chip, as the rows of `bench_chip` say it."""

from __future__ import annotations

import resource
from math import prod
from typing import Any

from recog.backend.assembly import load_program, memory_use
from recog.backend.cost import program_cost
from recog.backend.cost.live import least_memory


def figures(content: bytes) -> dict[str, Any]:
    """Bytes, cycles and energy of a frame, from a program file's bytes."""
    program = load_program(content)
    cost = program_cost(program)
    return {
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "instructions": len(program.instructions),
        "weight_bytes": memory_use(program)[0],
        "amem_peak": memory_use(program)[1],
        "amem_lower_bound": least_memory(cost.costs, cost.scope),
        "dram_bytes": cost.moved("dram"),
        "dram_compulsory": sum(port.extent for port in program.ports),
        "macs": cost.products,
        "macs_recomputed": cost.products / max(1, _once(cost)) - 1,
        "cycles": cost.latency,
        "period_cycles": cost.period,
        "utilisation": cost.utilisation,
        "energy_pj": {table.name: cost.energy(table) for table in cost.chip.energy},
        "ms": cost.milliseconds(cost.latency),
        "fps": cost.frames_per_second,
    }


def _once(cost: Any) -> float:
    """Products of all layers if each element of their outputs were computed once."""
    total = 0.0
    seen = set[tuple[str, str]]()
    for each in cost.costs:
        op, scope = each.op, cost.scope
        if not each.products or (each.layer, op.name) in seen:
            continue
        seen.add((each.layer, op.name))
        tensor = scope.tensor(op.output)
        total += each.products / prod(op.part(scope, "output")) * prod(tensor.shape)
    return total
