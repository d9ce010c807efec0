"""Converters of ops that move elements or leave them alone."""

from __future__ import annotations

from typing import Any

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.conversion import Conversion, Registry, Unsupported, normalized_axis

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
def reshape(c: Conversion, input: Any, *arguments: Any, **keywords: Any) -> SSAValue:
    source, target = c.shape(input), c.result_shape
    if source == target:
        return c.value(input)
    if not target or source[0] != target[0]:
        raise Unsupported(
            f"a reshape from {list(source)} to {list(target)} mixes the batch axis with others",
            "keep axis 0: use flatten(1) or squeeze with an axis",
        )
    return c.emit(nn.ReshapeOp(c.value(input), target))


@OPS.add("aten.cat.default")
def cat(c: Conversion, tensors: list[Any], dim: int = 0) -> SSAValue:
    # torch ignores empty tensors of one axis, whatever the others' shape.
    kept = [tensor for tensor in tensors if c.shape(tensor) != (0,)]
    axis = normalized_axis(dim, len(c.shape(kept[0])))
    return c.emit(nn.ConcatOp([c.value(tensor) for tensor in kept], axis))


@OPS.add("aten.pad.default")
def pad(
    c: Conversion, input: Any, pad: list[int], mode: str = "constant", value: float | None = None
) -> SSAValue:
    if mode != "constant":
        raise Unsupported(f"padding mode {mode} is not supported", "pad with a constant")
    return constant_pad(c, input, pad, 0.0 if value is None else value)


@OPS.add("aten.constant_pad_nd.default")
def constant_pad(c: Conversion, input: Any, pad: list[int], value: float = 0.0) -> SSAValue:
    # torch lists (before, after) from the last axis on.
    sizes = [*pad, *[0] * (8 - len(pad))]
    left, right, top, bottom, *rest = sizes
    if len(c.shape(input)) != 4 or any(rest):
        raise Unsupported("only H and W of a 4-D tensor can be padded")
    if min(sizes) < 0:
        raise Unsupported("negative padding (cropping) is not supported")
    return c.emit(nn.PadOp(c.value(input), (top, left, bottom, right), float(value)))


@OPS.add(
    "aten.contiguous.default",
    "aten.clone.default",
    "aten.detach.default",
    "aten.detach_.default",
    "aten.alias.default",
    "aten.lift_fresh_copy.default",
    "aten.to.dtype",
    "aten.to.device",
    "aten.to.dtype_layout",
    "aten._to_copy.default",
)
def identity(c: Conversion, input: Any, *arguments: Any, **keywords: Any) -> Any:
    return input


@OPS.add(
    "aten.dropout.default",
    "aten.feature_dropout.default",
    "aten.alpha_dropout.default",
    "aten.feature_alpha_dropout.default",
)
def dropout(c: Conversion, input: Any, p: float, train: bool) -> Any:
    if train and p > 0:
        raise Unsupported(
            "dropout is active (training mode)", "call model.eval() before torch.export.export"
        )
    return input


@OPS.add("aten._assert_tensor_metadata.default", "aten._assert_async.msg")
def no_effect(c: Conversion, *arguments: Any, **keywords: Any) -> None:
    return None
