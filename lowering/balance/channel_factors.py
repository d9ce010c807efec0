"""Which channels of a network can be scaled, and which only together.

A positive factor on a channel goes through a ReLU, a pool, a concatenation; layers can take a
factor of each input channel, and give any to each output channel, by other weights. So the channels
of a function fall into classes: those of one class have one factor. Class 0 cannot be scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import Float32Type
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.data import ConstantOp
from recog.dialects.facts import is_parameter

FIXED = 0
"""The class of the channels that cannot be scaled."""


@dataclass
class ChannelClasses:
    """The class of each channel (axis 1) of the values of a function.

    Attributes:
        of: for each float value of two axes or more, int64 (C).
        layers: the ops that can take other factors than they give.
        uniform: values whose channels have one factor, given by a product after them.
        outputs: values returned, whose channels the host can give any factors.
    """

    of: dict[SSAValue, np.ndarray] = field(default_factory=dict[SSAValue, np.ndarray])
    layers: list[nn.NnOp] = field(default_factory=list[nn.NnOp])
    uniform: list[SSAValue] = field(default_factory=list[SSAValue])
    outputs: list[SSAValue] = field(default_factory=list[SSAValue])

    @staticmethod
    def source(op: nn.NnOp) -> SSAValue:
        """The operand whose factors a layer takes: the one that is no constant."""
        return next(value for value in op.operands if not is_parameter(value))


def channel_classes(function: func.FuncOp) -> ChannelClasses:
    """The classes of a function of nn ops."""
    search = _Search()
    for argument in function.body.block.args:
        search.give_uniform(argument)
    for op in function.body.block.ops:
        if isinstance(op, nn.NnOp) and not is_parameter(op):
            search.add(op)
        elif isinstance(op, func.ReturnOp):
            search.give_back(op)
        else:
            search.fix(op.operands)
    return search.finished()


def changes_scale(op: nn.NnOp) -> bool:
    """Whether an op can take other factors than it gives, all its parameters being constants."""
    match op:
        case nn.LayerOp():
            parameters = (op.weight, op.bias)
            has_axis = isinstance(op, nn.Conv2dOp | nn.ConvTranspose2dOp) or (
                len(nn.shape_of(op.input)) == 2
            )
        case nn.BatchNormOp():
            parameters, has_axis = op.operands[1:], True
        case nn.MulOp() | nn.DivOp():
            parameters, has_axis = (op.rhs,), _is_per_channel(op, op.rhs)
        case nn.AddOp() | nn.SubOp():
            constant = next((v for v in op.operands if is_parameter(v)), None)
            parameters, has_axis = (constant,), _is_per_channel(op, constant)
        case _:
            return False
    return has_axis and all(value is None or _is_float_constant(value) for value in parameters)


def _is_float_constant(value: SSAValue) -> bool:
    return isinstance(value.owner, ConstantOp) and isinstance(
        nn.element_type_of(value), Float32Type
    )


def _is_per_channel(op: nn.NnOp, constant: SSAValue | None) -> bool:
    """Whether a constant operand has a number for each channel of the result, or one for all."""
    if constant is None or not is_parameter(constant):
        return False
    shape, own = nn.shape_of(op.output), nn.shape_of(constant)
    aligned = (1,) * (len(shape) - len(own)) + own
    return (
        len(shape) > 1
        and _same(ChannelClasses.source(op), op.output)
        and all(size == 1 for axis, size in enumerate(aligned) if axis != 1)
    )


def _same(value: SSAValue, other: SSAValue) -> bool:
    return nn.shape_of(value) == nn.shape_of(other)


class _Search:
    """Goes through the ops in order; equalities of channels are collected and solved at the end."""

    def __init__(self):
        self._classes = ChannelClasses()
        self._count = FIXED + 1
        self._equal: list[tuple[np.ndarray, np.ndarray]] = []
        self._of_weight: dict[SSAValue, tuple[np.ndarray, np.ndarray]] = {}

    def _new(self, count: int) -> np.ndarray:
        self._count += count
        return np.arange(self._count - count, self._count)

    def _join(self, lhs: np.ndarray, rhs: np.ndarray | int) -> None:
        self._equal.append((lhs, np.broadcast_to(rhs, lhs.shape)))

    def fix(self, values: Sequence[SSAValue]) -> None:
        """Let the channels of values be as they are."""
        for value in values:
            if value in self._classes.of:
                self._join(self._classes.of[value], FIXED)

    def give_back(self, op: func.ReturnOp) -> None:
        """Let the channels of outputs have factors where nothing else reads them."""
        for value in dict.fromkeys(op.operands):
            returned = all(isinstance(use.operation, func.ReturnOp) for use in value.uses)
            if value in self._classes.of and returned:
                self._classes.outputs.append(value)
            else:
                self.fix([value])

    def give_uniform(self, value: SSAValue) -> None:
        """Let all channels of a value have one factor."""
        shape = nn.shape_of(value)
        if len(shape) > 1 and isinstance(nn.element_type_of(value), Float32Type):
            self._classes.uniform.append(value)
            self._classes.of[value] = np.broadcast_to(self._new(1), shape[1])

    def add(self, op: nn.NnOp) -> None:
        known = self._classes.of
        variable = [value for value in op.operands if not is_parameter(value)]
        if not variable or not all(value in known for value in variable):
            self.fix(op.operands)
            self.give_uniform(op.output)
        elif changes_scale(op):
            self._add_layer(op)
        else:
            classes = self._kept(op, variable)
            if classes is None:
                self.fix(op.operands)
                self.give_uniform(op.output)
            else:
                known[op.output] = classes

    def _add_layer(self, op: nn.NnOp) -> None:
        classes = self._classes
        taken = classes.of[classes.source(op)]
        if isinstance(op, nn.AddOp | nn.SubOp):
            classes.of[op.output] = taken
        elif isinstance(op, nn.BinaryOp) and np.prod(nn.shape_of(op.rhs)) == 1:
            # One factor for all channels stays one.
            classes.of[op.output] = np.broadcast_to(self._new(1), len(taken))
        else:
            classes.of[op.output] = self._new(nn.shape_of(op.output)[1])
        classes.layers.append(op)
        given = classes.of[op.output]
        if isinstance(op, nn.LayerOp):
            # A weight that layers share stays shared.
            before = self._of_weight.setdefault(op.weight, (taken, given))
            if before[0].shape != taken.shape or before[1].shape != given.shape:
                self.fix([op.input, op.output])
                self._join(before[0], FIXED)
                self._join(before[1], FIXED)
                return
            self._join(taken, before[0])
            self._join(given, before[1])

    def _kept(self, op: nn.NnOp, variable: Sequence[SSAValue]) -> np.ndarray | None:
        """The classes of a result whose channels have the factors of the operands'."""
        of, shape = self._classes.of, nn.shape_of(op.output)
        first = of[variable[0]]
        match op:
            case nn.ConcatOp() if len(variable) == len(op.operands):
                parts = [of[value] for value in op.operands]
                if op.axis.value.data == 1:
                    return np.concatenate(parts)
                return self._joined(parts)
            case nn.SliceOp():
                bounds = (op.starts, op.stops, op.steps)
                return first[slice(*(each.get_values()[1] for each in bounds))]
            case nn.ReshapeOp():
                return _reshaped(first, nn.shape_of(op.input), shape)
            case nn.PermuteOp() if op.permutation.get_values()[:2] == (0, 1):
                return first
            case nn.MulOp() if len(variable) == 2:
                return self._gated(op)
            case _ if op.keeps_channel_factors() and len(variable) == len(op.operands):
                parts = [of[value] for value in variable]
                return self._joined(parts)
            case _:
                return None

    def _joined(self, parts: Sequence[np.ndarray]) -> np.ndarray | None:
        first = parts[0]
        if any(part.shape != first.shape for part in parts):
            return None
        for part in parts[1:]:
            self._join(first, part)
        return first

    def _gated(self, op: nn.MulOp) -> np.ndarray | None:
        """x times a gate, whose channels stay as they are."""
        for value, gate in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            if value is not gate and _same(value, op.output):
                self.fix([gate])
                return self._classes.of[value]
        return None

    def finished(self) -> ChannelClasses:
        """With the equalities solved: channels of one class have one number."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        lhs, rhs = (
            np.concatenate([np.array([FIXED]), *parts])
            for parts in (zip(*self._equal) if self._equal else ((), ()))
        )
        ones = np.ones(len(lhs), np.int8)
        graph = coo_matrix((ones, (lhs, rhs)), shape=(self._count, self._count))
        _, labels = connected_components(graph, directed=False)
        labels = np.where(labels == labels[FIXED], FIXED, labels + 1)
        self._classes.of = {value: labels[each] for value, each in self._classes.of.items()}
        return self._classes


def _reshaped(
    classes: np.ndarray, given: tuple[int, ...], wanted: tuple[int, ...]
) -> np.ndarray | None:
    """The classes where each channel becomes one or more, in order; None where they mix."""
    if len(wanted) < 2 or given[0] != wanted[0] or wanted[1] % given[1]:
        return None
    return np.repeat(classes, wanted[1] // given[1])
