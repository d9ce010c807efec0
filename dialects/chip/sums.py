"""What tensors of sums hold: antilogs of codes that a pool has added up and not encoded."""

from __future__ import annotations

from xdsl.dialects.builtin import IntAttr
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from recog.dialects.lns.types import NumberType

__all__ = ["SumsType"]


@irdl_attr_definition
class SumsType(ParametrizedAttribute, TypeAttribute):
    """Exact sums of up to so many codes' antilogs, as integers of 32 or 64 bits:
    `!chip.sums<480, !lns.number<8, 4>, 32>`."""

    name = "chip.sums"

    count: IntAttr
    codes: NumberType
    width: IntAttr

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> tuple[Attribute, ...]:
        with parser.in_angle_brackets():
            count = parser.parse_integer(allow_boolean=False, allow_negative=False)
            parser.parse_punctuation(",")
            codes = parser.parse_type()
            parser.parse_punctuation(",")
            width = parser.parse_integer(allow_boolean=False, allow_negative=False)
        return IntAttr(count), codes, IntAttr(width)

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.count.data}, {self.codes}, {self.width.data}")
