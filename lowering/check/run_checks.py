"""run-checks: interpret the module and hold it against its own `check.expect_*` ops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.traits import SymbolTable

from recog.dialects import check
from recog.dialects.data import DenseAttr
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType
from recog.dialects.words import counted


@register_impls
class CheckFunctions(InterpreterFunctions):
    """An expectation that does not hold is an error at its op."""

    @impl(check.ExpectEqOp)
    def run_expect_eq(
        self, _: Interpreter, op: check.ExpectEqOp, args: PythonValues
    ) -> PythonValues:
        compare_bits(op, _as_array(args[0]), op.expected)
        return ()

    @impl(check.ExpectCloseOp)
    def run_expect_close(
        self, _: Interpreter, op: check.ExpectCloseOp, args: PythonValues
    ) -> PythonValues:
        actual, expected = _as_array(args[0]), op.expected.to_array()
        _compare_shapes(op, actual, expected)
        with np.errstate(invalid="ignore"):
            error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        tolerance = op.tolerance.value.data
        # Infinities differ by NaN, even equal ones.
        is_close = (error <= tolerance) | (actual == expected)
        _report(op, actual, op.expected, ~is_close, f" within {tolerance}")
        return ()


def _as_array(value: object) -> np.ndarray:
    """A computed value as constants are handed out: masks are bytes of 0 and 1."""
    detach = getattr(value, "detach", None)
    array = detach().numpy() if detach is not None else np.asarray(value)
    return array.astype(np.uint8) if array.dtype == np.bool_ else array


def compare_bits(op: Operation, actual: np.ndarray, expected: DenseAttr) -> None:
    """Fail at `op` unless the array holds exactly the expected bits."""
    wanted = expected.to_array()
    _compare_shapes(op, actual, wanted)
    if actual.dtype != wanted.dtype:
        fail(op, f"expected elements of {wanted.dtype}, got {actual.dtype}")
    raw = f"u{wanted.itemsize}"
    differs = np.ascontiguousarray(actual).view(raw) != np.ascontiguousarray(wanted).view(raw)
    _report(op, actual, expected, differs, "")


def _compare_shapes(op: Operation, actual: np.ndarray, expected: np.ndarray) -> None:
    if actual.shape != expected.shape:
        fail(op, f"expected shape {list(expected.shape)}, got {list(actual.shape)}")


def _report(
    op: Operation, actual: np.ndarray, expected: DenseAttr, differs: np.ndarray, within: str
) -> None:
    if not differs.any():
        return
    # A scalar's bits are compared as those of one element.
    index = tuple(int(i) for i in np.argwhere(differs.reshape(actual.shape))[0])

    def shown(array: np.ndarray) -> str:
        element = expected.type.element_type
        literal = element.to_literal(int(array[index])) if isinstance(element, NumberType) else None
        return str(array[index] if literal is None else literal)

    fail(
        op,
        f"expected {shown(expected.to_array())}{within} at {list(index)}, got {shown(actual)} "
        f"({int(differs.sum())} of {counted(differs.size, 'element')} wrong)",
    )


@dataclass(frozen=True)
class RunChecksPass(ModulePass):
    """Interpret every function without arguments and every check.expect_run of the module.

    An expectation that does not hold is an error, at its op; the module is left as it was.
    """

    name = "run-checks"

    engine: str = "fast"
    """The arithmetic engine: reference, gemm or fast."""

    def __post_init__(self):
        from recog.backend.arithmetic.engine import ENGINES

        if self.engine not in ENGINES:
            raise RecogError(f"option engine must be one of {', '.join(ENGINES)}")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        ops = list(op.walk())
        unmet = [each for each in ops if isinstance(each, check.ExpectEqOp | check.ExpectCloseOp)]
        programs = [each for each in ops if isinstance(each, check.ExpectRunOp)]
        if not unmet and not programs:
            raise RecogError("the module states no expectations", where=self.name)
        for expectation in unmet:
            function = expectation.parent_op()
            if not isinstance(function, func.FuncOp) or function.args:
                fail(expectation, "is never run: it must stand in a function without arguments")
        functions = [each for each in ops if isinstance(each, func.FuncOp)]
        for function in functions:
            if not function.is_declaration and not function.args:
                self._run_function(op, function)
        for expectation in programs:
            self._run_program(op, expectation)

    def _run_function(self, module: ModuleOp, function: func.FuncOp) -> None:
        from recog.backend.interpreters.execute import execute
        from recog.backend.interpreters.lns import lns_interpreter

        interpreter = lns_interpreter(module, self.engine)
        interpreter.register_implementations(CheckFunctions())
        execute(interpreter, function, ())

    def _run_program(self, module: ModuleOp, op: check.ExpectRunOp) -> None:
        from recog.backend.machine import run_program_op

        program = SymbolTable.lookup_symbol(module, op.program)
        if program is None:
            fail(op, f"the module has no program {op.program}")
        outputs = run_program_op(program, [x.to_array() for x in op.inputs], engine=self.engine)
        if len(outputs) != len(op.outputs):
            fail(
                op,
                f"expected {counted(len(op.outputs), 'output')}, the program gives {len(outputs)}",
            )
        for actual, expected in zip(outputs, op.outputs):
            compare_bits(op, actual, expected)
