"""Interpreter of the data dialect: constants as read-only NumPy arrays, at every level."""

from __future__ import annotations

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from recog.dialects import data


@register_impls
class DataFunctions(InterpreterFunctions):
    @impl(data.ConstantOp)
    def run_constant(self, _: Interpreter, op: data.ConstantOp, args: PythonValues) -> PythonValues:
        return (op.value.to_array(),)
