"""Output formats of recog-opt: chip programs as assembly text and as program files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from recog.backend.assembly import assemble, find_program
from recog.dialects.data import ModulePrinter
from recog.dialects.errors import RecogError


@dataclass(frozen=True)
class RecogTarget(Target, ABC):
    """A target whose errors are text in the drivers of others too, such as `xdsl-opt`."""

    @abstractmethod
    def write(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """What `emit` does, with errors as exceptions."""

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """Write the module, or end the driver: xDSL's shows every exception as a traceback."""
        try:
            self.write(ctx, module, output)
        except RecogError as error:
            raise SystemExit(f"error: target '{self.name}': {error}") from None


@dataclass(frozen=True)
class ChipAsmTarget(RecogTarget):
    """The module's chip program as assembly text, which recog-opt reads again."""

    name: ClassVar[str] = "chip-asm"

    elide_constants: bool = False
    """Leave out the bytes of long constants, for reading only."""
    locations: bool = False
    """Print source locations, so that assembling the text gives the same bytes again."""

    def write(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        printer = ModulePrinter(
            stream=output, elide_constants=self.elide_constants, print_debuginfo=self.locations
        )
        printer.print_op(find_program(module))
        output.write("\n")
        printer.print_metadata(ctx.loaded_dialects)


@dataclass(frozen=True)
class ChipProgramTarget(RecogTarget):
    """The module's chip program as a program file."""

    name: ClassVar[str] = "chip-program"

    strip: bool = False
    """Leave out symbols and source locations."""

    def emit_bytes(self, ctx: Context, module: ModuleOp) -> bytes:
        """The bytes of the program file."""
        return assemble(module, strip=self.strip)

    def write(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        raise RecogError(
            "a program file is not text", hint="write it with recog-opt -t chip-program -o FILE"
        )
