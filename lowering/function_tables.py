"""Tables of elementwise functions, one entry a code."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter

from recog.backend.arithmetic.definition import function_table as tabulate
from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat


def function_table(op: nn.UnaryOp, input: LnsFormat, output: LnsFormat) -> ConstantOp:
    """The codes that `op` gives for every code of its operand, from its own interpreter.

    Computed in float64, so that the result is the nearest code but for ties.
    """
    import torch

    from recog.backend.interpreters.nn import register_nn

    interpreter = Interpreter(op.get_toplevel_object())  # pyright: ignore[reportArgumentType]
    register_nn(interpreter)

    def function(values: np.ndarray) -> np.ndarray:
        (result,) = interpreter.run_op(op, (torch.from_numpy(values),))
        return result.numpy()

    return ConstantOp.from_array(tabulate(function, input, output), NumberType(output))
