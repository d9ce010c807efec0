"""Activations as their codes will have them, in the forward pass of tuning.

The backward pass sees the identity (straight-through estimator, Bengio et al. 2013). A value's
leading bits pick its rounded value from a table, so that rounding takes a fraction of the time of
the layer that gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from recog.backend.arithmetic.encoding import encode
from recog.backend.arithmetic.reference.definition import decode
from recog.dialects import nn
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.run_on_codes import run_on_codes

LEADING_BITS = 19
"""Sign, exponent and 10 bits of the mantissa: thresholds are met to 2^-10 of a value."""
FINEST = 7
"""Codes of more fraction bits are not rounded: their error is below that of the thresholds."""


class RoundedActivations:
    """Runs the ops of a function, and rounds those of its values that become codes.

    Args:
        formats: of these values, arguments among them.
    """

    def __init__(self, function: FuncOp, formats: Mapping[SSAValue, LnsFormat]):
        self._arguments = tuple(function.args)
        self._formats = {
            value: format
            for value, format in formats.items()
            if format.frac <= FINEST and not _only_moves(value, formats)
        }
        self._run = run_on_codes(formats)

    def inputs(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The function's inputs, rounded."""
        return [self._rounded(arg, x) for arg, x in zip(self._arguments, inputs)]

    def run(
        self, interpreter: Interpreter, op: Operation, operands: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The results of an op, rounded; see `RunOp`."""
        results = self._run(interpreter, op, operands)
        return tuple(self._rounded(value, result) for value, result in zip(op.results, results))

    def _rounded(self, value: SSAValue, x: Any) -> Any:
        format = self._formats.get(value)
        return x if format is None else rounded(x, format)


def _only_moves(value: SSAValue, formats: Mapping[SSAValue, LnsFormat]) -> bool:
    """Whether a value's elements are those of others, which are rounded to its format already."""
    op = value.owner
    if not isinstance(op, nn.NnOp) or not op.KIND.keeps_format:
        return False
    return all(formats.get(operand) == formats[value] for operand in op.operands)


def rounded(x: torch.Tensor, format: LnsFormat) -> torch.Tensor:
    """float32 values as their codes have them, NaN where they are not finite; the gradient is that
    of the values themselves."""
    return _Rounded.apply(x, _table(format, x.device))


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return _looked_up(x, table)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0], None


def _looked_up(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    images_last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
    dense = x.permute(0, 2, 3, 1) if images_last else x.contiguous()
    keys = dense.view(torch.int32).bitwise_right_shift(32 - LEADING_BITS)
    keys.bitwise_and_((1 << LEADING_BITS) - 1)  # the sign's bit was shifted in
    found = table.index_select(0, keys.view(-1)).view(dense.shape)
    return found.permute(0, 3, 1, 2) if images_last else found


@lru_cache(maxsize=64)
def _table(format: LnsFormat, device: torch.device) -> torch.Tensor:
    """The value of a code for the leading bits of a float32."""
    first = np.arange(1 << LEADING_BITS, dtype=np.uint32) << (32 - LEADING_BITS)
    middles = (first | (1 << (31 - LEADING_BITS))).view(np.float32)
    finite = np.isfinite(middles)
    codes = encode(np.where(finite, middles, 0.0).astype(np.float64), format)
    values = decode(np.arange(1 << format.width), format, np.float32)[codes]
    return torch.from_numpy(np.where(finite, values, np.float32(np.nan))).to(device)
