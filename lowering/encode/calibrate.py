"""calibrate: choose the LNS format of every activation from example inputs.

The module runs in float on the examples; for each value the bias is searched that gives
the least mean squared error, from "the largest value seen is the largest code" downward
(Banner et al., NeurIPS 2019, on clipping). The choice is written on the ops, as
`lns.format = !lns.number<...>`, for encode-lns to use and for people to read or change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor, log2
from typing import NamedTuple

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects import nn
from recog.dialects.errors import RecogError, fail
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import MAX_FRAC, MAX_WIDTH, MIN_WIDTH, LnsFormat
from recog.lowering.common.data_files import check_frames, inputs_of, load_arrays
from recog.lowering.common.shared_options import EntryOptions
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.encode.precision_analysis import ranged_values, wide_values
from recog.lowering.encode.sign_analysis import is_never_negative

FORMAT = "lns.format"
"""On an nn op or a function argument: the format that its values will be encoded in."""

HEADROOM = 2.0
"""Wide codes reach this much farther than the examples: a box may be nearer than any seen."""
SAMPLE = 65536
"""Values of one activation that the search for its bias looks at."""
FRAMES = 64
"""Inputs that run at once: bounds the memory."""


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
    """Fraction bits of the network's outputs."""
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

    data: str
    """An .npy or .npz file of example inputs, (N, ...)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = find_function(op, self.entry)
        where = f"{self.name} data {self.data}"
        arrays = load_arrays(self.data, what=f"{self.name} data")
        inputs = inputs_of(arrays, len(function.body.block.args), where=where)
        calibrate(op, inputs, self.formats(), entry=self.entry)


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
    def ranged(self) -> LnsFormat:
        """Of values under a root: more octaves, and the root halves the error."""
        return replace(self.unsigned, frac=max(0, self.unsigned.frac - 2))


@dataclass
class Samples:
    """A bounded, seeded sample of the values of one activation, and its exact extremes."""

    low: float = 0.0
    high: float = 0.0
    finite: bool = True
    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray, limit: int, random: np.random.Generator) -> None:
        flat = values.reshape(-1)
        self.finite &= bool(np.isfinite(flat).all())
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        self.parts.append(random.choice(flat, limit, replace=False) if flat.size > limit else flat)

    @classmethod
    def merged(cls, samples: Sequence[Samples]) -> Samples:
        """The samples of several activations as those of one."""
        return cls(
            min(each.low for each in samples),
            max(each.high for each in samples),
            all(each.finite for each in samples),
            [part for each in samples for part in each.parts],
        )

    @property
    def largest(self) -> float:
        return max(-self.low, self.high)

    @property
    def values(self) -> np.ndarray:
        return np.concatenate([*self.parts, [self.low, self.high]]).astype(np.float64)


def covering_bias(format: LnsFormat, largest: float) -> int:
    """The bias at which `largest` is just within the codes; 0 for an activation of zeros."""
    if largest <= 0 or not np.isfinite(largest):
        return 0
    return format.max_magnitude - floor(log2(largest) * 2**format.frac + 0.5)


def best_bias(format: LnsFormat, samples: Samples) -> int:
    """The bias with the least mean squared error, up to two octaves of clipping."""
    covering = covering_bias(format, samples.largest)
    values = samples.values
    if values.size > SAMPLE:
        values = values[:: values.size // SAMPLE + 1]
    step = max(1, 2**format.frac // 4)
    logarithms = Logarithms(values, format.frac)

    def error(bias: int) -> float:
        return float(((logarithms.rounded(format.with_bias(bias)) - values) ** 2).mean())

    return min((covering + step * i for i in range(9)), key=error)


def calibrate(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    formats: ActivationFormats,
    *,
    entry: str = "main",
    progress: Callable[[float], None] | None = None,
    seed: int = 0,
) -> None:
    """Write `lns.format` on every op and argument of a function, from float inputs (N, ...).

    Raises:
        RecogError: no inputs, or inputs that the network does not take.
    """
    from recog.backend.interpreters.nn import run_nn

    function = find_function(module, entry)
    label_layers(function)
    random = np.random.default_rng(seed)
    count = check_frames(inputs, what="calibration")
    limit = max(1024, SAMPLE // -(-count // FRAMES))
    # Values in the order of the program, arguments first.
    samples: dict[SSAValue, Samples] = {argument: Samples() for argument in function.args}

    def observe(op: Operation, results: Sequence[object]) -> None:
        if not isinstance(op, nn.NnOp):
            return
        for result, value in zip(op.results, results):
            if not nn.is_float(nn.element_type_of(result)):
                continue
            samples.setdefault(result, Samples()).add(_array(value), limit, random)

    for start in range(0, count, FRAMES):
        batch = [np.asarray(x)[start : start + FRAMES] for x in inputs]
        run_nn(module, *batch, entry=entry, observe=observe)
        for argument, x in zip(function.args, batch):
            samples[argument].add(x, limit, random)
        if progress is not None:
            progress(min(1.0, (start + FRAMES) / count))
    _write_formats(function, samples, formats)


def _array(value: object) -> np.ndarray:
    detach = getattr(value, "detach", None)
    return detach().numpy() if detach is not None else np.asarray(value)


def _write_formats(
    function: func.FuncOp, samples: dict[SSAValue, Samples], formats: ActivationFormats
) -> None:
    arguments = _argument_attributes(function)
    kinds = _kinds(function, samples, formats)
    for group in _sharing(function, kinds):
        format, covering = kinds[group[0]]
        merged = Samples.merged([samples[value] for value in group])
        if covering:
            bias = covering_bias(format, HEADROOM * merged.largest)
        else:
            bias = best_bias(format, merged)
        chosen = NumberType(format.with_bias(bias))
        for value in group:
            if isinstance(value, BlockArgument):
                attributes = arguments[value.index].data | {FORMAT: chosen}
                arguments[value.index] = DictionaryAttr(attributes)
            elif isinstance(value.owner, Operation):
                value.owner.attributes[FORMAT] = chosen
    function.properties["arg_attrs"] = ArrayAttr(arguments)


class _Kind(NamedTuple):
    """A value's format, its bias still to be chosen: to cover all values, or for least error."""

    format: LnsFormat
    covering: bool


def _kinds(
    function: func.FuncOp, samples: dict[SSAValue, Samples], formats: ActivationFormats
) -> dict[SSAValue, _Kind]:
    returned = _returned(function)
    wide, ranged = wide_values(function), ranged_values(function)
    never_negative: set[SSAValue] = set()
    kinds: dict[SSAValue, _Kind] = {}
    for value, seen in samples.items():
        if not seen.finite:
            owner = value.owner if isinstance(value.owner, Operation) else function
            fail(owner, "the example inputs give NaN or infinity here")
        is_wide = value in wide
        if value in returned and not is_wide:
            kinds[value] = _Kind(formats.output, False)
        elif is_never_negative(value, seen.low, never_negative):
            never_negative.add(value)
            usual = formats.ranged if value in ranged else formats.unsigned
            format = formats.wide_unsigned if is_wide else usual
            kinds[value] = _Kind(format, is_wide or value in ranged)
        else:
            format = formats.wide_signed if is_wide else formats.signed
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


def _returned(function: func.FuncOp) -> set[SSAValue]:
    """What the function returns, and what only moves before it is returned."""
    returned: set[SSAValue] = set()
    for op in reversed(function.body.block.ops):
        if isinstance(op, func.ReturnOp):
            returned.update(op.operands)
        elif isinstance(op, nn.NnOp) and op.KIND.keeps_format and op.output in returned:
            returned.update(operand for operand in op.operands if operand.has_one_use())
    return returned


def _argument_attributes(function: func.FuncOp) -> list[DictionaryAttr]:
    if function.arg_attrs is None:
        return [DictionaryAttr({}) for _ in function.args]
    return list(function.arg_attrs)
