"""Program files to programs: everything is checked, nothing is trusted."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from xdsl.ir import Attribute, Operation

from recog.backend.assembly.assembler import SEGMENT_KINDS, isa_of, memory_use
from recog.backend.assembly.container import (
    FIRST_ISA,
    ISA_VERSION,
    OPTIONAL_KINDS,
    Container,
    Kind,
    Segment,
    read_container,
)
from recog.backend.assembly.errors import relocated
from recog.backend.assembly.locations import pack_locations, unpack_locations
from recog.backend.assembly.steps import unpack_steps
from recog.backend.assembly.strings import Reader
from recog.backend.assembly.words import (
    DESCRIPTORS,
    INSTRUCTIONS,
    PORTS,
    RecordDecoder,
    decode_record,
    split_records,
)
from recog.dialects.chip import ChipTarget, PortOp, ProgramOp, SegmentOp
from recog.dialects.chip.descriptors import DESCRIPTOR, DescriptorOp
from recog.dialects.chip.fields import REFERENCE_BITS, Table
from recog.dialects.chip.instructions import INSTRUCTION
from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.dialects.chip.records import RecordSize
from recog.dialects.chip.target import MAX_TARGET_BYTES
from recog.dialects.errors import RecogError
from recog.dialects.verification import verify_module

MAX_DESCRIPTORS = 1 << REFERENCE_BITS
_SINGLE = (Kind.TARGET, Kind.TEXT, Kind.DESCRIPTORS, Kind.IO, Kind.MEMORY_MAP)
_CONTENT = {kind: name for name, kind in SEGMENT_KINDS.items()}
_PARAMETERS = re.compile(r"""([a-z0-9_]+(\.[a-z0-9_]+){0,3} = ("[^"\\\n]*"|[a-z0-9.+-]+)\n)*""")
"""Lines of TOML as `ChipTarget.to_toml` writes them: no tables, no lists."""


def disassemble(data: bytes, *, where: str = "program") -> ProgramOp:
    """The program of a file, verified; `assemble` gives the same bytes again.

    Args:
        where: the file's name, for messages.

    Raises:
        RecogError: naming the file and what is wrong with it.
    """
    try:
        container = read_container(data)
        program = _decode(container)
        verify_module(program)
        _check_version(container, program)
        _check_memory_map(container, program)
        return program
    except RecogError as error:
        raise relocated(error, where) from None


def _decode(container: Container) -> ProgramOp:
    _check_order(container.segments)
    short = container.isa < ISA_VERSION[:1]
    single = {kind: _only(container.segments, kind) for kind in _SINGLE}
    target = _decode_target(single[Kind.TARGET], container.target_hash)
    stored = [segment for segment in container.segments if segment.kind in _CONTENT]
    optional = {s.kind: s.content for s in container.segments if s.kind > Kind.BIASES}
    records = list(
        split_records(
            single[Kind.DESCRIPTORS], _bytes(DESCRIPTOR, short), MAX_DESCRIPTORS, "descriptors"
        )
    )
    name, ports = _decode_io(single[Kind.IO], _bytes(DESCRIPTOR, short))
    taken = [port.sym_name.data for port in ports]
    symbols = _decode_symbols(optional.get(Kind.SYMBOLS), len(stored), len(records), taken)
    segments = [
        SegmentOp(name, _CONTENT[segment.kind], segment.content)
        for name, segment in zip(symbols["segments"], stored)
    ]
    descriptors = [
        _decode_descriptor(record, index, symbols) for index, record in enumerate(records)
    ]
    instructions = _decode_text(single[Kind.TEXT], _bytes(INSTRUCTION, short), symbols)
    _locate(instructions, optional.get(Kind.DEBUG))
    if Kind.STEPS in optional:
        unpack_steps(optional[Kind.STEPS], instructions)
    return ProgramOp(
        name,
        [*segments, *ports, *descriptors, *instructions],
        target,
        stripped=Kind.SYMBOLS not in optional,
    )


def _bytes(size: RecordSize, short: bool) -> int:
    return (size.bits if size.short is None or not short else size.short) // 8


def _check_version(container: Container, program: ProgramOp) -> None:
    """The file says that readers know all that the program uses of what came after FIRST_ISA.

    Files of versions before that, of the same major number, are complete without.
    """
    needed = isa_of(program)
    if container.isa < needed and needed > FIRST_ISA:
        stated, used = (".".join(map(str, each)) for each in (container.isa, needed))
        raise RecogError(f"damaged: it uses instruction set {used}, its header says {stated}")


def _check_order(segments: Sequence[Segment]) -> None:
    """One order of segments, so that a program has one file."""
    ranks = [
        min(segment.kind, Kind.POINTERS) if segment.kind in _CONTENT else segment.kind
        for segment in segments
    ]
    if ranks != sorted(ranks):
        raise RecogError("damaged: the segments are not in order")
    kinds = [segment.kind for segment in segments]
    for kind in OPTIONAL_KINDS:
        if kinds.count(kind) > 1:
            raise RecogError(f"damaged: there are several {kind.name.lower()} segments")
    for kind in OPTIONAL_KINDS:
        if kind in kinds and Kind.SYMBOLS not in kinds:
            raise RecogError(f"damaged: there is a {kind.name.lower()} segment, but no symbols")


def _only(segments: Sequence[Segment], kind: Kind) -> bytes:
    found = [segment.content for segment in segments if segment.kind == kind]
    if len(found) != 1:
        raise RecogError(
            f"damaged: there must be one {kind.name.lower()} segment, got {len(found)}"
        )
    return found[0]


def _decode_target(content: bytes, digest: bytes) -> ChipTarget:
    if len(content) > MAX_TARGET_BYTES:
        raise RecogError(
            f"the target segment has {len(content):,} bytes, at most {MAX_TARGET_BYTES:,} are read"
        )
    try:
        text = content.decode("utf-8")
        if not _PARAMETERS.fullmatch(text):
            raise ValueError("it is no list of parameters")
        # Programs of before say nothing of it, and have one P for all.
        target = ChipTarget.from_toml(text, ChipTarget(fine_antilog_bits=0))
    except ValueError as error:
        raise RecogError(f"the target segment is misformed: {error}") from None
    if target.to_toml().encode() != content:
        raise RecogError("the target segment is not written as the assembler writes it")
    if target.digest != digest:
        raise RecogError("the target hash of the header is not that of the target segment")
    return target


def _decode_symbols(
    content: bytes | None, segments: int, descriptors: int, ports: list[str]
) -> dict[Table, list[str]]:
    if content is None:
        names = _invent("s", segments, ports) + _invent("d", descriptors, ports)
    else:
        reader = Reader(content, "symbols")
        names = [reader.string() for _ in range(segments + descriptors)]
        reader.finish()
    return {"segments": names[:segments], "io": ports, "descriptors": names[segments:]}


def _invent(letter: str, count: int, taken: list[str]) -> list[str]:
    """Names for what a stripped program does not name: s0, s1, ..."""
    names: list[str] = []
    for index in range(count):
        name = f"{letter}{index}"
        while name in taken:
            name = f"_{name}"
        names.append(name)
    return names


def _decode_io(content: bytes, size: int) -> tuple[str, list[PortOp]]:
    reader = Reader(content, "I/O")
    name, count = reader.string(), reader.number(2)
    ports: list[PortOp] = []
    for index in range(count):
        record, port_name = reader.take(size), reader.string()
        try:
            ports.append(decode_record(record, PORTS, {}, port_name))
        except ValueError as error:
            raise RecogError(f"input or output {index}: {error}") from None
    reader.finish()
    return name, ports


def _decode_descriptor(record: bytes, index: int, symbols: dict[Table, list[str]]) -> DescriptorOp:
    try:
        return decode_record(record, DESCRIPTORS, symbols, symbols["descriptors"][index])
    except ValueError as error:
        raise RecogError(f"descriptor {index}: {error}") from None


def _decode_text(content: bytes, size: int, symbols: dict[Table, list[str]]) -> list[Operation]:
    words = split_records(content, size, MAX_INSTRUCTIONS, "text")
    decoder = RecordDecoder(INSTRUCTIONS, symbols)
    instructions: list[Operation] = []
    for index, word in enumerate(words):
        try:
            instructions.append(decoder.decode(word))
        except ValueError as error:
            raise RecogError(f"instruction {index}: {error}") from None
    return instructions


def _locate(instructions: Sequence[Operation], content: bytes | None) -> None:
    if content is None:
        return
    locations: list[Attribute] = unpack_locations(content, len(instructions))
    if pack_locations(locations) != content:
        raise RecogError("the debug segment is not written as the assembler writes it")
    for instruction, location in zip(instructions, locations):
        instruction.location = location  # pyright: ignore[reportAttributeAccessIssue]


def _check_memory_map(container: Container, program: ProgramOp) -> None:
    content = _only(container.segments, Kind.MEMORY_MAP)
    if content != struct.pack("<QQQ", *memory_use(program)):
        raise RecogError("the memory map is not that of the program")
