"""Programs: segments, descriptors, inputs and outputs, instructions, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import NoReturn, Self, TypeVar

from xdsl.dialects.builtin import StringAttr, SymbolNameConstraint, SymbolRefAttr, UnitAttr
from xdsl.ir import Block, Operation, Region
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.boxes import BoxdecOp
from recog.dialects.chip.descriptors import BufferOp, DescriptorOp, OutputOp, PortOp, TensorOp
from recog.dialects.chip.fields import TABLES
from recog.dialects.chip.hazards import RowTracker, verify_dram
from recog.dialects.chip.instructions import InstructionOp, LdwOp
from recog.dialects.chip.layers import LayerOp
from recog.dialects.chip.maps import ConstantOp, TableOp
from recog.dialects.chip.records import RecordOp, form_key, is_short
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.stereo import ExpectationOp
from recog.dialects.chip.target import (
    ACTIVATION_MEMORY,
    DRAM,
    WEIGHT_MEMORY,
    ChipTarget,
    TargetAttr,
)
from recog.dialects.chip.weight_memory import WeightMemory
from recog.dialects.chip.weights import SegmentOp

__all__ = ["MAX_INSTRUCTIONS", "ProgramOp"]

MAX_INSTRUCTIONS = 1 << 18
"""Of a program: what a loader takes, and what a schedule may give. 8 megapixels through the
segmentation network in 4 MiB take 82,000; each takes 4 kB of a loader's memory."""


@irdl_op_definition
class ProgramOp(IRDLOperation):
    """A program for the chip of `target`, run once for each frame.

    `stripped` programs carry neither symbols nor source locations in their file. Tensors of
    `unplaced` ones have no places in activation memory yet: their addresses only say which share
    bytes, and go beyond it. They are no programs for a machine before place-tensors.

    chip.program @main for #chip.target<activation_memory = 65536> { … }
    """

    name = "chip.program"

    sym_name = prop_def(SymbolNameConstraint())
    target = prop_def(TargetAttr, default_value=TargetAttr(ChipTarget()))
    stripped = opt_prop_def(UnitAttr)
    unplaced = opt_prop_def(UnitAttr)
    body = region_def("single_block")

    traits = traits_def(IsolatedFromAbove(), SymbolTable(), SymbolOpInterface())

    def __init__(
        self,
        sym_name: str,
        ops: Sequence[Operation] | Region,
        target: ChipTarget | None = None,
        *,
        stripped: bool = False,
    ):
        region = ops if isinstance(ops, Region) else Region(Block(ops))
        super().__init__(
            properties={
                "sym_name": StringAttr(sym_name),
                "target": TargetAttr(target or ChipTarget()),
                "stripped": UnitAttr() if stripped else None,
            },
            regions=[region],
        )

    @property
    def segments(self) -> list[SegmentOp]:
        return [op for op in self.body.block.ops if isinstance(op, SegmentOp)]

    @property
    def ports(self) -> list[PortOp]:
        """Inputs and outputs."""
        return [op for op in self.body.block.ops if isinstance(op, PortOp)]

    @property
    def in_dram(self) -> list[PortOp | BufferOp]:
        """Inputs, outputs and buffers."""
        return [op for op in self.body.block.ops if isinstance(op, PortOp | BufferOp)]

    @property
    def descriptors(self) -> list[DescriptorOp]:
        """All descriptors but inputs and outputs."""
        ops = (op for op in self.body.block.ops if isinstance(op, DescriptorOp))
        return [op for op in ops if not isinstance(op, PortOp)]

    @property
    def instructions(self) -> list[InstructionOp]:
        return [op for op in self.body.block.ops if isinstance(op, InstructionOp)]

    @property
    def scope(self) -> Scope:
        return Scope(self.body.block.ops)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        name = parser.parse_symbol_name().data
        target = ChipTarget()
        if parser.parse_optional_keyword("for"):
            start = parser.pos
            attribute = parser.parse_attribute()
            if not isinstance(attribute, TargetAttr):
                parser.raise_error("expected #chip.target<…>", start, parser.pos)
            target = attribute.data
        stripped = parser.parse_optional_keyword("stripped") is not None
        unplaced = parser.parse_optional_keyword("unplaced") is not None
        attributes = parser.parse_optional_attr_dict_with_keyword()
        op = cls(name, parser.parse_region(), target, stripped=stripped)
        if unplaced:
            op.unplaced = UnitAttr()
        if attributes is not None:
            op.attributes |= attributes.data
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        if self.target.data != ChipTarget():
            printer.print_string(" for ")
            printer.print_attribute(self.target)
        if self.stripped is not None:
            printer.print_string(" stripped")
        if self.unplaced is not None:
            printer.print_string(" unplaced")
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body)

    def verify_(self) -> None:
        self._verify_order()
        target, scope = self.target.data, self.scope
        for descriptor in self.descriptors:
            _located(descriptor, lambda op: scope.verify_references(op))
            if isinstance(descriptor, TensorOp) and self.unplaced is None:
                end = descriptor.address.value.data + descriptor.extent
                _verify_end(descriptor, end, target.size(ACTIVATION_MEMORY), "activation memory")
        for op in self.in_dram:
            end = op.address.value.data + op.extent
            _verify_end(op, end, target.size(DRAM), "DRAM")
        verify_dram(self.in_dram)
        self._verify_instructions(scope, target)
        self._verify_semaphores()
        if self.unplaced is None:
            self._verify_rows(scope)

    def _verify_order(self) -> None:
        sections = ["segments", "inputs and outputs", "descriptors", "instructions"]
        reached = 0
        for op in self.body.block.ops:
            if not isinstance(op, SegmentOp | DescriptorOp | InstructionOp):
                _fail(op, f"a program holds chip ops, not {op.name}")
            instruction = isinstance(op, InstructionOp)
            section = len(TABLES) if instruction else TABLES.index(op.TABLE)
            if section < reached:
                _fail(op, f"{sections[section]} come before {sections[reached]}")
            reached = section

    def _verify_semaphores(self) -> None:
        """Every wait takes what an instruction before it signals: no other ends."""
        signalled = Counter[int]()
        for op in self.instructions:
            if wait := op.wait.value.data:
                if not signalled[wait]:
                    _fail(op, f"waits for semaphore {wait}, which no instruction before it signals")
                signalled[wait] -= 1
            if signal := op.signal.value.data:
                signalled[signal] += 1

    def _verify_rows(self, scope: Scope) -> None:
        """Every row that an instruction reads is there: `hazards`."""
        instructions = self.instructions
        tensors = [op for op in self.descriptors if isinstance(op, TensorOp)]
        buffers = [op for op in self.descriptors if isinstance(op, BufferOp)]
        tracker = RowTracker(tensors, buffers, scope)
        if not tracker.needed and all(is_short(op) for op in instructions):
            return
        tracker.prepare(instructions)
        for op in instructions:
            _located(op, tracker.step)

    def _verify_instructions(self, scope: Scope, target: ChipTarget) -> None:
        memory = WeightMemory()
        verified: set[str] = set()
        forms = dict[tuple[object, ...], InstructionOp]()
        for op in self.instructions:
            if not isinstance(op, LdwOp):  # they may be loaded but once
                if (key := form_key(op)) in forms:
                    continue
                forms[key] = op
            _located(op, scope.verify_references)
            _located(op, lambda op: op.verify_in(scope))
            match op:
                case LdwOp():
                    _verify_end(op, op.region.stop, target.size(WEIGHT_MEMORY), "weight memory")
                    _located(op, lambda op: memory.load(op, scope))
                case LayerOp():
                    name = op.weights.string_value()
                    if name not in verified:
                        _located(op, lambda op: _verify_weights(op, scope, memory, target))
                    verified.add(name)
                case ExpectationOp():
                    _located(op, lambda op: _verify_bins(op, scope, memory, target))
                case BoxdecOp():
                    _verify_end(op, op.region.stop, target.size(WEIGHT_MEMORY), "weight memory")
                    _located(op, lambda op: op.geometry(memory.read))
                case TableOp() | ConstantOp():
                    _located(op, lambda op: _verify_table(op, scope, memory, target))
                case _:
                    pass
        for port in self.ports:
            if isinstance(port, OutputOp) and port.bias_bits.value.data:
                _located(port, lambda op: _verify_biases(op, memory, target))


def _verify_biases(op: OutputOp, memory: WeightMemory, target: ChipTarget) -> None:
    region = op.bias_region
    _verify_end(op, region.stop, target.size(WEIGHT_MEMORY), "weight memory")
    try:
        op.decoding(memory.read(region, "bias table"))
    except ValueError as error:
        raise VerifyException(str(error)) from None


def _verify_weights(op: LayerOp, scope: Scope, memory: WeightMemory, target: ChipTarget) -> None:
    weights = scope.weights(op.weights)
    codebook = scope.codebook(weights.codebook)
    name = weights.sym_name.data
    blocks = prod(weights.shape) // prod(codebook.block)
    for what, region in {"codebook": codebook.region, **weights.table_regions(blocks)}.items():
        if region.stop > target.size(WEIGHT_MEMORY):
            raise VerifyException(
                f"the {what} of @{name} ends at byte {region.stop}, "
                f"weight memory has {target.size(WEIGHT_MEMORY)}"
            )
    if weights.initial_bits.value.data > target.accumulator:
        raise VerifyException(
            f"@{name} has initial values of {weights.initial_bits.value.data} bits, "
            f"accumulators have {target.accumulator}"
        )
    memory.check_weights(weights, codebook)


def _verify_table(
    op: TableOp | ConstantOp, scope: Scope, memory: WeightMemory, target: ChipTarget
) -> None:
    region = op.region(scope)
    _verify_end(op, region.stop, target.size(WEIGHT_MEMORY), "weight memory")
    what = "constant" if isinstance(op, ConstantOp) else "table"
    memory.read_table(region, scope.tensor(op.output), what)


def _verify_bins(op: ExpectationOp, scope: Scope, memory: WeightMemory, target: ChipTarget) -> None:
    region = op.region(scope)
    _verify_end(op, region.stop, target.size(WEIGHT_MEMORY), "weight memory")
    memory.read(region, "bins")


def _verify_end(op: RecordOp, end: int, size: int, memory: str) -> None:
    if end > size:
        _fail(op, f"ends at byte {end}, {memory} has {size}")


_OpT = TypeVar("_OpT", bound=RecordOp)


def _located(op: _OpT, check: Callable[[_OpT], object]) -> None:
    """Run a check whose error is about `op`, not about the program that holds it."""
    try:
        check(op)
    except VerifyException as error:
        _fail(op, str(error))


def _fail(op: Operation, message: str) -> NoReturn:
    symbol = op.properties.get("sym_name") or op.properties.get("output")
    match symbol:
        case StringAttr():
            message = f"@{symbol.data}: {message}"
        case SymbolRefAttr():
            message = f"@{symbol.string_value()}: {message}"
        case _:
            pass
    op.emit_error(message, VerifyException(message))
