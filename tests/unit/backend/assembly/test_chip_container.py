"""Program files that are damaged, truncated, newer or hostile: one clear error each."""

from __future__ import annotations

import os
import struct
import tracemalloc
from hashlib import sha256
from zlib import crc32

import pytest
from chip_strategies import programs
from hypothesis import given
from hypothesis import strategies as st

from recog.backend.assembly import assemble, disassemble, load_program
from recog.backend.assembly.container import (
    Container,
    Kind,
    Segment,
    read_container,
    write_container,
)
from recog.backend.machine import Machine
from recog.dialects import chip
from recog.dialects.chip.program import MAX_INSTRUCTIONS
from recog.dialects.errors import RecogError


def small_program() -> chip.ProgramOp:
    return chip.ProgramOp(
        "main",
        [
            chip.SegmentOp("codes", "tables", bytes([1, 2, 3])),
            chip.SegmentOp("more", "biases", bytes([1])),
            chip.InputOp(sym_name="in", address=0, channels=3),
            chip.OutputOp(sym_name="out", address=3, channels=1),
            chip.TensorOp(sym_name="x", address=0, channels=3),
            chip.TensorOp(sym_name="y", address=3, channels=1),
            chip.CodebookOp(sym_name="c", address=0, entries=3, frac=0),
            chip.WeightsOp(sym_name="w", codebook="c", out_channels=1, in_channels=3),
            chip.LdwOp(segment="codes", size=3, address=0),
            chip.DmaInOp(output="x", input="in"),
            chip.ConvOp(output="y", input="x", weights="w"),
            chip.DmaOutOp(output="out", input="y"),
            chip.HaltOp(),
        ],
    )


FILE = assemble(small_program())
HEADER = 80
SEGMENTS = read_container(FILE).segments


def refusal(data: bytes) -> str:
    with pytest.raises(RecogError) as caught:
        disassemble(data, where="net.chip")
    assert str(caught.value).startswith("net.chip: ")
    return str(caught.value).removeprefix("net.chip: ")


def signed(segments: list[Segment], target_hash: bytes | None = None) -> bytes:
    """A file whose checksums are right, whatever is in it."""
    return write_container(Container(target_hash or read_container(FILE).target_hash, segments))


def replaced(kind: Kind, content: bytes) -> bytes:
    return signed([Segment(k, content if k == kind else old) for k, old in SEGMENTS])


def content(kind: Kind) -> bytes:
    return next(segment.content for segment in SEGMENTS if segment.kind == kind)


@pytest.mark.parametrize("position", range(HEADER))
def test_every_bit_of_the_header_counts(position: int):
    for bit in range(8):
        data = bytearray(FILE)
        data[position] ^= 1 << bit
        refusal(bytes(data))


def test_every_byte_counts():
    for position in range(len(FILE)):
        data = bytearray(FILE)
        data[position] ^= 1 << (position % 8)
        assert refusal(bytes(data))


def test_every_truncation_is_told():
    for size in range(len(FILE)):
        message = refusal(FILE[:size])
        assert "truncated" in message or "empty" in message, size
    assert refusal(FILE[:-1]) == f"truncated: {len(FILE) - 1} of {len(FILE)} bytes"


def test_more_bytes_than_the_program():
    assert refusal(FILE + b"\0") == "damaged: 1 byte after the end of the program"


@pytest.mark.parametrize(
    ("offset", "version", "message"),
    [
        (8, (2, 0), "file format 2.0 is not known, this version of recog runs 1.0"),
        (8, (0, 9), "file format 0.9 is not known"),
        (12, (4, 0), "instruction set 4.0 is not known, this version of recog runs 2.2 and 3.2"),
        (12, (3, 3), "instruction set 3.3 is not known"),
        (12, (2, 99), "instruction set 2.99 is not known"),
        (12, (1, 0), "instruction set 1.0 is not known"),
    ],
)
def test_other_versions_are_never_run(offset: int, version: tuple[int, int], message: str):
    data = bytearray(FILE)
    struct.pack_into("<HH", data, offset, *version)
    resign(data)
    with pytest.raises(RecogError, match=message):
        Machine(bytes(data))


def resign(data: bytearray) -> None:
    """Make the checksums of header and file right again."""
    count = struct.unpack_from("<I", data, 40)[0]
    data[44:80] = bytes(36)
    struct.pack_into("<I", data, 44, crc32(data[: HEADER + 24 * count]))
    data[48:80] = sha256(data).digest()


def test_newer_minor_versions_may_bring_segments_that_can_be_ignored():
    data = bytearray(FILE)
    struct.pack_into("<H", data, 10, 7)
    data[40] += 1
    end = HEADER + 24 * len(SEGMENTS)
    for index in range(len(SEGMENTS)):
        place = HEADER + 24 * index + 8
        struct.pack_into("<Q", data, place, struct.unpack_from("<Q", data, place)[0] + 24)
    entry = struct.pack("<HHIQQ", 77, 1, crc32(b"new"), len(FILE) + 24, 3)
    data = bytearray(data[:end] + entry + data[end:] + b"new")
    struct.pack_into("<Q", data, 32, len(data))
    resign(data)
    assert assemble(disassemble(bytes(data))) == FILE
    struct.pack_into("<H", data, end + 2, 0)
    resign(data)
    assert refusal(bytes(data)) == "segment 8 is of kind 77, which is not known"


def test_wrong_files():
    assert refusal(b"") == "the file is empty"
    assert refusal(b"#!/bin/sh\n" * 50) == (
        "not a program file: it does not start with the magic bytes"
    )


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RecogError, match="none.chip: cannot be read: No such file"):
        load_program(tmp_path / "none.chip")
    with pytest.raises(RecogError, match="cannot be read: Is a directory"):
        load_program(tmp_path)
    (tmp_path / "text.chip").write_text("hello")
    with pytest.raises(RecogError, match="text.chip: not a program file"):
        load_program(tmp_path / "text.chip")
    (tmp_path / "cut.chip").write_bytes(FILE[:70])
    with pytest.raises(RecogError, match="cut.chip: truncated"):
        load_program(tmp_path / "cut.chip")
    (tmp_path / "long.chip").write_bytes(FILE + bytes(9))
    with pytest.raises(RecogError, match="long.chip: damaged: 1 byte after"):
        load_program(tmp_path / "long.chip")


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge.chip"
    data = bytearray(FILE)
    struct.pack_into("<Q", data, 32, 1 << 62)
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(RecogError, match="are more than a program has"):
        load_program(path)
    os.truncate(path, 1 << 40)
    with pytest.raises(RecogError, match="cannot be read: has more than 1,073,741,824 bytes"):
        load_program(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


# Files whose checksums are right: what is inside must be checked.


@given(programs(), st.data())
def test_whatever_is_accepted_is_a_program_that_assembles_to_the_file(program, data):
    container = read_container(assemble(program))
    segments = []
    for kind, old in container.segments:
        changed = bytearray(old)
        for _ in range(data.draw(st.integers(0, 2)) if changed else 0):
            place = data.draw(st.integers(0, len(changed) - 1))
            changed[place] = data.draw(st.integers(0, 255))
        cut = data.draw(st.sampled_from([None] * 9 + [-1, 1]))
        segments.append(Segment(kind, bytes(changed[:cut] if cut != 1 else changed + b"\0")))
    file = write_container(Container(container.target_hash, segments))
    try:
        accepted = disassemble(file)
    except RecogError:
        return
    assert assemble(accepted) == file


@given(st.binary(max_size=300), st.sampled_from(list(Kind)))
def test_garbage_in_a_segment(garbage: bytes, kind: Kind):
    file = replaced(kind, garbage)
    try:
        accepted = disassemble(file)
    except RecogError:
        return
    assert assemble(accepted) == file


@pytest.mark.parametrize("kind", [kind for kind, _ in SEGMENTS if kind < Kind.POINTERS])
def test_every_segment_must_be_there_once(kind: Kind):
    name = kind.name.lower()
    missing = [segment for segment in SEGMENTS if segment.kind != kind]
    assert refusal(signed(missing)) == f"damaged: there must be one {name} segment, got 0"
    twice = sorted([*SEGMENTS, Segment(kind, content(kind))], key=lambda segment: segment.kind)
    assert refusal(signed(twice)) == f"damaged: there must be one {name} segment, got 2"


def test_the_order_of_segments():
    assert refusal(signed(SEGMENTS[::-1])) == "damaged: the segments are not in order"
    symbols = Segment(Kind.SYMBOLS, content(Kind.SYMBOLS))
    assert refusal(signed([*SEGMENTS, symbols])) == "damaged: there are several symbols segments"
    debug = Segment(Kind.DEBUG, bytes(4))
    unnamed = [segment for segment in SEGMENTS if segment.kind != Kind.SYMBOLS]
    assert refusal(signed([*unnamed, debug])) == (
        "damaged: there is a debug segment, but no symbols"
    )


def patched(kind: Kind, offset: int, new: bytes) -> bytes:
    data = bytearray(content(kind))
    data[offset : offset + len(new)] = new
    return replaced(kind, bytes(data))


def number_in(kind: Kind, record: int, size: int, low: int, bits: int, value: int) -> bytes:
    """The file with a field of one record set to `value`."""
    data = bytearray(content(kind))
    word = int.from_bytes(data[record * size : (record + 1) * size], "little")
    word = word & ~(((1 << bits) - 1) << low) | value << low
    data[record * size : (record + 1) * size] = word.to_bytes(size, "little")
    return replaced(kind, bytes(data))


def test_fields_that_are_misformed():
    text, table = Kind.TEXT, Kind.DESCRIPTORS
    assert refusal(number_in(text, 2, 16, 0, 8, 0xEE)) == "instruction 2: there is no opcode 0xee"
    assert refusal(number_in(text, 2, 16, 50, 8, 0)) == (
        "instruction 2: stride_h must be in [1, 255], got 0"
    )
    assert refusal(number_in(text, 2, 16, 115, 1, 1)) == (
        "instruction 2: chip.conv has bits set that no field claims"
    )
    assert refusal(number_in(text, 2, 16, 36, 14, 4)) == (
        "instruction 2: weights is entry 4 of 4 descriptors"
    )
    assert "@y: weights must be a chip.weights, @c is a chip.codebook" in refusal(
        number_in(text, 2, 16, 36, 14, 2)
    )
    assert refusal(number_in(table, 0, 32, 0, 8, 0xEE)) == "descriptor 0: there is no opcode 0xee"
    assert refusal(number_in(table, 1, 32, 0, 8, 0x02)) == "descriptor 1: there is no opcode 0x02"
    assert "@x: ends at byte 4294967298, activation memory has" in refusal(
        number_in(table, 0, 32, 8, 32, (1 << 32) - 1)
    )
    assert "byte 0x3 of weight memory is read before it is loaded" in refusal(
        number_in(table, 2, 32, 8, 32, 3)
    )
    assert refusal(replaced(text, content(text)[:-1])).endswith("has a partial record")
    assert "terminates block" in refusal(replaced(text, content(text)[:-16]))
    assert "'chip.halt' must be the last" in refusal(replaced(text, content(text) * 2))
    assert "terminates block" in refusal(replaced(text, b""))


def test_codes_that_do_not_exist():
    assert "element 1 of the codebook holds 0x80, which is no code" in refusal(
        replaced(Kind.TABLES, bytes([1, 0x80, 3]))
    )
    assert "the load ends at byte 3 of a segment of 2 bytes" in refusal(
        replaced(Kind.TABLES, bytes([1, 2]))
    )
    assert "a segment must not be empty" in refusal(replaced(Kind.TABLES, b""))


def test_targets_that_are_misformed():
    target = content(Kind.TARGET)
    assert "target segment is misformed" in refusal(replaced(Kind.TARGET, b"\xff"))
    assert "is no list of parameters" in refusal(replaced(Kind.TARGET, b"a=" + b"[" * 900))
    assert "is no list of parameters" in refusal(replaced(Kind.TARGET, target + b"#" * 1024))
    assert "has 65,537 bytes, at most 65,536 are read" in refusal(
        replaced(Kind.TARGET, b"#" * 65_537)
    )
    assert "dram must be in" in refusal(
        replaced(Kind.TARGET, target.replace(b"1073741824", b"9073741824"))
    )
    assert "is no list of parameters" in refusal(replaced(Kind.TARGET, target + b"\n"))
    assert "is no list of parameters" in refusal(replaced(Kind.TARGET, b"a." * 9000 + b"a = 1\n"))
    assert refusal(replaced(Kind.TARGET, target.replace(b"1073741824", b"+1073741824"))) == (
        "the target segment is not written as the assembler writes it"
    )
    assert refusal(signed(SEGMENTS, bytes(16))) == (
        "the target hash of the header is not that of the target segment"
    )


def test_strings_that_are_misformed():
    io, symbols = content(Kind.IO), content(Kind.SYMBOLS)
    assert refusal(replaced(Kind.SYMBOLS, symbols[:-1])) == "the symbols segment ends too early"
    assert refusal(replaced(Kind.SYMBOLS, symbols + b"!")) == (
        "the symbols segment has 1 byte too many"
    )
    assert "holds a string that is no UTF-8" in refusal(
        replaced(Kind.SYMBOLS, symbols.replace(b"codes", b"code\xff"))
    )
    assert "not printable: 'cod\\ns'" in refusal(
        replaced(Kind.SYMBOLS, symbols.replace(b"codes", b"cod\ns"))
    )
    assert 'Redefinition of symbol "x"' in refusal(
        replaced(Kind.SYMBOLS, symbols.replace(b"\x01\0y", b"\x01\0x"))
    )
    assert refusal(replaced(Kind.IO, io[:3])) == "the I/O segment ends too early"
    first_descriptor = 2 + len("main") + 2
    assert io[first_descriptor] == 0x02
    tensor = io[:first_descriptor] + b"\x01" + io[first_descriptor + 1 :]
    assert refusal(replaced(Kind.IO, tensor)) == "input or output 0: there is no opcode 0x01"


def test_memory_maps_that_are_not_the_programs():
    assert refusal(replaced(Kind.MEMORY_MAP, bytes(24))) == (
        "the memory map is not that of the program"
    )


def with_debug(debug: bytes) -> bytes:
    return signed([*SEGMENTS, Segment(Kind.DEBUG, debug)])


def u32(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


@pytest.mark.parametrize(
    ("debug", "message"),
    [
        (b"", "the debug segment ends too early"),
        (u32(1 << 31), "the debug segment ends too early"),
        (u32(0, 1, 0, 0, 0, 0), "refers to location 1 of 1"),
        (u32(0, 0, 0, 0, 0, 0), "not written as the assembler writes it"),
        (u32(1) + b"\x09", "of unknown kind 9"),
        (u32(1) + b"\x02" + u32(0, 1, 0, 0, 0, 0), "not written as the assembler writes it"),
        (u32(1) + b"\x02" + u32(300, *[0] * 300), "a location of too many parts"),
        (u32(1) + b"\x02" + u32(1 << 31), "the debug segment ends too early"),
        # Each location is a call from the one before to itself: 2^40 parts.
        (
            u32(40) + b"".join(b"\x03" + u32(i, i) for i in range(40)) + u32(40, 0, 0, 0, 0),
            "a location of too many parts",
        ),
    ],
)
def test_debug_segments_that_are_misformed(debug: bytes, message: str):
    assert message in refusal(with_debug(debug))


def test_few_bytes_cannot_stand_for_many_weights():
    """4,096 pointers to a block of 2^20 codes: 2^32 weights from 1 MB."""
    body = [
        chip.SegmentOp("t", "tables", bytes(1 << 20)),
        chip.SegmentOp("p", "pointers", bytes(512)),
        chip.TensorOp(sym_name="x", address=0, channels=1 << 12, height=4, width=4),
        chip.TensorOp(sym_name="y", address=0, channels=1 << 20),
        chip.CodebookOp(
            sym_name="c", address=0, entries=1, block_out=128, block_in=128, block_h=8, block_w=8
        ),
        chip.WeightsOp(
            sym_name="w",
            codebook="c",
            pointers=1 << 20,
            pointer_bits=1,
            out_channels=1 << 20,
            in_channels=64,
            kernel_h=8,
            kernel_w=8,
        ),
        chip.LdwOp(segment="t", size=1 << 20, address=0),
        chip.LdwOp(segment="p", size=512, address=1 << 20),
        chip.ConvOp(
            output="y", input="x", weights="w", pad_top=2, pad_left=2, pad_bottom=2, pad_right=2
        ),
        chip.HaltOp(),
    ]
    with pytest.raises(RecogError, match="a program has at most 268435456 weights, this"):
        assemble(chip.ProgramOp("main", body))


def test_programs_of_many_instructions_are_refused_before_they_are_decoded():
    mark = content(Kind.TEXT)[:16]
    assert refusal(replaced(Kind.TEXT, mark * (MAX_INSTRUCTIONS + 1))) == (
        f"the text segment has {MAX_INSTRUCTIONS + 1} records, {MAX_INSTRUCTIONS} are the most"
    )
