"""What a frame of a program costs on a chip: time, bytes and energy, by instruction and layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from recog.backend.assembly import memory_use
from recog.backend.cost.instructions import (
    RESOURCES,
    InstructionCost,
    instruction_cost,
)
from recog.backend.cost.labels import labels
from recog.backend.cost.replay import Replay, Slice, replay
from recog.dialects.chip import ChipTarget, EnergyTable, ProgramOp, Queue, Scope
from recog.dialects.chip.target import ACTIVATION_MEMORY, DRAM, WEIGHT_MEMORY
from recog.dialects.errors import RecogError


@dataclass(frozen=True)
class LayerCost:
    """What the instructions of a layer cost together.

    Attributes:
        layer: its label.
        ops: the names of its instructions, each once.
        shape: of what its last instruction computes.
    """

    layer: str
    ops: tuple[str, ...]
    shape: tuple[int, ...]
    slices: tuple[Slice, ...]

    @cached_property
    def costs(self) -> tuple[InstructionCost, ...]:
        return tuple(each.cost for each in self.slices)

    @property
    def products(self) -> int:
        return sum(each.products for each in self.costs)

    @property
    def cycles(self) -> int:
        """Of its instructions, one after the other."""
        return sum(each.duration for each in self.costs)

    @property
    def bound(self) -> str:
        """What most of its cycles go to."""
        time = Counter[str]()
        for each in self.costs:
            time[each.bound] += each.duration
        return max(time, key=lambda name: time[name])

    @property
    def start(self) -> int:
        return min(each.start for each in self.slices)

    @property
    def end(self) -> int:
        return max(each.end for each in self.slices)

    @cached_property
    def traffic(self) -> dict[tuple[str, str], int]:
        """Bytes by memory and cause."""
        return traffic_of(self.costs)

    def moved(self, memory: str) -> int:
        """Bytes into and out of a memory."""
        return sum(each.moved(memory) for each in self.costs)

    def utilisation(self, chip: ChipTarget) -> float:
        """The share of the array's products, in its cycles, that are the layer's."""
        return self.products / max(1, self.cycles * chip.array.size)

    def energy(self, table: EnergyTable) -> float:
        """Picojoules."""
        return energy_of(counts_of(self.costs), table)


@dataclass(frozen=True)
class ProgramCost:
    """What a program costs on a chip.

    Attributes:
        chip: the chip.
        costs: of the instructions that run for each frame, in program order.
        loads: of those that run once.
        replay: the former in time.
        scope: the program's descriptors.
    """

    chip: ChipTarget
    costs: tuple[InstructionCost, ...]
    loads: tuple[InstructionCost, ...]
    replay: Replay
    scope: Scope

    @cached_property
    def layers(self) -> list[LayerCost]:
        """In the order in which they begin."""
        parts: dict[str, list[Slice]] = {}
        for each in self.replay.slices:
            if each.cost.queue is not Queue.CONTROL:
                parts.setdefault(each.cost.layer, []).append(each)
        return [self._layer(name, slices) for name, slices in parts.items()]

    def _layer(self, name: str, slices: Sequence[Slice]) -> LayerCost:
        last = slices[-1].cost.op
        tensors = list(last.tensor_fields(self.scope).values())
        ops = dict.fromkeys(each.cost.op.name.removeprefix("chip.") for each in slices)
        shape = tensors[0].shape if tensors else ()
        return LayerCost(name, tuple(ops), shape, tuple(slices))

    @property
    def latency(self) -> int:
        """Cycles of a frame alone."""
        return self.replay.latency

    @cached_property
    def period(self) -> int:
        """Cycles from a frame to the next when they follow each other: what the replay gives, but
        no less than what any resource is busy, since memories serve all queues."""
        return max(1, self.replay.period, *self.busy.values())

    @cached_property
    def busy(self) -> dict[str, int]:
        """Cycles of a frame in which each resource is used."""
        return {name: sum(each.cycles.get(name, 0) for each in self.costs) for name in RESOURCES}

    @property
    def queues(self) -> dict[Queue, int]:
        """Cycles of a frame in which each queue runs an instruction."""
        return {
            queue: sum(each.duration for each in self.costs if each.queue is queue)
            for queue in Queue
            if queue is not Queue.CONTROL
        }

    @property
    def frames_per_second(self) -> float:
        return self.chip.clock_mhz * 1e6 / self.period

    @property
    def products(self) -> int:
        return sum(each.products for each in self.costs)

    @property
    def utilisation(self) -> float:
        """The share of the array's products, from a frame to the next, that are used."""
        return self.products / (self.period * self.chip.array.size)

    @cached_property
    def traffic(self) -> dict[tuple[str, str], int]:
        """Bytes of a frame by memory and cause."""
        return traffic_of(self.costs)

    def moved(self, memory: str) -> int:
        """Bytes of a frame into and out of a memory."""
        return sum(size for (name, _), size in self.traffic.items() if name == memory)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How often a frame does what each row of energy is of."""
        return counts_of(self.costs)

    def energy(self, table: EnergyTable) -> float:
        """Picojoules of a frame."""
        return energy_of(self.counts, table)

    def milliseconds(self, cycles: float) -> float:
        return cycles / (self.chip.clock_mhz * 1e3)


def program_cost(
    program: ProgramOp, chip: ChipTarget | None = None, *, called: str | None = None
) -> ProgramCost:
    """What a frame of a program costs.

    Args:
        chip: by default the one that it is made for.
        called: what errors call the chip, such as its file, by default its name.

    Raises:
        RecogError: the program does not fit the chip.
    """
    chip = chip or program.target.data
    check_fits(program, chip, called or chip.name)
    scope = program.scope
    ops = program.instructions
    named = zip(ops, labels(ops, scope))
    costs = [instruction_cost(op, scope, chip, layer=layer) for op, layer in named]
    framed = tuple(each for each in costs if each.op.EVERY_FRAME)
    loads = tuple(each for each in costs if not each.op.EVERY_FRAME)
    return ProgramCost(chip, framed, loads, replay(costs, scope), scope)


def check_fits(program: ProgramOp, chip: ChipTarget, called: str) -> None:
    """Raise RecogError where a chip lacks the memory or the arithmetic that a program needs.

    Args:
        called: what the error calls the chip.
    """
    made_for, where = program.target.data, f"target {called}"
    hint = f"convert the network for this chip: recog convert --target {called}"
    if differing := made_for.other_arithmetic(chip):
        raise RecogError(f"the program is made for {differing}", where=where, hint=hint)
    needs = zip((WEIGHT_MEMORY, ACTIVATION_MEMORY, DRAM), memory_use(program))
    for name, needed in needs:
        if needed > chip.size(name):
            raise RecogError(
                f"the program needs {needed:,} bytes of {name}, the chip has {chip.size(name):,}",
                where=where,
                hint=hint,
            )


def traffic_of(costs: Sequence[InstructionCost]) -> dict[tuple[str, str], int]:
    """Bytes by memory and cause."""
    found = Counter[tuple[str, str]]()
    for cost in costs:
        for each in cost.traffic:
            found[each.memory, each.cause] += each.bytes
    return dict(found)


def counts_of(costs: Sequence[InstructionCost]) -> dict[str, int]:
    """How often instructions do what each row of energy is of."""
    found = Counter[str]()
    for cost in costs:
        found.update(cost.counts)
    return dict(found)


def energy_of(counts: Mapping[str, int], table: EnergyTable) -> float:
    """Picojoules of counts by row."""
    return sum(count * table.value(row) for row, count in counts.items())
