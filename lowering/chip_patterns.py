"""How each lns op becomes chip instructions: one function an op."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NoReturn, TypeVar

import numpy as np
from xdsl.ir import Operation

from recog.backend.arithmetic.bounds import (
    accumulator_limit,
    add_bound,
    check_accumulator,
    pool_bound,
)
from recog.dialects import chip, lns
from recog.dialects.errors import fail
from recog.dialects.lns import format_of
from recog.dialects.lns.types import shape_of
from recog.dialects.number_format import Arithmetic
from recog.lowering.chip_builder import ProgramBuilder
from recog.lowering.chip_layout import frame_shape
from recog.lowering.chip_weights import constant_operand, read_layer

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


@lowers(lns.LinearOp)
def lower_linear(build: ProgramBuilder, op: lns.LinearOp) -> None:
    out_features, in_features = shape_of(op.weight)
    _ = frame_shape(op.input, op)
    if prod(shape_of(op.input)) != in_features:
        shape = list(shape_of(op.input))
        fail(op, f"a linear layer has an instruction for one row of input only, got {shape}")
    build.emit(
        op,
        chip.ConvOp(
            input=build.tensor(op, op.input, (in_features, 1, 1)),
            output=build.tensor(op, op.output, (out_features, 1, 1)),
            weights=_weights(build, op),
            relu=op.relu is not None,
        ),
    )


def _weights(build: ProgramBuilder, op: lns.MultiplyAccumulateOp) -> str:
    """The weights of a layer whose accumulators are proven not to overflow."""
    arithmetic = _arithmetic(build, op, op.arithmetic.data)
    layer = read_layer(op)
    unsafe = check_accumulator(
        layer.expanded, layer.format, format_of(op.input), layer.initial, arithmetic
    )
    if unsafe:
        channel, bound = max(unsafe, key=lambda pair: pair[1])
        _fail_overflow(op, f"output channel {channel}", bound, arithmetic)
    return build.weights(op, layer)


def _arithmetic(build: ProgramBuilder, op: Operation, arithmetic: Arithmetic) -> Arithmetic:
    if arithmetic != build.target.arithmetic:
        fail(
            op,
            f"the layer computes with {arithmetic}, the target with {build.target.arithmetic}",
            hint="give encode-lns the antilog bits and accumulator of the target",
        )
    return arithmetic


def _fail_overflow(op: Operation, what: str, bound: int, arithmetic: Arithmetic) -> NoReturn:
    fail(
        op,
        f"the accumulator of {what} may reach {bound}, {arithmetic.accumulator_width} bits hold "
        f"{accumulator_limit(arithmetic)}",
        hint=f"use accumulators of {bound.bit_length() + 1} bits, fewer antilog bits, or "
        "weights and activations of fewer bits",
    )


@lowers(lns.AddOp)
def lower_add(build: ProgramBuilder, op: lns.AddOp) -> None:
    arithmetic = _arithmetic(build, op, op.arithmetic.data)
    bound = add_bound(format_of(op.lhs), format_of(op.rhs), arithmetic)
    if bound > accumulator_limit(arithmetic):
        _fail_overflow(op, "the sum", bound, arithmetic)
    build.emit(
        op,
        chip.EltOp(
            lhs=build.tensor(op, op.lhs),
            rhs=build.tensor(op, op.rhs),
            output=build.tensor(op, op.output),
            mode="add",
            relu=op.relu is not None,
        ),
    )


@lowers(lns.MaxPool2dOp)
def lower_max_pool2d(build: ProgramBuilder, op: lns.MaxPool2dOp) -> None:
    _pool(build, op, "max", count_padding=False)


@lowers(lns.AvgPool2dOp)
def lower_avg_pool2d(build: ProgramBuilder, op: lns.AvgPool2dOp) -> None:
    arithmetic = _arithmetic(build, op, op.arithmetic.data)
    bound = pool_bound(format_of(op.input), prod(op.kernel.get_values()), arithmetic)
    if bound > accumulator_limit(arithmetic):
        _fail_overflow(op, "the mean", bound, arithmetic)
    _pool(build, op, "avg", count_padding=op.count_include_pad is not None)


def _pool(
    build: ProgramBuilder,
    op: lns.MaxPool2dOp | lns.AvgPool2dOp,
    mode: str,
    *,
    count_padding: bool,
) -> None:
    kernel_h, kernel_w = op.kernel.get_values()
    stride_h, stride_w = op.strides.get_values()
    top, left, bottom, right = op.padding.get_values()
    build.emit(
        op,
        chip.PoolOp(
            input=build.tensor(op, op.input),
            output=build.tensor(op, op.output),
            mode=mode,
            kernel_h=kernel_h,
            kernel_w=kernel_w,
            stride_h=stride_h,
            stride_w=stride_w,
            pad_top=top,
            pad_left=left,
            pad_bottom=bottom,
            pad_right=right,
            count_padding=count_padding,
        ),
    )


@lowers(lns.TableOp)
def lower_table(build: ProgramBuilder, op: lns.TableOp) -> None:
    entries = constant_operand(op, op.table)
    instruction = chip.TableOp(
        input=build.tensor(op, op.input), output=build.tensor(op, op.output), address=0
    )
    content = np.ascontiguousarray(entries, entries.dtype.newbyteorder("<")).tobytes()
    build.image.store(instruction, "address", "tables", content)
    build.emit(op, instruction)


@lowers(lns.ReluOp)
def lower_relu(build: ProgramBuilder, op: lns.ReluOp) -> None:
    _copy(build, op, relu=True)


@lowers(lns.ConvertOp)
def lower_convert(build: ProgramBuilder, op: lns.ConvertOp) -> None:
    _copy(build, op, relu=False)


def _copy(build: ProgramBuilder, op: lns.ReluOp | lns.ConvertOp, *, relu: bool) -> None:
    input, output = build.tensor(op, op.input), build.tensor(op, op.output)
    build.emit(op, chip.CopyOp(input=input, output=output, relu=relu))


@lowers(lns.ReshapeOp)
def lower_reshape(build: ProgramBuilder, op: lns.ReshapeOp) -> None:
    _copies(build, op)


@lowers(lns.ConcatOp)
def lower_concat(build: ProgramBuilder, op: lns.ConcatOp) -> None:
    _copies(build, op)


def _copies(build: ProgramBuilder, op: Operation) -> None:
    """What the layout could not do by addressing alone."""
    for value, view in build.layout.copies.get(op, []):
        build.copy(op, value, view)


@lowers(lns.ArgmaxOp)
def lower_argmax(build: ProgramBuilder, op: lns.ArgmaxOp) -> None:
    if op.axis.value.data != 1:
        fail(op, f"argmax has an instruction along axis 1 only, got {op.axis.value.data}")
    _, height, width = frame_shape(op.input, op)
    input = build.tensor(op, op.input)
    output = build.tensor(op, op.output, (1, height, width))
    build.emit(op, chip.ArgmaxOp(input=input, output=output))


@lowers(lns.EncodeOp)
def lower_encode(build: ProgramBuilder, op: lns.EncodeOp) -> None:
    if op.input not in build.inputs:
        fail(op, "only the inputs of a program can be encoded")
    build.emit(op, chip.DmaInOp(output=build.tensor(op, op.output), input=build.inputs[op.input]))


@lowers(lns.DecodeOp)
def lower_decode(build: ProgramBuilder, op: lns.DecodeOp) -> None:
    """The host decodes what the program returns; other users of floats have no lowering."""
