"""Carries out the plan for one batch norm: new weights, constants, and the batch norm gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Operation, SSAValue, Use
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.rewriter import InsertPoint

from recog.dialects.data import ConstantOp
from recog.dialects.nn import (
    AddOp,
    BatchNormOp,
    NnOp,
    element_type_of,
)
from recog.dialects.nn.base import real
from recog.lowering.batch_norm.affine import Constants, round_to
from recog.lowering.batch_norm.plan import (
    BatchNormEdit,
    ConstantEdit,
    Edit,
    LayerEdit,
    PadEdit,
)


def carry_out(
    op: NnOp,
    index: int,
    edits: Sequence[Edit],
    constants: Constants,
    rewriter: PatternRewriter,
    *,
    bias: SSAValue,
) -> None:
    """Make the edits, and let the users of an op, a batch norm or the like, take its operand.

    Args:
        index: the number of that operand.
        bias: the op's constant whose name and place biases get of layers that had none.
    """
    replaced: list[Operation] = [op]
    for edit in edits:
        match edit:
            case LayerEdit():
                _replace_layer(edit, bias, constants, rewriter)
                replaced.append(edit.layer)
            case BatchNormEdit():
                _replace_batch_norm(edit, constants, rewriter)
                replaced.append(edit.op)
            case ConstantEdit():
                _replace_constant(edit, constants, rewriter)
                replaced.append(edit.op)
            case PadEdit():
                edit.op.properties["value"] = real(edit.value)
                rewriter.notify_op_modified(edit.op)
    rewriter.replace_all_uses_with(op.output, op.operands[index])
    _erase_dead(rewriter, replaced)


def _replace_layer(
    edit: LayerEdit, named: SSAValue, constants: Constants, rewriter: PatternRewriter
) -> None:
    """A layer without a bias gets one with the name and place of `named`, if it must."""
    layer = edit.layer
    weight = constants.make(layer.weight, edit.weight, edit.weights)
    new_ops: list[Operation] = [weight]
    bias = None
    if layer.bias is not None or edit.weights.bias.any():
        model = layer.bias if layer.bias is not None else named
        bias = constants.make(model, edit.bias, edit.weights.bias)
        new_ops.append(bias)
    new = layer.with_weights(weight, bias)
    new.location = layer.location
    new.attributes |= layer.attributes
    new.output.name_hint = layer.output.name_hint
    new_ops.append(new)
    result = new.output
    if edit.correction is not None:
        correction = ConstantOp.from_array(edit.correction, element_type_of(layer.weight))
        correction.output.name_hint = "border"
        add = AddOp(new, correction)
        correction.location = add.location = layer.location
        add.output.name_hint = layer.output.name_hint
        new_ops += [correction, add]
        result = add.output
    rewriter.insert(new_ops, InsertPoint.before(layer))
    _redirect(rewriter, layer.output, result, edit.uses)


def _replace_batch_norm(
    edit: BatchNormEdit, constants: Constants, rewriter: PatternRewriter
) -> None:
    """The new one says what it does: mean 0, variance 1 and eps 0."""
    op = edit.op
    zeros, ones = np.zeros(edit.scale.shape), np.ones(edit.scale.shape)
    operands = (op.scale, op.bias, op.mean, op.variance)
    values = (edit.scale, edit.shift, zeros, ones)
    made = [
        constants.make(operand, round_to(array, element_type_of(operand)), array)
        for operand, array in zip(operands, values)
    ]
    new = BatchNormOp(op.input, *made, eps=0.0)
    new.location = op.location
    new.output.name_hint = op.output.name_hint
    rewriter.insert([*made, new], InsertPoint.before(op))
    rewriter.replace_all_uses_with(op.output, new.output)


def _replace_constant(edit: ConstantEdit, constants: Constants, rewriter: PatternRewriter) -> None:
    model = edit.op.output
    new = constants.make(model, round_to(edit.values, element_type_of(model)), edit.values)
    rewriter.insert(new, InsertPoint.before(edit.op))
    _redirect(rewriter, model, new.output, [edit.use])


def _redirect(rewriter: PatternRewriter, old: SSAValue, new: SSAValue, uses: Sequence[Use]) -> None:
    """Let these uses of `old` take `new`."""
    rewriter.replace_uses_with_if(
        old,
        new,
        lambda use: any(use.operation is u.operation and use.index == u.index for u in uses),
    )


def _erase_dead(rewriter: PatternRewriter, ops: Sequence[Operation]) -> None:
    """Erase those ops that nothing uses any more, and the constants that only they used."""
    for op in dict.fromkeys(ops):
        if op.parent is None or any(result.first_use is not None for result in op.results):
            continue
        operands = dict.fromkeys(value.owner for value in op.operands)
        rewriter.erase(op)
        _erase_dead(rewriter, [owner for owner in operands if isinstance(owner, ConstantOp)])
