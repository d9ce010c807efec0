"""Converters of layers over three spatial axes."""

from __future__ import annotations

from typing import Any

from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.frontend.torch.converters import ConverterContext, Registry, Unsupported, with_batch

OPS = Registry()


def triple(values: Any) -> tuple[int, int, int]:
    """An ATen `int[3]` argument, where one number stands for all."""
    sizes = [values] if isinstance(values, int) else [int(value) for value in values]
    if len(sizes) not in (1, 3):
        raise Unsupported(f"{len(sizes)} spatial axes where 3 are wanted")
    return (sizes[0], sizes[len(sizes) // 2], sizes[-1])


@OPS.add("aten.conv3d.default")
@with_batch(5)
def conv3d(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    return c.emit(
        nn.Conv3dOp(
            c.value(input),
            c.value(weight),
            c.optional(bias),
            strides=triple(stride),
            padding=triple(padding),
            dilation=triple(dilation),
            groups=groups,
        )
    )


@OPS.add("aten.conv3d.padding")
@with_batch(5)
def conv3d_named_padding(
    c: ConverterContext,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: str = "valid",
    dilation: Any = 1,
    groups: int = 1,
) -> SSAValue:
    totals = [d * (k - 1) for d, k in zip(triple(dilation), c.shape(weight)[2:])]
    if padding == "valid":
        totals = [0, 0, 0]
    if any(total % 2 for total in totals):
        raise Unsupported("conv3d with unequal padding at both ends", "use odd kernels")
    ends = [total // 2 for total in totals]
    return conv3d(c, input, weight, bias, stride, ends, dilation, groups)
