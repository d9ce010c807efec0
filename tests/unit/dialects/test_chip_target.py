"""A chip's memories: as text, in programs, and what is refused."""

from __future__ import annotations

import pytest

from recog.backend.assembly import assemble, load_program
from recog.dialects import chip
from recog.dialects.chip import ChipTarget, Memory
from recog.dialects.chip.target import ACTIVATION_MEMORY, STANDARD_MEMORIES
from recog.tools.context import make_context
from recog.tools.opt.ir_parser import parse_module

SCRATCH = Memory("scratchpad", 65536, banks=8, ports=2, energy=1e-05)
WITH_SCRATCH = ChipTarget(memories=(*STANDARD_MEMORIES, SCRATCH))


def test_the_standard_chip_reads_as_it_always_did():
    """The target hash of every program depends on this text."""
    assert ChipTarget().to_toml() == (
        'name = "recog-1"\n'
        "weight_memory = 16777216\n"
        "activation_memory = 4194304\n"
        "dram = 1073741824\n"
        "antilog_bits = 6\n"
        "accumulator = 32\n"
        "mitchell = false\n"
    )


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
    assert (memory.bytes, memory.banks, memory.ports) == (65536, 16, None)
    whole = ChipTarget.from_toml("[memory.scratchpad]\nbytes = 65536\nenergy = 2\n")
    assert whole.memory("scratchpad") == Memory("scratchpad", 65536, energy=2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight_mem = 5", "unknown parameter 'weight_mem', expected: name, weight_memory, "),
        ("activation_memory = 8", r"activation_memory must be in \[16, 4294967296\] bytes, got 8"),
        ("dram = true", "dram takes int, got True"),
        ("[memory.scratchpad]\nbanks = 8", "memory scratchpad needs its bytes"),
        (
            "[memory.scratchpad]\nbytes = 64\nbank = 8",
            "scratchpad has no 'bank', expected: bytes",
        ),
        ("[memory.scratchpad]\nbytes = 64\nports = 0", r"scratchpad: ports must be in \[1"),
        (
            "[memory.scratchpad]\nbytes = 64\nenergy = -1",
            r"energy must be in \[0, 1e6\)",
        ),
        (
            "activation_memory = 64\n[memory.activation_memory]\nbytes = 128",
            "the bytes of memory activation_memory are given twice",
        ),
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


def test_memories_are_there_once_and_the_standard_ones_first():
    with pytest.raises(ValueError, match="two memories named scratchpad"):
        ChipTarget(memories=(*STANDARD_MEMORIES, SCRATCH, SCRATCH))
    with pytest.raises(ValueError, match="first memories are weight_memory, activation_memory"):
        ChipTarget(memories=(SCRATCH,))
    with pytest.raises(ValueError, match="target recog-1 has no memory rings, it has weight_"):
        ChipTarget().memory("rings")
