"""The program file: a header, a table of segments, the segments, checksums over all of it.

All numbers are little-endian. There is no timestamp and no padding, so equal programs give
equal bytes. Layout, in bytes:

    0   8   magic
    8   4   format version, major and minor, 16 bits each
    12  4   version of the instruction set, major and minor
    16  16  target hash
    32  8   size of the file
    40  4   number of segments
    44  4   CRC-32 of the header and the table, taken with this and the next field zero
    48  32  SHA-256 of the file, taken with this field zero
    80  24  per segment: kind (2), flags (2), CRC-32 (4), offset (8), size (8)

Segments follow without gaps in the order of the table, which is that of their kinds; segments
of bytes keep the order in which instructions number them. A string is its length (2) and UTF-8.
"""

from __future__ import annotations

import os
import struct
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple, Self
from zlib import crc32

from recog.backend.input_files import open_input
from recog.dialects.errors import RecogError
from recog.dialects.words import counted

MAGIC = b"\x8bRECOG\r\n"
FORMAT_VERSION = (1, 0)
ISA_VERSION = (3, 2)
ISA_VERSIONS = {2: 2, ISA_VERSION[0]: ISA_VERSION[1]}
"""The versions of the instruction set that run here: by major number, the latest minor one."""
FIRST_ISA = (2, 1)
BIAS_TABLES, PARTS, GATHERS = (2, 2), (3, 0), (3, 1)
HOST_BITS, SUMS, ROW_PEAKS = (3, 2), (3, 2), (3, 2)
"""What programs need that use nothing newer: with 2.2 came the bias tables of outputs, with 3.0
longer records, for parts of tensors in memory, and buffers in DRAM, with 3.1 gathers from these,
with 3.2 outputs whose integers are wider for the host than in DRAM, sums that pools do not
encode, and peaks that are ranked row by row."""
MAX_FILE_BYTES = 1 << 30
MAX_SEGMENTS = 1 << 14

_HEADER = struct.Struct("<8sHHHH16sQII32s")
_ENTRY = struct.Struct("<HHIQQ")
_CHECKSUM = slice(44, 48)
_DIGEST = slice(48, 80)


class Kind(IntEnum):
    """What a segment of the file holds; `content` says how."""

    content: str

    def __new__(cls, value: int, content: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.content = content
        return member

    TARGET = 1, "the target's parameters as TOML text, all of them, in the order of the table above"
    TEXT = 2, "instructions"
    DESCRIPTORS = 3, "descriptors other than inputs and outputs"
    IO = (
        4,
        "the program's name, the number of inputs and outputs (2 bytes), and for each its "
        "descriptor and its name",
    )
    MEMORY_MAP = 5, "bytes used of weight memory, activation memory and DRAM, 8 bytes each"
    POINTERS = 16, "a segment of bytes"
    TABLES = 17, "a segment of bytes"
    BIASES = 18, "a segment of bytes"
    SYMBOLS = 32, "the names of the segments, then of the descriptors"
    DEBUG = (
        33,
        "source locations: their number (4), each made of earlier ones, and for each instruction "
        "the number of its location (4), 0 where it is unknown",
    )
    STEPS = (
        34,
        "of a program in parts: for each instruction the number of the step that it is a part of, "
        "counted from 1 (4), 0 for those of none",
    )


_KINDS = {kind.value: kind for kind in Kind}

OPTIONAL = 1
"""Flag: a program is complete without this segment; readers may ignore unknown ones."""

OPTIONAL_KINDS = (Kind.SYMBOLS, Kind.DEBUG, Kind.STEPS)


class Segment(NamedTuple):
    kind: Kind
    content: bytes


class Container(NamedTuple):
    target_hash: bytes
    segments: list[Segment]
    isa: tuple[int, int] = FIRST_ISA


def write_container(container: Container) -> bytes:
    """The file of these segments."""
    start = _HEADER.size + len(container.segments) * _ENTRY.size
    size = start + sum(len(segment.content) for segment in container.segments)
    if size > MAX_FILE_BYTES:
        raise RecogError(f"the program takes {size} bytes, files hold {MAX_FILE_BYTES}")
    table = bytearray()
    offset = start
    for kind, content in container.segments:
        flags = OPTIONAL if kind in OPTIONAL_KINDS else 0
        table += _ENTRY.pack(kind, flags, crc32(content), offset, len(content))
        offset += len(content)
    header = _HEADER.pack(
        MAGIC,
        *FORMAT_VERSION,
        *container.isa,
        container.target_hash,
        size,
        len(container.segments),
        0,
        bytes(32),
    )
    head = bytearray(header + table)
    head[_CHECKSUM] = struct.pack("<I", crc32(head))
    file = head + b"".join(segment.content for segment in container.segments)
    file[_DIGEST] = sha256(file).digest()
    return bytes(file)


def read_container(data: bytes) -> Container:
    """The segments of a file, all checksums verified.

    Raises:
        RecogError: saying what is wrong with the file.
    """
    _check_magic(data)
    if len(data) < _HEADER.size:
        raise RecogError(f"truncated: the header has {_HEADER.size} bytes, the file {len(data)}")
    fields = _HEADER.unpack_from(data)
    target_hash, size, count, checksum, digest = fields[5:]
    _check_size(data, size)
    if count > MAX_SEGMENTS or _HEADER.size + count * _ENTRY.size > len(data):
        raise RecogError(f"damaged: the file has no room for {counted(count, 'segment')}")
    start = _HEADER.size + count * _ENTRY.size
    head = bytearray(data[:start])
    head[_CHECKSUM], head[_DIGEST] = bytes(4), bytes(32)
    if crc32(head) != checksum:
        raise RecogError("damaged: the checksum of the header does not match")
    segments = _read_segments(data, start, count)
    if (
        sha256(
            head[: _CHECKSUM.start] + data[_CHECKSUM] + head[_DIGEST.start :] + data[start:]
        ).digest()
        != digest
    ):
        raise RecogError("damaged: the SHA-256 of the file does not match")
    return Container(target_hash, segments, (fields[3], fields[4]))


def _check_magic(data: bytes) -> None:
    if not data:
        raise RecogError("the file is empty")
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise RecogError("not a program file: it does not start with the magic bytes")
    if len(data) < 16:
        raise RecogError(f"truncated: the header has {_HEADER.size} bytes, the file {len(data)}")
    format_major, format_minor, isa_major, isa_minor = struct.unpack_from("<HHHH", data, 8)
    for what, (major, minor), known in (
        ("file format", (format_major, format_minor), {int(FORMAT_VERSION[0]): FORMAT_VERSION[1]}),
        ("instruction set", (isa_major, isa_minor), ISA_VERSIONS),
    ):
        newer = what == "instruction set" and minor > known.get(major, 0)
        if major not in known or newer:
            versions = " and ".join(f"{each}.{least}" for each, least in known.items())
            raise RecogError(
                f"{what} {major}.{minor} is not known, this version of recog runs {versions}",
                hint="use the version of recog that wrote the program, or a later one",
            )


def _check_size(data: bytes, size: int) -> None:
    if len(data) < size:
        raise RecogError(f"truncated: {len(data)} of {size} bytes")
    if len(data) > size:
        raise RecogError(
            f"damaged: {counted(len(data) - size, 'byte')} after the end of the program"
        )


def _read_segments(data: bytes, start: int, count: int) -> list[Segment]:
    segments: list[Segment] = []
    expected = start
    for index in range(count):
        place = _HEADER.size + index * _ENTRY.size
        kind, flags, checksum, offset, size = _ENTRY.unpack_from(data, place)
        if offset != expected or size > len(data) - offset:
            raise RecogError(f"damaged: segment {index} is not where the one before it ends")
        expected = offset + size
        content = data[offset:expected]
        known = _KINDS.get(kind)
        name = known.name.lower() if known else f"kind {kind}"
        if crc32(content) != checksum:
            raise RecogError(f"damaged: the checksum of segment {index} ({name}) does not match")
        if known:
            segments.append(_known_segment(known, flags, content))
        elif flags != OPTIONAL:
            raise RecogError(f"segment {index} is of {name}, which is not known")
    if expected != len(data):
        raise RecogError(f"damaged: {counted(len(data) - expected, 'byte')} of no segment")
    return segments


def _known_segment(kind: Kind, flags: int, content: bytes) -> Segment:
    if flags != (OPTIONAL if kind in OPTIONAL_KINDS else 0):
        raise RecogError(f"damaged: the flags of segment {kind.name.lower()} are {flags:#x}")
    return Segment(kind, content)


def read_program_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a program file, as many as its header says and no more.

    Raises:
        RecogError: the file cannot be read, or is no program.
    """
    try:
        with open_input(path, MAX_FILE_BYTES) as stream:
            header = stream.read(_HEADER.size)
            _check_magic(header)
            if len(header) < _HEADER.size:
                return header
            size = _HEADER.unpack(header)[6]
            if size > MAX_FILE_BYTES:
                raise RecogError(f"damaged: {size} bytes are more than a program has")
            # One byte more, so that what follows the program is noticed.
            return header + stream.read(max(0, size - len(header)) + 1)
    except OSError as error:
        raise RecogError(f"cannot be read: {error.strerror or error}") from None
