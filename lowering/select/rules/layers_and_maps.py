"""How each lns op becomes chip instructions: one function an op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from xdsl.ir import Operation, SSAValue

from recog.dialects import chip, lns
from recog.dialects.data import ConstantOp
from recog.dialects.errors import fail
from recog.dialects.lns.types import shape_of
from recog.dialects.number_format import Arithmetic
from recog.lowering.encode.layer_tables import constant_operand, read_layer
from recog.lowering.encode.prove_accumulators import check_bound, op_bound
from recog.lowering.select.program_builder import ProgramBuilder, element_type, value_name
from recog.lowering.select.views import View, in_buffer, pieces

LOWERINGS: dict[type[Operation], Callable[[ProgramBuilder, Operation], None]] = {}
"""The lowering of every op that has one."""

_OpT = TypeVar("_OpT", bound=Operation)
_Lowering = Callable[[ProgramBuilder, _OpT], None]


def lowers(op_type: type[_OpT]) -> Callable[[_Lowering[_OpT]], _Lowering[_OpT]]:
    """Register a function as the lowering of `op_type`."""

    def register(function: _Lowering[_OpT]) -> _Lowering[_OpT]:
        LOWERINGS[op_type] = function  # pyright: ignore[reportArgumentType]
        return function

    return register


@lowers(lns.Conv2dOp)
def lower_conv2d(build: ProgramBuilder, op: lns.Conv2dOp) -> None:
    groups = op.groups.value.data
    depthwise = groups > 1 and groups == shape_of(op.input)[1]
    instruction = chip.DwconvOp if depthwise else chip.ConvOp
    stride_h, stride_w = op.strides.get_values()
    dilation_h, dilation_w = op.dilation.get_values()
    top, left, bottom, right = op.padding.get_values()
    build.emit(
        op,
        instruction(
            input=build.tensor(op, op.input),
            output=build.tensor(op, op.output),
            weights=_weights(build, op),
            stride_h=stride_h,
            stride_w=stride_w,
            dilation_h=dilation_h,
            dilation_w=dilation_w,
            pad_top=top,
            pad_left=left,
            pad_bottom=bottom,
            pad_right=right,
            relu=op.relu is not None,
        ),
    )


@lowers(lns.ConvTranspose2dOp)
def lower_conv_transpose2d(build: ProgramBuilder, op: lns.ConvTranspose2dOp) -> None:
    stride_h, stride_w = op.strides.get_values()
    dilation_h, dilation_w = op.dilation.get_values()
    top, left, _, _ = op.padding.get_values()
    build.emit(
        op,
        chip.DeconvOp(
            input=build.tensor(op, op.input),
            output=build.tensor(op, op.output),
            weights=_weights(build, op),
            stride_h=stride_h,
            stride_w=stride_w,
            dilation_h=dilation_h,
            dilation_w=dilation_w,
            crop_top=top,
            crop_left=left,
            relu=op.relu is not None,
        ),
    )


@lowers(lns.LinearOp)
def lower_linear(build: ProgramBuilder, op: lns.LinearOp) -> None:
    """A 1x1 convolution whose channels are the last axis, whose positions are all others."""
    features = [_axis_first(build, op, value, -1) for value in (op.input, op.output)]
    parts = list(build.view_pieces(op, *features, lead=1))
    weights, relu = _weights(build, op), op.relu is not None
    for input, output in parts:
        build.emit(op, chip.ConvOp(input=input, output=output, weights=weights, relu=relu))


def _axis_first(
    build: ProgramBuilder, op: Operation, value: SSAValue, axis: int
) -> tuple[View, SSAValue]:
    """A value seen with one of its axes, the batch axis not counted, before the others."""
    view = build.layout.view(value, op)
    axes = list(range(len(view.shape)))
    first = axes.pop(axis)
    return view.permuted([first, *axes]), value


def _weights(build: ProgramBuilder, op: lns.MultiplyAccumulateOp) -> str:
    """The weights of a layer whose accumulators are proven not to overflow."""
    prove(build, op, op.arithmetic.data)
    return build.weights(op, read_layer(op))


def prove(build: ProgramBuilder, op: Operation, arithmetic: Arithmetic) -> None:
    """Fail where an accumulator may overflow, or the target computes otherwise."""
    own = build.target.computing(arithmetic)
    if differing := own.other_arithmetic(build.target):
        fail(
            op,
            f"the layer computes with {differing} as the target",
            hint="encode for the target: recog convert --target, or encode-lns with its options",
        )
    check_bound(op_bound(op, arithmetic), arithmetic)


@lowers(lns.AddOp)
def lower_add(build: ProgramBuilder, op: lns.AddOp) -> None:
    prove(build, op, op.arithmetic.data)
    _elementwise(build, op, "add")


@lowers(lns.SubOp)
def lower_sub(build: ProgramBuilder, op: lns.SubOp) -> None:
    prove(build, op, op.arithmetic.data)
    _elementwise(build, op, "sub")


@lowers(lns.MulOp)
def lower_mul(build: ProgramBuilder, op: lns.MulOp) -> None:
    _elementwise(build, op, "mul")


def _elementwise(build: ProgramBuilder, op: lns.BinaryOp, mode: str) -> None:
    relu = op.relu is not None
    for lhs, rhs, output in build.pieces(op, op.lhs, op.rhs, op.output):
        build.emit(op, chip.EltOp(lhs=lhs, rhs=rhs, output=output, mode=mode, relu=relu))


@lowers(lns.ResizeOp)
def lower_resize(build: ProgramBuilder, op: lns.ResizeOp) -> None:
    if op.arithmetic is not None:
        prove(build, op, op.arithmetic.data)
    steps_h, steps_w = (1, 1) if op.steps is None else op.steps.get_values()
    build.emit(
        op,
        chip.ResizeOp(
            input=build.tensor(op, op.input),
            output=build.tensor(op, op.output),
            mode=op.mode.data,
            align_corners=op.align_corners is not None,
            steps_h=steps_h,
            steps_w=steps_w,
        ),
    )


@lowers(ConstantOp)
def lower_constant(build: ProgramBuilder, op: ConstantOp) -> None:
    elements = np.ascontiguousarray(constant_operand(op, op.output))
    view = build.layout.view(op.output, op)
    element, name = element_type(op, op.output), value_name(op.output)
    for part, source in pieces([view, in_buffer(view.shape, view.element_bytes)]):
        content = np.ndarray(
            source.shape, elements.dtype, elements.tobytes(), source.offset, source.strides
        )
        instruction = chip.ConstantOp(output=build.view(op, part, element, name), address=0)
        build.image.store(instruction, "address", "tables", _bytes(content))
        build.emit(op, instruction)


def _bytes(codes: np.ndarray) -> bytes:
    """Codes as they lie in memory, little-endian."""
    return np.ascontiguousarray(codes, codes.dtype.newbyteorder("<")).tobytes()


@lowers(lns.TableOp)
def lower_table(build: ProgramBuilder, op: lns.TableOp) -> None:
    table = constant_operand(op, op.table)
    x, y = (build.layout.view(value, op) for value in (op.input, op.output))
    parts = [(table, x, y)]
    if op.axis is not None:
        axis = op.axis.value.data - 1
        parts = [(row, x.part(axis, i, 1), y.part(axis, i, 1)) for i, row in enumerate(table)]
    for entries, source, target in parts:
        content = _bytes(entries)
        for input, output in build.view_pieces(op, (source, op.input), (target, op.output)):
            instruction = chip.TableOp(input=input, output=output, address=0)
            build.image.store(instruction, "address", "tables", content)
            build.emit(op, instruction)


@lowers(lns.ReluOp)
def lower_relu(build: ProgramBuilder, op: lns.ReluOp) -> None:
    _copy(build, op, relu=True)


@lowers(lns.ConvertOp)
def lower_convert(build: ProgramBuilder, op: lns.ConvertOp) -> None:
    _copy(build, op, relu=False)


def _copy(build: ProgramBuilder, op: lns.ReluOp | lns.ConvertOp, *, relu: bool) -> None:
    for input, output in build.pieces(op, op.input, op.output):
        build.emit(op, chip.CopyOp(input=input, output=output, relu=relu))


@lowers(lns.ReshapeOp)
def lower_reshape(build: ProgramBuilder, op: lns.ReshapeOp) -> None:
    _moves(build, op)


@lowers(lns.SliceOp)
def lower_slice(build: ProgramBuilder, op: lns.SliceOp) -> None:
    _moves(build, op)


@lowers(lns.PermuteOp)
def lower_permute(build: ProgramBuilder, op: lns.PermuteOp) -> None:
    _moves(build, op)


@lowers(lns.ConcatOp)
def lower_concat(build: ProgramBuilder, op: lns.ConcatOp) -> None:
    _moves(build, op)


def _moves(build: ProgramBuilder, op: Operation) -> None:
    """What the layout could not do by addressing alone."""
    for move in build.layout.moves.get(op, []):
        build.move(op, move, f"{value_name(move.value)}.copy")


@lowers(lns.PadOp)
def lower_pad(build: ProgramBuilder, op: lns.PadOp) -> None:
    _moves(build, op)
    whole = build.layout.view(op.output, op)
    top, left, bottom, right = (max(size, 0) for size in op.padding.get_values())
    _, height, width = whole.shape
    middle = whole.part(1, top, height - top - bottom)
    borders = [
        whole.part(1, 0, top),
        middle.part(2, 0, left),
        middle.part(2, width - right, right),
        whole.part(1, height - bottom, bottom),
    ]
    element = element_type(op, op.output)
    for border in borders:
        if 0 not in border.shape:
            name = f"{value_name(op.output)}.border"
            build.emit(op, chip.ZeroOp(output=build.view(op, border, element, name)))


@lowers(lns.ArgmaxOp)
def lower_argmax(build: ProgramBuilder, op: lns.ArgmaxOp) -> None:
    axis = op.axis.value.data - 1
    values, value = _axis_first(build, op, op.input, axis)
    if op.keepdims is None:
        index = build.layout.view(op.output, op)
        lead = index.element_bytes
        whole = replace(index, shape=(1, *index.shape), strides=(lead, *index.strides))
    else:
        whole, _ = _axis_first(build, op, op.output, axis)
    for input, output in build.view_pieces(op, (values, value), (whole, op.output), lead=1):
        build.emit(op, chip.ArgmaxOp(input=input, output=output))


@lowers(lns.EncodeOp)
def lower_encode(build: ProgramBuilder, op: lns.EncodeOp) -> None:
    if op.input not in build.inputs:
        fail(op, "only the inputs of a program can be encoded")
    build.emit(op, chip.DmaInOp(output=build.tensor(op, op.output), input=build.inputs[op.input]))


@lowers(lns.DecodeOp)
def lower_decode(build: ProgramBuilder, op: lns.DecodeOp) -> None:
    """The host decodes what the program returns; other users of floats have no lowering."""
