"""What calibration did not see, and what the formats that it chose cannot hold, as notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from recog.backend.arithmetic.logarithms import Logarithms
from recog.dialects import nn
from recog.dialects.facts import is_parameter
from recog.dialects.number_format import LnsFormat
from recog.lowering.common.layer_names import label_of
from recog.lowering.common.notes import Note
from recog.lowering.encode.elementwise_fusion import find_chains
from recog.lowering.encode.example_inputs import input_name
from recog.lowering.encode.samples import Samples, covering_biases

ASSUMED = 16.0
"""Where nothing is known: what the codes of a value reach."""
LOST_DB = 3.0
"""A channel that loses more than this against a format of its own is worth a note."""
ENOUGH = 16
"""Values of a channel that say how far it reaches, at least: of two both may be small by chance."""
COLUMNS, CHANNEL_VALUES = 4096, 1 << 22
"""Values of a channel that are kept, at most, and those of all channels."""


def unseen_values(samples: Mapping[SSAValue, Samples]) -> list[Note]:
    """A note on the values that are zero in all examples: nothing says what they can be."""
    places = [
        value_name(value)
        for value, seen in samples.items()
        if seen.largest == 0 and isinstance(value.owner, nn.NnOp) and _depends_on_input(value)
    ]
    if not places:
        return []
    text = "zero in every calibration frame, so how far the codes have to reach is a guess"
    advice = "give frames that wake it, or remove it from the network"
    return [Note("never-seen", text, advice, tuple(dict.fromkeys(places)))]


def zero_divisors(
    module: ModuleOp, values: Mapping[SSAValue, tuple[LnsFormat, Samples]]
) -> list[Note]:
    """A note on the divisors of which some are so small beside others that they become zero."""
    chains = find_chains(module)
    places: list[str] = []
    for value, (format, samples) in values.items():
        divided = (use.operation for use in value.uses if use.index == 1)
        if not any(isinstance(op, nn.DivOp) and op not in chains for op in divided):
            continue
        seen = samples.values
        lost = (seen != 0) & (Logarithms(seen, format.frac).rounded(format) == 0)
        share = float(lost.mean())
        if share > 0:
            places.append(f"{value_name(value)} ({share:.2%} below {format.smallest[0]:.2g})")
    if not places:
        return []
    text = "divisors so much smaller than others that their codes are zero: no quotient is right"
    return [Note("zero-divisors", text, "a larger smallest divisor (epsilon)", tuple(places))]


def _depends_on_input(value: SSAValue) -> bool:
    owner = value.owner
    return isinstance(owner, nn.NnOp) and not all(map(is_parameter, owner.operands))


def assumed_largest(value: SSAValue, samples: Mapping[SSAValue, Samples]) -> float:
    """How far the codes reach of a value that is zero in all examples: as far as the nearest value
    before it that is not."""
    reached = [value]
    while reached:
        largest = max((samples[each].largest for each in reached if each in samples), default=0.0)
        if largest > 0:
            return largest
        owners = [each.owner for each in reached]
        reached = [v for op in owners if isinstance(op, Operation) for v in op.operands]
    return ASSUMED


@dataclass
class ChannelSamples:
    """Some of the values of each channel (axis 1) of an input or an output."""

    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray) -> None:
        """Take some of the values (N, C, ...); without axis 1 there is one channel."""
        rows = np.moveaxis(values, 1, 0) if values.ndim > 1 else values
        rows = rows.reshape(len(rows) if values.ndim > 1 else 1, -1)
        most = max(16, min(COLUMNS, CHANNEL_VALUES // len(rows)))
        step = -(-rows.shape[1] // most)
        self.parts.append(rows[:, ::step].astype(np.float64))

    @property
    def rows(self) -> np.ndarray:
        """(C, values)."""
        return np.concatenate(self.parts, axis=1)


def uneven_channels(values: Mapping[SSAValue, tuple[LnsFormat, ChannelSamples]]) -> list[Note]:
    """A note on the inputs and outputs some of whose channels have too few digits beside the
    others."""
    places: list[str] = []
    for value, (format, samples) in values.items():
        rows = samples.rows
        lost = lost_channels(format, rows) if rows.shape[1] >= ENOUGH else np.empty(0, np.int64)
        if len(lost):
            named = f"channel{'s' if len(lost) > 1 else ''} {_ranges(lost)}"
            places.append(f"{value_name(value)} ({named})")
    if not places:
        return []
    text = (
        f"lose more than {LOST_DB:g} dB against codes of their own, because other channels are "
        "so much larger"
    )
    advice = "bring the channels to one unit, or make them inputs and outputs of their own"
    return [Note("uneven-channels", text, advice, tuple(places))]


def lost_channels(format: LnsFormat, rows: np.ndarray) -> np.ndarray:
    """Which rows lose more than LOST_DB in a format against the best bias for them alone."""
    energy = (rows**2).sum(axis=1)
    logarithms = Logarithms(rows, format.frac)

    def errors(biases: np.ndarray) -> np.ndarray:
        candidate = format.with_bias(tuple(biases.tolist()), 0)
        return ((logarithms.rounded(candidate) - rows) ** 2).sum(axis=1)

    covering = covering_biases(format, rows)
    alone = np.minimum(errors(covering), errors(covering + 2**format.frac // 2))
    together = errors(np.full(len(rows), format.biases[0]))
    # Below this the codes are as good as any: no format of these bits loses less.
    floor = energy * 10 ** (-(6.02 * format.frac + 6) / 10)
    return np.flatnonzero(together > np.maximum(alone, floor) * 10 ** (LOST_DB / 10))


def _ranges(numbers: np.ndarray) -> str:
    """Numbers in ascending order, shortened: `0-3, 7 and 12 more`."""
    runs: list[list[int]] = []
    for number in numbers.tolist():
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs[:3]]
    more = sum(map(len, runs[3:]))
    return ", ".join(shown) + (f" and {more} more" if more else "")


def value_name(value: SSAValue) -> str:
    """What a value is called in a note: the input or the output that it is, or its layer."""
    if isinstance(value, BlockArgument):
        return f"input @{input_name(value, value.index)}"
    owner = value.owner
    returned = [use.index for use in value.uses if isinstance(use.operation, func.ReturnOp)]
    name = f"output {min(returned)}" if returned else ""
    if not isinstance(owner, Operation):
        return name
    activation = next((use.operation for use in value.uses), None)
    label = label_of(owner) or (label_of(activation) if activation is not None else None)
    layer = label or owner.name
    return f"{name} ({layer})" if returned else layer
