"""Instructions: what they have in common, and those that load, transfer and control."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.ir import Attribute
from xdsl.irdl import traits_def
from xdsl.irdl.constraints import VerificationContext
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from recog.dialects.chip.costs import Products, Queue, WeightRead
from recog.dialects.chip.descriptors import TensorOp
from recog.dialects.chip.fields import (
    ReferenceField,
    Role,
    address_field,
    int_field,
    integer_of,
    reference_field,
)
from recog.dialects.chip.forms import Form
from recog.dialects.chip.records import (
    RecordOp,
    RecordSize,
    form_key,
    layout,
    record,
    varying_fields,
)
from recog.dialects.chip.scope import Scope
from recog.dialects.chip.spans import AxisMap, Box, Maps
from recog.dialects.chip.weights import CodebookOp
from recog.dialects.words import counted

__all__ = [
    "HaltOp",
    "InstructionOp",
    "LdwOp",
    "MarkOp",
]

INSTRUCTION = RecordSize(192, 128)
LONG_INSTRUCTION = RecordSize(192, None)


class InstructionOp(RecordOp):
    """An instruction. They run as if in program order, each in the queue of its part of the chip.

    It computes, or moves, all rows of its output or some: `rows` of them from `first_row` on, and
    of each the columns that memory holds of the output. Rows and columns count from the edges of
    the whole tensor, so an instruction for some rows gives the same bits as one for all: it reads
    the rows of its inputs that those need, and padding stands at the true edges only. Instructions
    without such a rule (`chip.peaks`, `chip.peaks.best`, boxes, `chip.nms`) take whole tensors.
    One that names a tensor twice takes the same part of it for both.

    Each may wait for and signal one of 31 counting semaphores, which start at zero: `wait`
    takes one from its semaphore before the instruction starts, `signal` adds one when it has
    ended. The n-th wait in the program takes what the n-th signal adds. In program order a wait
    for an empty semaphore can never end: a program with one is refused.
    """

    QUEUE: ClassVar[Queue]
    """The part of the chip that runs it."""
    STEPS: ClassVar[int] = 0
    """Elementary steps of the vector unit for each element of its output."""
    TRANSFERS: ClassVar[str] = ""
    """Of what moves between DRAM and activation memory: what it moves."""
    APART: ClassVar[bool] = False
    """Whether each element that it moves is an access to DRAM by itself."""
    EVERY_FRAME: ClassVar[bool] = True
    """Whether it runs for each frame; else once, when a program is loaded."""

    first_row = int_field(16, "first row that it computes or moves", default=0, at=128)
    rows = int_field(16, "how many rows, 0: all from the first on", default=0, at=144)
    wait = int_field(5, "semaphore to take from before the start, 0: none", default=0, at=118)
    signal = int_field(5, "semaphore to add to at the end, 0: none", default=0, at=123)

    def verify(self, verify_nested_ops: bool = True) -> None:
        """Verify the instruction by itself; of those of one form, the rows alone but once."""
        key = form_key(self)
        last = self.parent is not None and self.parent.last_op is self
        if key not in _VERIFIED or last or self.operands or self.successors or self.regions:
            super().verify(verify_nested_ops)
            if _has_no_traits(type(self)) and not self.results:
                if len(_VERIFIED) >= MAX_VERIFIED:
                    _VERIFIED.clear()
                _VERIFIED[key] = tuple(self.properties.values())
            return
        for field, _ in varying_fields(type(self)):
            try:
                field.verify(self.properties[field.name], VerificationContext())
            except (KeyError, VerifyException):
                super().verify(verify_nested_ops)

    def verify_in(self, scope: Scope) -> None:
        """Raise VerifyException unless the instruction fits the descriptors that it names."""

    def maps(self, scope: Scope) -> Maps | None:
        """What of its inputs in activation memory some rows and columns of the output need.

        None for instructions that take whole tensors.
        """
        return None

    def tensor_fields(self, scope: Scope) -> dict[str, TensorOp]:
        """The tensors in activation memory that it writes and reads, by field, in their order."""
        return {
            name: scope.tensor(reference)
            for name in tensor_roles(type(self))
            if isinstance(reference := self.properties[name], SymbolRefAttr)
        }

    def form(self, scope: Scope) -> Form:
        """What it has in common with instructions for other rows."""
        key = form_key(self)
        found = scope.forms.get(key)
        if found is None:
            attributes = tuple(self.properties.values())
            found = Form(attributes, self.tensor_fields(scope), self.maps(scope))
            scope.forms[key] = found
        return found

    def touched(self, scope: Scope) -> dict[str, Box]:
        """The rows and columns that it writes and reads of each tensor, by field."""
        return self.form(scope).touched(self.first_row.value.data, self.rows.value.data)

    def work(self, scope: Scope) -> int:
        """Elementary steps on one frame: products, comparisons, or elements where it moves them.

        What a machine has to do at least, whatever its order; loaders add it up.
        """
        return max(self.elements(scope), default=0)

    def elements(self, scope: Scope) -> list[int]:
        """How many elements it writes and reads of each tensor."""
        boxes = self.touched(scope)
        tensors = self.tensor_fields(scope).items()
        return [tensor.shape[0] * boxes[name].size for name, tensor in tensors]

    def held_elements(self, scope: Scope) -> int:
        """How many elements the largest tensor has that it writes or reads, with the padding that
        the machine puts around it: around what pools read."""
        return max(self.elements(scope), default=0)

    def output_elements(self, scope: Scope) -> int:
        """How many elements of its output it computes."""
        return next(iter(self.elements(scope)), 0)

    def part(self, scope: Scope, field: str) -> tuple[int, int, int]:
        """(C, H, W) of what it writes or reads of the tensor that a field names."""
        box = self.touched(scope)[field]
        return (self.tensor_fields(scope)[field].shape[0], len(box.rows), len(box.columns))

    def products(self, scope: Scope) -> Sequence[Products]:
        """The sums of products that it computes."""
        return ()

    def vector_steps(self, scope: Scope) -> int:
        """Elementary steps of the vector unit: sums, comparisons, look-ups."""
        return self.STEPS * self.moved(scope).get("output", 0)

    def moved(self, scope: Scope) -> dict[str, int]:
        """Elements in activation memory that it writes and reads, each once, by field."""
        return dict(zip(tensor_roles(type(self)), self.elements(scope)))

    def weight_reads(self, scope: Scope) -> Sequence[WeightRead]:
        """What it takes from weight memory."""
        return ()


MAX_VERIFIED = 1 << 14
_VERIFIED: dict[tuple[object, ...], tuple[Attribute, ...]] = {}
"""Forms that have been verified, by `form_key`, and their attributes, which must live as long."""


@cache
def _has_no_traits(kind: type[InstructionOp]) -> bool:
    return not kind.traits.traits


@cache
def tensor_roles(kind: type[InstructionOp]) -> dict[str, Role]:
    """The fields that name tensors in activation memory, outputs first, and whether the instruction
    writes or reads these."""
    fields = [place.field for place in layout(kind)]
    named = [each for each in fields if isinstance(each, ReferenceField)]
    tensors = [each for each in named if each.target == TensorOp.name]
    ordered = sorted(tensors, key=lambda each: each.role != "output")
    return {each.name: each.role for each in ordered}


def output_tensors(kind: type[InstructionOp]) -> tuple[str, ...]:
    """The fields that name tensors in activation memory that the instruction writes."""
    return tuple(name for name, role in tensor_roles(kind).items() if role == "output")


def pair_of(op: InstructionOp, *names: str) -> tuple[int, int]:
    """Two integer fields: of the rows, of the columns."""
    first, second = (integer_of(op.properties[name]) for name in names)
    return (first, second)


def same_maps(scope: Scope, **inputs: SymbolRefAttr) -> Maps:
    """The rule of what works element by element: inputs by the field that names them."""
    shapes = {name: scope.tensor(reference).shape for name, reference in inputs.items()}
    return {
        name: (AxisMap.same(height), AxisMap.same(width))
        for name, (_, height, width) in shapes.items()
    }


def verify_codes(*tensors: TensorOp) -> None:
    """Raise VerifyException where a tensor holds integers."""
    for tensor in tensors:
        if tensor.integer is not None:
            raise VerifyException(f"@{tensor.sym_name.data} must hold codes, not integers")


def verify_indices(indices: TensorOp, count: int, rows: int = 1) -> None:
    """Raise VerifyException unless a tensor holds so many flat indices, of each of some rows."""
    verify_equal("shape of indices", [count, rows, 1], list(indices.shape))
    integer = indices.integer is not None and indices.unsigned is None
    if not integer or indices.fixed is not None or indices.code_bits.value.data != 64:
        raise VerifyException(f"@{indices.sym_name.data} must hold signed integers of 64 bits")


def verify_equal(what: str, expected: object, actual: object) -> None:
    """Raise VerifyException unless two things agree."""
    if expected != actual:
        raise VerifyException(f"{what} must be {expected}, got {actual}")


def verify_sign(output: TensorOp, relu: bool, *inputs: TensorOp | CodebookOp) -> None:
    """Unsigned results drop negative values: ask for a ReLU rather than do it in silence."""
    if output.unsigned is None or relu or all(x.unsigned is not None for x in inputs):
        return
    raise VerifyException("an unsigned output of signed inputs needs relu")


@record(0x01, INSTRUCTION)
class LdwOp(InstructionOp):
    """Load weights: copy a part of a segment from DRAM into weight memory.

    Weights are resident: no two loads write the same byte.
    """

    name = "chip.ldw"
    QUEUE: ClassVar[Queue] = Queue.DMA_IN
    EVERY_FRAME: ClassVar[bool] = False

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
            raise VerifyException(
                f"the load ends at byte {end} of a segment of {counted(available, 'byte')}"
            )


@record(0x7E, INSTRUCTION)
class MarkOp(InstructionOp):
    """A point in time for traces; the machine does nothing."""

    name = "chip.mark"
    QUEUE: ClassVar[Queue] = Queue.CONTROL

    number = int_field(16, "which point")


@record(0x7F, INSTRUCTION)
class HaltOp(InstructionOp):
    """The end of the program: its last instruction, and no other."""

    name = "chip.halt"
    QUEUE: ClassVar[Queue] = Queue.CONTROL

    traits = traits_def(IsTerminator())
