"""Programs to files: `chip.program` ops encoded by the fields that they declare."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from recog.backend.assembly.container import (
    BIAS_TABLES,
    FIRST_ISA,
    GATHERS,
    HOST_BITS,
    ISA_VERSION,
    PARTS,
    ROW_PEAKS,
    SUMS,
    Container,
    Kind,
    Segment,
    write_container,
)
from recog.backend.assembly.locations import pack_locations
from recog.backend.assembly.steps import pack_steps
from recog.backend.assembly.strings import pack_string, pack_strings
from recog.backend.assembly.words import Numbers, RecordEncoder
from recog.dialects.chip import (
    STEP,
    BoxdecOp,
    GatherOp,
    InnerDescriptorOp,
    InstructionOp,
    LdwOp,
    OutputOp,
    PeaksBestOp,
    PeaksRowsOp,
    ProgramOp,
    TensorOp,
    steps_of,
)
from recog.dialects.chip.records import RecordOp, is_short
from recog.dialects.errors import RecogError, fail
from recog.dialects.verification import verify_module

SEGMENT_KINDS = {"pointers": Kind.POINTERS, "tables": Kind.TABLES, "biases": Kind.BIASES}


def find_program(op: Operation) -> ProgramOp:
    """`op` if it is a program, else the only one of a module.

    Raises:
        RecogError: the module holds none, or several.
    """
    if isinstance(op, ProgramOp):
        return op
    if not isinstance(op, ModuleOp):
        fail(op, "expected a chip.program")
    programs = [each for each in op.body.block.ops if isinstance(each, ProgramOp)]
    if len(programs) == 1:
        return programs[0]
    if programs:
        names = ", ".join(f"@{program.sym_name.data}" for program in programs)
        raise RecogError(f"the module holds {len(programs)} programs: {names}", hint="keep one")
    raise RecogError("the module holds no chip.program", hint="run convert-lns-to-chip first")


def assemble(op: ProgramOp | ModuleOp, *, strip: bool = False, verified: bool = False) -> bytes:
    """The program file of a program, the same bytes for the same program.

    Args:
        strip: leave out symbols and source locations.
        verified: the program is as it was when it was verified last.

    Raises:
        RecogError: the program is invalid, or has more of something than a file can hold.
    """
    program = find_program(op)
    if program.unplaced is not None:
        fail(
            program,
            "its tensors have no places in memory yet",
            hint="let the pass `schedule` give them some",
        )
    if not verified:
        verify_module(program)
    isa = isa_of(program)
    encoder = RecordEncoder(number_symbols(program), short=isa < ISA_VERSION[:1])
    segments = [
        Segment(Kind.TARGET, program.target.data.to_toml().encode()),
        Segment(Kind.TEXT, _records(program.instructions, encoder)),
        Segment(Kind.DESCRIPTORS, _records(program.descriptors, encoder)),
        Segment(Kind.IO, _pack_io(program, encoder)),
        Segment(Kind.MEMORY_MAP, struct.pack("<QQQ", *memory_use(program))),
        *(Segment(SEGMENT_KINDS[each.kind.data], each.data) for each in program.segments),
    ]
    if not strip and program.stripped is None:
        segments += _symbol_segments(program)
    return write_container(Container(program.target.data.digest, segments, isa))


def isa_of(program: ProgramOp) -> tuple[int, int]:
    """The least version of the instruction set that has what a program uses."""
    outputs = [op for op in program.ports if isinstance(op, OutputOp)]
    if any(op.host_bits.value.data for op in outputs):
        return HOST_BITS
    if any(isinstance(op, InnerDescriptorOp) and op.holds_sums for op in program.descriptors):
        return SUMS
    if any(isinstance(op, (PeaksRowsOp, PeaksBestOp)) for op in program.instructions):
        return ROW_PEAKS
    if not all(is_short(op) for op in (*program.descriptors, *program.instructions)):
        return GATHERS if any(map(_gathers, program.instructions)) else PARTS
    return BIAS_TABLES if any(op.bias_bits.value.data for op in outputs) else FIRST_ISA


def _gathers(op: InstructionOp) -> bool:
    return isinstance(op, GatherOp) or (isinstance(op, BoxdecOp) and op.plane is not None)


def _records(ops: Sequence[RecordOp], encoder: RecordEncoder) -> bytes:
    return b"".join(encoder.encode(op) for op in ops)


def number_symbols(program: ProgramOp) -> Numbers:
    """The number of every segment, port and descriptor in its table."""
    tables = (program.segments, program.ports, program.descriptors)
    return {
        (op.TABLE, op.sym_name.data): number for table in tables for number, op in enumerate(table)
    }


def memory_use(program: ProgramOp) -> tuple[int, int, int]:
    """Bytes that a program takes of weight memory, activation memory and DRAM."""
    loads = (op.region.stop for op in program.instructions if isinstance(op, LdwOp))
    tensors = (op for op in program.descriptors if isinstance(op, TensorOp))
    return (
        max(loads, default=0),
        max((op.address.value.data + op.extent for op in tensors), default=0),
        max((op.address.value.data + op.extent for op in program.in_dram), default=0),
    )


def weight_bytes(program: ProgramOp) -> int:
    """Bytes of all pointers, tables and biases, as packed in the program file."""
    return sum(len(segment.data) for segment in program.segments)


def _pack_io(program: ProgramOp, encoder: RecordEncoder) -> bytes:
    parts = [pack_string(program.sym_name.data, "I/O"), struct.pack("<H", len(program.ports))]
    for port in program.ports:
        parts += [encoder.encode(port), pack_string(port.sym_name.data, "I/O")]
    return b"".join(parts)


def _symbol_segments(program: ProgramOp) -> list[Segment]:
    named = [*program.segments, *program.descriptors]
    symbols = pack_strings((op.sym_name.data for op in named), "symbols")
    segments = [Segment(Kind.SYMBOLS, symbols)]
    debug = pack_locations([op.location for op in program.instructions])
    segments += [Segment(Kind.DEBUG, debug)] if debug else []
    if any(STEP in op.attributes for op in program.instructions):
        numbers = steps_of(program.instructions, program.scope)
        segments.append(Segment(Kind.STEPS, pack_steps(numbers)))
    return segments
