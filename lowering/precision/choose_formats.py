"""choose-formats: more fraction bits where the outputs need them, to a budget of bytes.

The noise that the rounding of each value and of each weight makes at the outputs is measured
(`output_noise`). An LNS code of b fraction bits more has the same range and 4^b times less noise;
what saves most noise a byte comes first, until the budget is spent or the noise that is left is
small enough. The choice stands on the ops: `lns.format` of values, `lns.weight_format` of layers,
whose biases are found where the weights are encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10, prod

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects import nn
from recog.dialects.chip import ChipTarget
from recog.dialects.chip.target import ACTIVATION_MEMORY
from recog.dialects.data import constant_array
from recog.dialects.functions import find_function
from recog.dialects.lns import NumberType
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.data_files import load_examples
from recog.lowering.common.layer_names import label_of
from recog.lowering.common.notes import Note, log_notes
from recog.lowering.common.options import Options
from recog.lowering.common.shared_options import EntryOptions, WeightFormatOptions
from recog.lowering.encode.calibrate import example_frames, returned_values, write_format
from recog.lowering.encode.constants import WEIGHT_FORMAT, channel_biases
from recog.lowering.encode.elementwise_fusion import Chain, find_chains
from recog.lowering.encode.example_inputs import input_name
from recog.lowering.encode.label_layers import label_layers
from recog.lowering.encode.legality import absorbed_activation
from recog.lowering.precision.coded_values import coded_values, format_groups, is_dense
from recog.lowering.precision.live_bytes import LiveBytes, code_bytes
from recog.lowering.precision.output_noise import FRAMES, Noise, output_noise
from recog.lowering.select.convert_lns_to_chip import TargetOptions

ENOUGH_DB = 45.0
"""No more values, or weights, are widened once their noise is so far below the outputs."""
WORTH = 0.01
"""Nor is what makes less than this share of the noise that is left."""


@dataclass(frozen=True, kw_only=True)
class FormatOptions(Options):
    """What wider codes may cost."""

    extra_traffic: float = 0.15
    """What wider activations may add to the bytes of all activations, as a share; 0 leaves all as
    they were calibrated."""
    extra_weights: float = 0.02
    """What wider weights may add to the bytes of all dense weights, as a share; 0 leaves them."""
    extra_bits: int = 4
    """Fraction bits that wider codes have more."""

    RANGES = {"extra_traffic": (0.0, 1.0), "extra_weights": (0.0, 1.0), "extra_bits": (1, 8)}


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
        inputs = load_examples(self.data, len(function.body.block.args), what=f"{self.name} data")
        target = self.chip_target(ChipTarget())
        chosen = choose_formats(
            op, inputs, self, self.weight_format, entry=self.entry, target=target
        )
        log_notes(chosen)


@dataclass(frozen=True)
class Candidate:
    """What may become wider: values that share a format, or one weight.

    Attributes:
        bytes: what that costs.
        noise: what it makes now, over the signal at the outputs.
    """

    values: tuple[SSAValue, ...]
    bytes: int
    noise: float


def choose_formats(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    options: FormatOptions,
    weights: LnsFormat,
    *,
    entry: str = "main",
    target: ChipTarget | None = None,
) -> list[Note]:
    """Write wider formats on the ops of a calibrated function; what was chosen, as notes.

    Args:
        inputs: example inputs, float (N, ...), a few of which are used.
        weights: the format of weights that are not wider.
        target: whose activation memory the values have to fit; by default the default chip.

    Raises:
        RecogError: values without a calibrated format, inputs that the network does not take.
    """
    if not options.extra_traffic and not options.extra_weights:
        return []
    function = find_function(module, entry)
    inputs = example_frames(inputs, function, FRAMES)
    chains = find_chains(module)
    formats = coded_values(function, chains)
    layers = _layers_by_weight(function)
    label_layers(function)
    errors = {weight: _rounding_error(weight, weights) for weight in layers}
    noise = output_noise(module, function, inputs, formats, errors)
    bits = options.extra_bits
    live = LiveBytes(function, formats, (target or ChipTarget()).size(ACTIVATION_MEMORY))
    values = _taken(
        _groups_to_widen(function, chains, formats, noise, bits),
        bits,
        options.extra_traffic * sum(code_bytes(v, f) for v, f in formats.items()),
        lambda group: live.widen(group, bits),
    )
    dense = [
        Candidate((weight,), prod(nn.shape_of(weight)), noise.weights.get(weight, 0.0))
        for weight in layers
    ]
    weights_taken = _taken(dense, bits, options.extra_weights * sum(c.bytes for c in dense))
    for value in (value for candidate in values for value in candidate.values):
        write_format(function, value, formats[value].finer(bits))
    for op in (op for candidate in weights_taken for op in layers[candidate.values[0]]):
        op.attributes[WEIGHT_FORMAT] = NumberType(weights.finer(bits))
    return [
        *_note("wider-values", "values", values, layers),
        *_note("wider-weights", "weights", weights_taken, layers),
    ]


def _taken(
    candidates: Sequence[Candidate],
    bits: int,
    budget: float,
    fits: Callable[[tuple[SSAValue, ...]], bool] = lambda _: True,
) -> list[Candidate]:
    """What saves most noise a byte, as far as the bytes go."""
    left = sum(each.noise for each in candidates)
    taken: list[Candidate] = []
    for each in sorted(candidates, key=lambda c: c.noise / max(1, c.bytes), reverse=True):
        if left <= 10 ** (-ENOUGH_DB / 10):
            break
        if each.noise < WORTH * left or each.bytes > budget or not fits(each.values):
            continue
        budget -= each.bytes
        left -= each.noise * (1 - 4.0**-bits)
        taken.append(each)
    return taken


def _groups_to_widen(
    function: func.FuncOp,
    chains: Mapping[Operation, Chain],
    formats: dict[SSAValue, LnsFormat],
    noise: Noise,
    bits: int,
) -> list[Candidate]:
    """The groups of values that share a format, but outputs and those that index a table.

    A table of a wide value would have as many entries as it has codes.
    """
    fixed = returned_values(function)
    fixed |= {chain.source for chain in chains.values() if chain.affine is None}
    found: list[Candidate] = []
    for group in format_groups(formats):
        if fixed.intersection(group) or any(formats[v].width > 8 for v in group):
            continue
        more = sum(code_bytes(v, formats[v].finer(bits)) for v in group)
        more -= sum(code_bytes(v, formats[v]) for v in group)
        found.append(Candidate(group, more, sum(noise.values.get(v, 0.0) for v in group)))
    return found


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


def _note(
    kind: str,
    what: str,
    taken: Sequence[Candidate],
    layers: dict[SSAValue, list[nn.LayerOp]],
) -> list[Note]:
    if not taken:
        return []
    places = tuple(
        f"{_name(each.values[0], layers)} "
        f"(+{each.bytes:,} bytes, noise at {10 * log10(each.noise):.1f} dB)"
        for each in sorted(taken, key=lambda c: c.noise, reverse=True)
    )
    text = f"{what} in wider codes, as their rounding makes most of the outputs' noise"
    return [Note(kind, text, "", places)]


def _name(value: SSAValue, layers: dict[SSAValue, list[nn.LayerOp]]) -> str:
    if isinstance(value, BlockArgument):
        return f"input @{input_name(value, value.index)}"
    op = layers[value][0] if value in layers else value.owner
    label = label_of(op) if isinstance(op, Operation) else None
    if label is None and isinstance(op, nn.LayerOp):
        # An activation that a layer does for free carries the layer's label.
        activation = absorbed_activation(op)
        label = None if activation is None else label_of(activation)
    return label or value.name_hint or "a value"
