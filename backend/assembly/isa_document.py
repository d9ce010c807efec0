"""Writes the ISA document from the op definitions: `python -m recog.backend.assembly.isa_document`.

Everything in docs/isa.md that could go out of date comes from the chip dialect and the
container; a test compares the file with what this gives.
"""

from __future__ import annotations

import inspect
import sys

from recog.backend.assembly import container
from recog.backend.assembly.container import FORMAT_VERSION, ISA_VERSION
from recog.backend.assembly.words import DESCRIPTORS, INSTRUCTIONS, PORTS
from recog.dialects.chip import ChipTarget, InstructionOp, Memory, ProgramOp, SegmentOp, TargetAttr
from recog.dialects.chip.descriptors import DESCRIPTOR
from recog.dialects.chip.energy import OPERATIONS, REQUIRED
from recog.dialects.chip.fields import Field, IntField, ReferenceField
from recog.dialects.chip.hardware import SECTIONS, parameters
from recog.dialects.chip.instructions import INSTRUCTION
from recog.dialects.chip.records import OPCODE_BITS, RecordOp, layout, opcode_of
from recog.dialects.chip.target_values import text_of

_INTRODUCTION = f"""\
# The instruction set

Version {ISA_VERSION[0]}.{ISA_VERSION[1]}. This page is generated from the op definitions in \
`dialects/chip/` by

    python -m recog.backend.assembly.isa_document > docs/isa.md

so the assembler, the disassembler, the verifier and this page cannot disagree. The arithmetic of
the instructions is in [arithmetic.md](arithmetic.md).

A program has segments of weight bytes, inputs and outputs, descriptors that say what lies where,
and instructions that name descriptors. Instructions are words of {INSTRUCTION.bits} bits,
descriptors records of {DESCRIPTOR.bits} bits; both are stored little-endian, bit 0 is the lowest.
A program that needs nothing of what came with instruction set 3 is stored as one of instruction set
2: its words are the lowest {INSTRUCTION.short} bits, its descriptors the lowest {DESCRIPTOR.short}.
The lowest {OPCODE_BITS} bits are the opcode. Bits that no field claims are zero; a loader refuses
programs in which they are not. Signed fields are two's complement.

In assembly text, what is written stands left of `=`, what is read right of it, and all other
fields in braces, where a field that has its default value may be left out:

    chip.conv @y = @x, @w {{stride_h = 2, stride_w = 2, relu}}

A reference is a symbol in text and in the binary the number of an entry of a table: of the
descriptors, of the inputs and outputs, or of the segments.

Two layers of 3x3 windows on an image too large for memory, which holds three rows of it and three
of what the first layer gives. Rows are made just before they are needed, and the next ones take the
places of those that are no longer:

    chip.tensor @x {{…, height = 2160, ring_rows = 3, ring = 1}}
    chip.tensor @y {{…, height = 2160, ring_rows = 3, ring = 2}}
    chip.tensor @z {{…, height = 2160, ring_rows = 1, ring = 3}}
    …
    chip.dma.in @x = @in {{rows = 3}}
    chip.conv @y = @x, @v {{pad_top = 1, pad_bottom = 1, …, rows = 2}}
    chip.conv @z = @y, @w {{pad_top = 1, pad_bottom = 1, …, rows = 1}}
    chip.dma.out @out = @z {{rows = 1}}
    chip.dma.in @x = @in {{first_row = 3, rows = 1}}
    chip.conv @y = @x, @v {{pad_top = 1, pad_bottom = 1, …, first_row = 2, rows = 1}}
    chip.conv @z = @y, @w {{pad_top = 1, pad_bottom = 1, …, first_row = 1, rows = 1}}
    chip.dma.out @out = @z {{first_row = 1, rows = 1}}

Here row 3 of @x takes the place of row 0, which row 2 of @y does not need. Two rows of @x are too
few for a window of three: the load of three is refused, and where rows came one by one, row 0 would
be lost before row 1 of @y reads it, which is refused too.

`recog-opt program.mlir -t chip-program -o program.recog` assembles such a text, `recog run` runs
what it gives, and `recog disassemble` prints the text again.

Four queues run beside each other and take their turns in any order. An instruction waits until
those before it in the program have ended that wrote what it reads, and those that read or wrote
what it overwrites; so no bit depends on the order, and program order is one of them.
"""


def isa_document() -> str:
    """The text of docs/isa.md."""
    parts = [
        _INTRODUCTION,
        _section("Programs", _doc(ProgramOp)),
        _section("Targets", _doc(TargetAttr), _target_table()),
        _section("Segments", _doc(SegmentOp)),
        "## Descriptors\n",
        *(_record(cls) for _, cls in sorted({**PORTS, **DESCRIPTORS}.items())),
        "## Instructions\n",
        _doc(InstructionOp) + "\n",
        *(_record(cls) for _, cls in sorted(INSTRUCTIONS.items())),
        f"## The program file\n\nFormat version {FORMAT_VERSION[0]}.{FORMAT_VERSION[1]}.\n",
        _doc(container) + "\n",
        _kinds_table(),
    ]
    return "\n".join(parts)


def _doc(documented: object) -> str:
    """A docstring, its lines that are examples in text as code."""
    lines = inspect.cleandoc(documented.__doc__ or "").splitlines()
    return "\n".join(f"    {line}" if line.startswith("chip.") else line for line in lines)


def _section(title: str, *parts: str) -> str:
    return "\n\n".join([f"## {title}", *parts]) + "\n"


def _record(cls: type[RecordOp]) -> str:
    rows = [("bits", "field", "values", "default", "meaning"), ("---",) * 5]
    rows += [_row(place.field, place.low) for place in layout(cls)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    heading = f"### {cls.name}\n\nOpcode {opcode_of(cls):#04x}. {_doc(cls)}"
    return f"{heading}\n\n{table}\n"


def _row(field: Field, low: int) -> tuple[str, str, str, str, str]:
    high = low + field.bits - 1
    bits = str(low) if field.bits == 1 else f"{low}–{high}"
    match field:
        case IntField(default_value=int(value)):
            default = str(value)
        case _:
            default = "" if field.required else "absent"
    values = field.values
    if isinstance(field, ReferenceField):
        values = f"`{field.target}`"
    return (bits, f"`{field.name}`", values, default, field.doc)


def _target_table() -> str:
    attributes = [line.strip() for line in inspect.cleandoc(ChipTarget.__doc__ or "").splitlines()]
    meanings = dict(line.split(": ", 1) for line in attributes if ": " in line)
    standard = ChipTarget().memories
    meanings |= {memory.name: f"bytes for {memory.holds}" for memory in standard}
    for memory in standard:
        meanings |= {f"memory.{memory.name}.{p.name}": p.meaning for p in parameters(Memory)}
    for name, kind in SECTIONS.items():
        meanings |= {f"{name}.{p.name}": p.meaning for p in parameters(kind)}
    details = [(name, text_of(value)) for name, value in ChipTarget().details()]
    rows = ["| parameter | default | meaning |", "| --- | --- | --- |"]
    rows += [
        f"| `{name}` | {default} | {meanings[name].rstrip('.')} |"
        for name, default in (*ChipTarget().texts(), *details)
        if not name.startswith("energy.")
    ]
    return "\n".join(rows) + "\n\n" + _energy_table()


def _energy_table() -> str:
    tables = ChipTarget().energy
    names = " | ".join(f"`{table.name}`" for table in tables)
    rows = [
        "Energy is in picojoules, an operation or a byte: `energy.TABLE.ROW` has a `value`, its",
        "`unit`, `source`, `node` and `year`. A file may replace rows, or add tables.",
        "",
        f"| row | {names} | of |",
        f"| --- |{' --- |' * len(tables)} --- |",
    ]
    for what in REQUIRED:
        values = " | ".join(f"{table.value(what):g}" for table in tables)
        rows.append(f"| `{what}` | {values} | {OPERATIONS.get(what, 'a byte read or written')} |")
    return "\n".join(rows)


def _kinds_table() -> str:
    rows = ["| kind | segment | content |", "| --- | --- | --- |"]
    for kind in container.Kind:
        optional = "; may be left out" if kind in container.OPTIONAL_KINDS else ""
        name = kind.name.lower().replace("_", " ")
        rows.append(f"| {kind.value} | {name} | {kind.content}{optional} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(isa_document())
