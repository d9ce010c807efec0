"""Tables of elementwise functions, one entry a code."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter
from xdsl.ir import SSAValue

from recog.backend.arithmetic.gemm.tabulated import all_codes
from recog.backend.arithmetic.reference.definition import decode, encode
from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.dialects.tensors import shape_of
from recog.lowering.encode.elementwise_fusion import Chain, is_uniform

PIXELS = np.arange(256, dtype=np.float64)


def function_table(chain: Chain, input: LnsFormat | None, output: LnsFormat) -> ConstantOp | None:
    """The codes that a chain gives for every code of its source, from its ops' interpreter.

    Computed in float64 and rounded once, so that the result is the nearest code but for ties.
    None where some code has no value: the logarithm of a negative number, say.

    Args:
        input: the format of the source, None where that is an image of pixels.

    Returns:
        Codes of `output`, (codes of the source), or (n, codes of the source) for a chain that
        has a function for each of n indices along its axis.
    """
    import torch

    from recog.backend.interpreters.nn import register_nn

    interpreter = Interpreter(chain.last.get_toplevel_object())  # pyright: ignore[reportArgumentType]
    register_nn(interpreter)
    source = PIXELS if input is None else decode(all_codes(input), input)
    # Codes along an axis of their own, in front of those of the constants.
    shape = (-1, *[1] * len(shape_of(chain.source))) if chain.axis is not None else (-1,)
    values = {chain.source: torch.from_numpy(source.reshape(shape))}

    def argument(operand: SSAValue) -> torch.Tensor:
        if operand in values:
            return values[operand]
        constant = np.asarray(constant_array(operand), np.float64)
        if is_uniform(constant):
            constant = constant.reshape(-1)[0]
        return torch.tensor(constant, dtype=torch.float64)

    for op in chain.ops:
        if isinstance(op, nn.ConvertOp) and op.of_pixels:
            values[op.output] = values[op.input]  # in float64, not in the type of the result
        else:
            (values[op.output],) = interpreter.run_op(op, tuple(map(argument, op.operands)))
    result = values[chain.last.output].numpy()
    if np.isnan(result).any():
        return None
    if chain.axis is not None:
        result = np.ascontiguousarray(result.reshape(len(source), -1).T)
    return ConstantOp.from_array(encode(result, output), NumberType(output))


def clamp_table(format: LnsFormat, largest: float) -> ConstantOp:
    """The codes of min(x, largest) for every code of a format."""
    values = np.minimum(decode(all_codes(format), format), largest)
    return ConstantOp.from_array(encode(values, format), NumberType(format))


def scale_table(input: LnsFormat, factor: float, output: LnsFormat) -> ConstantOp:
    """The codes of factor · x for every code of a format."""
    values = factor * decode(all_codes(input), input).astype(np.float64)
    return ConstantOp.from_array(encode(values, output), NumberType(output))


def reciprocal_table(format: LnsFormat) -> ConstantOp:
    """The codes of 1 / x, exact in the format that mirrors the input's; 1 / 0 is the largest.

    m stands for 2^((m − B) / 2^f), so M + 1 − m with the bias M + 1 − B for its reciprocal.
    """
    mirrored = format.with_bias(format.max_magnitude + 1 - format.biases[0])
    with np.errstate(divide="ignore"):
        values = 1 / decode(all_codes(format), format)
    return ConstantOp.from_array(encode(values, mirrored), NumberType(mirrored))
