"""Converters of layers over one spatial axis: (N, C, L) becomes (N, C, 1, L) and back."""

from __future__ import annotations

from typing import Any

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    with_batch,
)
from recog.frontend.torch.ops.sampling import outputs_first, transposed_weight

OPS = Registry()


def one(values: Any) -> int:
    """An ATen `int[1]` argument."""
    return values if isinstance(values, int) else int(values[0])


def with_rows(c: ConverterContext, input: Any) -> SSAValue:
    """(N, C, L) as images of one row."""
    shape = c.shape(input)
    if len(shape) != 3:
        raise Unsupported("a layer over one axis without a batch axis", "add one: unsqueeze(0)")
    return c.emit(nn.ReshapeOp(c.value(input), (*shape[:2], 1, shape[2])))


def without_rows(c: ConverterContext, output: SSAValue) -> SSAValue:
    """(N, C, 1, L) as (N, C, L)."""
    batch, channels, _, length = nn.shape_of(output)
    return c.emit(nn.ReshapeOp(output, (batch, channels, length)))


def weight_with_rows(c: ConverterContext, weight: Any) -> SSAValue:
    """(O, I, k) as (O, I, 1, k)."""
    if isinstance(weight, Constant):
        return c.value(Constant(weight.tensor.unsqueeze(2), weight.name))
    outputs, inputs, length = c.shape(weight)
    return c.emit(nn.ReshapeOp(c.value(weight), (outputs, inputs, 1, length)))


@OPS.add("aten.conv1d.default")
@with_batch(3)
def conv1d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    ends = (one(padding), one(padding))
    return _conv1d(c, input, weight, bias, stride, ends, dilation, groups)


@OPS.add("aten.conv1d.padding")
@with_batch(3)
def conv1d_named_padding(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: str = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    total = one(dilation) * (c.shape(weight)[2] - 1) if padding == "same" else 0
    ends = (total // 2, total - total // 2)
    return _conv1d(c, input, weight, bias, stride, ends, dilation, groups)


def _conv1d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: tuple[int, int],
    dilation: Any,
    groups: int,
) -> SSAValue:
    conv = nn.Conv2dOp(
        with_rows(c, input),
        weight_with_rows(c, weight),
        c.optional(bias),
        strides=(1, one(stride)),
        padding=(0, padding[0], 0, padding[1]),
        dilation=(1, one(dilation)),
        groups=groups,
    )
    return without_rows(c, c.emit(conv))


@OPS.add("aten.conv_transpose1d.default")
@with_batch(3)
def conv_transpose1d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> SSAValue:
    stored = transposed_weight(weight)
    rows = outputs_first(Constant(stored.tensor.unsqueeze(2), stored.name), groups)
    conv = nn.ConvTranspose2dOp(
        with_rows(c, input),
        c.value(rows),
        c.optional(bias),
        strides=(1, one(stride)),
        padding=(0, one(padding), 0, one(padding)),
        output_padding=(0, one(output_padding)),
        dilation=(1, one(dilation)),
        groups=groups,
    )
    return without_rows(c, c.emit(conv))


@OPS.add("aten.max_pool1d.default")
@with_batch(3)
def max_pool1d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> SSAValue:
    pool = nn.MaxPool2dOp(
        with_rows(c, input),
        (1, one(kernel_size)),
        (1, one(stride or kernel_size)),
        (0, one(padding), 0, one(padding)),
        dilation=(1, one(dilation)),
        ceil_mode=ceil_mode,
    )
    return without_rows(c, c.emit(pool))


@OPS.add("aten.avg_pool1d.default")
@with_batch(3)
def avg_pool1d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> SSAValue:
    pool = nn.AvgPool2dOp(
        with_rows(c, input),
        (1, one(kernel_size)),
        (1, one(stride or kernel_size)),
        (0, one(padding), 0, one(padding)),
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
    )
    return without_rows(c, c.emit(pool))
