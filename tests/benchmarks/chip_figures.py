"""What a program costs on its chip, as the rows of `bench_chip` say it."""

from __future__ import annotations

import resource
from math import prod
from typing import Any

from recog.backend.assembly import load_program, memory_use
from recog.backend.cost import program_cost
from recog.backend.cost.live import least_memory
from recog.dialects.chip.steps import steps_of


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
        "macs_recomputed": cost.products / max(1, _once(program, cost)) - 1,
        "cycles": cost.latency,
        "period_cycles": cost.period,
        "utilisation": cost.utilisation,
        "energy_pj": {table.name: cost.energy(table) for table in cost.chip.energy},
        "ms": cost.milliseconds(cost.latency),
        "fps": cost.frames_per_second,
    }


def _once(program: Any, cost: Any) -> float:
    """Products of all steps if each element of their outputs were computed once. Layers do not tell
    steps apart: both cameras go through the same ones."""
    scope, total = cost.scope, 0.0
    seen = set[Any]()
    steps = dict(zip(program.instructions, steps_of(list(program.instructions), scope)))
    for each in cost.costs:
        step = steps[each.op]
        key = (each.layer, each.op.name) if step is None else step
        if not each.products or key in seen:
            continue
        seen.add(key)
        tensor = scope.tensor(each.op.output)
        total += each.products / prod(each.op.part(scope, "output")) * prod(tensor.shape)
    return total
