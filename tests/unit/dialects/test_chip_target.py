"""A chip's memories: as text, in programs, and what is refused."""

from __future__ import annotations

import pytest

from recog.backend.assembly import assemble, load_program
from recog.dialects import chip
from recog.dialects.chip import ChipTarget, Memory
from recog.dialects.chip.target import ACTIVATION_MEMORY, MAX_TARGET_BYTES, STANDARD_MEMORIES
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

SCRATCH = Memory("scratchpad", 65536, banks=8, ports=2, width=64)
ROW = (
    "energy.horowitz_45nm.mac = "
    '{{value = {value}, unit = "pJ", source = "guess", node = "x", year = 2020}}'
)
WITH_SCRATCH = ChipTarget(memories=(*STANDARD_MEMORIES, SCRATCH))


def test_the_standard_chip_reads_as_it_always_did():
    """The target hash of every program depends on this text."""
    assert ChipTarget().to_toml() == (
        'name = "recog-1"\n'
        "weight_memory = 16777216\n"
        "activation_memory = 4194304\n"
        "dram = 1073741824\n"
        "antilog_bits = 6\n"
        "fine_antilog_bits = 10\n"
        "accumulator = 32\n"
        "mitchell = false\n"
    )


def test_programs_that_say_nothing_of_finer_antilogs_have_none():
    plain = ChipTarget(fine_antilog_bits=0)
    assert "fine_antilog_bits" not in plain.to_toml()
    program = chip.ProgramOp("main", [chip.HaltOp()], plain)
    assert "fine_antilog_bits = 0" in str(program)
    module = parse_module(make_context(), str(program).encode(), "x.mlir")
    (parsed,) = module.body.block.ops
    assert isinstance(parsed, chip.ProgramOp)
    assert parsed.target.data == plain
    assert load_program(assemble(program)).target.data == plain
    assert ChipTarget(antilog_bits=10).fine_antilog_bits == 0


def test_another_memory_goes_through_every_form():
    assert WITH_SCRATCH.memory("scratchpad") == SCRATCH
    assert ChipTarget.from_toml(WITH_SCRATCH.to_toml()) == WITH_SCRATCH
    assert WITH_SCRATCH.digest != ChipTarget().digest
    program = chip.ProgramOp("main", [chip.HaltOp()], WITH_SCRATCH)
    assert "memory.scratchpad.banks = 8" in str(program)
    module = parse_module(make_context(), str(program).encode(), "x.mlir")
    (parsed,) = module.body.block.ops
    assert isinstance(parsed, chip.ProgramOp)
    assert parsed.target.data == WITH_SCRATCH
    assert load_program(assemble(program)).target.data == WITH_SCRATCH


def test_toml_tables_add_to_what_is_there():
    text = "activation_memory = 65536\n[memory.activation_memory]\nbanks = 16\n"
    memory = ChipTarget.from_toml(text).memory(ACTIVATION_MEMORY)
    assert (memory.bytes, memory.banks, memory.ports) == (65536, 16, 1)
    whole = ChipTarget.from_toml("[memory.scratchpad]\nbytes = 65536\nwidth = 2\n")
    assert whole.memory("scratchpad") == Memory("scratchpad", 65536, width=2)
    assert memory.bandwidth == 16 * 16


def test_parts_and_energy_go_through_every_form():
    row = 'mac = {value = 1, unit = "pJ", source = "a guess", node = "7 nm", year = 2026}'
    text = f"clock_mhz = 100\n[array]\npixels = 8\n[energy.horowitz_45nm]\n{row}\n"
    target = ChipTarget.from_toml(text)
    assert (target.clock_mhz, target.array.size) == (100, 32 * 32 * 8)
    assert target.energy[0].value("mac") == 1.0
    assert target.energy[0].value("dram") == ChipTarget().energy[0].value("dram")
    assert target.energy[1] == ChipTarget().energy[1]
    assert ChipTarget.from_toml(target.to_toml()) == target
    program = chip.ProgramOp("main", [chip.HaltOp()], target)
    assert 'energy.horowitz_45nm.mac.source = "a guess"' in str(program)
    assert "array.inputs" not in str(program)
    assert load_program(assemble(program)).target.data == target


def test_a_table_of_ones_own_stands_beside_the_others():
    rows = [
        f'{row.what} = {{value = 2, unit = "{row.unit}", source = "x", node = "y", year = 2020}}'
        for row in ChipTarget().energy[0].rows
    ]
    target = ChipTarget.from_toml("[energy.mine]\n" + "\n".join(rows))
    assert [table.name for table in target.energy][2:] == ["mine"]
    assert ChipTarget.from_toml(target.to_toml()) == target
    program = chip.ProgramOp("main", [chip.HaltOp()], target)
    assert load_program(assemble(program)).target.data == target
    with pytest.raises(ValueError, match="energy.mine lacks the rows mac_wide: a new table "):
        ChipTarget.from_toml("[energy.mine]\n" + "\n".join(rows[:1] + rows[2:]))
    with pytest.raises(ValueError, match="has no row rings, it has mac, mac_wide"):
        target.energy[2].value("rings")


def test_a_chip_is_described_in_as_much_as_a_program_holds():
    """What is written loads again, whatever its sources are called; what is too long is refused."""
    rows = "".join(
        f'{row.what} = {{value = 2, unit = "{row.unit}", source = "{"[see {a} = b] #" * 13}", '
        f'node = "{"x" * 200}", year = 2020}}\n'
        for row in ChipTarget().energy[0].rows
    )
    tables = [f"[energy.mine{number}]\n{rows}" for number in range(12)]
    target = ChipTarget.from_toml("".join(tables[:11]))
    assert MAX_TARGET_BYTES * 0.9 < len(target.to_toml()) <= MAX_TARGET_BYTES
    program = chip.ProgramOp("main", [chip.HaltOp()], target)
    assert load_program(assemble(program)).target.data == target
    with pytest.raises(ValueError, match="the description takes .* bytes, a program has room for"):
        ChipTarget.from_toml("".join(tables))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight_mem = 5", "unknown parameter 'weight_mem', expected: name, weight_memory, "),
        ("activation_memory = 8", r"activation_memory must be in \[16, 4294967296\] bytes, got 8"),
        ("dram = true", "dram takes a whole number, got true"),
        ("[memory.scratchpad]\nbanks = 8", "memory scratchpad needs its bytes"),
        (
            "[memory.scratchpad]\nbytes = 64\nbank = 8",
            "scratchpad has no 'bank', expected: bytes",
        ),
        ("[memory.scratchpad]\nbytes = 64\nports = 0", r"scratchpad: ports must be in \[1"),
        ("memory.dram.width = 0", r"dram: width must be in \[1, 4096\], got 0"),
        ("memory.dram.width = 0.5", "memory.dram.width takes a whole number, got 0.5"),
        ("array.output = 4", "array has no 'output', expected: outputs, inputs, pixels, acc"),
        ("array.outputs = 0", r"array.outputs must be in \[1, 4096\], got 0"),
        ('vector.lanes = "many"', 'vector.lanes takes a whole number, got "many"'),
        ("dma = 3", "dma takes details, such as dma.width = 32"),
        ("clock_mhz = 0", r"clock_mhz must be in \[1, 100000\], got 0"),
        ("dma = []", "dma takes details, such as dma.width = 32"),
        ("clock_mhz = [800]", "clock_mhz takes a whole number, got a list"),
        ("clock_mhz = 1979-05-27", "clock_mhz takes a whole number, got 1979-05-27"),
        ("name = 3", "name takes a text, got 3"),
        ("mitchell = 1", "mitchell takes true or false, got 1"),
        ("memory = 4", "memory takes details, such as memory.scratch.bytes = 65536"),
        ("energy = 3", r"energy takes rows, such as energy.mine.mac = \{value = 1.5, unit = "),
        ("energy.mine = 3", r"energy.mine takes rows, such as energy.mine.mac = \{value = 1.5"),
        ("energy.mine.mac = 3", r"energy.mine.mac takes a row, such as \{value = .*\}, got 3"),
        ("energy.mine.mac = {value = 3}", "energy.mine.mac lacks unit, source, node, year"),
        (
            ROW.format(value=1).replace("horowitz_45nm", "mine"),
            "energy.mine lacks the rows mac_wide, mac_int8, ",
        ),
        ("energy.horowitz_45nm.mac.value = 3", "energy.horowitz_45nm.mac lacks unit, source"),
        ("energy.horowitz_45nm.cache.value = 3", "has no row 'cache', expected: mac, mac_wide"),
        (ROW.format(value="nan"), r"energy.horowitz_45nm.mac: value must be in \[0, 1e6\)"),
        (ROW.format(value="-1"), r"energy.horowitz_45nm.mac: value must be in \[0, 1e6\)"),
        (ROW.format(value='"1"'), 'energy.horowitz_45nm.mac.value takes a number, got "1"'),
        (ROW.format(value=1).replace("pJ", "mJ"), "mac: unit must be 'pJ', got 'mJ'"),
        (ROW.format(value=1).replace("2020", "20"), r"mac: year must be in \[1900, 2200\]"),
        (ROW.format(value=1).replace("guess", "\\u00b5"), "source takes up to 200 characters"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("array = [", "not TOML: "),
        (
            "".join(f"[memory.m{i}]\nbytes=64\n" for i in range(40_000)),
            "the description takes .* bytes, a program has room for",
        ),
        ("# x\n" + "a." * 500_000 + "a = 1", "not a target: line 2 has more than 200 dots"),
        (
            "activation_memory = 64\n[memory.activation_memory]\nbytes = 128",
            "the bytes of memory activation_memory are given twice",
        ),
        ("clock_mhz = 1" + "0" * 400, "clock_mhz must be a number of less than 64 bits"),
        ("clock_mhz = 0x" + "f" * 5000, "clock_mhz must be a number of less than 64 bits"),
        ("clock_mhz = 1" + "0" * 5000, "not a target: a number has too many digits"),
        (ROW.format(value="1" + "0" * 400), "mac.value must be a number of less than 64 bits"),
        ("energy.horowitz_45nm.mac = {}", "mac takes a row, such as .*, got an empty table"),
        ("[energy.horowitz_45nm.rings]", "energy.horowitz_45nm has no row 'rings', expected: mac"),
        ("[energy.mine]", "energy.mine lacks the rows mac, mac_wide, "),
        ("[memory.scratchpad]", "memory scratchpad needs its bytes"),
        ("[memory.dram.width]", "memory.dram.width takes a whole number, got an empty table"),
        ("[arrays]", "unknown parameter 'arrays', expected: name, weight_memory, "),
        ("[dram]", "dram takes a whole number, got an empty table"),
        ("clock_mhz = {}", "clock_mhz takes a whole number, got an empty table"),
        ('"array.outputs" = 4\n[array]\noutputs = 8', "array.outputs is given twice"),
        ("array.outputs = {}", "array.outputs takes a whole number, got an empty table"),
        ("[memory.Scratch]\nbytes = 64", "a memory's name has a-z, 0-9 and '_', got 'Scratch'"),
        (
            "[memory]\nscratchpad = 64",
            "memory.scratchpad takes details, such as",
        ),
    ],
)
def test_bad_memories_are_named(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        ChipTarget.from_toml(text)


def test_a_file_of_a_chip_without_fine_antilog_bits_says_so():
    for text in ("fine_antilog_bits = 3", "fine_antilog_bits = 0\n[array]\npixels = 8"):
        chip = ChipTarget.from_toml(text)
        assert chip.fine_antilog_bits == 0
        assert ChipTarget.from_toml(chip.to_file()) == chip
    assert ChipTarget().to_file() == ChipTarget().to_toml()


@pytest.mark.parametrize(
    "section", ["array", "dma", "memory", "energy", "memory.dram", "energy.horowitz_45nm"]
)
def test_sections_whose_lines_are_left_out_change_nothing(section: str):
    assert ChipTarget.from_toml(f"[{section}]\n# width = 4\n") == ChipTarget()


def test_memories_are_there_once_and_the_standard_ones_first():
    with pytest.raises(ValueError, match="two memories named scratchpad"):
        ChipTarget(memories=(*STANDARD_MEMORIES, SCRATCH, SCRATCH))
    with pytest.raises(ValueError, match="first memories are weight_memory, activation_memory"):
        ChipTarget(memories=(SCRATCH,))
    with pytest.raises(ValueError, match="target recog-1 has no memory rings, it has weight_"):
        ChipTarget().memory("rings")
