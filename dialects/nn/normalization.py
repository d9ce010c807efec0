"""Normalization by the statistics of the values themselves, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, first_has_batch, real
from recog.dialects.shapes import Shape
from recog.dialects.tensors import integer, shape_of
from recog.dialects.words import counted

__all__ = ["GroupNormOp", "LayerNormOp"]


def _check_eps(eps: float) -> None:
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be finite and not negative, got {eps}")


@irdl_op_definition
class LayerNormOp(NnOp):
    """Mean 0 and variance 1 over the last axes, then scale and bias, `layer_norm` of torch.

    The scale's shape says which: scale and bias (..., C) go with input (N, ..., C). Ba et al.
    2016, equation 4, with the biased variance plus `eps`.
    """

    name = "nn.layer_norm"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.ANY
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    scale = operand_def(TENSORS)
    bias = operand_def(TENSORS)
    eps = prop_def(FloatAttr[Float64Type], default_value=real(1e-5))

    def __init__(
        self,
        input: SSAValue | Operation,
        scale: SSAValue | Operation,
        bias: SSAValue | Operation,
        *,
        eps: float = 1e-5,
    ):
        super().__init__([input, scale, bias], {"eps": real(eps)})

    def infer_shape(self) -> Shape:
        _check_eps(self.eps.value.data)
        x, scale = shape_of(self.input), shape_of(self.scale)
        if not scale or x[-len(scale) :] != scale or shape_of(self.bias) != scale:
            raise ValueError(
                f"scale {list(scale)} and bias {list(shape_of(self.bias))} must have the shape "
                f"of the last axes of {list(x)}"
            )
        return x

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch) and len(shape_of(self.scale)) < len(shape_of(self.input))


@irdl_op_definition
class GroupNormOp(NnOp):
    """Mean 0 and variance 1 over each group of channels, then scale and bias (C) by channel.

    input (N, C, ...), `torch.nn.functional.group_norm`; Wu & He 2018, equation 3. With one
    group a channel it is instance norm.
    """

    name = "nn.group_norm"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.ANY
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    scale = operand_def(TENSORS)
    bias = operand_def(TENSORS)
    groups = prop_def(IntegerAttr)
    eps = prop_def(FloatAttr[Float64Type], default_value=real(1e-5))

    def __init__(
        self,
        input: SSAValue | Operation,
        scale: SSAValue | Operation,
        bias: SSAValue | Operation,
        groups: int,
        *,
        eps: float = 1e-5,
    ):
        super().__init__([input, scale, bias], {"groups": integer(groups), "eps": real(eps)})

    def infer_shape(self) -> Shape:
        _check_eps(self.eps.value.data)
        x, groups = shape_of(self.input), self.groups.value.data
        if len(x) < 2:
            raise ValueError("the input needs a batch axis and a channel axis")
        if groups < 1 or x[1] % groups:
            raise ValueError(
                f"{counted(x[1], 'channel')} cannot be divided into {counted(groups, 'group')}"
            )
        if shape_of(self.scale) != (x[1],) or shape_of(self.bias) != (x[1],):
            raise ValueError(
                f"scale and bias must have shape [{x[1]}], got {list(shape_of(self.scale))} "
                f"and {list(shape_of(self.bias))}"
            )
        return x

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)
