"""assemble ∘ disassemble is the identity, on files and on text."""

from __future__ import annotations

from io import StringIO

import pytest
from chip_strategies import programs
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from recog.backend.assembly import assemble, disassemble, find_program, load_program, weight_bytes
from recog.backend.targets import ChipAsmTarget, ChipProgramTarget
from recog.dialects import chip
from recog.dialects.data import ModulePrinter
from recog.dialects.errors import RecogError
from recog.tools.context import make_context

few = settings(max_examples=settings().max_examples // 5)
"""For what is slow, or the same in most examples."""


def text_of(program: chip.ProgramOp, *, locations: bool = False) -> str:
    stream = StringIO()
    printer = ModulePrinter(stream=stream, print_debuginfo=locations)
    printer.print_op(program)
    return stream.getvalue()


@given(programs())
def test_files_and_programs_are_the_same(program: chip.ProgramOp):
    data = assemble(program)
    again = disassemble(data)
    assert assemble(again) == data
    if program.stripped is None:
        assert text_of(again, locations=True) == text_of(program, locations=True)


@given(programs())
@few
def test_text_and_programs_are_the_same(program: chip.ProgramOp):
    context = make_context()
    stream = StringIO()
    ChipAsmTarget(locations=True).emit(context, ModuleOp([program]), stream)
    module = Parser(context, stream.getvalue()).parse_module()
    assert text_of(find_program(module), locations=True) == text_of(program, locations=True)
    assert assemble(module) == assemble(program)


@given(programs())
@few
def test_stripping_takes_names_and_places_only(program: chip.ProgramOp):
    stripped = assemble(program, strip=True)
    again = disassemble(stripped)
    assert again.stripped is not None
    assert assemble(again) == stripped
    assert [type(op) for op in again.instructions] == [type(op) for op in program.instructions]
    assert [op.sym_name for op in again.ports] == [op.sym_name for op in program.ports]
    assert weight_bytes(again) == weight_bytes(program)


def tiny_program(**ports: str) -> chip.ProgramOp:
    return chip.ProgramOp(
        "main",
        [
            chip.InputOp(sym_name=ports.get("input", "in"), address=0, channels=3),
            chip.OutputOp(sym_name=ports.get("output", "out"), address=3, channels=3),
            chip.TensorOp(sym_name="x", address=0, channels=3),
            chip.DmaInOp(output="x", input=ports.get("input", "in")),
            chip.DmaOutOp(output=ports.get("output", "out"), input="x"),
            chip.HaltOp(),
        ],
    )


def test_long_segments_are_resources_of_the_text():
    content = bytes(range(256)) * 4
    body = [
        chip.SegmentOp("long", "tables", content),
        chip.SegmentOp("same", "biases", content),
        chip.HaltOp(),
    ]
    module, context = ModuleOp([chip.ProgramOp("main", body)]), make_context()
    stream = StringIO()
    ChipAsmTarget().emit(context, module, stream)
    assert stream.getvalue().count(content.hex()) == 1
    assert assemble(Parser(context, stream.getvalue()).parse_module()) == assemble(module)
    stream = StringIO()
    ChipAsmTarget(elide_constants=True).emit(context, module, stream)
    assert content.hex() not in stream.getvalue()


def test_invented_names_leave_the_ports_theirs():
    data = assemble(tiny_program(input="d0", output="_d0"), strip=True)
    assert assemble(disassemble(data)) == data


@given(st.sampled_from(["a b", "ü", "x" * 1024, "@", "%0", "a.b#2", '"', "\\"]))
def test_names_of_any_printable_kind(name: str):
    program = tiny_program(input=name)
    data = assemble(program)
    assert assemble(disassemble(data)) == data
    stream = StringIO()
    context = make_context()
    ChipAsmTarget().emit(context, ModuleOp([program]), stream)
    assert assemble(Parser(context, stream.getvalue()).parse_module()) == data


@pytest.mark.parametrize("name", ["", "x" * 1025, "line\nbreak", "\x00"])
def test_names_that_no_file_can_hold(name: str):
    with pytest.raises(RecogError, match="name that is empty, longer than"):
        assemble(tiny_program(input=name))


def test_equal_programs_give_equal_bytes():
    assert assemble(tiny_program()) == assemble(tiny_program())


def test_finding_the_program():
    with pytest.raises(RecogError, match="holds no chip.program"):
        assemble(ModuleOp([]))
    second = tiny_program()
    second.properties["sym_name"] = chip.ProgramOp("other", [chip.HaltOp()]).sym_name
    with pytest.raises(RecogError, match="holds 2 programs: @main, @other"):
        assemble(ModuleOp([tiny_program(), second]))
    with pytest.raises(RecogError, match=r"expected a chip\.program"):
        find_program(chip.HaltOp())


def test_invalid_programs_are_not_assembled():
    with pytest.raises(RecogError, match="ends at byte 4294967297, activation memory has 4194304"):
        assemble(
            chip.ProgramOp(
                "main",
                [chip.TensorOp(sym_name="x", address=(1 << 32) - 1, channels=2), chip.HaltOp()],
            )
        )


def test_more_descriptors_than_references_can_name():
    tensors = [chip.TensorOp(sym_name=f"t{i}", address=0, channels=1) for i in range((1 << 14) + 1)]
    used = chip.CopyOp(output="t0", input=f"t{1 << 14}")
    with pytest.raises(RecogError, match="the program has more than 16384 descriptors"):
        assemble(chip.ProgramOp("main", [*tensors, used, chip.HaltOp()]))


def test_targets():
    context, module = make_context(), ModuleOp([tiny_program()])
    assert ChipProgramTarget().emit_bytes(context, module) == assemble(tiny_program())
    stripped = ChipProgramTarget(strip=True).emit_bytes(context, module)
    assert stripped == assemble(tiny_program(), strip=True)
    with pytest.raises(RecogError, match="a program file is not text"):
        ChipProgramTarget().write(context, module, StringIO())
    with pytest.raises(RecogError, match="run convert-lns-to-chip first"):
        ChipAsmTarget().write(context, ModuleOp([]), StringIO())


def test_loading_from_everywhere(tmp_path):
    program = tiny_program()
    path = tmp_path / "p.chip"
    path.write_bytes(assemble(program))
    for source in (program, ModuleOp([program.clone()]), assemble(program), path, str(path)):
        assert assemble(load_program(source)) == path.read_bytes()
