"""Ops that move codes: reshape, concatenation, slices, padding, permutation."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.interfaces import HasFolderInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from recog.dialects import sampling_shapes, shapes
from recog.dialects.lns.types import (
    INTS,
    NUMBERS,
    format_of,
    ints,
    number_tensor,
    shape_of,
    verify_same_format,
    verify_shape,
)


@irdl_op_definition
class ReshapeOp(IRDLOperation, HasFolderInterface):
    """The same codes in row-major order under another shape; the batch axis stays first."""

    name = "lns.reshape"

    input = operand_def(NUMBERS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, shape: Sequence[int]):
        x = SSAValue.get(input)
        super().__init__(operands=[x], result_types=[number_tensor(shape, format_of(x))])

    def verify_(self) -> None:
        verify_shape(
            self, lambda: shapes.reshape_shape(shape_of(self.input), shape_of(self.output))
        )
        verify_same_format(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        if self.input.type == self.output.type:
            return (self.input,)
        producer = self.input.owner
        if isinstance(producer, ReshapeOp) and producer.input.type == self.output.type:
            return (producer.input,)
        return None


@irdl_op_definition
class ConcatOp(IRDLOperation):
    """Inputs of one format, one after the other along `axis` (not the batch axis)."""

    name = "lns.concat"

    inputs = var_operand_def(NUMBERS)
    axis = prop_def(IntegerAttr, default_value=IntegerAttr(1, i64))
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$inputs attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[SSAValue | Operation], axis: int = 1):
        values = [SSAValue.get(value) for value in inputs]
        shape = shapes.concat_shape([shape_of(value) for value in values], axis)
        super().__init__(
            operands=[values],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[number_tensor(shape, format_of(values[0]))],
        )

    def verify_(self) -> None:
        verify_shape(self, self._infer_shape)
        verify_same_format(self)

    def _infer_shape(self) -> tuple[int, ...]:
        inputs, axis = [shape_of(value) for value in self.inputs], self.axis.value.data
        if inputs:
            shapes.check_data_axis(axis, len(inputs[0]))
        return shapes.concat_shape(inputs, axis)


@irdl_op_definition
class SliceOp(IRDLOperation, HasFolderInterface):
    """Codes start, start + step, ... below stop along every axis; the batch axis is whole.

    `starts`, `stops` and `steps` have a value an axis: channel ranges, crops, subsampling.
    """

    name = "lns.slice"

    input = operand_def(NUMBERS)
    starts = prop_def(INTS)
    stops = prop_def(INTS)
    steps = prop_def(INTS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        input: SSAValue | Operation,
        starts: Sequence[int],
        stops: Sequence[int],
        steps: Sequence[int],
    ):
        x = SSAValue.get(input)
        shape = sampling_shapes.slice_shape(shape_of(x), starts, stops, steps)
        super().__init__(
            operands=[x],
            properties={"starts": ints(starts), "stops": ints(stops), "steps": ints(steps)},
            result_types=[number_tensor(shape, format_of(x))],
        )

    def verify_(self) -> None:
        bounds = [each.get_values() for each in (self.starts, self.stops, self.steps)]
        verify_shape(self, lambda: sampling_shapes.slice_shape(shape_of(self.input), *bounds))
        verify_same_format(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return (self.input,) if self.input.type == self.output.type else None


@irdl_op_definition
class PadOp(IRDLOperation, HasFolderInterface):
    """Rows and columns of zeros around (N, C, H, W), or fewer of its own.

    Padding is (top, left, bottom, right); a negative value crops.
    """

    name = "lns.pad"

    input = operand_def(NUMBERS)
    padding = prop_def(INTS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, padding: Sequence[int]):
        x = SSAValue.get(input)
        shape = sampling_shapes.crop_shape(shape_of(x), padding)
        super().__init__(
            operands=[x],
            properties={"padding": ints(padding)},
            result_types=[number_tensor(shape, format_of(x))],
        )

    def verify_(self) -> None:
        verify_shape(
            self,
            lambda: sampling_shapes.crop_shape(shape_of(self.input), self.padding.get_values()),
        )
        verify_same_format(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        return None if any(self.padding.get_values()) else (self.input,)


@irdl_op_definition
class PermuteOp(IRDLOperation, HasFolderInterface):
    """Axis i of the result is axis `permutation[i]` of the operand; the batch axis stays first."""

    name = "lns.permute"

    input = operand_def(NUMBERS)
    permutation = prop_def(INTS)
    output = result_def(NUMBERS)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue | Operation, permutation: Sequence[int]):
        x = SSAValue.get(input)
        shape = sampling_shapes.permute_shape(shape_of(x), permutation)
        super().__init__(
            operands=[x],
            properties={"permutation": ints(permutation)},
            result_types=[number_tensor(shape, format_of(x))],
        )

    def verify_(self) -> None:
        permutation = self.permutation.get_values()
        verify_shape(self, lambda: sampling_shapes.permute_shape(shape_of(self.input), permutation))
        verify_same_format(self)

    def fold(self) -> Sequence[SSAValue | Attribute] | None:
        permutation = self.permutation.get_values()
        return (self.input,) if permutation == tuple(sorted(permutation)) else None
