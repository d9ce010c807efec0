"""Instructions: what they have in common, and those that load, transfer and control."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.irdl import traits_def
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.descriptors import CodebookOp, TensorOp
from recog.dialects.chip.fields import (
    ReferenceField,
    address_field,
    int_field,
    integer_of,
    reference_field,
)
from recog.dialects.chip.records import RecordOp, layout, record
from recog.dialects.chip.scope import Scope

__all__ = ["DmaInOp", "DmaOutOp", "HaltOp", "InstructionOp", "LdwOp", "MarkOp"]

INSTRUCTION_BITS = 128


class InstructionOp(RecordOp):
    """An instruction. They run in program order.

    Each may wait for and signal one of 31 counting semaphores, which start at zero: `wait`
    takes one from its semaphore before the instruction starts, `signal` adds one when it has
    ended. In program order a wait for an empty semaphore can never end; it is an error.
    """

    wait = int_field(5, "semaphore to take from before the start, 0: none", default=0, at=118)
    signal = int_field(5, "semaphore to add to at the end, 0: none", default=0, at=123)

    def verify_in(self, scope: Scope) -> None:
        """Raise VerifyException unless the instruction fits the descriptors that it names."""

    def tensors(self, scope: Scope) -> list[TensorOp]:
        """The tensors in activation memory that it reads and writes."""
        return [
            scope.tensor(reference)
            for field, _ in layout(type(self))
            if isinstance(field, ReferenceField)
            and field.target == TensorOp.name
            and isinstance(reference := self.properties[field.name], SymbolRefAttr)
        ]

    def work(self, scope: Scope) -> int:
        """Elementary steps on one frame: products, comparisons, or elements where it moves them.

        What a machine has to do at least, whatever its order; loaders add it up.
        """
        return max((prod(tensor.shape) for tensor in self.tensors(scope)), default=0)


def pair_of(op: InstructionOp, *names: str) -> tuple[int, int]:
    """Two integer fields: of the rows, of the columns."""
    first, second = (integer_of(op.properties[name]) for name in names)
    return (first, second)


def verify_codes(*tensors: TensorOp) -> None:
    """Raise VerifyException where a tensor holds integers."""
    for tensor in tensors:
        if tensor.integer is not None:
            raise VerifyException(f"@{tensor.sym_name.data} must hold codes, not integers")


def verify_equal(what: str, expected: object, actual: object) -> None:
    """Raise VerifyException unless two things agree."""
    if expected != actual:
        raise VerifyException(f"{what} must be {expected}, got {actual}")


def verify_sign(output: TensorOp, relu: bool, *inputs: TensorOp | CodebookOp) -> None:
    """Unsigned results drop negative values: ask for a ReLU rather than do it in silence."""
    if output.unsigned is None or relu or all(x.unsigned is not None for x in inputs):
        return
    raise VerifyException("an unsigned output of signed inputs needs relu")


@record(0x01, INSTRUCTION_BITS)
class LdwOp(InstructionOp):
    """Load weights: copy a part of a segment from DRAM into weight memory.

    Weights are resident: no two loads write the same byte.
    """

    name = "chip.ldw"

    segment = reference_field("where from", "chip.segment", table="segments", role="input")
    offset = int_field(32, "first byte in the segment", default=0, hex=True)
    size = int_field(32, "bytes", minimum=1)
    address = address_field("first byte in weight memory")

    @property
    def region(self) -> range:
        """The bytes of weight memory that it writes."""
        start = self.address.value.data
        return range(start, start + self.size.value.data)

    def verify_in(self, scope: Scope) -> None:
        available = len(scope.segment(self.segment).data)
        end = self.offset.value.data + self.size.value.data
        if end > available:
            raise VerifyException(f"the load ends at byte {end} of a segment of {available} bytes")


@record(0x02, INSTRUCTION_BITS)
class DmaInOp(InstructionOp):
    """Copy an input from DRAM into activation memory.

    Waits for the host where the host has not written the input yet: then it computes it from
    outputs that the program has written so far.
    """

    name = "chip.dma.in"

    output = reference_field("where to", "chip.tensor", role="output")
    input = reference_field("where from", "chip.input", table="io", role="input")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.port(self.input), scope.tensor(self.output)
        verify_equal("shape", list(x.shape), list(y.shape))
        verify_equal("element type", x.element_type, y.element_type)


@record(0x03, INSTRUCTION_BITS)
class DmaOutOp(InstructionOp):
    """Copy a tensor from activation memory to an output in DRAM."""

    name = "chip.dma.out"

    output = reference_field("where to", "chip.output", table="io", role="output")
    input = reference_field("where from", "chip.tensor", role="input")

    def verify_in(self, scope: Scope) -> None:
        x, y = scope.tensor(self.input), scope.port(self.output)
        verify_equal("shape", list(x.shape), list(y.shape))
        verify_equal("element type", x.element_type, y.element_type)


@record(0x7E, INSTRUCTION_BITS)
class MarkOp(InstructionOp):
    """A point in time for traces; the machine does nothing."""

    name = "chip.mark"

    number = int_field(16, "which point")


@record(0x7F, INSTRUCTION_BITS)
class HaltOp(InstructionOp):
    """The end of the program: its last instruction, and no other."""

    name = "chip.halt"

    traits = traits_def(IsTerminator())
