"""What evaluators see of an op's operands and results, wherever those are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    impl,
    register_impls,
)
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.codes import Codes, Layer
from recog.backend.arithmetic.reference.engine import Engine
from recog.dialects.chip.spans import Box
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.dialects.windows import PoolWindow

Reference = SSAValue | SymbolRefAttr
"""How an op names an operand or a result: the value itself, or a tensor's symbol."""


class Summed(NamedTuple):
    """What integers are sums of that a pool did not encode: antilogs of at most `terms` codes.

    Attributes:
        dtype: of the integers.
    """

    terms: int
    format: LnsFormat
    dtype: np.dtype


Results = np.ndarray | tuple[np.ndarray, ...]
"""What an op gives: an array, or one for each result."""


class Values(ABC):
    """The operands and parameters of one op, for frames of which there may be many.

    Attributes:
        engine: what the arithmetic runs on.
    """

    engine: Engine

    @property
    @abstractmethod
    def arithmetic(self) -> Arithmetic:
        """The arithmetic that the op computes with."""

    @abstractmethod
    def read(self, reference: Reference) -> np.ndarray:
        """An operand's elements, frames first."""

    @abstractmethod
    def shape(self, reference: Reference) -> tuple[int, ...]:
        """The shape of one frame of an operand or a result."""

    def computed(self, reference: Reference) -> Box | None:
        """The rows and columns that are computed of a result or read of an operand, None for all.

        Then `read` gives those, and `layer` and `window` are about those.
        """
        return None

    def window(self, op: Any) -> PoolWindow:
        """How the window of a pool moves over what `read` gives."""
        return op.window

    @abstractmethod
    def format(self, reference: Reference) -> LnsFormat:
        """The format of an operand's or a result's codes."""

    def summed(self, reference: Reference) -> Summed | None:
        """What the integers of an operand or a result are sums of; None where they are none."""
        return None

    @abstractmethod
    def fixed_frac(self, reference: Reference) -> int:
        """Fraction bits of an operand or a result in fixed point."""

    def codes(self, reference: Reference) -> Codes:
        """An operand's codes with their format."""
        return Codes(self.read(reference), self.format(reference))

    @abstractmethod
    def layer(self, op: Any) -> Layer:
        """The layer that an op with weights computes."""

    @abstractmethod
    def table(self, op: Any) -> np.ndarray:
        """The output code of every input code, for an op that looks up a function."""

    @abstractmethod
    def bins(self, op: Any) -> np.ndarray:
        """The bins of an expectation, integers [D]."""

    @abstractmethod
    def geometry(self, op: Any) -> Any:
        """The numbers of a camera, for an op that places boxes."""

    @abstractmethod
    def check_sum(self, bound: int) -> None:
        """Raise RecogError where the accumulators do not hold sums of up to `bound`."""


Evaluator = Callable[[Any, Values], Results]
_F = TypeVar("_F", bound=Evaluator)

EVALUATORS: dict[type[Operation], Evaluator] = {}
"""By op class, what it computes; filled by the modules of this package."""


def evaluates(*kinds: type[Operation]) -> Callable[[_F], _F]:
    """Register a function as what ops of these classes compute."""

    def register(evaluator: _F) -> _F:
        EVALUATORS.update(dict.fromkeys(kinds, evaluator))
        return evaluator

    return register


def evaluate(op: Operation, values: Values) -> tuple[np.ndarray, ...]:
    """The results of an op that has an evaluator, in their order."""
    results = EVALUATORS[type(op)](op, values)
    return results if isinstance(results, tuple) else (results,)


_Functions = TypeVar("_Functions", bound=InterpreterFunctions)


def register_evaluators(
    dialect: str, run: Callable[[Any, Any, PythonValues], PythonValues]
) -> Callable[[type[_Functions]], type[_Functions]]:
    """As `register_impls` of xDSL, which also lets `run` interpret all ops that have an evaluator.

    Args:
        dialect: the dialect whose ops are meant.
        run: takes the functions, the op and its arguments.
    """

    def run_op(functions: Any, _: Interpreter, op: Operation, args: PythonValues) -> PythonValues:
        return run(functions, op, args)

    def register(functions: type[_Functions]) -> type[_Functions]:
        for kind in EVALUATORS:
            if kind.name.startswith(f"{dialect}."):
                setattr(functions, f"evaluate_{kind.name}", impl(kind)(run_op))
        return register_impls(functions)

    return register
