"""calibrate: choose the LNS format of every activation from example inputs.

The module runs in float on the examples; for each value the bias is searched that gives
the least mean squared error, from "the largest value seen is the largest code" downward
(Banner et al., NeurIPS 2019, on clipping). The choice is written on the ops, as
`lns.format = !lns.number<...>`, for encode-lns to use and for people to read or change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from recog.dialects import nn
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat
from recog.dialects.refusals import INPUT_SHAPE, INPUT_TYPE, NOT_FINITE, OpenRefusal
from recog.lowering.common.batches import frames_that_fit
from recog.lowering.common.data_files import check_frames, load_examples
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.encode.calibration_notes import (
    ChannelSamples,
    assumed_largest,
    uneven_channels,
    unseen_values,
    zero_divisors,
)
from recog.lowering.encode.example_inputs import example_inputs
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.encode.measured_frames import MeasuredFrames
from recog.lowering.encode.output_scales import coded_output, output_exponents
from recog.lowering.encode.precision_analysis import ranged_values, wide_values
from recog.lowering.encode.samples import SAMPLE, Samples, best_bias, covering_bias
from recog.lowering.encode.sign_analysis import is_never_negative

FORMAT = "lns.format"
"""On an nn op or a function argument: the format that its values will be encoded in."""

HEADROOM = 2.0
"""Wide codes reach this much farther than the examples: a box may be nearer than any seen."""


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions(EntryOptions):
    """The formats of activations, whose biases calibration chooses."""

    width: int = 8
    """Bits of an activation's code."""
    frac: int = 4
    """Fraction bits of signed activations."""
    unsigned_frac: int = 5
    """Fraction bits of activations that are never negative: the sign's bit doubles the
    resolution."""
    output_width: int = 8
    """Bits of the network's outputs."""
    output_frac: int = 4
    """Fraction bits of the network's outputs; one more for those that are never negative."""
    wide_width: int = 16
    """Bits of activations that feed a box or disparity decoder, which amplifies their error."""
    wide_frac: int = 11
    """Fraction bits of these wide activations; one more for those that are never negative."""

    RANGES = {
        "width": (MIN_WIDTH, MAX_WIDTH),
        "frac": (0, MAX_FRAC),
        "unsigned_frac": (0, MAX_FRAC),
        "output_width": (MIN_WIDTH, MAX_WIDTH),
        "output_frac": (0, MAX_FRAC),
        "wide_width": (MIN_WIDTH, MAX_WIDTH),
        "wide_frac": (0, MAX_FRAC),
    }

    def formats(self) -> ActivationFormats:
        """The formats, their biases still to be chosen.

        Raises:
            RecogError: a format that its width cannot hold.
        """
        try:
            return ActivationFormats(
                LnsFormat(self.width, self.frac),
                LnsFormat(self.width, self.unsigned_frac, unsigned=True),
                LnsFormat(self.output_width, self.output_frac),
                LnsFormat(self.wide_width, self.wide_frac),
                LnsFormat(self.wide_width, min(self.wide_frac + 1, MAX_FRAC), unsigned=True),
            )
        except ValueError as error:
            raise RecogError(str(error), where="number formats") from None


@dataclass(frozen=True, kw_only=True)
class CalibratePass(CalibrationOptions, ModulePass):
    """Run the module on example inputs and write each activation's LNS format on its op."""

    name = "calibrate"

    OPEN_REFUSALS: ClassVar[Sequence[OpenRefusal]] = (INPUT_SHAPE, INPUT_TYPE, NOT_FINITE)

    data: str
    """An .npy or .npz file of example inputs, (N, ...)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = find_function(op, self.entry)
        inputs = load_examples(self.data, function, what=f"{self.name} data")
        log_notes(calibrate(op, inputs, self.formats(), entry=self.entry))


@dataclass(frozen=True)
class ActivationFormats:
    """The formats to choose biases for: of signed values, of others, of the outputs.

    The wide ones are for activations that feed a box or disparity decoder, see `wide_values`.
    """

    signed: LnsFormat = LnsFormat(8, 4)
    unsigned: LnsFormat = LnsFormat(8, 5, unsigned=True)
    output: LnsFormat = LnsFormat(8, 4)
    wide_signed: LnsFormat = LnsFormat(16, 11)
    wide_unsigned: LnsFormat = LnsFormat(16, 12, unsigned=True)

    @property
    def unsigned_output(self) -> LnsFormat:
        """Of outputs that are never negative: the sign's bit goes to the fraction."""
        return replace(self.output, frac=min(self.output.frac + 1, MAX_FRAC), unsigned=True)

    @property
    def ranged(self) -> LnsFormat:
        """Of values under a root: the octaves of squares, and the root halves the error."""
        return replace(self.unsigned, frac=max(0, self.unsigned.frac - 1))


def calibrate(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    formats: ActivationFormats,
    *,
    entry: str = "main",
    progress: Callable[[float], None] | None = None,
    seed: int = 0,
) -> list[Note]:
    """Write `lns.format` on every op and argument of a function, from float inputs (N, ...).

    Returns:
        What the examples did not show, and what the formats cannot hold.

    Raises:
        RecogError: no inputs, or inputs that the network does not take.
    """
    function = find_function(module, entry)
    label_layers(function)
    random = np.random.default_rng(seed)
    count = check_frames(inputs, what="calibration")
    examples, notes = example_inputs(inputs, function.args, formats.unsigned)
    frames = MeasuredFrames(module, function, examples, count)
    limit = max(1024, SAMPLE // frames.groups)
    arguments = [arg for arg in function.args if nn.is_float(nn.element_type_of(arg))]
    # Values in the order of the program, arguments first.
    samples: dict[SSAValue, Samples] = {argument: Samples() for argument in arguments}
    channels = {value: ChannelSamples() for value in (*arguments, *_results(function))}

    def look(value: SSAValue, result: object) -> None:
        if not isinstance(value.owner, nn.NnOp) and value not in channels:
            return
        if nn.is_float(nn.element_type_of(value)):
            array = _array(result)
            samples.setdefault(value, Samples()).add(array, limit, random)
            if value in channels:
                channels[value].add(array)

    frames.measure(look, progress)
    chosen = _write_formats(function, samples, formats)
    return [
        *notes,
        *unseen_values(samples),
        *zero_divisors(module, {value: (chosen[value], samples[value]) for value in chosen}),
        *uneven_channels({value: (chosen[value], seen) for value, seen in channels.items()}),
    ]


def example_frames(
    inputs: Sequence[np.ndarray], function: func.FuncOp, count: int
) -> list[np.ndarray]:
    """The first frames of a function's inputs (N, ...), as its calibration has used them."""
    examples, _ = example_inputs(inputs, function.args, ActivationFormats().unsigned)
    return [example.frames(0, count) for example in examples]


def frames_without_outliers(
    inputs: Sequence[np.ndarray], function: func.FuncOp
) -> list[np.ndarray]:
    """All of a function's inputs (N, ...), single values far beyond all others cut off where its
    calibration does: no code holds them."""
    examples, _ = example_inputs(inputs, function.args, ActivationFormats().unsigned)
    return [example.without_outliers() for example in examples]


def frames_in_memory(
    inputs: Sequence[np.ndarray], function: func.FuncOp, what: str
) -> list[np.ndarray]:
    """`example_frames`, as many as memory holds with all their values.

    Args:
        what: they are for, for messages.
    """
    count = min(check_frames(inputs, what=what), frames_that_fit(function))
    return example_frames(inputs, function, count)


def _results(function: func.FuncOp) -> list[SSAValue]:
    """The float values that the function returns, as codes hold them."""
    operands = (v for op in function.walk() if isinstance(op, func.ReturnOp) for v in op.operands)
    return [coded_output(value) for value in operands if nn.is_float(nn.element_type_of(value))]


def _array(value: object) -> np.ndarray:
    detach = getattr(value, "detach", None)
    return detach().numpy() if detach is not None else np.asarray(value)


def _write_formats(
    function: func.FuncOp, samples: dict[SSAValue, Samples], formats: ActivationFormats
) -> dict[SSAValue, LnsFormat]:
    """Choose the formats and write them; the format of each value."""
    kinds = _kinds(function, samples, formats)
    found: dict[SSAValue, LnsFormat] = {}
    for group in _sharing(function, kinds):
        format, covering = kinds[group[0]]
        merged = Samples.merged([samples[value] for value in group])
        if merged.largest == 0:
            bias = covering_bias(format, assumed_largest(group[0], samples))
        elif covering:
            bias = covering_bias(format, HEADROOM * merged.largest)
        else:
            bias = best_bias(format, merged)
        for value in group:
            found[value] = format.with_bias(bias)
            write_format(function, value, found[value])
    return found


def write_format(function: func.FuncOp, value: SSAValue, format: LnsFormat) -> None:
    """Write the format of an op's result, or of an argument, for encode-lns to use."""
    if isinstance(value, BlockArgument):
        arguments = _argument_attributes(function)
        attributes = arguments[value.index].data | {FORMAT: NumberType(format)}
        arguments[value.index] = DictionaryAttr(attributes)
        function.properties["arg_attrs"] = ArrayAttr(arguments)
    elif isinstance(value.owner, Operation):
        value.owner.attributes[FORMAT] = NumberType(format)


class _Kind(NamedTuple):
    """A value's format, its bias still to be chosen: to cover all values, or for least error."""

    format: LnsFormat
    covering: bool


def _kinds(
    function: func.FuncOp, samples: dict[SSAValue, Samples], formats: ActivationFormats
) -> dict[SSAValue, _Kind]:
    returned = returned_values(function)
    wide, ranged = wide_values(function), ranged_values(function)
    signed = _signed_outputs(function, samples, returned)
    never_negative: set[SSAValue] = set()
    kinds: dict[SSAValue, _Kind] = {}
    for value, seen in samples.items():
        if not seen.finite:
            owner = value.owner if isinstance(value.owner, Operation) else function
            fail(owner, "the example inputs give NaN or infinity here")
        is_wide = value in wide
        is_output = value in returned and not is_wide
        if is_output and value in signed:
            kinds[value] = _Kind(formats.output, False)
        elif is_never_negative(value, seen.low, never_negative):
            never_negative.add(value)
            usual = formats.ranged if value in ranged else formats.unsigned
            if is_output:
                usual = formats.unsigned_output
            format = formats.wide_unsigned if is_wide else usual
            kinds[value] = _Kind(format, is_wide or (value in ranged and not is_output))
        else:
            format = formats.wide_signed if is_wide else formats.signed
            format = formats.output if is_output else format
            kinds[value] = _Kind(format, is_wide)
    return kinds


def _sharing(function: func.FuncOp, kinds: dict[SSAValue, _Kind]) -> list[list[SSAValue]]:
    """Values in groups, each of which is to have one format.

    A concatenation gives its own to operands that nothing else needs: then it moves no code.
    """
    groups = {value: [value] for value in kinds}
    for op in function.body.block.ops:
        if not isinstance(op, nn.ConcatOp) or op.output not in kinds:
            continue
        for operand in op.operands:
            joined = groups[op.output]
            alone = all(isinstance(use.operation, nn.ConcatOp) for use in operand.uses)
            same = operand in kinds and kinds[operand] == kinds[op.output]
            if alone and same and groups[operand] is not joined:
                joined += groups[operand]
                for value in groups[operand]:
                    groups[value] = joined
    return list({id(group): group for group in groups.values()}.values())


def returned_values(function: func.FuncOp) -> set[SSAValue]:
    """What the function returns, and what only moves before it is returned."""
    returned: set[SSAValue] = set()
    for op in reversed(function.body.block.ops):
        if isinstance(op, func.ReturnOp):
            returned.update(op.operands)
        elif isinstance(op, nn.NnOp) and op.output in returned and _moves_output(op):
            returned.update(operand for operand in op.operands if operand.has_one_use())
    return returned


def _moves_output(op: nn.NnOp) -> bool:
    """Whether an output's codes are those of an operand."""
    return op.KIND.keeps_format or output_exponents(op) is not None


def _signed_outputs(
    function: func.FuncOp, samples: dict[SSAValue, Samples], returned: set[SSAValue]
) -> set[SSAValue]:
    """Those of the values returned that are negative somewhere, or only move into such a one."""
    never_negative: set[SSAValue] = set()
    for value, seen in samples.items():
        if is_never_negative(value, seen.low, never_negative):
            never_negative.add(value)
    signed = returned - never_negative
    for op in reversed(function.body.block.ops):
        if isinstance(op, nn.NnOp) and op.output in signed and _moves_output(op):
            signed.update(operand for operand in op.operands if operand in returned)
    return signed


def _argument_attributes(function: func.FuncOp) -> list[DictionaryAttr]:
    if function.arg_attrs is None:
        return [DictionaryAttr({}) for _ in function.args]
    return list(function.arg_attrs)
