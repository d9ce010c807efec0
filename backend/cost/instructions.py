"""What an instruction costs on a chip: cycles of each resource, bytes with their cause, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import NameLoc, StringAttr, SymbolRefAttr
from xdsl.ir import Attribute

from recog.backend.cost.mapping import Loops, ceil_div, map_products
from recog.dialects.chip import (
    ChipTarget,
    InstructionOp,
    LdwOp,
    Products,
    Queue,
    Scope,
    WeightRead,
)
from recog.dialects.chip.energy import BUFFER
from recog.dialects.chip.fields import ReferenceField
from recog.dialects.chip.instructions import tensor_roles
from recog.dialects.chip.records import layout
from recog.dialects.chip.target import ACTIVATION_MEMORY, DRAM, WEIGHT_MEMORY
from recog.dialects.errors import describe_location

ARRAY, VECTOR = "array", "vector"
RESOURCES = (ARRAY, VECTOR, ACTIVATION_MEMORY, WEIGHT_MEMORY, DRAM)
"""What an instruction may be bound by, in the order of reports."""

NARROW_BITS = 8

_Mapped = Sequence[tuple[Products, Loops]]
"""Sums of products, each with its loops on the array."""


@dataclass(frozen=True)
class Traffic:
    """Bytes that an instruction moves into or out of a memory, and why."""

    memory: str
    cause: str
    bytes: int


@dataclass(frozen=True)
class Storage:
    """How numbers are stored and multiplied in place of how the program has them.

    Attributes:
        element_bytes: of an activation.
        weight_bytes: of a weight, each stored by itself.
        mac: the energy row of a product.
    """

    element_bytes: int
    weight_bytes: int
    mac: str


@dataclass(frozen=True)
class InstructionCost:
    """What one instruction costs.

    Attributes:
        op: the instruction.
        cycles: by resource, of those that it uses; they work side by side.
        fixed: cycles before and after: the overhead, and for DMA the latency of DRAM.
        products: multiplications, those with padding among them.
        traffic: bytes by memory and cause.
        counts: how often it does what a row of energy is of.
        layer: the label of the layer that it does, or a part of; of a transfer its end in DRAM.
    """

    op: InstructionOp
    cycles: Mapping[str, int]
    fixed: int
    products: int
    traffic: tuple[Traffic, ...]
    counts: Mapping[str, int]
    layer: str

    @property
    def queue(self) -> Queue:
        return self.op.QUEUE

    @property
    def duration(self) -> int:
        """Cycles from its start to its end."""
        return max(self.cycles.values(), default=0) + self.fixed

    @property
    def bound(self) -> str:
        """The resource that it waits for longest, or what comes before and after."""
        most = max(self.cycles, key=lambda each: self.cycles[each], default=None)
        if most is None or self.fixed > self.cycles[most]:
            return "overhead"
        return most

    @property
    def source(self) -> str:
        """Where in the user's source it comes from, as far as that is known."""
        return describe_location(self.op.location) or ""

    def moved(self, memory: str) -> int:
        """Bytes into and out of a memory."""
        return sum(each.bytes for each in self.traffic if each.memory == memory)


def own_label(op: InstructionOp) -> str | None:
    """The layer that an instruction says it does, or a part of; of a transfer its end in DRAM."""
    outside, label = _in_dram(op), op.attributes.get("layer")
    if outside is not None:
        return outside
    return label.data if isinstance(label, StringAttr) else _name_in(op.location) or None


def instruction_cost(
    op: InstructionOp,
    scope: Scope,
    chip: ChipTarget,
    storage: Storage | None = None,
    layer: str | None = None,
) -> InstructionCost:
    """What an instruction costs on a chip, its numbers stored as in the program or otherwise.

    Args:
        layer: the label of its layer, by default what it says itself, or the tensor that it writes.
    """
    products = [(each, map_products(each, chip.array)) for each in op.products(scope)]
    traffic = _merged(
        [
            *_activations(op, scope, products, storage),
            *_weights(op, scope, chip, products, storage),
            *_outside(op, scope, chip, storage),
            *_sums(chip, products),
        ]
    )
    steps = op.vector_steps(scope)
    counts = Counter[str]()
    for each, _ in products:
        row = "mac" if each.bits <= NARROW_BITS else "mac_wide"
        counts[row if storage is None else storage.mac] += each.count
    counts["vector"] += steps + sum(each.sums for each, _ in products)
    for each in traffic:
        counts[each.memory] += each.bytes
    work = {
        ARRAY: sum(loops.cycles for _, loops in products),
        VECTOR: ceil_div(steps, chip.vector.lanes),
        **_port_cycles(traffic, chip),
    }
    fixed = chip.overhead if op.QUEUE is not Queue.CONTROL else 0
    if op.QUEUE in (Queue.DMA_IN, Queue.DMA_OUT):
        fixed += chip.dma.latency
    return InstructionCost(
        op,
        {name: cycles for name, cycles in work.items() if cycles},
        fixed,
        sum(each.count for each, _ in products),
        traffic,
        {row: count for row, count in counts.items() if count},
        layer or own_label(op) or written_name(op),
    )


def _port_cycles(traffic: Iterable[Traffic], chip: ChipTarget) -> dict[str, int]:
    moved = Counter[str]()
    for each in traffic:
        moved[each.memory] += each.bytes
    widths = {memory.name: memory.bandwidth for memory in chip.memories}
    widths[DRAM] = min(widths[DRAM], chip.dma.width)
    return {name: ceil_div(moved[name], width) for name, width in widths.items()}


def _activations(
    op: InstructionOp,
    scope: Scope,
    products: _Mapped,
    storage: Storage | None,
) -> Iterator[Traffic]:
    """What goes into and out of activation memory: each element once, of what streams into the
    array each time that it does."""
    streamed = sum(loops.streamed for _, loops in products)
    elements, fields = op.moved(scope), tensor_roles(type(op))
    for name, role in fields.items():
        count = streamed if streamed and role == "input" else elements[name]
        cause = "results" if role == "output" else "operands"
        yield Traffic(ACTIVATION_MEMORY, cause, count * _element_bytes(op, name, scope, storage))


def _element_bytes(op: InstructionOp, name: str, scope: Scope, storage: Storage | None) -> int:
    reference = op.properties[name]
    if not isinstance(reference, SymbolRefAttr):
        return 0
    tensor = scope.tensor(reference)
    # Indices and boxes are integers in every storage.
    if storage is None or tensor.integer is not None:
        return tensor.element_bytes
    return storage.element_bytes


def _weights(
    op: InstructionOp,
    scope: Scope,
    chip: ChipTarget,
    products: _Mapped,
    storage: Storage | None,
) -> Iterator[Traffic]:
    """What is read of weight memory, and of the codebook beside the array."""
    if isinstance(op, LdwOp):
        yield Traffic(WEIGHT_MEMORY, "loads", op.size.value.data)
        return
    taps = sum(each.taps for each, _ in products)
    shares = [(loops.blocks, each.taps) for each, loops in products]

    def every_block(size: int) -> int:
        """Bytes of which each block of positions reads those of its taps."""
        return sum(ceil_div(blocks * size * each, taps) for blocks, each in shares)

    for read in op.weight_reads(scope):
        if storage is not None and read.again:
            read = WeightRead("weights", _weight_count(products) * storage.weight_bytes, True)
        yield Traffic(
            WEIGHT_MEMORY, read.cause, every_block(read.bytes) if read.again else read.bytes
        )
        if not read.codes:
            continue
        if read.table > chip.array.codebook:
            yield Traffic(WEIGHT_MEMORY, "codebook", every_block(read.codes))
        else:
            yield Traffic(WEIGHT_MEMORY, "codebook", read.table)
            yield Traffic(BUFFER, "codebook", read.table + every_block(read.codes))


def _weight_count(products: _Mapped) -> int:
    return sum(each.groups * each.outputs * each.inputs * each.taps for each, _ in products)


def _outside(
    op: InstructionOp, scope: Scope, chip: ChipTarget, storage: Storage | None
) -> Iterator[Traffic]:
    """What a transfer moves from or to DRAM."""
    if isinstance(op, LdwOp):
        yield Traffic(DRAM, "weights", op.size.value.data)
    elif op.QUEUE in (Queue.DMA_IN, Queue.DMA_OUT):
        moved, ends = op.moved(scope), "output" if op.QUEUE is Queue.DMA_IN else "input"
        for name in (name for name, role in tensor_roles(type(op)).items() if role == ends):
            size = _element_bytes(op, name, scope, storage)
            size = chip.dma.alone(size) if op.APART else size
            yield Traffic(DRAM, op.TRANSFERS, moved[name] * size)


def _sums(chip: ChipTarget, products: _Mapped) -> Iterator[Traffic]:
    """What accumulators read and write: a sum for each tile of inputs and each tap."""
    updates = sum(loops.updates for _, loops in products)
    yield Traffic(BUFFER, "accumulators", 2 * updates * ceil_div(chip.accumulator, 8))


def _merged(traffic: Iterable[Traffic]) -> tuple[Traffic, ...]:
    """One entry a memory and cause, none of no bytes."""
    found = Counter[tuple[str, str]]()
    for each in traffic:
        found[each.memory, each.cause] += each.bytes
    return tuple(Traffic(*key, size) for key, size in found.items() if size)


def _in_dram(op: InstructionOp) -> str | None:
    """The name of the input, output or buffer that a transfer moves."""
    for field, _ in layout(type(op)):
        if isinstance(field, ReferenceField) and op.QUEUE in (Queue.DMA_IN, Queue.DMA_OUT):
            reference = op.properties[field.name]
            inside = field.name in tensor_roles(type(op))
            if not inside and isinstance(reference, SymbolRefAttr):
                return reference.string_value()
    return None


def _name_in(location: Attribute) -> str | None:
    return location.desc.data if isinstance(location, NameLoc) else None


def written_name(op: InstructionOp) -> str:
    """The tensor that an instruction writes, by its name; of one that writes none what it is."""
    output = op.properties.get("output")
    return output.string_value() if isinstance(output, SymbolRefAttr) else op.name
