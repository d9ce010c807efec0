"""What the patterns of encode-lns share: formats, codes of float values, replacing ops."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from recog.dialects import lns, nn
from recog.dialects.data import ConstantOp
from recog.dialects.errors import RecogError, fail
from recog.dialects.lns import NumberType, format_of
from recog.dialects.number_format import Arithmetic, LnsFormat
from recog.lowering.common.layer_names import LAYER
from recog.lowering.common.rewriting import replace_op
from recog.lowering.encode.calibrate import FORMAT
from recog.lowering.encode.constants import ConstantEncoder
from recog.lowering.encode.elementwise_fusion import Chain
from recog.lowering.encode.legality import Activation
from recog.lowering.encode.samples import covering_bias


@dataclass(frozen=True)
class Encoding:
    """What all patterns work with.

    Attributes:
        constants: encodes weights, biases and constant activations.
        chains: the elementwise ops that become one op, see `elementwise_chains`.
    """

    constants: ConstantEncoder
    chains: dict[Operation, Chain] = field(default_factory=dict[Operation, Chain])

    @property
    def arithmetic(self) -> Arithmetic:
        return self.constants.arithmetic

    def encoded(self, value: SSAValue, rewriter: PatternRewriter, at: Operation) -> SSAValue:
        """The codes of a float value: what a decode decoded, else an lns.encode before `at`."""
        if isinstance(value.owner, lns.DecodeOp) and value.owner.biases is None:
            return value.owner.input
        if isinstance(value.owner, lns.DecodeFixedOp):
            fail(at, "computes with fixed-point numbers, which leave the chip as they are")
        if isinstance(value.owner, ConstantOp):
            return self.constants.encode_activation(at, value, rewriter)
        return _encode_of(value, rewriter, at)


def _encode_of(value: SSAValue, rewriter: PatternRewriter, at: Operation) -> SSAValue:
    format = calibrated_format(value)
    for use in value.uses:
        known = use.operation
        if (
            isinstance(known, lns.EncodeOp)
            and format_of(known.output) == format
            and known.is_before_in_block(at)
        ):
            return known.output
    encode = lns.EncodeOp(value, format)
    encode.location = value.owner.location if isinstance(value.owner, Operation) else at.location
    encode.output.name_hint = value.name_hint
    rewriter.insert(encode)
    return encode.output


def calibrated_format(value: SSAValue) -> LnsFormat:
    """The format that `calibrate` chose for a float value.

    Raises:
        RecogError: there is none.
    """
    op = value.owner
    what, attributes = "the result", {}
    if isinstance(op, Operation):
        attributes = op.attributes
    elif isinstance(value, BlockArgument) and isinstance(parent := op.parent_op(), func.FuncOp):
        op, what = parent, f"argument {value.index}"
        if parent.arg_attrs is not None:
            attributes = parent.arg_attrs.data[value.index].data
    if not isinstance(op, Operation):
        raise RecogError("the argument of a block has no calibrated format")
    chosen = attributes.get(FORMAT)
    if isinstance(chosen, NumberType) and chosen.format.axis is None:
        return chosen.format
    if chosen is not None:
        fail(op, f"the {FORMAT} of {what} must be an !lns.number with one bias, got {chosen}")
    hint = "run the calibrate pass before encode-lns, or give encode-lns its data option"
    fail(op, f"{what} has no calibrated format", hint=hint)


def output_format(op: Operation) -> LnsFormat:
    """The calibrated format of an op's result."""
    return calibrated_format(op.results[0])


def inserted(rewriter: PatternRewriter, op: Operation, at: Operation) -> SSAValue:
    """The result of a new op, put before `at` and given its location."""
    op.location = at.location
    rewriter.insert(op)
    return op.results[0]


def replace_with_codes(
    rewriter: PatternRewriter,
    op: Operation,
    new_op: Operation,
    activation: Activation | None = None,
) -> None:
    """Replace a float op (and the activation it takes in) by the decoded result of `new_op`.

    A clamp that the format does not end at takes a table more.
    """
    replaced = activation or op
    for labelled in (op, activation):
        if labelled is not None and LAYER in labelled.attributes:
            new_op.attributes[LAYER] = labelled.attributes[LAYER]
    if isinstance(activation, nn.ClampOp) and not _saturates(new_op, activation):
        new_op = _clamped(rewriter, op, new_op, activation.max.value.data)
    decode = lns.DecodeOp(new_op)
    new_op.results[0].name_hint = replaced.results[0].name_hint
    if activation is None:
        replace_op(rewriter, op, [new_op, decode])
        return
    # The activation goes first: the layer's own result has no other user.
    new_op.location = decode.location = op.location
    rewriter.insert([new_op, decode])
    rewriter.replace(activation, [], [decode.output])
    rewriter.erase(op)


def replace_chain(
    rewriter: PatternRewriter,
    chain: Chain,
    new_op: Operation,
    activation: Activation | None = None,
) -> None:
    """As `replace_with_codes`, of all ops of a chain."""
    replace_with_codes(rewriter, chain.last, new_op, activation)
    for member in reversed(chain.ops[:-1]):
        rewriter.erase(member)


def _saturates(new_op: Operation, clamp: nn.ClampOp) -> bool:
    """Whether the largest code is at most the nearest to the clamp's upper end."""
    format, largest = format_of(new_op.results[0]), clamp.max.value.data
    return np.isinf(largest) or format.biases[0] >= covering_bias(format, largest)


def _clamped(
    rewriter: PatternRewriter, op: Operation, new_op: Operation, largest: float
) -> lns.TableOp:
    from recog.lowering.encode.function_tables import clamp_table

    label = new_op.attributes.pop(LAYER, None)
    x = inserted(rewriter, new_op, op)
    table = inserted(rewriter, clamp_table(format_of(x), largest), op)
    result = lns.TableOp(x, table)
    if label is not None:
        result.attributes[LAYER] = label
    return result
