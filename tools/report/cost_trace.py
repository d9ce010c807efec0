"""A frame in time as a trace that Perfetto and Chrome open: https://ui.perfetto.dev."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recog.backend.cost import ProgramCost
from recog.backend.cost.live import live_bytes, ring_fill, stays
from recog.backend.cost.replay import Slice
from recog.backend.cost.sources import sources
from recog.dialects.chip import Queue
from recog.dialects.chip.target import DRAM

PROCESS = 1
QUEUES = [queue for queue in Queue if queue is not Queue.CONTROL]


def trace_record(cost: ProgramCost, name: str) -> dict[str, Any]:
    """Chrome's trace event format: a track a queue, counters of live bytes, of DRAM bytes and of
    the rows that each layer's rings hold.

    Times are microseconds.
    """
    return {
        "displayTimeUnit": "ns",
        "otherData": {"target": cost.chip.name, "clock_mhz": cost.chip.clock_mhz},
        "traceEvents": list(_events(cost, name)),
    }


def _events(cost: ProgramCost, name: str) -> Iterator[dict[str, Any]]:
    yield _named("process_name", 0, f"{name} on {cost.chip.name}")
    for number, queue in enumerate(QUEUES, 1):
        yield _named("thread_name", number, queue.value)
        yield _meta("thread_sort_index", number, {"sort_index": number})
    known = sources([each.cost for each in cost.replay.slices], cost.scope)
    for each, source in zip(cost.replay.slices, known):
        if each.cost.queue in QUEUES:
            yield _slice(each, source, cost)
    for cycle, size in live_bytes(stays(cost.replay, cost.scope)):
        yield _counter("live bytes of activation memory", cycle, size, cost)
    for layer, levels in ring_fill(cost.replay, cost.scope).items():
        for cycle, rows in levels:
            yield _counter(f"rows in memory of {layer}", cycle, rows, cost, "rows")
    moved = 0
    yield _counter("DRAM bytes so far", 0, 0, cost)
    for each in sorted(cost.replay.slices, key=lambda each: each.end):
        if each.cost.moved(DRAM):
            moved += each.cost.moved(DRAM)
            yield _counter("DRAM bytes so far", each.end, moved, cost)


def _slice(each: Slice, source: str, cost: ProgramCost) -> dict[str, Any]:
    own = each.cost
    traffic = {f"{part.memory}: {part.cause}": part.bytes for part in own.traffic}
    return {
        "ph": "X",
        "pid": PROCESS,
        "tid": QUEUES.index(own.queue) + 1,
        "name": own.layer,
        "cat": own.op.name,
        "ts": _microseconds(each.start, cost),
        "dur": _microseconds(each.end - each.start, cost),
        "args": {
            "instruction": own.op.name,
            "source": source,
            "bound by": own.bound,
            "cycles": own.duration,
            "products": own.products,
            **{f"cycles of {name}": cycles for name, cycles in own.cycles.items()},
            **{f"bytes of {name}": size for name, size in traffic.items()},
        },
    }


def _counter(
    name: str, cycle: int, size: int, cost: ProgramCost, unit: str = "bytes"
) -> dict[str, Any]:
    return {
        "ph": "C",
        "pid": PROCESS,
        "name": name,
        "ts": _microseconds(cycle, cost),
        "args": {unit: size},
    }


def _named(kind: str, thread: int, name: str) -> dict[str, Any]:
    return _meta(kind, thread, {"name": name})


def _meta(kind: str, thread: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "pid": PROCESS, "tid": thread, "name": kind, "args": args}


def _microseconds(cycles: int, cost: ProgramCost) -> float:
    return cycles / cost.chip.clock_mhz
