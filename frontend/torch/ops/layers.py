"""Converters of layers with weights, batch normalization and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import (
    Constant,
    ConverterContext,
    Registry,
    Unsupported,
    normalized_axis,
    pair,
    symmetric,
    with_batch,
)
from recog.frontend.torch.ops.one_dimensional import conv1d, conv_transpose1d
from recog.frontend.torch.ops.sampling import conv_transpose2d
from recog.frontend.torch.ops.volumes import conv3d

OPS = Registry()


@OPS.add("aten.conv2d.default")
@with_batch(4)
def conv2d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    return _conv2d(c, input, weight, bias, stride, symmetric(padding), dilation, groups)


@OPS.add("aten.conv2d.padding")
@with_batch(4)
def conv2d_named_padding(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: str = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    if padding == "valid":
        return _conv2d(c, input, weight, bias, stride, (0, 0, 0, 0), dilation, groups)
    # "same": where the total is odd, torch pads one more at the bottom and right.
    totals = [d * (k - 1) for d, k in zip(pair(dilation), c.shape(weight)[2:])]
    before = [total // 2 for total in totals]
    after = [total - low for total, low in zip(totals, before)]
    return _conv2d(c, input, weight, bias, stride, (*before, *after), dilation, groups)


@OPS.add("aten.convolution.default")
def convolution(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> SSAValue:
    if transposed:
        transpose = {1: conv_transpose1d, 2: conv_transpose2d}.get(len(stride))
        if transpose is None:
            raise Unsupported(f"transposed convolution over {len(stride)} spatial axes")
        return transpose(c, input, weight, bias, stride, padding, output_padding, groups, dilation)
    if len(stride) == 1:
        return conv1d(c, input, weight, bias, stride, padding, dilation, groups)
    if len(stride) == 3:
        return conv3d(c, input, weight, bias, stride, padding, dilation, groups)
    return _conv2d(c, input, weight, bias, stride, symmetric(padding), dilation, groups)


def _conv2d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Sequence[int],
    dilation: Any,
    groups: int,
) -> SSAValue:
    return c.emit(
        nn.Conv2dOp(
            c.value(input),
            c.value(weight),
            c.optional(bias),
            strides=pair(stride),
            padding=padding,
            dilation=pair(dilation),
            groups=groups,
        )
    )


@OPS.add("aten.linear.default")
@with_batch(2)
def linear(c: ConverterContext, input: Any, weight: Any, bias: Any = None) -> SSAValue:
    return c.emit(nn.LinearOp(c.value(input), c.value(weight), c.optional(bias)))


@OPS.add("aten.batch_norm.default")
def batch_norm(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> SSAValue:
    if running_mean is None or running_var is None:
        raise Unsupported(
            "batch norm has no running statistics (track_running_stats=False)",
            "set track_running_stats=True and run some batches in training mode",
        )
    if training:
        raise Unsupported(
            "batch norm uses the statistics of the batch (training mode)",
            "call model.eval() before torch.export.export",
        )
    return _batch_norm(c, input, weight, bias, running_mean, running_var, eps)


@OPS.add("aten._native_batch_norm_legit_no_training.default")
def native_batch_norm(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    momentum: float,
    eps: float,
) -> tuple[SSAValue, None, None]:
    return _batch_norm(c, input, weight, bias, running_mean, running_var, eps), None, None


def _batch_norm(
    c: ConverterContext, input: Any, weight: Any, bias: Any, mean: Any, variance: Any, eps: float
) -> SSAValue:
    if isinstance(variance, Constant):
        bad = (variance.tensor.detach() + eps <= 0).nonzero().reshape(-1).tolist()
        if bad:
            raise Unsupported(
                f"the running variance of channel {bad[0]} plus eps is not positive, so that its "
                "results are no numbers",
                "the training diverged, or the checkpoint is damaged",
            )
    channels = c.shape(input)[1]
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    scale = c.constant(ones, "scale") if weight is None else c.value(weight)
    shift = c.constant(zeros, "bias") if bias is None else c.value(bias)
    return c.emit(
        nn.BatchNormOp(c.value(input), scale, shift, c.value(mean), c.value(variance), eps=eps)
    )


@OPS.add("aten.max_pool2d.default")
@with_batch(4)
def max_pool2d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> SSAValue:
    return c.emit(
        nn.MaxPool2dOp(
            c.value(input),
            pair(kernel_size),
            pair(stride or kernel_size),
            symmetric(padding),
            dilation=pair(dilation),
            ceil_mode=ceil_mode,
        )
    )


@OPS.add("aten.avg_pool2d.default")
@with_batch(4)
def avg_pool2d(
    c: ConverterContext,
    input: Any,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> SSAValue:
    if divisor_override is not None:
        raise Unsupported("divisor_override is not supported", "scale the result instead")
    return c.emit(
        nn.AvgPool2dOp(
            c.value(input),
            pair(kernel_size),
            pair(stride or kernel_size),
            symmetric(padding),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )
    )


@OPS.add("aten.mean.dim")
def mean(
    c: ConverterContext, input: Any, dim: Any, keepdim: bool = False, *, dtype: Any = None
) -> SSAValue:
    shape = c.shape(input)
    given = range(len(shape)) if dim is None or dim == [] else dim
    given = [given] if isinstance(given, int) else given
    axes = sorted(normalized_axis(axis, len(shape)) for axis in given)
    if not axes:
        return c.value(input)
    if len(shape) != 4 or axes != [2, 3]:
        return c.emit(nn.MeanOp(c.value(input), axes, keepdims=keepdim))
    # Over H and W it is a global average pool: one form for all later passes.
    pooled = c.emit(nn.AvgPool2dOp(c.value(input), shape[2:], shape[2:]))
    return pooled if keepdim else c.emit(nn.ReshapeOp(pooled, shape[:2]))
