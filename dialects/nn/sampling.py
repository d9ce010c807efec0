"""Ops that interpolate, pick or reorder elements: resize, slice, permute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.interfaces import HasCanonicalizationPatternsInterface, HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.exceptions import VerifyException

from recog.dialects.data import ConstantOp, DenseAttr
from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import TENSORS, NnOp, first_has_batch
from recog.dialects.nn.structure import ConcatOp, MoveOp
from recog.dialects.sampling_shapes import (
    RESIZE_MODES,
    permute_shape,
    resize_shape,
    slice_shape,
)
from recog.dialects.shapes import Shape
from recog.dialects.tensors import INTS, flag, ints, shape_of

__all__ = ["PermuteOp", "ResizeOp", "SliceOp"]


@irdl_op_definition
class ResizeOp(NnOp, HasFolderInterface):
    """H and W of (N, C, H, W) become `size`, `torch.nn.functional.interpolate` with a size.

    `mode` is "nearest" or "bilinear", without antialiasing; `align_corners` (bilinear only)
    lays the corners' centres on each other.
    """

    name = "nn.resize"
    KIND: ClassVar[Kind] = Kind.INTERPOLATES
    SIGN: ClassVar[Sign] = Sign.KEPT
    HOMOGENEOUS: ClassVar[bool] = True
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    size = prop_def(INTS)
    mode = prop_def(StringAttr)
    align_corners = opt_prop_def(UnitAttr)

    def __init__(
        self,
        input: SSAValue | Operation,
        size: Sequence[int],
        mode: str,
        *,
        align_corners: bool = False,
    ):
        properties = {
            "size": ints(size),
            "mode": StringAttr(mode),
            "align_corners": flag(align_corners),
        }
        super().__init__([input], properties)

    def infer_shape(self) -> Shape:
        return resize_shape(shape_of(self.input), self.size.get_values())

    def verify_(self) -> None:
        super().verify_()
        if self.mode.data not in RESIZE_MODES:
            raise VerifyException(f'mode must be "nearest" or "bilinear", got "{self.mode.data}"')
        if self.mode.data == "nearest" and self.align_corners is not None:
            raise VerifyException("align_corners goes with bilinear only")

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class SliceOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """Elements start, start + step, ... below stop along every axis: `x[:, 2:4, ::2]`.

    `starts`, `stops` and `steps` have a value an axis, none of them negative.
    """

    name = "nn.slice"
    SIGN: ClassVar[Sign] = Sign.KEPT
    INTEGERS_TOO: ClassVar[bool] = True

    input = operand_def(TENSORS)
    starts = prop_def(INTS)
    stops = prop_def(INTS)
    steps = prop_def(INTS)

    def __init__(
        self,
        input: SSAValue | Operation,
        starts: Sequence[int],
        stops: Sequence[int],
        steps: Sequence[int] | None = None,
    ):
        steps = [1] * len(starts) if steps is None else steps
        super().__init__(
            [input], {"starts": ints(starts), "stops": ints(stops), "steps": ints(steps)}
        )

    def infer_shape(self) -> Shape:
        return slice_shape(
            shape_of(self.input),
            self.starts.get_values(),
            self.stops.get_values(),
            self.steps.get_values(),
            keep_batch=False,
        )

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        bounds = (self.starts, self.stops, self.steps)
        return [each.get_values()[0] for each in bounds] == [0, shape_of(self.input)[0], 1]

    def index(self) -> tuple[slice, ...]:
        """What picks the elements from an array of the operand's shape."""
        bounds = zip(self.starts.get_values(), self.stops.get_values(), self.steps.get_values())
        return tuple(slice(*bound) for bound in bounds)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.input.type == self.output.type:
            return (self.input,)
        producer = self.input.owner
        if isinstance(producer, ConstantOp):
            array = producer.value.to_array()[self.index()]
            return (DenseAttr.from_array(array, producer.value.type.element_type),)
        return None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (SliceOfConcatPattern(),)


class SliceOfConcatPattern(RewritePattern):
    """slice(concat(a, b, c)) along the same axis alone → concat of slices of those it meets."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SliceOp, rewriter: PatternRewriter, /) -> None:
        concat = op.input.owner
        if not isinstance(concat, ConcatOp) or any(step != 1 for step in op.steps.get_values()):
            return
        axis, whole = concat.axis.value.data, shape_of(op.input)
        starts, stops = list(op.starts.get_values()), list(op.stops.get_values())
        start, stop = starts[axis], stops[axis]
        starts[axis], stops[axis] = 0, whole[axis]
        if any(starts) or tuple(stops) != whole:
            return
        parts: list[SliceOp] = []
        first = 0
        for value in concat.inputs:
            size = shape_of(value)[axis]
            low, high = max(start - first, 0), min(stop - first, size)
            if low < high:
                starts[axis], stops[axis] = low, high
                parts.append(SliceOp(value, starts, stops))
            first += size
        new_ops = [*parts, ConcatOp([part.output for part in parts], axis)]
        for new_op in new_ops:
            new_op.location = op.location
        new_ops[-1].attributes |= op.attributes
        rewriter.replace(op, new_ops)


@irdl_op_definition
class PermuteOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """Axis i of the result is axis `permutation[i]` of the operand, `torch.permute`."""

    name = "nn.permute"
    SIGN: ClassVar[Sign] = Sign.KEPT
    INTEGERS_TOO: ClassVar[bool] = True

    input = operand_def(TENSORS)
    permutation = prop_def(INTS)

    def __init__(self, input: SSAValue | Operation, permutation: Sequence[int]):
        super().__init__([input], {"permutation": ints(permutation)})

    def infer_shape(self) -> Shape:
        permutation = self.permutation.get_values()
        return permute_shape(shape_of(self.input), permutation, keep_batch=False)

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return self.permutation.get_values()[:1] == (0,)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        permutation = self.permutation.get_values()
        return (self.input,) if permutation == tuple(sorted(permutation)) else None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (PermuteOfPermutePattern(),)


class PermuteOfPermutePattern(RewritePattern):
    """permute(permute(x)) → permute(x)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: PermuteOp, rewriter: PatternRewriter, /) -> None:
        inner = op.input.owner
        if not isinstance(inner, PermuteOp):
            return
        first = inner.permutation.get_values()
        merged = PermuteOp(inner.input, [first[axis] for axis in op.permutation.get_values()])
        merged.location = op.location
        merged.attributes |= op.attributes
        rewriter.replace(op, merged)
