"""Converters of ops that move elements or leave them alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import ConverterContext, Registry, Unsupported, normalized_axis

OPS = Registry()


@OPS.add(
    "aten.flatten.using_ints",
    "aten.view.default",
    "aten._unsafe_view.default",
    "aten.reshape.default",
    "aten.squeeze.default",
    "aten.squeeze.dim",
    "aten.squeeze.dims",
    "aten.unsqueeze.default",
    "aten.unflatten.int",
)
def reshape(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> SSAValue:
    value = c.value(input)
    if c.shape(value) == c.result_shape:
        return value
    return c.emit(nn.ReshapeOp(value, c.result_shape))


@OPS.add("aten.cat.default")
def cat(c: ConverterContext, tensors: list[Any], dim: int = 0) -> SSAValue:
    # torch ignores empty tensors of one axis, whatever the others' shape.
    kept = [tensor for tensor in tensors if c.shape(tensor) != (0,)]
    axis = normalized_axis(dim, len(c.shape(kept[0])))
    return c.emit(nn.ConcatOp([c.typed(tensor, c.result_dtype) for tensor in kept], axis))


@OPS.add(
    "aten.contiguous.default",
    "aten.clone.default",
    "aten.detach.default",
    "aten.detach_.default",
    "aten.alias.default",
    "aten.lift_fresh_copy.default",
    "aten.to.device",
)
def identity(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> Any:
    return input


@OPS.add("aten.to.dtype", "aten.to.dtype_layout", "aten.to.other", "aten._to_copy.default")
def convert(c: ConverterContext, input: Any, *arguments: Any, **keywords: Any) -> SSAValue:
    value = c.typed(input, c.result_dtype)
    source = c.node.args[0].meta.get("val") if isinstance(c.node.args[0], Node) else None
    long = isinstance(source, Tensor) and source.dtype == torch.int64
    return c.wrapped(value) if long else value


@OPS.add(
    "aten.dropout.default",
    "aten.feature_dropout.default",
    "aten.alpha_dropout.default",
    "aten.feature_alpha_dropout.default",
)
def dropout(c: ConverterContext, input: Any, p: float, train: bool) -> Any:
    if train and p > 0:
        raise Unsupported(
            "dropout is active (training mode)", "call model.eval() before torch.export.export"
        )
    return input


@OPS.add(
    "aten._assert_tensor_metadata.default",
    "aten._assert_async.msg",
    "aten._assert_scalar.default",
    "aten.sym_constrain_range_for_size.default",
    "aten.sym_constrain_range.default",
)
def no_effect(c: ConverterContext, *arguments: Any, **keywords: Any) -> None:
    return None
