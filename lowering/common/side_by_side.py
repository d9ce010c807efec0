"""The float network and what becomes of it side by side, op by op, over all frames.

Each layer's weights can be replaced when its turn comes: for the inputs that it will have after all
that was replaced before it, and toward the outputs that it has in the float network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.interpreters.execute import RunOp, run_op
from recog.dialects import nn

if TYPE_CHECKING:
    from torch import Tensor

    from recog.backend.interpreters.nn_runner import NnRunner


class Pair(NamedTuple):
    """A value as the float network has it, and as it is on codes, or with clustered weights."""

    exact: Any
    coded: Any

    @classmethod
    def of(cls, value: Any) -> Pair:
        return value if isinstance(value, Pair) else cls(value, value)


class Parameters(NamedTuple):
    """A layer's weight and bias in place of its own."""

    weight: Tensor
    bias: Tensor | None


ReplaceLayer = Callable[[nn.LayerOp, Pair, Pair, Pair | None], Parameters]
"""Takes a layer with its input, weight and bias, and gives what it is to have in their place."""


def exactly(_: SSAValue, values: Any) -> Any:
    """Values as they are, where nothing but weights is replaced."""
    return values


def run_side_by_side(
    runner: NnRunner,
    inputs: Sequence[np.ndarray],
    replace_layer: ReplaceLayer,
    rounded: Callable[[SSAValue, Any], Any] = exactly,
    run_coded: RunOp = run_op,
) -> None:
    """Run a function in float and with other weights at once.

    Args:
        inputs: (N, ...), all of which are held.
        replace_layer: called at every layer, in order.
        rounded: gives what the other network has in place of what a value came out as.
        run_coded: gives the results of an op in the other network.
    """
    arguments: dict[SSAValue, Pair] = {}

    def operand(value: SSAValue, given: Any) -> Pair:
        if value not in runner.function.args:
            return Pair.of(given)
        if value not in arguments:
            arguments[value] = Pair(given, rounded(value, given))
        return arguments[value]

    def run(interpreter: Interpreter, op: Operation, given: tuple[Any, ...]) -> tuple[Any, ...]:
        pairs = [operand(*each) for each in zip(op.operands, given)]
        coded = [pair.coded for pair in pairs]
        if isinstance(op, nn.LayerOp):
            bias = pairs[2] if op.bias is not None else None
            new = replace_layer(op, pairs[0], pairs[1], bias)
            coded[1:] = [new.weight] if bias is None else [new.weight, new.bias]
        exact = run_op(interpreter, op, tuple(pair.exact for pair in pairs))
        changed = any(value is not pair.exact for value, pair in zip(coded, pairs))
        others = run_coded(interpreter, op, tuple(coded)) if changed else exact
        return tuple(Pair(a, rounded(result, b)) for result, a, b in zip(op.results, exact, others))

    runner.walk(*inputs, run=run)
