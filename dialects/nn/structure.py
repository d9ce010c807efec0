"""Ops that move elements: reshape, concatenation, padding."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, TensorType
from xdsl.interfaces import HasCanonicalizationPatternsInterface, HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, var_operand_def
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.data import ConstantOp, DenseAttr
from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, first_has_batch, real
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, element_type_of, integer, ints, shape_of

__all__ = ["ConcatOp", "MoveOp", "PadOp", "ReshapeOp"]


class MoveOp(NnOp, ABC):
    """The operands' elements at other places."""

    KIND: ClassVar[Kind] = Kind.MOVES
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False


@irdl_op_definition
class ReshapeOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """The same elements in row-major order under another shape.

    `torch.reshape`, `view`, `flatten`, `squeeze` and `unsqueeze`.
    """

    name = "nn.reshape"
    SIGN: ClassVar[Sign] = Sign.KEPT
    INTEGERS_TOO: ClassVar[bool] = True

    input = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation, shape: Sequence[int]):
        """Reshape to `shape`, the batch axis included."""
        x = SSAValue.get(input)
        shapes.reshape_shape(shape_of(x), tuple(shape), keep_batch=False)
        result_type = TensorType(element_type_of(x), shape)
        IRDLOperation.__init__(self, operands=[x], result_types=[result_type])

    def infer_shape(self) -> Shape:
        return shapes.reshape_shape(shape_of(self.input), shape_of(self.output), keep_batch=False)

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return shape_of(self.input)[:1] == shape_of(self.output)[:1]

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.input.type == self.output.type:
            return (self.input,)
        producer = self.input.owner
        if isinstance(producer, ConstantOp):
            array = producer.value.to_array().reshape(shape_of(self.output))
            return (DenseAttr.from_array(array, producer.value.type.element_type),)
        return None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ReshapeOfReshapePattern(),)


class ReshapeOfReshapePattern(RewritePattern):
    """reshape(reshape(x)) → reshape(x)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReshapeOp, rewriter: PatternRewriter, /) -> None:
        inner = op.input.owner
        if not isinstance(inner, ReshapeOp):
            return
        merged = ReshapeOp(inner.input, shape_of(op.output))
        merged.location = op.location
        merged.attributes |= op.attributes
        rewriter.replace(op, merged)


@irdl_op_definition
class ConcatOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """Inputs one after the other along `axis`, `torch.cat`.

    An input of one frame that does not depend on the batch is the same for all frames.
    """

    name = "nn.concat"
    SIGN: ClassVar[Sign] = Sign.KEPT
    INTEGERS_TOO: ClassVar[bool] = True

    inputs = var_operand_def(TENSORS)
    axis = prop_def(IntegerAttr, default_value=integer(1))

    def __init__(self, inputs: Sequence[SSAValue | Operation], axis: int = 1):
        if not inputs:
            raise ValueError("a concatenation needs at least one input")
        super().__init__([list(inputs)], {"axis": integer(axis)})

    def infer_shape(self) -> Shape:
        inputs = [shape_of(value) for value in self.inputs]
        if inputs:
            shapes.check_axis(self.axis.value.data, len(inputs[0]))
        return shapes.concat_shape(inputs, self.axis.value.data)

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        each = zip(self.inputs, with_batch)
        return self.axis.value.data != 0 and all(
            batch or shape_of(value)[0] == 1 for value, batch in each
        )

    def verify_(self) -> None:
        if self.inputs:
            super().verify_()
        else:
            raise VerifyException("a concatenation needs at least one input")

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.inputs[0],) if len(self.inputs) == 1 else None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ConcatOfConcatPattern(),)


class ConcatOfConcatPattern(RewritePattern):
    """concat(concat(a, b), c) → concat(a, b, c), where the axes agree."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ConcatOp, rewriter: PatternRewriter, /) -> None:
        inputs: list[SSAValue] = []
        for value in op.inputs:
            inner = value.owner
            if isinstance(inner, ConcatOp) and inner.axis == op.axis:
                inputs.extend(inner.inputs)
            else:
                inputs.append(value)
        if len(inputs) == len(op.inputs):
            return
        merged = ConcatOp(inputs, op.axis.value.data)
        merged.location = op.location
        merged.attributes |= op.attributes
        rewriter.replace(op, merged)


@irdl_op_definition
class PadOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """Pads H and W of (N, C, H, W) with `value`, `torch.nn.functional.pad`.

    Padding is (top, left, bottom, right), none of them negative.
    """

    name = "nn.pad"
    SIGN: ClassVar[Sign] = Sign.BY_RULE

    input = operand_def(TENSORS)
    padding = prop_def(INTS)
    value = prop_def(FloatAttr[Float64Type], default_value=real(0.0))

    def __init__(self, input: SSAValue | Operation, padding: Sequence[int], value: float = 0.0):
        super().__init__([input], {"padding": ints(padding), "value": real(value)})

    def infer_shape(self) -> Shape:
        return shapes.pad2d_shape(shape_of(self.input), self.padding.get_values())

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)

    def keeps_channel_factors(self) -> bool:
        return self.value.value.data == 0

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return self.value.value.data >= 0 and known(self.input)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if not any(self.padding.get_values()) else None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (PadOfPadPattern(),)


class PadOfPadPattern(RewritePattern):
    """pad(pad(x)) → pad(x), where both pad with the same value."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: PadOp, rewriter: PatternRewriter, /) -> None:
        inner = op.input.owner
        if not isinstance(inner, PadOp) or inner.value != op.value:
            return
        padding = [a + b for a, b in zip(inner.padding.get_values(), op.padding.get_values())]
        merged = PadOp(inner.input, padding, op.value.value.data)
        merged.location = op.location
        merged.attributes |= op.attributes
        rewriter.replace(op, merged)
