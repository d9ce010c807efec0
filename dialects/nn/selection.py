"""Reductions, comparisons, and picking elements by computed positions: what decoders use."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType, UnitAttr
from xdsl.interfaces import HasCanonicalizationPatternsInterface, HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, opt_prop_def, prop_def
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.utils.exceptions import VerifyException

from recog.dialects import shapes
from recog.dialects.facts import Kind, Sign
from recog.dialects.nn.base import (
    INDEX_TYPE,
    MASK_TYPE,
    PIXEL_TYPE,
    TENSORS,
    NnOp,
    expect_elements,
    first_has_batch,
    is_float,
)
from recog.dialects.nn.elementwise import BinaryOp, broadcast_keeps_batch
from recog.dialects.nn.structure import MoveOp
from recog.dialects.shapes import Shape, broadcast_shape, check_axis, reduced_shape
from recog.dialects.tensors import INTS, element_type_of, flag, integer, ints, shape_of

__all__ = [
    "ArgmaxOp",
    "BroadcastOp",
    "CompareOp",
    "ConvertOp",
    "GatherOp",
    "MaxOp",
    "ReduceOp",
    "SumOp",
    "TakeOp",
    "TopkIndicesOp",
    "WhereOp",
]

PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge")


class ReduceOp(NnOp, ABC):
    """A function of all elements along `axes`, which go or, with `keepdims`, stay as 1."""

    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    axes = prop_def(INTS)
    keepdims = opt_prop_def(UnitAttr)

    def __init__(self, input: SSAValue | Operation, axes: Sequence[int], *, keepdims: bool = False):
        super().__init__([input], {"axes": ints(axes), "keepdims": flag(keepdims)})

    def infer_shape(self) -> Shape:
        axes = self.axes.get_values()
        return reduced_shape(shape_of(self.input), axes, self.keepdims is not None)

    def keeps_channel_factors(self) -> bool:
        return all(axis > 1 for axis in self.axes.get_values())

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return 0 not in self.axes.get_values()


@irdl_op_definition
class SumOp(ReduceOp):
    """Sum over `axes`, `torch.sum`."""

    name = "nn.sum"
    KIND: ClassVar[Kind] = Kind.SUMS
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class MaxOp(ReduceOp):
    """Largest element over `axes`, `torch.amax`."""

    name = "nn.max"
    KIND: ClassVar[Kind] = Kind.SELECTS
    SIGN: ClassVar[Sign] = Sign.KEPT


@irdl_op_definition
class ArgmaxOp(NnOp):
    """Position of the largest element along `axis`, which goes or stays as 1, `torch.argmax`.

    Of equal elements the first.
    """

    name = "nn.argmax"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    axis = prop_def(IntegerAttr)
    keepdims = opt_prop_def(UnitAttr)

    def __init__(self, input: SSAValue | Operation, axis: int, *, keepdims: bool = False):
        super().__init__([input], {"axis": integer(axis), "keepdims": flag(keepdims)})

    def infer_shape(self) -> Shape:
        axis = self.axis.value.data
        return reduced_shape(shape_of(self.input), [axis], self.keepdims is not None)

    def infer_element_type(self) -> Attribute:
        return INDEX_TYPE

    def verify_element_types(self) -> None:
        _expect_float(self.input)
        expect_elements(self.output, INDEX_TYPE, "the result")

    @property
    def coded_values(self) -> list[SSAValue]:
        return [self.input]

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return self.axis.value.data != 0


@irdl_op_definition
class TopkIndicesOp(NnOp):
    """Positions of the `k` largest elements along `axis`, the largest first, `torch.topk`.

    Of equal elements the first comes first. `nn.gather` gives the values.
    """

    name = "nn.topk_indices"
    KIND: ClassVar[Kind] = Kind.COMBINES
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    k = prop_def(IntegerAttr)
    axis = prop_def(IntegerAttr)
    smallest = opt_prop_def(UnitAttr)

    def __init__(self, input: SSAValue | Operation, k: int, axis: int, *, smallest: bool = False):
        properties = {"k": integer(k), "axis": integer(axis), "smallest": flag(smallest)}
        super().__init__([input], properties)

    def infer_shape(self) -> Shape:
        x, axis, k = shape_of(self.input), self.axis.value.data, self.k.value.data
        check_axis(axis, len(x))
        if not 1 <= k <= x[axis]:
            raise ValueError(f"k must be from 1 to {x[axis]}, got {k}")
        return (*x[:axis], k, *x[axis + 1 :])

    def infer_element_type(self) -> Attribute:
        return INDEX_TYPE

    def verify_element_types(self) -> None:
        _expect_float(self.input)
        expect_elements(self.output, INDEX_TYPE, "the result")

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return self.axis.value.data != 0


@irdl_op_definition
class GatherOp(NnOp):
    """Elements at positions along `axis`, `torch.gather`: y[i][j] = x[i][indices[i][j]].

    The indices have the input's rank, and along the other axes at most its size.
    """

    name = "nn.gather"
    KIND: ClassVar[Kind] = Kind.MOVES
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    indices = operand_def(TENSORS)
    axis = prop_def(IntegerAttr)

    def __init__(self, input: SSAValue | Operation, indices: SSAValue | Operation, axis: int):
        super().__init__([input, indices], {"axis": integer(axis)})

    def infer_shape(self) -> Shape:
        x, indices, axis = shape_of(self.input), shape_of(self.indices), self.axis.value.data
        check_axis(axis, len(x))
        if len(indices) != len(x) or any(
            wanted > size for i, (wanted, size) in enumerate(zip(indices, x)) if i != axis
        ):
            raise ValueError(
                f"indices {list(indices)} exceed the input {list(x)} beside axis {axis}"
            )
        return indices

    def verify_element_types(self) -> None:
        expect_elements(self.indices, INDEX_TYPE, "the indices")
        expect_elements(self.output, element_type_of(self.input), "the result")

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return all(with_batch) and self.axis.value.data != 0


@irdl_op_definition
class TakeOp(NnOp):
    """Slices at positions along the first axis: (T, ...) and indices (N, ...) → (N, ..., ...).

    `x[indices]`, where negative ones count from the end, and `torch.nn.functional.embedding`.
    """

    name = "nn.take"
    KIND: ClassVar[Kind] = Kind.MOVES
    SIGN: ClassVar[Sign] = Sign.KEPT
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    input = operand_def(TENSORS)
    indices = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation, indices: SSAValue | Operation):
        super().__init__([input, indices])

    def infer_shape(self) -> Shape:
        x = shape_of(self.input)
        if not x:
            raise ValueError("the input needs at least one axis")
        return (*shape_of(self.indices), *x[1:])

    def verify_element_types(self) -> None:
        expect_elements(self.indices, INDEX_TYPE, "the indices")
        expect_elements(self.output, element_type_of(self.input), "the result")

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return list(with_batch) == [False, True]


@irdl_op_definition
class CompareOp(BinaryOp):
    """lhs == rhs, or another predicate (eq, ne, lt, le, gt, ge), as a mask: `torch.eq`."""

    name = "nn.compare"
    SIGN: ClassVar[Sign] = Sign.NEVER_NEGATIVE
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True

    predicate = prop_def(StringAttr)

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation, predicate: str):
        NnOp.__init__(self, [lhs, rhs], {"predicate": StringAttr(predicate)})

    def infer_element_type(self) -> Attribute:
        return MASK_TYPE

    def verify_element_types(self) -> None:
        if self.predicate.data not in PREDICATES:
            raise VerifyException(
                f'predicate must be one of {", ".join(PREDICATES)}, got "{self.predicate.data}"'
            )
        expect_elements(self.rhs, element_type_of(self.lhs), "rhs")
        expect_elements(self.output, MASK_TYPE, "the result")


@irdl_op_definition
class WhereOp(NnOp):
    """lhs where the mask is true, else rhs, all three broadcast, `torch.where`."""

    name = "nn.where"
    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False

    mask = operand_def(TENSORS)
    lhs = operand_def(TENSORS)
    rhs = operand_def(TENSORS)

    def __init__(
        self,
        mask: SSAValue | Operation,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
    ):
        super().__init__([mask, lhs, rhs])

    @property
    def coded_values(self) -> list[SSAValue]:
        return [self.lhs, self.rhs, self.output]

    def infer_shape(self) -> Shape:
        both = broadcast_shape(shape_of(self.lhs), shape_of(self.rhs))
        return broadcast_shape(shape_of(self.mask), both)

    def infer_element_type(self) -> Attribute:
        return element_type_of(self.lhs)

    def verify_element_types(self) -> None:
        expect_elements(self.mask, MASK_TYPE, "the mask")
        for value, what in ((self.rhs, "rhs"), (self.output, "the result")):
            expect_elements(value, element_type_of(self.lhs), what)

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return known(self.lhs) and known(self.rhs)

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return broadcast_keeps_batch(self, with_batch)


@irdl_op_definition
class ConvertOp(NnOp, HasFolderInterface):
    """The same numbers with other elements: masks as 0 and 1, floats cut toward zero.

    As a mask, everything but zero is true. `tensor.to(dtype)`; the element type is the result's.
    """

    name = "nn.convert"
    KIND: ClassVar[Kind] = Kind.ELEMENTWISE
    SIGN: ClassVar[Sign] = Sign.BY_RULE
    WIDE: ClassVar[tuple[str, ...]] = ()
    ABSORBS_ACTIVATION: ClassVar[bool] = False
    INTEGERS_TOO: ClassVar[bool] = True

    input = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation, element_type: Attribute):
        x = SSAValue.get(input)
        result_type = TensorType(element_type, shape_of(x))
        IRDLOperation.__init__(self, operands=[x], result_types=[result_type])

    def infer_shape(self) -> Shape:
        return shape_of(self.input)

    @property
    def of_pixels(self) -> bool:
        """Whether it makes numbers of an image's pixels."""
        return element_type_of(self.input) == PIXEL_TYPE and is_float(element_type_of(self.output))

    @property
    def coded_values(self) -> list[SSAValue]:
        """The chip takes pixels as they are: a table turns them into codes."""
        return [self.output] if self.of_pixels else super().coded_values

    def never_negative(self, known: Callable[[SSAValue], bool]) -> bool:
        return self.of_pixels or known(self.input)

    def verify_element_types(self) -> None:
        """Any pair of element types converts."""

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return first_has_batch(with_batch)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class BroadcastOp(MoveOp, HasFolderInterface, HasCanonicalizationPatternsInterface):
    """Repeated along axes of size 1, and new axes in front, `torch.Tensor.expand`."""

    name = "nn.broadcast"
    SIGN: ClassVar[Sign] = Sign.KEPT
    INTEGERS_TOO: ClassVar[bool] = True

    input = operand_def(TENSORS)

    def __init__(self, input: SSAValue | Operation, shape: Sequence[int]):
        x = SSAValue.get(input)
        result_type = TensorType(element_type_of(x), shape)
        IRDLOperation.__init__(self, operands=[x], result_types=[result_type])

    def infer_shape(self) -> Shape:
        source, target = shape_of(self.input), shape_of(self.output)
        if shapes.broadcast_shape(source, target) != target:
            raise ValueError(f"{list(source)} does not broadcast to {list(target)}")
        return target

    def keeps_batch(self, with_batch: Sequence[bool]) -> bool:
        return shape_of(self.input)[:1] == shape_of(self.output)[:1] and len(
            shape_of(self.input)
        ) == len(shape_of(self.output))

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (BroadcastOperandPattern(),)


class BroadcastOperandPattern(RewritePattern):
    """x + broadcast(y) → x + y, where x has the shape of the result: it broadcasts by itself."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: BroadcastOp, rewriter: PatternRewriter, /) -> None:
        if len(shape_of(op.input)) != len(shape_of(op.output)):
            return
        for use in list(op.output.uses):
            user = use.operation
            if not isinstance(user, BinaryOp):
                continue
            other = user.operands[1 - use.index]
            if other is not op.output and shape_of(other) == shape_of(user.output):
                user.operands[use.index] = op.input
                rewriter.notify_op_modified(user)


def _expect_float(value: SSAValue) -> None:
    if not is_float(element_type_of(value)):
        raise VerifyException(f"expected a tensor of f32 or f64, got {value.type}")
