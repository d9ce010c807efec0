"""IR text to IR, with a place for every op and a clear error for everything else."""

from __future__ import annotations

import dataclasses
import os
import re
from bisect import bisect_left
from typing import IO

from xdsl.context import Context
from xdsl.dialect_interfaces.op_asm import OpAsmDialectInterface
from xdsl.dialects.builtin import UNKNOWN_LOC, FileLineColLoc, IntAttr, ModuleOp, StringAttr
from xdsl.ir import AttributeInvT, Operation, SSAValue
from xdsl.parser import UnresolvedOperand
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.lexer import Span
from xdsl.utils.mlir_lexer import MLIRTokenKind

from recog.backend.input_files import open_input, read_at_most
from recog.dialects.errors import RecogError, describe_location
from recog.dialects.verification import failed_op, verify_module
from recog.tools.diagnostics import IRParseError, clip, describe_parse_error, excerpt
from recog.tools.opt.ir_syntax import MLIRSyntaxParser

ZIP_MAGIC = b"PK\x03\x04"
PROGRAM_MAGIC = b"\x8bRECOG"
MAX_IR_BYTES = 1 << 32
"""Of IR text: the 2^28 weights that a program holds take half of it as float32 in hexadecimal."""


class LocatingParser(MLIRSyntaxParser):
    """Gives every op that has no `loc(...)` its place in the text, as MLIR does."""

    def __init__(
        self, ctx: Context, text: str, name: str, line_offset: int = 0, file: str | None = None
    ):
        super().__init__(ctx, text, name)
        # A name of bytes that are not UTF-8 has no place in IR as it is.
        located = os.fsencode(name if file is None else file)
        self._file = StringAttr(located.decode("utf-8", "backslashreplace"))
        self._first_line = 1 + line_offset
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self.places = dict[Operation, FileLineColLoc]()
        """Where ops with a `loc(...)` of their own stand in the text."""
        self._first_uses = dict[str, Span]()
        self._resource_keys = dict[tuple[str, str], str]()
        self.failed_span: Span | None = None
        """The start of the innermost op that could not be parsed."""

    def parse_operation(self) -> Operation:
        span = self._current_token.span
        try:
            op = super().parse_operation()
        except Exception:
            self.failed_span = self.failed_span or span
            raise
        if op.location is UNKNOWN_LOC:
            op.location = self._place(span.start)
        else:
            self.places[op] = self._place(span.start)
        return op

    def resolve_operand(
        self, operand: UnresolvedOperand, type: AttributeInvT
    ) -> SSAValue[AttributeInvT]:
        name = operand.operand_name
        if name not in self.ssa_values and name not in self.forward_ssa_references:
            self._first_uses[name] = operand.span
        return super().resolve_operand(operand, type)

    def _parse_dialect_resource_handle(
        self, dialect_name: str, interface: OpAsmDialectInterface
    ) -> str:
        """As xDSL's, but a key renamed on declaration stays renamed at the end of the file."""
        key = self.parse_identifier(" for resource handle")
        if (dialect_name, key) not in self.dialect_resources:
            self._resource_keys[dialect_name, key] = interface.declare_resource(key)
            self.dialect_resources.add((dialect_name, key))
        return self._resource_keys.get((dialect_name, key), key)

    def _place(self, position: int) -> FileLineColLoc:
        line = bisect_left(self._line_ends, position)
        column = position - (self._line_ends[line - 1] if line else -1)
        return FileLineColLoc(self._file, IntAttr(line + self._first_line), IntAttr(column))

    def parse_module(
        self, allow_implicit_module: bool = True, allow_empty: bool = False
    ) -> ModuleOp:
        if self._current_token.kind == MLIRTokenKind.EOF:
            if allow_empty and allow_implicit_module:
                return ModuleOp([])
            self.raise_error("there is no operation in this input")
        try:
            return super().parse_module(allow_implicit_module)
        except ParseError as error:
            if error.msg == "Could not parse entire input!":
                error.msg = "an operation is expected here"
            elif error.msg.startswith("values used but not defined"):
                # xDSL reports this at the end of the input.
                error.span = self._first_uses.get(
                    next(iter(self.forward_ssa_references)), error.span
                )
            elif error.msg.endswith("is not registered") and self.failed_span is not None:
                # ... and this after the name of the op.
                error.span = self.failed_span
            raise


def read_module(ctx: Context, path: str | os.PathLike[str], file: str | None = None) -> ModuleOp:
    """Parse and verify the IR file at `path`.

    Args:
        file: what the file is called in locations, if not as it is in errors, by its path.

    Raises:
        OSError: the file cannot be read.
        IRParseError, RecogError: as `parse_module`.
    """
    with open_input(path, MAX_IR_BYTES) as stream:
        return parse_module(ctx, read_ir(stream, os.fspath(path)), os.fspath(path), file=file)


def read_ir(stream: IO[bytes], name: str) -> bytes:
    """All of a stream for `parse_module`; of one that is no text as much as shows it.

    Raises:
        OSError: it has more than MAX_IR_BYTES.
    """
    return read_at_most(stream, MAX_IR_BYTES, name, text=True)


def parse_module(
    ctx: Context,
    data: bytes,
    name: str,
    *,
    line_offset: int = 0,
    allow_implicit_module: bool = True,
    allow_empty: bool = False,
    verify: bool = True,
    file: str | None = None,
) -> ModuleOp:
    """Parse UTF-8 IR text and verify it.

    Args:
        name: what the text is called in locations and errors.
        line_offset: lines of the file before this text.
        allow_implicit_module: put ops at the top level in a module of their own.
        allow_empty: text without an op is an empty module.
        verify: whether the ops must verify; attributes and types always must.
        file: what the text is called in locations, if not `name`.

    Raises:
        IRParseError: the text is not IR.
        RecogError: it breaks a rule of the dialects.
    """
    text = _decode(data, name)
    try:
        parser = LocatingParser(ctx, text, name, line_offset, file)
    except ParseError as error:
        raise _parse_error(error, line_offset) from error
    try:
        module = parser.parse_module(allow_implicit_module, allow_empty)
    except ParseError as error:
        raise _parse_error(error, line_offset) from error
    except RecursionError as error:
        raise IRParseError("the input nests too deeply", where=name) from error
    except MemoryError:
        raise
    except Exception as error:
        raise _other_error(error, parser, line_offset) from error
    if verify:
        _verify(module, parser)
    return module


def _parse_error(error: ParseError, line_offset: int) -> IRParseError:
    error.span = dataclasses.replace(error.span, line_offset=line_offset)
    return IRParseError(describe_parse_error(error))


def _other_error(error: Exception, parser: LocatingParser, line_offset: int) -> RecogError:
    """ValueError, KeyError, AssertionError and others escape xDSL's parser on bad text."""
    kind = RecogError if isinstance(error, (VerifyException, RecogError)) else IRParseError
    span = parser.failed_span or Span(parser.pos, parser.pos, parser.lexer.input)
    place = dataclasses.replace(span, line_offset=line_offset)
    return kind(f"{place.get_location()}: {clip(_reason(error))}\n{excerpt(place)}")


def _verify(module: ModuleOp, parser: LocatingParser) -> None:
    try:
        verify_module(module)
    except RecogError as error:
        op = failed_op(error)
        place = parser.places.get(op) if op is not None else None
        if place is not None:
            error.add_note(f"in {describe_location(place)}")
        raise


def _reason(error: Exception) -> str:
    if isinstance(error, (VerifyException, RecogError, ValueError)) and str(error):
        return str(error)
    return f"this cannot be read ({type(error).__name__}: {error})"


def _decode(data: bytes, name: str) -> str:
    if data.startswith(ZIP_MAGIC):
        raise IRParseError(
            "this is an archive, not IR text",
            where=name,
            hint="`recog import` reads torch.export archives (.pt2)",
        )
    if data.startswith(PROGRAM_MAGIC):
        raise IRParseError(
            "this is a program file, not IR text",
            where=name,
            hint="`recog disassemble` turns it into IR",
        )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IRParseError(
            f"byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8 text",
            where=f"{name}:{line}",
            hint="the input must be IR text",
        ) from None
    if "\0" in text:
        raise IRParseError("this is a binary file, not IR text", where=name)
    return text
