"""Syntax that MLIR has and xDSL's parser lacks: strings in any script, all locations, aliases."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import (
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    LocationAttr,
    NoneAttr,
    StringAttr,
)
from xdsl.ir import Attribute, TypeAttribute
from xdsl.parser import Parser
from xdsl.parser.generic_parser import ParserState
from xdsl.utils.exceptions import ParseError
from xdsl.utils.lexer import Input, Span, Token
from xdsl.utils.mlir_lexer import MLIRLexer, MLIRToken, MLIRTokenKind, StringLiteral

MAX_WRITTEN_OUT = 1 << 16
"""Characters that what an alias stands for may take without aliases: 40 that each name the one
before twice stand for a type that nothing can print, hash or compare."""
MAX_DIGITS = 4000
"""Python refuses to read more, with an error of its own."""

MAX_WIDTH = (1 << 24) - 1
"""Bits of an integer type, as in MLIR."""
MAX_SHAPE_TEXT = 4096
"""Characters of a shape: xDSL reads the rest of it again for each size."""
MAX_DENSE_BYTES = 1 << 25
"""What all `dense` attributes of a text may take beyond its length: xDSL unpacks equal elements,
so that a few characters take all memory."""

_INTEGER_TYPE = re.compile(r"[su]?i(\d+)")
_ALIAS_DEFINITION = re.compile(r"^[ \t]*([#!][\w$.-]+)[ \t]*=", re.MULTILINE)
_LOCATION_DEFINITION = re.compile(r"#[\w$.-]+\s*=\s*loc\b")


class LinearLexer(MLIRLexer):
    """xDSL's, for strings of any script and without its traps."""

    # xDSL's backtracks: on a string that is not closed, as in any truncated file, it takes time
    # exponential in its length.
    _unescaped_characters_regex = re.compile(r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"')

    def _lex_string_literal(self, start_pos: int) -> MLIRToken:
        """As in MLIR, escaped bytes that are UTF-8 are text: to xDSL they are bytes."""
        try:
            token = super()._lex_string_literal(start_pos)
        except UnicodeEncodeError as error:
            raise ParseError(Span(start_pos, start_pos + 1, self.input), str(error)) from None
        if token.kind != MLIRTokenKind.BYTES_LIT:
            return token
        try:
            StringLiteral.from_span(token.span).string_contents  # noqa: B018
        except UnicodeDecodeError:
            return token
        return Token(MLIRTokenKind.STRING_LIT, token.span)

    def _lex_number(self, start_pos: int) -> MLIRToken:
        token = super()._lex_number(start_pos)
        if len(token.span) > MAX_DIGITS:
            span = replace(token.span, end=start_pos + 1)
            raise ParseError(span, f"this number has more than {MAX_DIGITS} digits")
        return token


class MLIRSyntaxParser(Parser):
    """Reads `fused<…>`, ranges in a file, and aliases of locations defined after their use."""

    def __init__(self, ctx: Context, text: str, name: str):
        super().__init__(ctx, "", name)
        self._parser_state = ParserState(LinearLexer(Input(text, name)))
        self._definitions: dict[str, int] | None = None
        self._read_early = set[str]()
        self._being_read = list[str]()
        self._sizes = dict[str, int]()
        self._dense_bytes = 0
        self._written_out = 0
        """Characters that the aliases named so far stand for."""

    def _parse_alias_def(self) -> None:
        name, start = self._current_token.text, self._current_token.span
        if name in self._read_early:
            self._read_early.remove(name)
            del self.attribute_aliases[name]
        before = self._written_out
        super()._parse_alias_def()
        size = self._written_out - before + self.pos - start.start
        self._written_out = before
        if size > MAX_WRITTEN_OUT:
            self.raise_error(
                f"alias '{name}' stands for more than {MAX_WRITTEN_OUT} characters, with the "
                "aliases in it written out",
                start,
            )
        self._sizes[name] = size

    def _parse_extended_type_or_attribute(self, attr_or_dialect_name: str, is_type: bool):  # pyright: ignore
        name = ("!" if is_type else "#") + attr_or_dialect_name
        if name in self._sizes and self._current_token.kind != MLIRTokenKind.LESS:
            self._written_out += self._sizes[name]
        elif "." not in name and self._current_token.kind != MLIRTokenKind.LESS:
            self._refuse_early_use(name)
        return super()._parse_extended_type_or_attribute(attr_or_dialect_name, is_type)

    def _refuse_early_use(self, name: str) -> None:
        position = self._find_definition(name)
        if position is not None:
            line = self.lexer.input.content.count("\n", 0, position) + 1
            self.raise_error(
                f"alias '{name}' is used before its definition, in line {line}: only aliases "
                "of locations may be"
            )

    def _find_definition(self, name: str) -> int | None:
        if self._definitions is None:
            matches = _ALIAS_DEFINITION.finditer(self.lexer.input.content)
            self._definitions = {match[1]: match.start(1) for match in matches}
        return self._definitions.get(name)

    def _parse_optional_integer_or_float_type(self) -> TypeAttribute | None:
        width = _INTEGER_TYPE.fullmatch(self._current_token.text)
        if width is not None and int(width[1][:9]) > MAX_WIDTH:
            self.raise_error(f"an integer has at most {MAX_WIDTH} bits")
        return super()._parse_optional_integer_or_float_type()

    def _parse_optional_shape_delimiter(self) -> str | None:
        token = self._current_token
        if token.kind == MLIRTokenKind.BARE_IDENT and len(token.span) > MAX_SHAPE_TEXT:
            self.raise_error("this shape has too many sizes", token.span.start)
        return super()._parse_optional_shape_delimiter()

    def _parse_dense_literal_type(self):
        start = self.pos
        type_ = super()._parse_dense_literal_type()
        width = getattr(type_.element_type, "bitwidth", 64)
        self._dense_bytes += prod(type_.get_shape()) * max(8, width // 8)
        if self._dense_bytes > MAX_DENSE_BYTES + self.lexer.input.len * 8:
            self.raise_error(
                "the dense attributes take too much memory: data.constant holds large constants",
                start,
                self.pos,
            )
        return type_

    def _parse_location(self) -> LocationAttr:
        token = self._current_token
        if token.kind == MLIRTokenKind.HASH_IDENT:
            if token.text not in self.attribute_aliases:
                self._read_definition(token.text)
            return super()._parse_location()
        if token.text == "fused":
            return self._parse_fused()
        if self.parse_optional_keyword("callsite"):
            return self._parse_call_site()
        location = super()._parse_location()
        if isinstance(location, FileLineColLoc) and self.parse_optional_keyword("to"):
            # xDSL has the start of a range alone: [line] `:` column.
            self.parse_optional_integer(False, False)
            self.parse_punctuation(":")
            self.parse_integer(False, False)
        return location

    def _parse_fused(self) -> FusedLoc:
        """`fused` (`<` attribute `>`)? `[` location (`,` location)* `]`"""
        self.parse_keyword("fused")
        metadata: Attribute = NoneAttr()
        if self.parse_optional_punctuation("<"):
            metadata = self._parse_fused_metadata()
            self.parse_punctuation(">")
        parts = self.parse_comma_separated_list(self.Delimiter.SQUARE, self._parse_location)
        return FusedLoc(tuple(parts), metadata)

    def _parse_fused_metadata(self) -> Attribute:
        """Any attribute, also a location: as MLIR writes it, and as xDSL does, without `loc`."""
        token = self._current_token
        if token.kind == MLIRTokenKind.HASH_IDENT and token.text not in self.attribute_aliases:
            position = self._find_definition(token.text)
            text = self.lexer.input.content
            if position is not None and _LOCATION_DEFINITION.match(text, position):
                self._read_definition(token.text)
        if self.parse_optional_keyword("loc"):
            with self.in_parens():
                return self._parse_location()
        if token.text in ("fused", "callsite", "unknown"):
            return self._parse_location()
        if token.kind != MLIRTokenKind.STRING_LIT:
            return self.parse_attribute()
        text = self.parse_str_literal()
        if not self.parse_optional_punctuation(":"):
            return StringAttr(text)
        line = self.parse_integer(False, False)
        self.parse_punctuation(":")
        column = self.parse_integer(False, False)
        return FileLineColLoc(StringAttr(text), IntAttr(line), IntAttr(column))

    def _parse_call_site(self) -> CallSiteLoc:
        """`(` location `at` location `)`; xDSL takes any word for `at`."""
        with self.in_parens():
            callee = self._parse_location()
            self.parse_keyword("at")
            return CallSiteLoc(callee, self._parse_location())

    def _read_definition(self, name: str) -> None:
        """Read the alias of a location now that is defined further down."""
        position = self._find_definition(name)
        if position is None:
            self.raise_error(f"undefined symbol alias '{name}'")
        if name in self._being_read:
            self.raise_error(f"alias '{name}' is defined by itself")
        with self._elsewhere(position):
            self._being_read.append(name)
            self._parse_alias_def()
            self._being_read.pop()
        self._read_early.add(name)

    @contextmanager
    def _elsewhere(self, position: int) -> Generator[None, None, None]:
        here = self.pos
        self._resume_from(position)
        yield
        self._resume_from(here)
