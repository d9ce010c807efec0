"""Which elementwise ops of an nn module become one op on codes.

A *chain* is a set of ops with one result that depends on one value alone, element by element.
On codes any such function is one table, however many ops it took: `x · sigmoid(x)` is a chain
of two, `(x · 2 + 1)` clamped one of three. A chain of per-channel scales and shifts, such as a
batch norm that was not folded, is a depthwise convolution with 1x1 kernels instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from recog.dialects import nn
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.facts import Kind
from recog.lowering.common.constant_arithmetic import scale_and_shift
from recog.lowering.common.pixels import (
    Known,
    aligned_constant,
    pixel_function,
    varying_axes,
)
from recog.lowering.encode.legality import (
    can_chain,
    is_mask,
    lone_activation,
    takes_activation,
)
from recog.lowering.encode.output_scales import output_exponents


@dataclass(frozen=True)
class ChannelAffine:
    """scale · x + shift, one of each per channel (axis 1), float64[C]."""

    scale: np.ndarray
    shift: np.ndarray

    def then(self, after: ChannelAffine) -> ChannelAffine:
        """First this, then `after`."""
        return ChannelAffine(after.scale * self.scale, after.scale * self.shift + after.shift)


@dataclass(frozen=True, eq=False)
class Chain:
    """Ops in execution order, of which the last gives a function of `source`.

    `entry` is a use of the source, an op and the number of its operand: it stays right where
    the source is replaced. `affine` is the function where it differs between channels; else
    it is a table, or one for each index along `axis`, which functions of pixels may have.
    `total` is a scale and a shift that give it, be it a table or not, where there are such.
    """

    entry: tuple[nn.NnOp, int]
    ops: tuple[nn.NnOp, ...]
    affine: ChannelAffine | None = None
    axis: int | None = None
    total: ChannelAffine | None = None

    @property
    def source(self) -> SSAValue:
        op, index = self.entry
        return op.operands[index]

    @property
    def last(self) -> nn.NnOp:
        return self.ops[-1]


def find_chains(module: ModuleOp) -> dict[Operation, Chain]:
    """The chain of every op that is in one; each chain as long as it can be."""
    # By their last ops. A longer one takes their place: nothing else uses what its ops give.
    chains: dict[Operation, Chain] = {}
    known: Known = {}
    for op in module.walk():
        if not isinstance(op, nn.NnOp) or not can_chain(op) or output_exponents(op) is not None:
            continue
        of_pixels = pixel_function(op.output, known)
        if of_pixels is not None:
            chain = _table_chain(op, chains, of_pixels.axis)
        else:
            chain = _affine_chain(op, chains) or _table_chain(op, chains)
        if chain is None:
            continue
        for operand in op.operands if not is_mask(op.output) else ():
            # It is part of this one, which a mask may turn out not to be: see `_is_of_masks`.
            if operand is not chain.source and isinstance(operand.owner, Operation):
                chains.pop(operand.owner, None)
        while (before := _table_before(chain, chains)) is not None:
            del chains[before.last]
            axis = chain.axis if before.axis is None else before.axis
            chain = Chain(before.entry, (*before.ops, *chain.ops), axis=axis)
        chains[op] = chain
    kept = (c for c in chains.values() if not (_is_plain_relu(c) or _is_of_masks(c)))
    return {op: chain for chain in kept for op in chain.ops}


def table_ending_at(op: Operation, chains: dict[Operation, Chain]) -> Chain | None:
    """The chain whose last op is `op`, where it is a function without channels."""
    chain = chains.get(op)
    return chain if chain and chain.affine is None and chain.last is op else None


def _is_plain_relu(chain: Chain) -> bool:
    """A ReLU alone has an op of its own, which takes no table."""
    return len(chain.ops) == 1 and isinstance(chain.last, nn.ReluOp)


def _is_of_masks(chain: Chain) -> bool:
    """Truth values are no codes: they may be within a function, not before or after it."""
    return is_mask(chain.source) or is_mask(chain.last.output)


# Tables


def _table_chain(
    op: nn.NnOp, chains: dict[Operation, Chain], axis: int | None = None
) -> Chain | None:
    """The longest table that ends in `op`, None where `op` is no function of one value.

    With `axis` the function may be another one for each index along it, as that of a chain before
    may be; it has one where some constant varies.
    """
    variables = _variables(op, axis)
    if variables is None or _follows_layer(op, chains):
        return None
    if all(map(is_uniform, _constants(op))):
        axis = None
    before = _from_one_source(op, variables, chains)
    axes = {axis, *(chain.axis for chain in before)} - {None}
    if before and len(axes) <= 1:
        joined = list(dict.fromkeys(chain for chain in before if chain.ops))
        if (len(variables) == 1 or joined) and all(_is_continued_by(op, each) for each in joined):
            ops = sum((chain.ops for chain in joined), ())
            total = _total(before[0], op) if len(variables) == 1 else None
            return Chain(before[0].entry, (*ops, op), axis=next(iter(axes), None), total=total)
    if len(variables) != 1:
        return None
    return Chain((op, variables[0]), (op,), axis=axis, total=affine_of(op))


def _from_one_source(
    op: nn.NnOp, variables: Sequence[int], chains: dict[Operation, Chain]
) -> list[Chain]:
    """The tables, or empty chains, that give an op's operands from one value; [] if there are none.

    In `x · clamp(x)`, where a table gives x, from x itself: its clamp begins there.
    """
    before = [_chain_before(op, index, chains) for index in variables]
    for source in dict.fromkeys(chain.source for chain in before):
        found = [
            each if each.source is source else Chain((op, index), ())
            for index, each in zip(variables, before)
        ]
        if all(each.source is source for each in found):
            return found
    return []


def _table_before(chain: Chain, chains: dict[Operation, Chain]) -> Chain | None:
    """The table that gives a table's source, where only that uses it, and several times."""
    owner = chain.source.owner
    before = table_ending_at(owner, chains) if isinstance(owner, Operation) else None
    if before is None or is_mask(before.source) or chain.affine is not None:
        return None
    if None not in (chain.axis, before.axis) and chain.axis != before.axis:
        return None
    is_alone = all(use.operation in chain.ops for use in chain.source.uses)
    return before if is_alone else None


def _chain_before(op: nn.NnOp, index: int, chains: dict[Operation, Chain]) -> Chain:
    """The table that gives an operand, or an empty chain at this use of it."""
    owner = op.operands[index].owner
    before = table_ending_at(owner, chains) if isinstance(owner, Operation) else None
    return before or Chain((op, index), ())


def _is_continued_by(op: nn.NnOp, chain: Chain) -> bool:
    """Whether nothing but `op` uses what a chain gives; within it that is so already."""
    return all(use.operation is op for use in chain.last.output.uses)


def _variables(op: nn.NnOp, axis: int | None) -> list[int] | None:
    """The operands, by number, that are not constant, of an elementwise op of scalar constants.

    With `axis`, constants may vary along it.
    """
    if op.KIND is not Kind.ELEMENTWISE:
        return None
    if axis is None and not all(map(is_uniform, _constants(op))):
        return None
    variables = [i for i, value in enumerate(op.operands) if constant_array(value) is None]
    if isinstance(op, nn.MulOp) and op.lhs == op.rhs:
        variables = variables[:1]
    shape = nn.shape_of(op.output)
    return variables if all(nn.shape_of(op.operands[i]) == shape for i in variables) else None


def _constants(op: nn.NnOp) -> list[np.ndarray]:
    arrays = map(constant_array, op.operands)
    return [array for array in arrays if array is not None]


def is_uniform(array: np.ndarray) -> bool:
    """Whether all elements are one number."""
    return array.size > 0 and bool((array == array.reshape(-1)[0]).all())


def _follows_layer(op: nn.NnOp, chains: dict[Operation, Chain]) -> bool:
    """Whether `op` is an activation that the layer before it does for free."""
    activation = lone_activation(op)
    if activation is None or not isinstance(activation.owner, nn.NnOp):
        return False
    producer = activation.owner
    chain = chains.get(producer)
    return takes_activation(producer) if chain is None else chain.affine is not None


# Scales and shifts


def _affine_chain(op: nn.NnOp, chains: dict[Operation, Chain]) -> Chain | None:
    """`op` as a scale and a shift per channel, after those before it; None if it is none."""
    affine = affine_of(op)
    if affine is None:
        return None
    index = next(i for i, v in enumerate(op.operands) if not isinstance(v.owner, ConstantOp))
    entry, ops = (op, index), (op,)
    owner = op.operands[index].owner
    before = chains.get(owner) if isinstance(owner, Operation) else None
    norm = isinstance(op, nn.BatchNormOp)
    if before is not None and before.total is not None and _is_continued_by(op, before):
        affine, entry, ops = before.total.then(affine), before.entry, (*before.ops, op)
        norm = norm or (before.affine is not None and _has_batch_norm(before.ops))
    if is_uniform(affine.scale) and is_uniform(affine.shift) and not norm:
        return None
    return Chain(entry, ops, affine, total=affine)


def _has_batch_norm(ops: tuple[nn.NnOp, ...]) -> bool:
    """Tables have none."""
    return any(isinstance(op, nn.BatchNormOp) for op in ops)


def _total(before: Chain, op: nn.NnOp) -> ChannelAffine | None:
    """A chain that `op` continues as a scale and a shift per channel, if it is one."""
    affine = affine_of(op)
    if affine is None or not before.ops:
        return affine
    return None if before.total is None else before.total.then(affine)


def affine_of(op: nn.NnOp) -> ChannelAffine | None:
    """An op as a scale and a shift per channel, in float64; None if it is none."""
    rank = len(nn.shape_of(op.output))
    if rank not in (2, 4):
        return None
    if isinstance(op, nn.BatchNormOp):
        return _affine_of_batch_norm(op)
    if not isinstance(op, nn.BinaryOp):
        return None
    channels = nn.shape_of(op.output)[1]
    lhs, rhs = (_per_channel(value, rank, channels) for value in op.operands)
    index, constant = (0, rhs) if lhs is None else (1, lhs)
    if constant is None or (lhs is not None and rhs is not None):
        return None
    if nn.shape_of(op.operands[index]) != nn.shape_of(op.output):
        return None
    found = scale_and_shift(op, index, constant)
    return None if found is None else ChannelAffine(*found)


def _affine_of_batch_norm(op: nn.BatchNormOp) -> ChannelAffine | None:
    arrays = [constant_array(value) for value in (op.scale, op.bias, op.mean, op.variance)]
    if any(array is None for array in arrays):
        return None
    scale, bias, mean, variance = (np.asarray(array, np.float64) for array in arrays)
    scale = scale / np.sqrt(variance + op.eps.value.data)
    return ChannelAffine(scale, bias - mean * scale)


def _per_channel(value: SSAValue, rank: int, channels: int) -> np.ndarray | None:
    """A constant with one number per channel, or one for all, as float64[C]."""
    aligned = aligned_constant(value, rank)
    if aligned is None or any(axis != 1 for axis in varying_axes(aligned)):
        return None
    return np.broadcast_to(aligned.reshape(-1), (channels,)).astype(np.float64)
