"""What ops give for codes where float arithmetic gives no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.interpreters.execute import RunOp, run_op
from recog.dialects import nn
from recog.dialects.number_format import LnsFormat


def run_on_codes(formats: Mapping[SSAValue, LnsFormat]) -> RunOp:
    """As `run_op`, but divisions by what rounded to zero give what they give on the chip.

    A quotient there is the product with a reciprocal that has a largest code: what is divided by
    zero is divided by the smallest number of the divisor's format, and 0 / 0 is 0, not NaN.
    """

    def run(interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        if isinstance(op, nn.DivOp) and op.rhs in formats:
            operands = operands[0], _without_zeros(operands[1], formats[op.rhs])
        return run_op(interpreter, op, operands)

    return run


def _without_zeros(values: Any, format: LnsFormat) -> Any:
    """float32 values, the smallest that the format has, of its channel, in place of zeros."""
    import torch

    smallest = np.maximum(format.smallest, np.finfo(np.float32).tiny).astype(np.float32)
    if format.axis is not None:
        smallest = smallest.reshape(-1, *[1] * (values.ndim - 1 - format.axis))
    values = torch.as_tensor(values)
    return torch.where(values == 0, torch.as_tensor(smallest, device=values.device), values)
