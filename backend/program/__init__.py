"""Chip programs: assembled into files, loaded from them with no trust, run by the machine."""

from recog.backend.program.assembler import assemble, find_program, memory_use, weight_bytes
from recog.backend.program.disassembler import disassemble
from recog.backend.program.machine import Machine, load_program, run_program_op

__all__ = [
    "Machine",
    "assemble",
    "disassemble",
    "find_program",
    "load_program",
    "memory_use",
    "run_program_op",
    "weight_bytes",
]
