"""Where a batch norm can go: plans that fold it whole, made before anything is changed.

A plan walks from the batch norm to the layers before it, or to those after it, moving its
affine map past every op in between, and fails as soon as one path cannot take it. So no
batch norm is moved to a place where it sticks, and each plan carried out is one batch norm
fewer, which is why folding ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import cast

import numpy as np
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue, Use

from recog.dialects.data import ConstantOp
from recog.dialects.nn import BatchNormOp, PadOp, WeightedOp, element_type_of, shape_of
from recog.dialects.words import counted
from recog.lowering.batch_norm.affine import (
    Affine,
    Constants,
    NotFoldable,
    Weights,
    round_to,
    round_weight,
)
from recog.lowering.batch_norm.border import bias_map
from recog.lowering.batch_norm.moves import AFTER, BEFORE, pad_value_after, pad_value_before


@dataclass(frozen=True)
class FoldLimits:
    """What folding may cost."""

    clone_macs: int = 32
    """Most multiply-adds an output of a layer that is copied because it has other users."""
    border_map: int = 65536
    """Most elements of a map of biases that a shift before a padded layer takes."""


@dataclass(frozen=True, eq=False)
class LayerEdit:
    """A layer with other weights, in place of the old one for `uses`."""

    layer: WeightedOp
    weights: Weights
    weight: np.ndarray
    bias: np.ndarray
    correction: np.ndarray | None
    uses: Sequence[Use]


@dataclass(frozen=True, eq=False)
class BatchNormEdit:
    """A batch norm with another scale and shift, both (C), and neither mean nor variance."""

    op: BatchNormOp
    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True, eq=False)
class ConstantEdit:
    """Another constant for one use."""

    op: ConstantOp
    values: np.ndarray
    use: Use


@dataclass(frozen=True, eq=False)
class PadEdit:
    """Another value in the padding."""

    op: PadOp
    value: float


Edit = LayerEdit | BatchNormEdit | ConstantEdit | PadEdit


def edit_layer(
    layer: WeightedOp,
    weights: Weights,
    scale: np.ndarray,
    axis: int,
    uses: Sequence[Use],
    correction: np.ndarray | None = None,
) -> LayerEdit:
    """The layer with `weights`, rounded; raises NotFoldable where they leave float32."""
    rounded = round_weight(weights, scale, axis, layer.weight)
    element_type = element_type_of(layer.weight)
    if correction is not None:
        correction = round_to(correction, element_type)
    bias = round_to(weights.bias, element_type)
    return LayerEdit(layer, weights, rounded, bias, correction, list(uses))


def edit_batch_norm(op: BatchNormOp, first: Affine, second: Affine) -> BatchNormEdit:
    """The batch norm that applies two maps; raises NotFoldable where it leaves float32."""
    size = shape_of(op.input)[1]
    one, two = first.along(1, size), second.along(1, size)
    if one is None or two is None:
        raise NotFoldable(f"it does not normalize the channels of {op.name}")
    with np.errstate(all="ignore"):
        scale, shift = one[0] * two[0], one[1] * two[0] + two[1]
    tiny = np.finfo(np.float32).tiny
    lost = (scale != 0) & (np.abs(scale) < tiny)
    if (lost & (np.abs(one[0]) >= tiny) & (np.abs(two[0]) >= tiny)).any():
        raise NotFoldable("the folded weights underflow float32")
    for values in (scale, shift):
        round_to(values, element_type_of(op.scale))
    return BatchNormEdit(op, scale, shift)


def channel_axis(layer: WeightedOp, value: SSAValue) -> int:
    """The axis of a layer's operand or result along which its weight has a row or column."""
    return layer.CHANNEL_AXIS % len(shape_of(value))


@dataclass
class PlanBefore:
    """Folds A f(x) into whatever computes f."""

    constants: Constants
    limits: FoldLimits
    edits: list[Edit] = field(default_factory=list[Edit])
    demands: dict[SSAValue, list[tuple[Use, Affine]]] = field(
        default_factory=dict[SSAValue, "list[tuple[Use, Affine]]"]
    )

    def plan(self, batch_norm: BatchNormOp, affine: Affine) -> list[Edit]:
        """The edits after which the batch norm's input is its result; raises NotFoldable."""
        self.demands[batch_norm.input] = [(Use(batch_norm, 0), affine)]
        op = batch_norm.prev_op
        # Backwards through the block: all users of a value come after it.
        while self.demands and op is not None:
            for value in op.results:
                if value in self.demands:
                    self._resolve(op, value, self.demands.pop(value))
            op = op.prev_op
        if self.demands:
            raise NotFoldable("its input comes from an argument of the function")
        return self.edits

    def _resolve(self, op: Operation, value: SSAValue, demands: list[tuple[Use, Affine]]) -> None:
        """Let the op that makes `value` apply the map that its users want of it."""
        if isinstance(op, ConstantOp):
            for use, affine in demands:
                self.edits.append(self._edit_constant(op, use, affine))
            return
        uses = [use for use, _ in demands]
        affine = demands[0][1]
        is_whole = len(uses) == value.uses.get_length()
        if is_whole and all(affine.equals(other) for _, other in demands):
            self._move(op, affine, uses)
        elif isinstance(op, WeightedOp):
            self._check_clone(op)
            for use, wanted in demands:
                self._move(op, wanted, [use])
        else:
            raise NotFoldable(f"the result of {op.name} before it has several uses")

    def _move(self, op: Operation, affine: Affine, uses: Sequence[Use]) -> None:
        match op:
            case BatchNormOp():
                first = self.constants.affine_of(op)
                self.edits.append(edit_batch_norm(op, first, affine))
            case PadOp():
                self.edits.append(PadEdit(op, pad_value_before(op, affine)))
                self._demand(op, [affine])
            case WeightedOp():
                self.edits.append(self._edit_layer(op, affine, uses))
            case _ if type(op) in BEFORE:
                self._demand(op, BEFORE[type(op)](op, affine))
            case _:
                raise NotFoldable(f"its input comes from {op.name}")

    def _demand(self, op: Operation, maps: Sequence[Affine | None]) -> None:
        for index, affine in enumerate(maps):
            if affine is not None:
                self.demands.setdefault(op.operands[index], []).append((Use(op, index), affine))

    def _edit_layer(self, layer: WeightedOp, affine: Affine, uses: Sequence[Use]) -> LayerEdit:
        axis = channel_axis(layer, layer.output)
        found = affine.along(axis, shape_of(layer.output)[axis])
        if found is None:
            raise NotFoldable(f"it does not normalize the features of {layer.name} before it")
        weights = self.constants.weights_of(layer).followed_by(*found)
        return edit_layer(layer, weights, found[0], 0, uses)

    def _edit_constant(self, op: ConstantOp, use: Use, affine: Affine) -> ConstantEdit:
        values = self.constants.read(op.output, "a constant before it")
        with np.errstate(all="ignore"):
            values = values * affine.scale + affine.shift
        round_to(values, element_type_of(op.output))
        return ConstantEdit(op, values, use)

    def _check_clone(self, layer: WeightedOp) -> None:
        macs = prod(shape_of(layer.weight)[1:])
        if macs > self.limits.clone_macs:
            raise NotFoldable(
                f"the result of {layer.name} before it has several uses, and a copy of it takes "
                f"{counted(macs, 'multiply-add')} an output, more than {self.limits.clone_macs}"
            )


@dataclass
class PlanAfter:
    """Folds f(A x) into whatever uses f's result."""

    constants: Constants
    limits: FoldLimits
    edits: list[Edit] = field(default_factory=list[Edit])
    maps: dict[SSAValue, Affine] = field(default_factory=dict[SSAValue, Affine])

    def plan(self, batch_norm: BatchNormOp, affine: Affine) -> list[Edit]:
        """The edits after which the batch norm's result may be its input; raises NotFoldable."""
        if batch_norm.output.first_use is None:
            raise NotFoldable("its result is not used")
        self.maps[batch_norm.output] = affine
        op = batch_norm.next_op
        while op is not None:
            if any(value in self.maps for value in op.operands):
                self._move(op, [self.maps.get(value) for value in op.operands])
            op = op.next_op
        return self.edits

    def _move(self, op: Operation, maps: Sequence[Affine | None]) -> None:
        """Let an op take on the maps of its operands, or its result carry one further."""
        match op:
            case WeightedOp() | BatchNormOp():
                affine = maps[0]
                if affine is None or any(m is not None for m in maps[1:]):
                    raise NotFoldable(f"it is a parameter of {op.name} after it")
                if isinstance(op, BatchNormOp):
                    second = self.constants.affine_of(op)
                    self.edits.append(edit_batch_norm(op, affine, second))
                else:
                    self.edits.append(self._edit_layer(op, affine))
            case PadOp():
                affine = cast(Affine, maps[0])
                self.edits.append(PadEdit(op, pad_value_after(op, affine)))
                self.maps[op.output] = affine
            case _ if type(op) in AFTER:
                self.maps[op.results[0]] = AFTER[type(op)](op, maps)
            case ReturnOp():
                raise NotFoldable("its result goes to func.return")
            case _:
                raise NotFoldable(f"its result goes to {op.name}")

    def _edit_layer(self, layer: WeightedOp, affine: Affine) -> LayerEdit:
        axis = channel_axis(layer, layer.input)
        found = affine.along(axis, shape_of(layer.input)[axis])
        if found is None:
            raise NotFoldable(f"it does not normalize the features of {layer.name} after it")
        scale, shift = found
        weights = self.constants.weights_of(layer)
        response = weights.response(shift)
        moved = bias_map(layer, response, self.limits.border_map)
        ones = np.ones(len(weights.bias))
        folded = weights.preceded_by(scale).followed_by(ones, moved.bias)
        uses = list(layer.output.uses)
        return edit_layer(layer, folded, scale, 1, uses, moved.correction)
