"""Ops that move codes: reshape, concatenation, slices, padding, permutation."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from recog.dialects.facts import Kind
from recog.dialects.lns.base import CodesOp, elements_of
from recog.dialects.lns.types import NUMBERS
from recog.dialects.sampling_shapes import crop_shape, permute_shape, slice_shape
from recog.dialects.shapes import Shape, check_data_axis, concat_shape, reshape_shape
from recog.dialects.tensors import INTS, integer, ints, shape_of

__all__ = ["ConcatOp", "MoveOp", "PadOp", "PermuteOp", "ReshapeOp", "SliceOp"]


class MoveOp(CodesOp, HasFolderInterface, ABC):
    """One operand's codes elsewhere: its result may be the operand's bytes, seen otherwise."""

    KIND: ClassVar[Kind] = Kind.MOVES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    input = operand_def(NUMBERS)


@irdl_op_definition
class ReshapeOp(MoveOp):
    """The same codes in row-major order under another shape; the batch axis stays first."""

    name = "lns.reshape"

    def __init__(self, input: SSAValue | Operation, shape: Sequence[int]):
        super().__init__([input], elements=[elements_of(input)], shape=tuple(shape))

    def infer_shape(self) -> Shape:
        return reshape_shape(shape_of(self.input), shape_of(self.output))

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.input.type == self.output.type:
            return (self.input,)
        producer = self.input.owner
        if isinstance(producer, ReshapeOp) and producer.input.type == self.output.type:
            return (producer.input,)
        return None


@irdl_op_definition
class ConcatOp(CodesOp):
    """Inputs of one format, one after the other along `axis` (not the batch axis)."""

    name = "lns.concat"
    KIND: ClassVar[Kind] = Kind.MOVES
    CONSTANTS: ClassVar[tuple[str, ...]] = ()

    inputs = var_operand_def(NUMBERS)
    axis = prop_def(IntegerAttr, default_value=integer(1))

    def __init__(self, inputs: Sequence[SSAValue | Operation], axis: int = 1):
        if not inputs:
            raise ValueError("a concatenation needs at least one input")
        super().__init__([list(inputs)], {"axis": integer(axis)}, elements=[elements_of(inputs[0])])

    def infer_shape(self) -> Shape:
        inputs, axis = [shape_of(value) for value in self.inputs], self.axis.value.data
        if inputs:
            check_data_axis(axis, len(inputs[0]))
        return concat_shape(inputs, axis)


@irdl_op_definition
class SliceOp(MoveOp):
    """Codes start, start + step, ... below stop along every axis; the batch axis is whole.

    `starts`, `stops` and `steps` have a value an axis: channel ranges, crops, subsampling.
    """

    name = "lns.slice"

    starts = prop_def(INTS)
    stops = prop_def(INTS)
    steps = prop_def(INTS)

    def __init__(
        self,
        input: SSAValue | Operation,
        starts: Sequence[int],
        stops: Sequence[int],
        steps: Sequence[int],
    ):
        properties = {"starts": ints(starts), "stops": ints(stops), "steps": ints(steps)}
        super().__init__([input], properties, elements=[elements_of(input)])

    def infer_shape(self) -> Shape:
        bounds = [each.get_values() for each in (self.starts, self.stops, self.steps)]
        return slice_shape(shape_of(self.input), *bounds)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class PadOp(MoveOp):
    """Rows and columns of zeros around (N, C, H, W), or fewer of its own.

    Padding is (top, left, bottom, right); a negative value crops.
    """

    name = "lns.pad"

    padding = prop_def(INTS)

    def __init__(self, input: SSAValue | Operation, padding: Sequence[int]):
        super().__init__([input], {"padding": ints(padding)}, elements=[elements_of(input)])

    def infer_shape(self) -> Shape:
        return crop_shape(shape_of(self.input), self.padding.get_values())

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return None if any(self.padding.get_values()) else (self.input,)


@irdl_op_definition
class PermuteOp(MoveOp):
    """Axis i of the result is axis `permutation[i]` of the operand; the batch axis stays first."""

    name = "lns.permute"

    permutation = prop_def(INTS)

    def __init__(self, input: SSAValue | Operation, permutation: Sequence[int]):
        super().__init__([input], {"permutation": ints(permutation)}, elements=[elements_of(input)])

    def infer_shape(self) -> Shape:
        return permute_shape(shape_of(self.input), self.permutation.get_values())

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        permutation = self.permutation.get_values()
        return (self.input,) if permutation == tuple(sorted(permutation)) else None
