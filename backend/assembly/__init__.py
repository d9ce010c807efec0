"""Chip programs as files: assembled, and loaded with no trust."""

from recog.backend.assembly.assembler import assemble, find_program, memory_use, weight_bytes
from recog.backend.assembly.disassembler import disassemble
from recog.backend.assembly.loader import load_program

__all__ = [
    "assemble",
    "disassemble",
    "find_program",
    "load_program",
    "memory_use",
    "weight_bytes",
]
