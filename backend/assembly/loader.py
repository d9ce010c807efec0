"""Programs from files, bytes or IR, verified: nothing is trusted."""

from __future__ import annotations

import os

from xdsl.dialects.builtin import ModuleOp

from recog.backend.assembly.assembler import assemble
from recog.backend.assembly.container import read_program_file
from recog.backend.assembly.disassembler import disassemble
from recog.backend.assembly.errors import relocated
from recog.dialects.chip import (
    ProgramOp,
)
from recog.dialects.errors import RecogError

ProgramSource = bytes | bytearray | memoryview | str | os.PathLike[str] | ProgramOp | ModuleOp
"""A program file's content or path, or a program as IR."""


def load_program(source: ProgramSource) -> ProgramOp:
    """The program of a file, of its bytes, or of IR (through the assembler), verified.

    Raises:
        RecogError: naming the file and what is wrong with it.
    """
    match source:
        case bytes() | bytearray() | memoryview():
            return disassemble(bytes(source))
        case ProgramOp() | ModuleOp():
            return disassemble(assemble(source))
        case _:
            where = os.fspath(source)
            try:
                data = read_program_file(where)
            except RecogError as error:
                raise relocated(error, where) from None
            return disassemble(data, where=where)
