"""The check dialect: what an IR file expects of itself (after StableHLO's check dialect).

The `run-checks` pass interprets every function without arguments, and every
`check.expect_run`, and fails where an expectation does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from xdsl.dialects.builtin import (
    AnyFloat,
    ArrayAttr,
    Float64Type,
    FloatAttr,
    SymbolRefAttr,
    TensorType,
    f64,
)
from xdsl.ir import Dialect, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import DenseAttr


class _ExpectOp(IRDLOperation):
    value = operand_def(TensorType)
    expected = prop_def(DenseAttr)

    def verify_(self) -> None:
        if self.value.type != self.expected.type:
            raise VerifyException(
                f"the value has type {self.value.type}, the expectation {self.expected.type}"
            )
        self.expected.verify_content()

    @staticmethod
    def _parse_expectation(parser: Parser) -> tuple[SSAValue, DenseAttr]:
        operand = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        expected = DenseAttr.parse_typed(parser)
        return parser.resolve_operand(operand, expected.type), expected

    def _print_expectation(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.value)
        printer.print_string(", ")
        self.expected.print_typed(printer)


@irdl_op_definition
class ExpectEqOp(_ExpectOp):
    """Every bit of the value is as expected: `check.expect_eq %x, dense<[1]> : tensor<1xi32>`."""

    name = "check.expect_eq"

    def __init__(self, value: SSAValue | Operation, expected: DenseAttr):
        super().__init__(operands=[value], properties={"expected": expected})

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        value, expected = cls._parse_expectation(parser)
        op = cls(value, expected)
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def print(self, printer: Printer) -> None:
        self._print_expectation(printer)
        printer.print_op_attributes(self.attributes)


@irdl_op_definition
class ExpectCloseOp(_ExpectOp):
    """|value - expected| <= tolerance, element by element, of floats; NaN is never close.

    `check.expect_close %x, dense<[0.5]> : tensor<1xf32> within 1.0e-6`
    """

    name = "check.expect_close"

    tolerance = prop_def(FloatAttr[Float64Type])

    def __init__(self, value: SSAValue | Operation, expected: DenseAttr, tolerance: float):
        super().__init__(
            operands=[value],
            properties={"expected": expected, "tolerance": FloatAttr(tolerance, f64)},
        )

    def verify_(self) -> None:
        super().verify_()
        if not isinstance(self.expected.type.element_type, AnyFloat):
            raise VerifyException(f"only floats can be close, got {self.expected.type}")
        if not 0 <= self.tolerance.value.data < float("inf"):
            raise VerifyException(
                f"tolerance must be finite and not negative, got {self.tolerance.value.data}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        value, expected = cls._parse_expectation(parser)
        parser.parse_keyword("within")
        op = cls(value, expected, float(parser.parse_number()))
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def print(self, printer: Printer) -> None:
        self._print_expectation(printer)
        tolerance = np.format_float_scientific(self.tolerance.value.data, unique=True, trim="0")
        printer.print_string(f" within {tolerance}")
        printer.print_op_attributes(self.attributes)


@irdl_op_definition
class ExpectRunOp(IRDLOperation):
    """A chip program, assembled and run on the machine, gives these outputs bit for bit.

    check.expect_run @double(dense<[1]> : tensor<1x!lns.number<8, 4, bias = 0>>)
        gives (dense<[17]> : tensor<1x!lns.number<8, 4, bias = 0>>)
    """

    name = "check.expect_run"

    program = prop_def(base(SymbolRefAttr))
    inputs = prop_def(ArrayAttr[DenseAttr])
    outputs = prop_def(ArrayAttr[DenseAttr])

    def __init__(
        self, program: SymbolRefAttr, inputs: Sequence[DenseAttr], outputs: Sequence[DenseAttr]
    ):
        super().__init__(
            properties={
                "program": program,
                "inputs": ArrayAttr(inputs),
                "outputs": ArrayAttr(outputs),
            }
        )

    def verify_(self) -> None:
        for value in (*self.inputs, *self.outputs):
            value.verify_content()

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        program = SymbolRefAttr(parser.parse_symbol_name())

        def values() -> list[DenseAttr]:
            return parser.parse_comma_separated_list(
                parser.Delimiter.PAREN, lambda: DenseAttr.parse_typed(parser)
            )

        inputs = values()
        parser.parse_keyword("gives")
        op = cls(program, inputs, values())
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.program.string_value())
        with printer.in_parens():
            printer.print_list(self.inputs, lambda value: value.print_typed(printer))
        printer.print_string(" gives ")
        with printer.in_parens():
            printer.print_list(self.outputs, lambda value: value.print_typed(printer))
        printer.print_op_attributes(self.attributes)


Check = Dialect("check", [ExpectCloseOp, ExpectEqOp, ExpectRunOp], [])
