"""Layers with weights: convolution, linear, batch normalization.

Weights are operands, produced by `data.constant` or by `cluster.lookup`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr
from xdsl.interfaces import HasCanonicalizationPatternsInterface
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, first_has_batch, real
from recog.dialects.nn.structure import PadOp
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, integer, ints, shape_of

__all__ = ["BatchNormOp", "Conv2dOp", "LayerOp", "LinearOp", "WeightedOp"]


class WeightedOp(NnOp, ABC):
    """Sums of an input's elements times those of a weight, and a bias for each output channel.

    The weight has the output channels first, then the input's of a group.
    """

    CHANNEL_AXIS: ClassVar[int]
    """Of input and result: the axis along which the weight has a column or a row."""
    KIND: ClassVar[Kind] = Kind.SUMS
    WIDE: ClassVar[tuple[str, ...]] = ()

    input = operand_def(TENSORS)
    weight = operand_def(TENSORS)
    bias = opt_operand_def(TENSORS)

    @property
    @abstractmethod
    def group_count(self) -> int:
        """Groups of channels that are computed by themselves."""

    def check_bias(self) -> None:
        """Raise ValueError unless the bias has one number for each output channel."""
        channels = shape_of(self.weight)[0]
        if self.bias is not None and shape_of(self.bias) != (channels,):
            raise ValueError(f"bias must have shape [{channels}], got {list(shape_of(self.bias))}")

    def with_weights(self, weight: SSAValue | Operation, bias: SSAValue | Operation | None) -> Self:
        """A new op like this one, with another weight of the same shape and another bias."""
        return type(self).build(
            operands=[self.input, weight, bias],
            properties=dict(self.properties),
            result_types=[self.output.type],
        )

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)


class LayerOp(WeightedOp, ABC):
    """A weighted op that has a form on codes: what is clustered, tuned and encoded."""

    ABSORBS_ACTIVATION: ClassVar[bool] = True


@irdl_op_definition
class Conv2dOp(LayerOp, HasCanonicalizationPatternsInterface):
    """2-D convolution (cross-correlation), `torch.nn.functional.conv2d`.

    input (N, C, H, W), weight (O, C / groups, kh, kw), bias (O) → (N, O, H', W').
    Padding is (top, left, bottom, right), with zeros.
    """

    name = "nn.conv2d"
    CHANNEL_AXIS: ClassVar[int] = 1
    SIGN: ClassVar[Sign] = Sign.KEPT

    strides = prop_def(INTS, default_value=ints((1, 1)))
    padding = prop_def(INTS, default_value=ints((0, 0, 0, 0)))
    dilation = prop_def(INTS, default_value=ints((1, 1)))
    groups = prop_def(IntegerAttr, default_value=integer(1))

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
        *,
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        dilation: Sequence[int] = (1, 1),
        groups: int = 1,
    ):
        super().__init__(
            [input, weight, bias],
            {
                "strides": ints(strides),
                "padding": ints(padding),
                "dilation": ints(dilation),
                "groups": integer(groups),
            },
        )

    def infer_shape(self) -> Shape:
        shape = shapes.conv2d_shape(
            shape_of(self.input),
            shape_of(self.weight),
            self.strides.get_values(),
            self.padding.get_values(),
            self.dilation.get_values(),
            self.groups.value.data,
        )
        self.check_bias()
        return shape

    @property
    def group_count(self) -> int:
        return self.groups.value.data

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ConvOfPadPattern(),)


class ConvOfPadPattern(RewritePattern):
    """conv2d(pad(x, zeros)) → conv2d(x) with the padding added to its own."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: Conv2dOp, rewriter: PatternRewriter, /) -> None:
        pad = op.input.owner
        if not isinstance(pad, PadOp) or pad.value.value.data != 0:
            return
        own, added = op.padding.get_values(), pad.padding.get_values()
        merged = Conv2dOp(
            pad.input,
            op.weight,
            op.bias,
            strides=op.strides.get_values(),
            padding=[a + b for a, b in zip(own, added)],
            dilation=op.dilation.get_values(),
            groups=op.groups.value.data,
        )
        merged.location = op.location
        merged.attributes |= op.attributes
        rewriter.replace(op, merged)


@irdl_op_definition
class LinearOp(LayerOp):
    """Fully connected layer, `torch.nn.functional.linear`.

    input (N, ..., I), weight (O, I), bias (O) → (N, ..., O).
    """

    name = "nn.linear"
    CHANNEL_AXIS: ClassVar[int] = -1
    SIGN: ClassVar[Sign] = Sign.ANY

    def __init__(
        self,
        input: SSAValue | Operation,
        weight: SSAValue | Operation,
        bias: SSAValue | Operation | None = None,
    ):
        super().__init__([input, weight, bias])

    def infer_shape(self) -> Shape:
        if len(shape_of(self.input)) < 2:
            raise ValueError("the input needs a batch axis and a feature axis")
        shape = shapes.linear_shape(shape_of(self.input), shape_of(self.weight))
        self.check_bias()
        return shape

    @property
    def group_count(self) -> int:
        return 1


@irdl_op_definition
class BatchNormOp(NnOp):
    """Batch normalization with fixed statistics, `torch.nn.functional.batch_norm` in eval mode.

    output = (input - mean) / sqrt(variance + eps) · scale + bias, along axis 1. Operands in
    ONNX's order: input (N, C, ...), the others (C). Without an affine part scale is 1 and
    bias 0. Source: Ioffe & Szegedy 2015, section 3.1.
    """

    name = "nn.batch_norm"
    KIND: ClassVar[Kind] = Kind.CHANNELWISE
    SIGN: ClassVar[Sign] = Sign.ANY
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = True

    input = operand_def(TENSORS)
    scale = operand_def(TENSORS)
    bias = operand_def(TENSORS)
    mean = operand_def(TENSORS)
    variance = operand_def(TENSORS)
    eps = prop_def(FloatAttr[Float64Type], default_value=real(1e-5))

    def __init__(
        self,
        input: SSAValue | Operation,
        scale: SSAValue | Operation,
        bias: SSAValue | Operation,
        mean: SSAValue | Operation,
        variance: SSAValue | Operation,
        *,
        eps: float = 1e-5,
    ):
        super().__init__([input, scale, bias, mean, variance], {"eps": real(eps)})

    def infer_shape(self) -> Shape:
        shape = shape_of(self.input)
        if len(shape) < 2:
            raise ValueError("the input needs a batch axis and a channel axis")
        for name in ("scale", "bias", "mean", "variance"):
            found = shape_of(getattr(self, name))
            if found != (shape[1],):
                raise ValueError(f"{name} must have shape [{shape[1]}], got {list(found)}")
        return shape

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)

    def verify_(self) -> None:
        super().verify_()
        if not 0 <= self.eps.value.data < float("inf"):
            raise VerifyException(f"eps must be finite and not negative, got {self.eps.value.data}")
