"""How long what lies in activation memory is needed, and how many bytes are at each moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recog.backend.cost.instructions import InstructionCost
from recog.backend.cost.replay import Replay, Slice
from recog.backend.dependences import accesses
from recog.dialects.chip import Queue, Scope, TensorOp


@dataclass(frozen=True)
class Stay:
    """A tensor in activation memory: from the start of its first writer to the end of its last
    reader, in cycles.

    Attributes:
        name: the tensor's.
        layer: that of its first writer; of a view that nothing writes as such the one that writes
            its ring, where it is one, else the tensor's name.
        bytes: its place.
    """

    name: str
    layer: str
    bytes: range
    start: int
    end: int


def stays(replay: Replay, scope: Scope) -> list[Stay]:
    """The tensors of a frame, in the order in which they are first written."""
    touched: dict[TensorOp, list[Slice]] = {}
    writers: dict[TensorOp | int, list[str]] = {}
    for each in replay.slices:
        if each.cost.queue is Queue.CONTROL:
            continue
        for access in accesses(each.cost.op, scope):
            tensor = access.tensor
            if not isinstance(tensor, TensorOp):
                continue
            touched.setdefault(tensor, []).append(each)
            if access.written:
                for key in (tensor, tensor.ring.value.data):
                    writers.setdefault(key, []).append(each.cost.layer)
    return [_stay(tensor, slices, writers) for tensor, slices in touched.items()]


def _stay(
    tensor: TensorOp, slices: Sequence[Slice], writers: Mapping[TensorOp | int, Sequence[str]]
) -> Stay:
    """The stay of a tensor that slices read and write.

    Args:
        writers: the layers that write each tensor and each ring.
    """
    start, ring, layer = tensor.address.value.data, tensor.ring.value.data, tensor.sym_name.data
    if tensor in writers:
        layer = writers[tensor][0]
    elif ring and len(set(writers.get(ring, ()))) == 1:
        layer = writers[ring][0]
    return Stay(
        tensor.sym_name.data,
        layer,
        range(start, start + tensor.extent),
        min(each.start for each in slices),
        max(each.end for each in slices),
    )


def live_bytes(found: Sequence[Stay]) -> list[tuple[int, int]]:
    """(cycle, bytes from then on) at each change; what lies in several tensors counts once."""
    edges = sorted({edge for each in found for edge in (each.bytes.start, each.bytes.stop)})
    spans: list[list[tuple[int, int]]] = [[] for _ in edges]
    for each in found:
        first, last = (bisect_left(edges, edge) for edge in (each.bytes.start, each.bytes.stop))
        for place in range(first, last):
            spans[place].append((each.start, each.end))
    changes: dict[int, int] = {}
    for place, (low, high) in enumerate(zip(edges, edges[1:])):
        for start, end in _joined(spans[place]):
            changes[start] = changes.get(start, 0) + high - low
            changes[end] = changes.get(end, 0) - (high - low)
    return _levels(changes)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of time without those that overlap."""
    joined = list[tuple[int, int]]()
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def ring_fill(replay: Replay, scope: Scope) -> dict[str, list[tuple[int, int]]]:
    """(cycle, rows from then on) at each change, of the rings of each layer: rows count from the
    start of what writes them first to the end of what reads them last."""
    lives: dict[tuple[int, int], list[int]] = {}
    layers: dict[int, str] = {}
    for each in replay.slices:
        if each.cost.queue is Queue.CONTROL:
            continue
        for access in accesses(each.cost.op, scope):
            ring = access.tensor.ring.value.data if isinstance(access.tensor, TensorOp) else 0
            if not ring:
                continue
            if access.written:
                layers.setdefault(ring, each.cost.layer)
            for row in access.rows:
                life = lives.setdefault((ring, row), [each.start, each.end])
                life[1] = max(life[1], each.end)
    changes: dict[str, dict[int, int]] = {}
    for (ring, _), (start, end) in lives.items():
        own = changes.setdefault(layers.get(ring, f"ring {ring}"), {})
        own[start] = own.get(start, 0) + 1
        own[end] = own.get(end, 0) - 1
    return {layer: _levels(own) for layer, own in changes.items()}


def _levels(changes: Mapping[int, int]) -> list[tuple[int, int]]:
    """(time, level from then on) of changes at some times, those of 0 left out."""
    level, levels = 0, list[tuple[int, int]]()
    for time in sorted(changes):
        level += changes[time]
        if changes[time]:
            levels.append((time, level))
    return levels


def least_memory(costs: Sequence[InstructionCost], scope: Scope) -> int:
    """The bytes of activation memory that some instruction needs at once, in program order and
    without gaps: no placement takes less."""
    steps = [Slice(cost, number, number + 1) for number, cost in enumerate(costs)]
    return peak_bytes(Replay(tuple(steps), 1), scope)


def peak_bytes(replay: Replay, scope: Scope) -> int:
    """The most bytes of activation memory that are needed at one moment."""
    return max((each for _, each in live_bytes(stays(replay, scope))), default=0)


__all__ = ["Stay", "least_memory", "live_bytes", "peak_bytes", "ring_fill", "stays"]
