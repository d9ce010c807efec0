"""raise-correlation: a correlation volume written out plane by plane as one op.

PyTorch has no operator for the correlation of stereo features along a row, so networks loop
over disparities, and an exported graph holds for each d some spelling of

    plane d = mean over channels of left · (right shifted by d)
    volume  = concat(plane 0, plane 1, …)

The shift is a padding followed by a crop, or both features are cropped to their overlap and
the plane is padded. `nn.correlation` is the same on every bit but for the order of a sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from recog.dialects import nn
from recog.dialects.data import constant_array
from recog.dialects.nn import shape_of


@dataclass(frozen=True)
class Plane:
    """Mean over channels of left · right, where `right` is shifted right by `disparity`."""

    left: SSAValue
    right: SSAValue
    disparity: int


class RaiseCorrelationPass(ModulePass):
    """Replace each correlation volume that is written out plane by plane by nn.correlation."""

    name = "raise-correlation"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PatternRewriteWalker(RaiseCorrelationPattern()).rewrite_module(op)


class RaiseCorrelationPattern(RewritePattern):
    """concat(plane 0, plane 1, …) → correlation."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        if op.axis.value.data != 1 or len(op.inputs) < 2 or len(shape_of(op.output)) != 4:
            return
        # Plane 0 alone does not tell which feature is the left one.
        second = next((p for p in planes_of(op.inputs[1]) if p.disparity == 1), None)
        if second is None:
            return
        for disparity, value in enumerate(op.inputs):
            if Plane(second.left, second.right, disparity) not in planes_of(value):
                return
        if len(op.inputs) > shape_of(second.left)[3]:
            return
        raised = nn.CorrelationOp(second.left, second.right, len(op.inputs))
        raised.location = op.location
        raised.attributes |= op.attributes
        raised.output.name_hint = op.output.name_hint
        planes = [value.owner for value in op.inputs]
        rewriter.replace(op, raised)
        for plane in planes:
            _erase_unused(plane, rewriter)


def _erase_unused(op: object, rewriter: PatternRewriter) -> None:
    """Erase an op that nothing uses any more, and what only it used."""
    if not isinstance(op, Operation) or op.parent is None:
        return
    if any(result.first_use is not None for result in op.results):
        return
    owners = dict.fromkeys(operand.owner for operand in op.operands)
    rewriter.erase(op)
    for owner in owners:
        _erase_unused(owner, rewriter)


def planes_of(value: SSAValue) -> list[Plane]:
    """What planes of a correlation volume a value (N, 1, H, W) may be; two where shift is 0."""
    shape = shape_of(value)
    if len(shape) != 4 or shape[1] != 1:
        return []
    value = _without_channel_axis(value)
    value, padded = _without_left_padding(value)
    mean = value.owner
    if not isinstance(mean, nn.MeanOp) or mean.axes.get_values() != (1,):
        return []
    product = mean.input.owner
    if not isinstance(product, nn.MulOp) or shape_of(product.lhs) != shape_of(product.rhs):
        return []
    pairs = ((product.lhs, product.rhs), (product.rhs, product.lhs))
    if padded:
        found = [_overlap(left, right, padded) for left, right in pairs]
    else:
        found = [_shifted(left, right) for left, right in pairs]
    return [plane for plane in found if plane is not None]


def _without_channel_axis(value: SSAValue) -> SSAValue:
    """The value (N, H, W) that a reshape gave its channel axis of 1."""
    reshape = value.owner
    batch, _, height, width = shape_of(value)
    if isinstance(reshape, nn.ReshapeOp) and shape_of(reshape.input) == (batch, height, width):
        return reshape.input
    return value


def _without_left_padding(value: SSAValue) -> tuple[SSAValue, int]:
    """What a padding with zeros on the left padded, and by how much."""
    match value.owner:
        case nn.PadOp() as pad if pad.value.value.data == 0:
            top, left, bottom, right = pad.padding.get_values()
            return (pad.input, left) if top == bottom == right == 0 else (value, 0)
        case nn.ConcatOp() as concat if (
            len(concat.inputs) == 2 and concat.axis.value.data == len(shape_of(value)) - 1
        ):
            zeros, rest = concat.inputs
            array = constant_array(zeros)
            if array is not None and not array.any():
                return rest, shape_of(zeros)[-1]
        case _:
            pass
    return value, 0


def _columns(value: SSAValue) -> tuple[SSAValue, int, int]:
    """What a slice along the last axis alone sliced, from and to which column."""
    columns = shape_of(value)[-1]
    op = value.owner
    if not isinstance(op, nn.SliceOp):
        return value, 0, columns
    whole = shape_of(op.input)
    starts, stops, steps = (each.get_values() for each in (op.starts, op.stops, op.steps))
    if any(starts[:-1]) or stops[:-1] != whole[:-1] or any(step != 1 for step in steps):
        return value, 0, columns
    return op.input, starts[-1], stops[-1]


def _shifted(left: SSAValue, right: SSAValue) -> Plane | None:
    """left · crop(pad(right)): the shift is the padding on the left."""
    source, start, stop = _columns(right)
    source, padding = _without_left_padding(source)
    width = shape_of(left)[-1]
    if start or stop != width or shape_of(source) != shape_of(left):
        return None
    return Plane(left, source, padding)


def _overlap(left: SSAValue, right: SSAValue, disparity: int) -> Plane | None:
    """left[d:] · right[:W - d], which the caller found padded by d."""
    first, start, stop = _columns(left)
    second, second_start, second_stop = _columns(right)
    width = shape_of(first)[-1]
    if (start, stop) != (disparity, width) or (second_start, second_stop) != (0, width - disparity):
        return None
    if shape_of(first) != shape_of(second):
        return None
    return Plane(first, second, disparity)
