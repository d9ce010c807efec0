"""prove-accumulators: no sum of a module can leave its accumulator, whatever the input.

The bound of each output channel is taken from its actual weights and the input format's
largest code, so it holds for every input and every order of summation. `widen` uses the
same bounds the other way round: the narrowest accumulators that the module needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerType, ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from recog.backend.arithmetic.bounds import (
    accumulator_bounds,
    accumulator_limit,
    add_bound,
    pool_bound,
    resize_bound,
    shown,
)
from recog.backend.arithmetic.codes import Codes
from recog.backend.arithmetic.reference.stereo import correlation_bound
from recog.dialects import lns
from recog.dialects.data import ConstantOp
from recog.dialects.errors import fail
from recog.dialects.lns import ArithmeticAttr, format_of, shape_of
from recog.dialects.number_format import MAX_ACCUMULATOR_WIDTH, Arithmetic
from recog.lowering.encode.layer_tables import read_layer

DEFAULT_WIDTH = 32
WIDTH_STEP = 8
"""Accumulators are whole bytes wide."""


@dataclass(frozen=True)
class AccumulatorBound:
    """The largest |accumulator| of an op, and where in it: `output channel 7`, `the sum`."""

    op: Operation
    place: str
    bound: int

    @property
    def width(self) -> int:
        """Bits of a two's-complement accumulator that holds it."""
        return self.bound.bit_length() + 1


def module_bounds(module: ModuleOp) -> Iterator[AccumulatorBound]:
    """The bound of every op of a module that accumulates; raises RecogError as `read_layer`."""
    for op in module.walk():
        arithmetic = op.properties.get("arithmetic")
        if isinstance(arithmetic, ArithmeticAttr):
            yield op_bound(op, arithmetic.data)


def op_bound(op: Operation, arithmetic: Arithmetic) -> AccumulatorBound:
    """The bound of one op of the lns dialect."""
    match op:
        case lns.MultiplyAccumulateOp():
            layer = read_layer(op)
            weights = Codes(layer.expanded, layer.format)
            bounds = accumulator_bounds(weights, format_of(op.input), layer.initial, arithmetic)
            channel = int(np.argmax(np.array(bounds, dtype=object)))
            return AccumulatorBound(op, f"output channel {channel}", bounds[channel])
        case lns.AddOp() | lns.SubOp():
            bound = add_bound(format_of(op.lhs), format_of(op.rhs), arithmetic)
            return AccumulatorBound(op, "the sum", bound)
        case lns.AvgPool2dOp():
            count = prod(op.kernel.get_values())
            bound = pool_bound(format_of(op.input), count, arithmetic)
            return AccumulatorBound(op, "the mean", bound)
        case lns.CorrelationOp():
            formats = format_of(op.left), format_of(op.right)
            bound = correlation_bound(*formats, shape_of(op.left)[1], arithmetic)
            return AccumulatorBound(op, "the correlation", bound)
        case lns.ResizeOp() if op.steps is not None:
            bound = resize_bound(format_of(op.input), op.steps.get_values(), arithmetic)
            return AccumulatorBound(op, "the interpolation", bound)
        case _:
            fail(op, "nothing is known about this op's accumulators")


@dataclass(frozen=True)
class ProveAccumulatorsPass(ModulePass):
    """Fail at the first op whose accumulator might overflow; the module stays as it is."""

    name = "prove-accumulators"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for each in module_bounds(op):
            check_bound(each)


def check_bound(each: AccumulatorBound) -> None:
    """Raise RecogError naming layer, channel, bound and width where a bound does not fit."""
    arithmetic: Arithmetic = each.op.properties["arithmetic"].data  # pyright: ignore
    if each.bound <= accumulator_limit(arithmetic):
        return
    fail(
        each.op,
        f"the accumulator of {each.place} may reach {shown(each.bound)}, "
        f"{arithmetic.accumulator_width} bits hold {accumulator_limit(arithmetic)}",
        hint=f"use accumulators of {each.width} bits, fewer antilog bits, or codes of fewer bits",
    )


def widen(module: ModuleOp, at_least: int = DEFAULT_WIDTH) -> int:
    """Give all ops of an lns module the narrowest accumulators that cannot overflow.

    One width for the module, as the chip has one kind of accumulator; whole bytes. The
    values do not change: accumulation is exact at any width that suffices.

    Returns:
        The width. Where 64 bits do not suffice it is 64, and prove-accumulators says so.
    """
    needed = max((each.width for each in module_bounds(module)), default=0)
    whole_bytes = -(-needed // WIDTH_STEP) * WIDTH_STEP
    width = min(max(at_least, whole_bytes), MAX_ACCUMULATOR_WIDTH)
    for op in module.walk():
        arithmetic = op.properties.get("arithmetic")
        if isinstance(arithmetic, ArithmeticAttr):
            op.properties["arithmetic"] = ArithmeticAttr(
                replace(arithmetic.data, accumulator_width=width)
            )
        if isinstance(op, lns.MultiplyAccumulateOp) and op.bias is not None:
            _retype(op.bias.owner, width)
    return width


def _retype(constant: Operation | object, width: int) -> None:
    """Make a constant of initial values as wide as the accumulators."""
    if not isinstance(constant, ConstantOp):
        return
    values, element_type = constant.value.to_array(), IntegerType(width)
    if constant.value.type.element_type == element_type:
        return
    wider = ConstantOp.from_array(values, element_type)
    wider.location = constant.location
    wider.output.name_hint = constant.output.name_hint
    block = constant.parent
    if block is not None:
        block.insert_op_before(wider, constant)
        constant.output.replace_all_uses_with(wider.output)
        constant.detach()
        constant.erase()
