"""prove-accumulators: no sum of a module can leave its accumulator, whatever the input.

The bound of each output channel is taken from its actual weights and the input format's
largest code, so it holds for every input and every order of summation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
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
from recog.dialects import lns, nn
from recog.dialects.errors import fail
from recog.dialects.lns import ArithmeticAttr, format_of, shape_of
from recog.dialects.number_format import Arithmetic
from recog.dialects.refusals import OpenRefusal
from recog.lowering.encode.accumulator_room import fitting_hint
from recog.lowering.encode.layer_tables import read_layer

OVERFLOW = OpenRefusal(
    "the accumulator of {place} may reach {bound}, {width} bits hold {limit}",
    "the weights of a layer are so large, for the formats that fit the example inputs, that its "
    "sum could leave the accumulator",
    nn.LayerOp,
)


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
        bounds = list(module_bounds(op))
        widest = max((each.width for each in bounds), default=0)
        for each in bounds:
            check_bound(each, each.op.properties["arithmetic"].data, widest)  # pyright: ignore


def check_bound(each: AccumulatorBound, arithmetic: Arithmetic, widest: int = 0) -> None:
    """Raise RecogError naming layer, channel, bound and width where a bound does not fit.

    Args:
        widest: bits that other sums are known to need; the hint names enough for all.
    """
    if each.bound <= accumulator_limit(arithmetic):
        return
    fail(
        each.op,
        OVERFLOW.message(
            place=each.place,
            bound=shown(each.bound),
            width=arithmetic.accumulator_width,
            limit=accumulator_limit(arithmetic),
        ),
        hint=fitting_hint(max(each.width, widest)),
    )
