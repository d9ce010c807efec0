"""Products of two activations: matrix multiplication, attention, stereo correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, real
from recog.dialects.shapes import Shape, broadcast_shape
from recog.dialects.tensors import integer, shape_of
from recog.dialects.words import counted

__all__ = ["AttentionOp", "CorrelationOp", "MatmulOp"]


def _leading_keeps_batch(op: NnOp, with_batch: Sequence[bool]) -> bool:
    """`keeps_batch` of ops on matrices in the last two axes, broadcast along the others."""
    rank = len(shape_of(op.output))
    return rank > 2 and all(
        len(shape_of(value)) == rank if batch else (1, *shape_of(value))[-rank:][0] == 1
        for value, batch in zip(op.operands, with_batch)
    )


@irdl_op_definition
class MatmulOp(NnOp):
    """Matrix products, `torch.matmul`: (..., I, K) and (..., K, J) → (..., I, J).

    The axes before the last two broadcast as in NumPy.
    """

    name = "nn.matmul"
    KIND: ClassVar[Kind] = Kind.SUMS
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    lhs = operand_def(TENSORS)
    rhs = operand_def(TENSORS)

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation):
        super().__init__([lhs, rhs])

    def infer_shape(self) -> Shape:
        a, b = shape_of(self.lhs), shape_of(self.rhs)
        if len(a) < 2 or len(b) < 2:
            raise ValueError(f"operands need at least 2 axes, got {len(a)} and {len(b)}")
        if a[-1] != b[-2]:
            raise ValueError(
                f"{list(a)} has {counted(a[-1], 'column')}, {list(b)} has {counted(b[-2], 'row')}"
            )
        return (*broadcast_shape(a[:-2], b[:-2]), a[-2], b[-1])

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        if with_batch == [True, False] and len(shape_of(self.rhs)) == 2:
            return True
        return _leading_keeps_batch(self, with_batch)


@irdl_op_definition
class AttentionOp(NnOp):
    """softmax(scale · query · keyᵀ + mask) · value, `scaled_dot_product_attention` of torch.

    query (..., L, E), key (..., S, E), value (..., S, V) → (..., L, V); the mask, which adds
    to the logits, broadcasts to (..., L, S). Vaswani et al. 2017, equation 1.
    """

    name = "nn.attention"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    query = operand_def(TENSORS)
    key = operand_def(TENSORS)
    value = operand_def(TENSORS)
    mask = opt_operand_def(TENSORS)
    scale = prop_def(FloatAttr[Float64Type])

    def __init__(
        self,
        query: SSAValue | Operation,
        key: SSAValue | Operation,
        value: SSAValue | Operation,
        mask: SSAValue | Operation | None = None,
        *,
        scale: float,
    ):
        super().__init__([query, key, value, mask], {"scale": real(scale)})

    def infer_shape(self) -> Shape:
        q, k, v = (shape_of(each) for each in (self.query, self.key, self.value))
        if min(len(q), len(k), len(v)) < 2:
            raise ValueError("query, key and value need at least 2 axes")
        if q[-1] != k[-1]:
            raise ValueError(f"query has {counted(q[-1], 'feature')}, key {k[-1]}")
        if k[-2] != v[-2]:
            raise ValueError(f"key has {counted(k[-2], 'position')}, value {v[-2]}")
        leading = broadcast_shape(broadcast_shape(q[:-2], k[:-2]), v[:-2])
        logits = (*leading, q[-2], k[-2])
        if self.mask is not None and broadcast_shape(shape_of(self.mask), logits) != logits:
            raise ValueError(
                f"the mask {list(shape_of(self.mask))} does not broadcast to {list(logits)}"
            )
        return (*leading, q[-2], v[-1])

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return _leading_keeps_batch(self, with_batch)


@irdl_op_definition
class CorrelationOp(NnOp):
    """Correlation volume of rectified stereo features, (N, C, H, W) twice → (N, D, H, W).

    Plane d is the mean over channels of left(y, x) · right(y, x - d), zero where x < d:
    the one-dimensional correlation layer of DispNetC (Mayer et al. 2016, section 5).
    """

    name = "nn.correlation"
    KIND: ClassVar[Kind] = Kind.SUMS
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    left = operand_def(TENSORS)
    right = operand_def(TENSORS)
    disparities = prop_def(IntegerAttr)

    def __init__(self, left: SSAValue | Operation, right: SSAValue | Operation, disparities: int):
        super().__init__([left, right], {"disparities": integer(disparities)})

    def infer_shape(self) -> Shape:
        left, right = shape_of(self.left), shape_of(self.right)
        planes = self.disparities.value.data
        if len(left) != 4 or left != right:
            raise ValueError(
                f"both inputs must have one shape of 4 axes, got {list(left)} and {list(right)}"
            )
        if not 1 <= planes <= left[3]:
            raise ValueError(f"disparities must be from 1 to the width {left[3]}, got {planes}")
        return (left[0], planes, *left[2:])

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return all(with_batch)
