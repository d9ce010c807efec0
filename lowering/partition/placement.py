"""Where each op of a float network will run: on the chip, or on the host, and why there.

No second list says what the chip can do: the network is converted on trial, with formats
that stand for any, and what is left float or has no instruction stays on the host; `division` has
what becomes of that which follows.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    ModuleOp,
    StringAttr,
    UnrealizedConversionCastOp,
)
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.rewriter import Rewriter

from recog.dialects import nn
from recog.dialects.cluster import LookupOp
from recog.dialects.data import ConstantOp, constant_array
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function, nn_ops
from recog.dialects.lns import NumberType
from recog.dialects.number_format import MAX_ACCUMULATOR_WIDTH, Arithmetic, LnsFormat
from recog.lowering.common.layer_names import LAYER, label_of
from recog.lowering.encode.accumulator_room import LargestBiases
from recog.lowering.encode.calibrate import FORMAT, ActivationFormats
from recog.lowering.encode.constants import ConstantEncoder
from recog.lowering.encode.samples import covering_bias
from recog.lowering.encode.sign_analysis import is_never_negative
from recog.lowering.partition.division import Division, HostReason, divide

LARGEST = 8.0
"""What stands for the largest value of every activation in the trial."""


class TrialEncoder(ConstantEncoder):
    """Encodes all weights as zero: which op has what form does not depend on them."""

    def encode_weight(
        self,
        layer: Operation,
        weight: SSAValue,
        rewriter: PatternRewriter,
        most: LargestBiases | None = None,
    ) -> SSAValue:
        if constant_array(weight) is None:
            return super().encode_weight(layer, weight, rewriter)
        shape = nn.shape_of(weight)
        format = self.format.with_bias((0,) * shape[0], 0)
        constant = ConstantOp.from_array(np.zeros(shape, format.dtype), NumberType(format))
        rewriter.insert(constant)
        return constant.output

    def largest_biases(
        self, weight: SSAValue, bias: SSAValue | None, given: LnsFormat, format: LnsFormat
    ) -> None:
        """Any bias does for zeros."""


ANY_SUM = Arithmetic(6, MAX_ACCUMULATOR_WIDTH)
"""Accumulators that hold any sum."""


def trial_encoder(arithmetic: Arithmetic = ANY_SUM) -> TrialEncoder:
    """The encoder of a trial."""
    return TrialEncoder(LnsFormat(8, 4), arithmetic)


def host_reasons(module: ModuleOp, entry: str = "main") -> dict[nn.NnOp, HostReason]:
    """The ops of a folded nn module that stay on the host, each with its reason.

    In execution order. Constants, and what is computed of constants alone, are on neither side.
    """
    return division(module, entry).reasons


def division(module: ModuleOp, entry: str = "main") -> Division:
    """Where the ops of a folded nn module run."""
    function = find_function(module, entry)
    for op in function.walk():
        if op.dialect_name() in ("lns", "chip"):
            fail(op, "the network is converted already", hint="give the float network")
    return divide(function, _trial(module, entry))


def _trial(module: ModuleOp, entry: str) -> dict[nn.NnOp, str]:
    """The ops that have no form on codes, or one without an instruction."""
    from recog.lowering.encode.encode_lns import encode_with
    from recog.lowering.select.rules.registry import LOWERINGS

    originals = nn_ops(find_function(module, entry))
    refused = {index: why for index, op in enumerate(originals) if (why := _never_on_chip(op))}
    trial = module.clone()
    function = find_function(trial, entry)
    copies = dict(enumerate(nn_ops(function)))
    numbers = {op: index for index, op in copies.items()}
    assume_formats(function)
    for index, op in copies.items():
        op.attributes[LAYER] = StringAttr(str(index))
    for index in refused:
        _make_opaque(copies.pop(index))

    def refuse(error: RecogError, rewriter: PatternRewriter) -> bool:
        """Go on without the op that an error is about, if it is one of the network's."""
        index = numbers.get(error.op) if isinstance(error.op, nn.NnOp) else None
        if index is None or index in refused:
            return False
        refused[index] = error.message
        op = copies.pop(index)
        rewriter.replace(op, _opaque(op))
        return True

    encode_with(trial, trial_encoder(), refuse)
    for index, op in copies.items():
        if op.parent is not None:
            refused[index] = _no_form(op)
    encoded = {
        int(label): op
        for op in function.walk()
        if op.dialect_name() == "lns" and (label := label_of(op)) is not None
    }
    for index, op in encoded.items():
        if type(op) not in LOWERINGS:
            refused[index] = f"{op.name} has no chip instruction"
    _refuse_absorbed(originals, refused, encoded.keys())
    return {originals[index]: reason for index, reason in sorted(refused.items())}


def _refuse_absorbed(ops: list[nn.NnOp], refused: dict[int, str], encoded: Collection[int]) -> None:
    """An op that became part of its user's form on codes stays where that one stays."""
    numbers = {op: index for index, op in enumerate(ops)}
    for index, op in reversed(list(enumerate(ops))):
        if index in refused or index in encoded:
            continue
        users = (numbers.get(use.operation) for use in op.output.uses)  # pyright: ignore
        reason = next((refused[user] for user in users if user in refused), None)
        if reason is not None:
            refused[index] = reason


def _no_form(op: nn.NnOp) -> str:
    """Why an op is left float by the trial."""
    if not all(nn.is_float(nn.element_type_of(value)) for value in (*op.operands, *op.results)):
        return f"{op.name} computes with indices or masks"
    return f"{op.name} has no form on LNS codes"


def _never_on_chip(op: nn.NnOp) -> str | None:
    """Why no chip program could hold an op, whatever its instructions."""
    carried = [not op_is_constant(value) for value in op.operands]
    if any(carried) and not op.keeps_batch(carried):
        return f"{op.name} mixes the batch with other axes"
    return None


def op_is_constant(value: SSAValue) -> bool:
    """Whether a value is a weight: from an op without operands, or a lookup of such."""
    op = value.owner
    return isinstance(op, LookupOp) or (isinstance(op, Operation) and not op.operands)


def assume_formats(function: func.FuncOp) -> None:
    """Formats as `calibrate` would write them, with one range for all values."""
    formats = ActivationFormats()
    never_negative: set[SSAValue] = set()

    def assumed(value: SSAValue, lowest: float) -> NumberType:
        if is_never_negative(value, lowest, never_negative):
            never_negative.add(value)
        format = formats.unsigned if value in never_negative else formats.signed
        return NumberType(format.with_bias(covering_bias(format, LARGEST)))

    arguments = [
        DictionaryAttr(
            {FORMAT: assumed(argument, -LARGEST)}
            if nn.is_float(nn.element_type_of(argument))
            else {}
        )
        for argument in function.body.block.args
    ]
    function.properties["arg_attrs"] = ArrayAttr(arguments)
    for op in nn_ops(function):
        if nn.is_float(nn.element_type_of(op.output)):
            op.attributes[FORMAT] = assumed(op.output, -LARGEST)


def _make_opaque(op: Operation) -> None:
    Rewriter.replace_op(op, _opaque(op))


def _opaque(op: Operation) -> UnrealizedConversionCastOp:
    """What stands in an op's place where nothing is to convert it."""
    types = [result.type for result in op.results]
    opaque = UnrealizedConversionCastOp(operands=[list(op.operands)], result_types=[types])
    opaque.attributes |= op.attributes
    opaque.location = op.location
    return opaque
