"""Converters of matrix products and attention."""

from __future__ import annotations

from typing import Any

import torch
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import Constant, ConverterContext, Registry, Unsupported

OPS = Registry()


@OPS.add("aten.matmul.default", "aten.mm.default", "aten.bmm.default")
def matmul(c: ConverterContext, input: Any, other: Any) -> SSAValue:
    left, right = len(c.shape(input)), len(c.shape(other))
    if isinstance(other, Constant) and right == 2 and left >= 2:
        # A layer without a bias: clusters, encodes and runs as one.
        weight = Constant(other.tensor.t(), other.name, other.computed)
        return c.emit(nn.LinearOp(c.value(input), c.value(weight), None))
    a, b = c.value(input), c.value(other)
    if left == 1:
        a = c.emit(nn.ReshapeOp(a, (1, *c.shape(a))))
    if right == 1:
        b = c.emit(nn.ReshapeOp(b, (*c.shape(b), 1)))
    product = c.emit(nn.MatmulOp(a, b))
    if left > 1 and right > 1:
        return product
    return c.emit(nn.ReshapeOp(product, c.result_shape))


@OPS.add("aten.addmm.default", "aten.baddbmm.default")
def addmm(
    c: ConverterContext, input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1
) -> SSAValue:
    product, bias = matmul(c, mat1, mat2), c.value(input)
    if alpha != 1:
        product = c.emit(nn.MulOp(product, c.typed(alpha, torch.float32)))
    if beta != 1:
        bias = c.emit(nn.MulOp(bias, c.typed(beta, torch.float32)))
    return c.emit(nn.AddOp(product, bias))


@OPS.add("aten.scaled_dot_product_attention.default")
def attention(
    c: ConverterContext,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> SSAValue:
    if dropout_p > 0:
        raise Unsupported(
            "dropout is active (training mode)", "call model.eval() before torch.export.export"
        )
    if enable_gqa:
        raise Unsupported("grouped-query attention is not supported", "repeat key and value")
    shape = c.shape(query)
    mask = _mask(c, attn_mask)
    if is_causal:
        positions = (shape[-2], c.shape(key)[-2])
        mask = _mask(c, Constant(torch.ones(positions, dtype=torch.bool).tril(), "causal"))
    factor = shape[-1] ** -0.5 if scale is None else scale
    return c.emit(
        nn.AttentionOp(c.value(query), c.value(key), c.value(value), mask, scale=float(factor))
    )


def _mask(c: ConverterContext, mask: Any) -> SSAValue | None:
    """What to add to the logits: minus infinity where a mask of truth values is false."""
    if isinstance(mask, Constant) and mask.tensor.dtype == torch.bool:
        added = torch.zeros(mask.tensor.shape).masked_fill(~mask.tensor, -torch.inf)
        return c.value(Constant(added, mask.name, True))
    if mask is not None and nn.element_type_of(c.value(mask)) == nn.MASK_TYPE:
        hidden = Constant(torch.tensor(-torch.inf), "hidden", True)
        shown = c.typed(0, torch.float32)
        return c.emit(nn.WhereOp(c.value(mask), shown, c.value(hidden)))
    return c.optional(mask)
