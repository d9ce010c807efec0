"""Damaged program files with right checksums: refused, or run with the same bits on all engines.

    python tests/fuzz/fuzz_programs.py --seconds 3600
    python tests/fuzz/fuzz_programs.py --seed 1234 --programs 1    # one program again

The programs are those of the lit files. Each is changed in its fields, its records, its segments
or its target; what remains valid runs on the definition and on every path of the fast engine.
"""

from __future__ import annotations

import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
from children import Finding, arguments_of, fuzz
from fuzz_engine import engines
from xdsl.utils.exceptions import ParseError, VerifyException

from recog.backend.arithmetic.reference.engine import Engine
from recog.backend.assembly import assemble, disassembler
from recog.backend.assembly.assembler import isa_of, memory_use
from recog.backend.assembly.container import Container, Kind, Segment, read_container
from recog.backend.assembly.container import write_container as write
from recog.backend.assembly.words import DESCRIPTORS, INSTRUCTIONS, PORTS
from recog.backend.machine import Budget, Machine
from recog.dialects.chip import ChipTarget, ProgramOp
from recog.dialects.chip.descriptors import DESCRIPTOR
from recog.dialects.chip.fields import IntField
from recog.dialects.chip.instructions import INSTRUCTION
from recog.dialects.chip.records import RecordSize, layout
from recog.dialects.errors import RecogError
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

FILECHECK = Path(__file__).resolve().parents[1] / "filecheck"
BUILD = Path("build/fuzz")
BUDGET = Budget(steps=1 << 24, memory=1 << 27)
SLACK = 1 << 30
"""Bytes that a child may take beyond what it begins with: a program may take BUDGET.memory."""

RECORDS = {Kind.TEXT: (INSTRUCTION, INSTRUCTIONS), Kind.DESCRIPTORS: (DESCRIPTOR, DESCRIPTORS)}
BYTES = (Kind.POINTERS, Kind.TABLES, Kind.BIASES)


@cache
def bases() -> list[bytes]:
    """The files of all programs in lit files, without symbols so that records can come and go."""
    found: set[bytes] = set()
    for path in sorted(FILECHECK.rglob("*.mlir")):
        text = path.read_text()
        if "chip.program" not in text:
            continue
        for part in text.split("// -----"):
            try:
                module = parse_module(make_context(), part.encode(), path.name)
                programs = [op for op in module.walk() if isinstance(op, ProgramOp)]
                found.update(assemble(program, strip=True) for program in programs)
            except (ParseError, VerifyException, RecogError):
                continue  # the invalid ones
    return sorted(found)


def mutant(seed: int) -> tuple[str, bytes]:
    """How the program of a seed was changed, and its file."""
    rng = np.random.default_rng(seed)
    data = bases()[int(rng.integers(len(bases())))]
    if rng.random() < 0.05:
        return "bytes", _damaged(bytearray(data), rng)
    container = read_container(data)
    segments = list(container.segments)
    digest, kinds = container.target_hash, set[str]()
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        kind = str(rng.choice(["field", "field", "field", "record", "content", "port", "target"]))
        kinds.add(kind)
        match kind:
            case "field" | "record":
                segments = _change_records(segments, kind, container.isa, rng)
            case "content":
                segments = _change_content(segments, rng)
            case "port":
                segments = [_change_ports(each, container.isa, rng) for each in segments]
            case _:
                segments, digest = _change_target(segments, digest, rng)
    repaired = _with_memory_map(Container(digest, segments, container.isa))
    return (kinds.pop() if len(kinds) == 1 else "several"), write(repaired)


def _damaged(data: bytearray, rng: np.random.Generator) -> bytes:
    """Bytes changed as they are, under checksums that no longer match, or a file cut short."""
    for _ in range(int(rng.integers(1, 4))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data[: int(rng.integers(len(data) + 1))] if rng.random() < 0.3 else data)


def _bytes(size: RecordSize, isa: tuple[int, int]) -> int:
    """How long records are in a version of the instruction set."""
    return (size.short if size.short and isa < (3, 0) else size.bits) // 8


def _change_records(
    segments: list[Segment], kind: str, isa: tuple[int, int], rng: np.random.Generator
) -> list[Segment]:
    which = Kind.TEXT if rng.random() < 0.4 else Kind.DESCRIPTORS
    kind_size, classes = RECORDS[which]
    size = _bytes(kind_size, isa)
    place = next(i for i, each in enumerate(segments) if each.kind == which)
    content = segments[place].content
    records = [content[i : i + size] for i in range(0, len(content), size)]
    if records:
        if kind == "field":
            _change_field(records, classes, rng)
        else:
            _move(records, rng)
    changed = list(segments)
    changed[place] = Segment(which, b"".join(records))
    return changed


def _move(records: list[bytes], rng: np.random.Generator) -> None:
    """Delete, double or exchange records."""
    first, second = (int(each) for each in rng.integers(len(records), size=2))
    match int(rng.integers(3)):
        case 0:
            del records[first]
        case 1:
            records.insert(second, records[first])
        case _:
            records[first], records[second] = records[second], records[first]


def _change_field(records: list[bytes], classes: dict, rng: np.random.Generator) -> None:
    """Another value for a field of one record, or wherever the field has that value."""
    index = int(rng.integers(len(records)))
    word = int.from_bytes(records[index], "little")
    bits = 8 * len(records[index])
    fields = layout(classes[word & 255]) if word & 255 in classes else ()
    fields = [place for place in fields if place.low + place.field.bits <= bits]
    if not fields:
        return
    field, low = fields[int(rng.integers(len(fields)))]
    mask = (1 << field.bits) - 1
    given = word >> low & mask
    value = _value(field, given, rng) & mask
    everywhere = rng.random() < 0.4
    for number, record in enumerate(records):
        other = int.from_bytes(record, "little")
        same = everywhere and other & 255 == word & 255 and other >> low & mask == given
        if number == index or same:
            changed = other & ~(mask << low) | value << low
            records[number] = changed.to_bytes(len(record), "little")


def _value(field: object, given: int, rng: np.random.Generator) -> int:
    """A limit of a field, a neighbour of its value, or any."""
    limits = (field.minimum, field.maximum) if isinstance(field, IntField) else (0, -1)
    near = [given + 1, given - 1, given * 2, given // 2, given ^ 1 << int(rng.integers(33))]
    small = [0, 1, 2, 3, 5, 7, 8, 16, 17, 31, 64, 255, 4096, 65535]
    return int(rng.choice([*near, *near, *small, *limits, limits[1] - 1]))


def _change_content(segments: list[Segment], rng: np.random.Generator) -> list[Segment]:
    places = [i for i, each in enumerate(segments) if each.kind in BYTES]
    if not places:
        return segments
    place = int(rng.choice(places))
    kind, content = segments[place]
    data, changed = bytearray(content), list(segments)
    match int(rng.integers(5)):
        case 0:
            data = data[: int(rng.integers(len(data) + 1))]
        case 1:
            data += rng.bytes(int(rng.integers(1, 40)))
        case 2:
            changed.insert(place, changed[place])
        case 3 if len(places) > 1:
            del changed[place]
            return changed
        case _:
            for _ in range(int(rng.integers(1, 5)) if data else 0):
                data[int(rng.integers(len(data)))] = int(rng.choice([0, 1, 127, 128, 255]))
    changed[place] = Segment(kind, bytes(data))
    return changed


def _change_ports(segment: Segment, isa: tuple[int, int], rng: np.random.Generator) -> Segment:
    """Another value for a field of one input or output."""
    content = segment.content
    if segment.kind != Kind.IO:
        return segment
    at = 2 + int.from_bytes(content[:2], "little")
    count, at = int.from_bytes(content[at : at + 2], "little"), at + 2
    chosen, size = int(rng.integers(max(1, count))), _bytes(DESCRIPTOR, isa)
    for _ in range(chosen):
        at += size + 2 + int.from_bytes(content[at + size : at + size + 2], "little")
    record = [content[at : at + size]]
    if not count or len(record[0]) < size:
        return segment
    _change_field(record, dict(PORTS), rng)
    return Segment(Kind.IO, content[:at] + record[0] + content[at + size :])


def _change_target(
    segments: list[Segment], digest: bytes, rng: np.random.Generator
) -> tuple[list[Segment], bytes]:
    """Memories of other sizes, and another accumulator."""
    values = {
        "weight_memory": rng.choice([1, 16, 256, 1 << 20, 1 << 32]),
        "activation_memory": rng.choice([1, 16, 256, 1 << 20, 1 << 32]),
        "dram": rng.choice([1, 16, 256, 1 << 20, 1 << 32]),
        "accumulator": rng.integers(2, 65),
        "antilog_bits": rng.integers(0, 14),
        "fine_antilog_bits": rng.integers(0, 14),
        "mitchell": rng.random() < 0.5,
    }
    name = str(rng.choice(list(values)))
    try:
        old = ChipTarget.from_toml(segments[0].content.decode())
        new = ChipTarget.from_toml(_assigned(old.to_toml(), name, values[name]))
    except ValueError:
        return segments, digest
    return [Segment(Kind.TARGET, new.to_toml().encode()), *segments[1:]], new.digest


def _assigned(text: str, name: str, value: object) -> str:
    lines = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
    return "\n".join([f"{name} = {str(value).lower()}", *lines])


def _with_memory_map(container: Container) -> Container:
    """The container with the memory map and the version of its program, as far as it has one."""
    try:
        program = disassembler._decode(container)
        used = struct.pack("<QQQ", *memory_use(program))
    except (RecogError, struct.error):
        return container
    segments = [
        Segment(kind, used if kind == Kind.MEMORY_MAP else content)
        for kind, content in container.segments
    ]
    return Container(container.target_hash, segments, max(container.isa, isa_of(program)))


def check(seed: int, fast: dict[str, Engine]) -> tuple[str, str | None]:
    """The kind of a seed's program and whether it ran, and what is wrong."""
    with _decoded_once():
        kind, data = mutant(seed)
        try:
            machine = Machine(data, "reference", budget=BUDGET)
        except RecogError:
            return f"{kind}, refused", None
    expected, words = _outcome(machine, seed)
    for name, engine in fast.items():
        machine._engine = engine
        found, other = _outcome(machine, seed)
        if (found is None) != (expected is None):
            return kind, f"reference: {words or 'runs'}; {name}: {other or 'runs'}"
        for one, two in zip(found or (), expected or (), strict=True):
            if one.dtype != two.dtype or not np.array_equal(one, two):
                return kind, f"{int((one != two).sum())} of {two.size} codes differ on {name}"
    return f"{kind}, {'run' if expected is not None else 'refused while it ran'}", None


@contextmanager
def _decoded_once() -> Iterator[None]:
    """Let the machine take what the memory map was computed from, where nothing else changed."""
    known: list[tuple[tuple[object, ...], ProgramOp]] = []

    def decode(container: Container) -> ProgramOp:
        rest = [each for each in container.segments if each.kind != Kind.MEMORY_MAP]
        key = container.target_hash, len(container.segments), rest
        if not known or known[0][0] != key:
            known[:] = [(key, original(container))]
        return known[0][1]

    original = disassembler._decode
    with (
        patch.object(disassembler, "_decode", decode),
        patch.object(disassembler, "_decode_target", _decode_target),
    ):
        yield


_decode_target = lru_cache(64)(disassembler._decode_target)
"""Most programs are for one chip; what is refused is not kept."""


def _outcome(machine: Machine, seed: int) -> tuple[list[np.ndarray] | None, str]:
    """The outputs and what activation memory holds at the end, or None and why not."""
    try:
        rng = np.random.default_rng(seed)
        inputs = [_codes(port, rng) for port in machine.inputs]
        memory: list[np.ndarray] = []
        outputs = machine.run_codes(
            *inputs, observe=lambda _, left: memory.__setitem__(slice(None), [left._bytes.copy()])
        )
        return [*outputs, *memory], ""
    except RecogError as error:
        return None, str(error)


def _codes(port, rng: np.random.Generator) -> np.ndarray:
    """Random codes of an input, for two frames."""
    shape, dtype = (2, *port.frame_shape), np.dtype(port.dtype)
    raw = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
    codes = raw.copy()
    if port.integer is None:
        codes[port.format.illegal_codes(codes)] = 0
    return codes


def report(finding: Finding) -> None:
    """Print a finding, and write its program."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"program-{finding.seed}.recog"
    path.write_bytes(mutant(finding.seed)[1])
    print(f"seed {finding.seed}: {finding.what}\n  {path}", flush=True)


def limit_memory() -> None:
    """Let what takes too much memory fail, and not the computer."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + SLACK
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> int:
    arguments = arguments_of(__doc__, "programs")
    fast: dict[str, Engine] = {**engines(threads=1)}
    for data in bases():  # what they compile, each child has
        for engine in fast.values():
            _outcome(Machine(data, engine), 0)
    limit_memory()
    return fuzz(arguments, lambda seed: check(seed, fast), "programs", report, fast)


if __name__ == "__main__":
    sys.exit(main())
