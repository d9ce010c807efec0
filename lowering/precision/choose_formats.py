"""choose-formats: more fraction bits where the outputs need them, to a budget of bytes.

The noise that the rounding of each value and of each weight makes at the outputs is measured
(`output_noise`). An LNS code of b fraction bits more has the same range and 4^b times less noise;
what saves most noise a byte comes first, until the budget is spent or the noise that is left is
small enough. Weights, which lie in memory bit by bit, also become narrower where that costs least,
and wider with what it saves. The choice stands on the ops: `lns.format` of values,
`lns.weight_format` of layers, whose biases are found where the weights are encoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects import nn
from recog.dialects.chip import ChipTarget
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.cluster import LookupOp
from recog.dialects.data import constant_array
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.data_files import load_examples
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.options import OptionError, Options
from recog.lowering.common.shared_options import EntryOptions, WeightFormatOptions
from recog.lowering.encode.calibrate import example_frames, write_format
from recog.lowering.encode.constants import WEIGHT_FORMAT, ConstantEncoder, channel_biases
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.precision.budgets import WeightBits, weight_bits, worth_widening
from recog.lowering.precision.coded_values import coded_values, format_groups, is_dense
from recog.lowering.precision.format_notes import named_values_note, values_note, weights_notes
from recog.lowering.precision.headroom import Headroom
from recog.lowering.precision.live_bytes import LiveBytes, code_bytes
from recog.lowering.precision.named_widths import Layers, named_widths, width_name, widths_of
from recog.lowering.precision.output_noise import FRAMES, Noise, output_noise
from recog.lowering.precision.wider_values import (
    ENTRY_BYTES,
    Room,
    candidates,
    finer_codes,
    table_outputs,
    table_rows,
)
from recog.lowering.select.convert_lns_to_chip import TargetOptions

TABLES = 0.5
"""The share of those bytes that tables may take, which wider codes index."""
ROUNDS_EVENLY = 6.0
"""How many times the errors of a bit more those of weights may be that are narrowed: about four,
but of weights that are codes already, which have none to lose."""


@dataclass(frozen=True, kw_only=True)
class FormatOptions(Options):
    """What wider codes may cost."""

    extra_traffic: float = 0.3
    """What wider activations may add to the bytes of all activations, as a share, and twice that
    where their noise stays less than 30 dB below the outputs; 0 leaves all as they were
    calibrated."""
    extra_weights: float = 0.028
    """What wider weights, and the tables of wider codes, may add to the bytes of all dense
    weights, as a share, beside what narrower ones save; 0 leaves all as they are."""
    extra_bits: int = 4
    """Fraction bits that wider codes have more; weights at most."""
    index_bits: int = 2
    """Fraction bits that wider codes have more which index a table, of an entry a code."""
    fewer_bits: int = 3
    """Fraction bits that weights of little effect have fewer, at most."""
    value_widths: str = ""
    """Bits of values by the name of the layer that gives them, or of the input, as in
    stem=12,blocks.3*=8,image=12 (the last that matches counts); the budget is for the others."""
    weight_widths: str = ""
    """Bits of dense weights by the name of their layer, as in stem=12,blocks.3*=8 (the last that
    matches counts)."""

    RANGES = {
        "extra_traffic": (0.0, 1.0),
        "extra_weights": (0.0, 1.0),
        "extra_bits": (1, 8),
        "index_bits": (1, 8),
        "fewer_bits": (0, 8),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("value_widths", "weight_widths"):
            named_widths(name, getattr(self, name))

    @property
    def leaves_all(self) -> bool:
        """Whether every format stays what it is."""
        chosen = (self.extra_traffic, self.extra_weights, self.value_widths, self.weight_widths)
        return not any(chosen)


@dataclass(frozen=True, kw_only=True)
class ChooseFormatsPass(
    FormatOptions, TargetOptions, WeightFormatOptions, EntryOptions, ModulePass
):
    """Give values and weights more fraction bits where that saves most noise at the outputs."""

    name = "choose-formats"

    data: str
    """An .npy or .npz file of example inputs, (N, ...)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = find_function(op, self.entry)
        inputs = load_examples(self.data, function, what=f"{self.name} data")
        target = self.chip_target(ChipTarget())
        chosen = choose_formats(
            op, inputs, self, self.weight_format, entry=self.entry, target=target
        )
        log_notes(chosen)


def choose_formats(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    options: FormatOptions,
    weights: LnsFormat,
    *,
    entry: str = "main",
    target: ChipTarget | None = None,
    table_bytes: float = inf,
) -> list[Note]:
    """Write other formats on the ops of a calibrated function; what was chosen, as notes.

    Args:
        inputs: example inputs, float (N, ...), a few of which are used.
        weights: the format of weights that are not wider.
        target: whose activation memory the values have to fit, and whose accumulators the
            sums; by default the default chip.
        table_bytes: what tables may grow by as what they give becomes wider (`more_table_bytes`).

    Raises:
        RecogError: values without a calibrated format, inputs that the network does not take,
            names of no layer.
    """
    if options.leaves_all:
        return []
    check_names(module, options, entry)
    function = find_function(module, entry)
    inputs = example_frames(inputs, function, FRAMES)
    chains = find_chains(module)
    formats = coded_values(function, chains)
    layers = _layers_by_weight(function)
    label_layers(function)
    errors = {weight: _rounding_error(weight, weights) for weight in layers}
    noise = output_noise(module, function, inputs, formats, errors)
    groups = format_groups(formats, chains)
    given = _given_values(groups, layers, options)
    chosen = {v: finer_codes(v, formats[v], width - formats[v].width) for v, width in given.items()}
    free = [group for group in groups if group[0] not in given]
    target = target or ChipTarget()
    room = Room(
        LiveBytes(function, formats | chosen, target.size(ACTIVATION_MEMORY)),
        Headroom(function, formats | chosen, ConstantEncoder(weights, target.arithmetic)),
    )
    budget = options.extra_weights * weights.width / 8 * sum(each.size for each in errors.values())
    widened = worth_widening(
        candidates(
            free,
            formats,
            noise,
            table_rows(chains.values()),
            table_outputs(chains.values()),
            bits=options.extra_bits,
            index_bits=options.index_bits,
        ),
        options.extra_traffic * sum(code_bytes(v, f) for v, f in formats.items()),
        TABLES * budget,
        room.widen,
        table_bytes,
    )
    for each in widened:
        chosen |= {v: finer_codes(v, formats[v], each.bits) for v in each.values}
    for value, format in chosen.items():
        write_format(function, value, format)
    budget -= sum(each.table_bytes for each in widened)
    resized = _resized_weights(layers, errors, weights, noise, options, room.sums, budget)
    for weight, format in resized.items():
        for op in layers[weight]:
            op.attributes[WEIGHT_FORMAT] = NumberType(format)
    named = [group for group in groups if group[0] in given]
    return [
        *named_values_note(named, formats, chosen, layers),
        *values_note(widened, layers),
        *weights_notes(resized, weights, layers, options.weight_widths),
    ]


def check_names(module: ModuleOp, options: FormatOptions, entry: str = "main") -> None:
    """Raise OptionError where the options name layers that a function does not have, or only such
    whose weights are clusters already."""
    if not options.value_widths and not options.weight_widths:
        return
    module = module.clone()
    function = find_function(module, entry)
    label_layers(function)
    widths_of("value_widths", options.value_widths, _value_names(function))
    ops = [op for op in function.body.block.ops if isinstance(op, nn.LayerOp)]
    layers = {op: [width_name(op.output, {})] for op in ops}
    clusters = {op for op in layers if isinstance(op.weight.owner, LookupOp)}
    for pattern, width in named_widths("weight_widths", options.weight_widths):
        meant = widths_of("weight_widths", f"{pattern}={width}", layers)
        if clusters.issuperset(meant):
            names = ", ".join(layers[op][0] for op in meant)
            reason = f"gives bits to {names}, whose weights are clusters"
            hint = f"option layouts keeps weights dense: '{pattern}: dense'"
            raise OptionError("weight_widths", reason, hint=hint)


def _value_names(function: func.FuncOp) -> dict[SSAValue, list[str]]:
    """What each value of a function is called."""
    ops = [op for op in function.body.block.ops if isinstance(op, nn.NnOp)]
    values = [*function.body.block.args, *(op.output for op in ops)]
    return {each: [width_name(each, {})] for each in values}


class MoreTableBytes(NamedTuple):
    """What the tables of functions may grow by, beyond the budget for those that wider codes index.

    Attributes:
        named: where `value_widths` names what they give or what indexes them.
        others: where what they give may become wider, if all does.
    """

    named: int
    others: int


def more_table_bytes(
    module: ModuleOp, options: FormatOptions, entry: str = "main"
) -> MoreTableBytes:
    """At most, whatever calibration finds."""
    module = module.clone()
    function = find_function(module, entry)
    label_layers(function)
    chains = find_chains(module)
    given = widths_of("value_widths", options.value_widths, _value_names(function))
    usual, named, others = LnsFormat().width, 0, 0
    indexed = table_rows(chains.values())
    for value, rows in table_outputs(chains.values()).items():
        if value in given:
            named += rows << usual
        else:
            others += rows << usual
    for value, rows in indexed.items():
        index = max(usual, given.get(value, 0))
        named += ENTRY_BYTES * rows * ((1 << index) - (1 << usual))
    return MoreTableBytes(named, others if options.extra_traffic else 0)


def _given_values(
    groups: Sequence[tuple[SSAValue, ...]], layers: Layers, options: FormatOptions
) -> dict[SSAValue, int]:
    """The widths that the user gives, of all values that share a format with one of that name."""
    names = {group: [width_name(value, layers) for value in group] for group in groups}
    found = widths_of("value_widths", options.value_widths, names)
    return {value: width for group, width in found.items() for value in group}


def _resized_weights(
    layers: Layers,
    errors: Mapping[SSAValue, np.ndarray],
    usual: LnsFormat,
    noise: Noise,
    options: FormatOptions,
    sums: Headroom,
    budget: float,
) -> dict[SSAValue, LnsFormat]:
    """The weights that get other formats than the usual one, and these, to a budget of bytes."""
    names = {weight: [width_name(weight, layers)] for weight in layers}
    given = widths_of("weight_widths", options.weight_widths, names)
    found = {weight: usual.finer(width - usual.width) for weight, width in given.items()}
    free = [weight for weight in layers if weight not in given]
    if options.extra_weights:
        candidates = [
            _weight_bits(
                each,
                errors[each],
                usual,
                noise,
                sums.coarsest(layers[each], usual, _fewer_bits(usual, options)),
                sums.finest(layers[each], usual, options.extra_bits),
            )
            for each in free
        ]
        for weight, bits in zip(free, weight_bits(candidates, 8 * budget)):
            if bits:
                found[weight] = usual.finer(bits)
    return found


def _fewer_bits(usual: LnsFormat, options: FormatOptions) -> int:
    return min(options.fewer_bits, max(0, usual.frac - 1))


def _weight_bits(
    weight: SSAValue,
    errors: np.ndarray,
    usual: LnsFormat,
    noise: Noise,
    fewer: int,
    more: int,
) -> WeightBits:
    narrower = _rounding_error(weight, usual.finer(-1))
    if np.square(narrower).sum() > ROUNDS_EVENLY * np.square(errors).sum():
        fewer = 0
    bits = range(-fewer, more + 1)
    return WeightBits(errors.size, noise.weights.get(weight, 0.0), bits)


def _layers_by_weight(function: func.FuncOp) -> dict[SSAValue, list[nn.LayerOp]]:
    """The layers of each dense weight."""
    found: dict[SSAValue, list[nn.LayerOp]] = {}
    for op in function.body.block.ops:
        if isinstance(op, nn.LayerOp) and is_dense(op.weight):
            found.setdefault(op.weight, []).append(op)
    return found


def _rounding_error(weight: SSAValue, format: LnsFormat) -> np.ndarray:
    values = np.asarray(constant_array(weight), np.float64)
    chosen = format.with_bias(channel_biases(values, format), 0)
    return Logarithms(values, format.frac).rounded(chosen) - values
