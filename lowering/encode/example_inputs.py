"""The example inputs as calibration uses them: what no data says is made up, what is wrong is cut.

An input that is zero in all examples becomes noise, so that all after it has a range. Single
values far beyond all others, such as the 65535 of an invalid pixel, are cut off where the others
end: codes that reach so far would leave the others no digits. Both are said in notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from recog.dialects import nn
from recog.dialects.number_format import LnsFormat
from recog.dialects.words import counted
from recog.lowering.common.notes import Note, merged_notes

RARE = 0.01
"""Values beyond all others are outliers where they are at most this share of those not zero."""
GAP = 3
"""Octaves without any value that lie between outliers and all others, at least."""
CHUNK = 1 << 18
"""Elements that are looked at at once."""
_OFFSET = 1100
"""Makes the exponents of all doubles positive."""


@dataclass(frozen=True)
class ExampleInput:
    """One input's examples (N, ...), and how they are changed.

    Attributes:
        limit: values are cut off at ± this.
        made_up: the seed of the standard normal noise that takes their place.
    """

    values: np.ndarray
    limit: float | None = None
    made_up: int | None = None

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Some of the frames, as calibration uses them."""
        part = self.values[start:stop]
        if self.made_up is not None:
            random = np.random.default_rng([self.made_up, start])
            return random.standard_normal(part.shape, np.float32)
        return self._cut_off(part)

    def without_outliers(self) -> np.ndarray:
        """All frames, as they are but for values beyond the limit."""
        return self._cut_off(self.values)

    def _cut_off(self, part: np.ndarray) -> np.ndarray:
        return part if self.limit is None else np.clip(part, -self.limit, self.limit)


def example_inputs(
    inputs: Sequence[np.ndarray], arguments: Sequence[SSAValue], format: LnsFormat
) -> tuple[list[ExampleInput], list[Note]]:
    """The inputs (N, ...) of a function for its calibration, and what there is to say of them.

    Args:
        format: of activations, which says how many octaves codes span.
    """
    found: list[ExampleInput] = []
    notes: list[Note] = []
    for index, x in enumerate(map(np.asarray, inputs)):
        if index >= len(arguments) or not _holds_numbers(x, arguments[index]):
            found.append(ExampleInput(x))  # indices; or the interpreter refuses it
            continue
        name = f"input @{input_name(arguments[index], index)}"
        example, more = _examined(x, name, index, format)
        found.append(example)
        notes += more
    return found, merged_notes(notes)


def _holds_numbers(x: np.ndarray, argument: SSAValue) -> bool:
    return (
        nn.is_float(nn.element_type_of(argument))
        and x.dtype.kind in "fiub"
        and all(bool(np.isfinite(part).all()) for part in _chunks(x))
    )


def input_name(argument: SSAValue, index: int) -> str:
    """What an input is called: as in the program."""
    return argument.name_hint or f"input{index}"


def _examined(
    x: np.ndarray, name: str, index: int, format: LnsFormat
) -> tuple[ExampleInput, list[Note]]:
    octaves, lowest = _octaves(x)
    count = int(octaves.sum())
    if not count:
        note = Note(
            "zero-input",
            "zero in all calibration frames, so all formats are those of standard normal "
            "noise in its place",
            "give frames of real data",
            (name,),
        )
        return ExampleInput(x, made_up=index), [note]
    notes = _unvaried(x, name)
    limit = None
    cut = _first_outlier(octaves, format)
    if cut is not None:
        limit = _largest_below(x, cut)
        beyond = int(octaves[cut + 1 + _OFFSET :].sum())
        largest = max(float(part.max()) for part in (np.abs(p) for p in _chunks(x)))
        place = f"{name} ({beyond:,} of {counted(x.size, 'value')}, up to {largest:.4g})"
        text = (
            "a few values lie far beyond all others, and codes end where those do: larger inputs "
            "saturate"
        )
        notes.append(Note("outliers", text, "give invalid values as 0", (place,)))
    if lowest >= 0:
        notes.append(
            Note(
                "never-negative-input",
                "never negative in the calibration frames, so its codes have no sign and negative "
                "values become 0",
                "if there can be any, calibrate with some",
                (name,),
            )
        )
    return ExampleInput(x, limit), notes


def _unvaried(x: np.ndarray, name: str) -> list[Note]:
    """A note on examples that are all the same, or each of one value."""
    if len(x) > 1 and all(np.array_equal(frame, x[0]) for frame in x[1:]):
        text = (
            f"the same in all {len(x):,} calibration frames, so most of what other frames give is "
            "a guess"
        )
    elif x[0].size > 1 and all(frame.min() == frame.max() for frame in x):
        text = (
            f"of one value all over in each calibration frame ({len(x):,}), so weights are chosen "
            "for such alone"
        )
    else:
        return []
    advice = "give frames as the network will see them"
    return [Note("constant-input", text, advice, (name,))]


def _chunks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Some elements at a time, (n,)."""
    step = max(1, CHUNK // max(1, x[0].size if x.ndim else 1))
    for start in range(0, len(x), step):
        flat = x[start : start + step].reshape(-1)
        yield from (flat[first : first + CHUNK] for first in range(0, flat.size, CHUNK))


def _octaves(x: np.ndarray) -> tuple[np.ndarray, float]:
    """How many values other than 0 lie below 2^(i - _OFFSET) and not below half of it, and the
    lowest value."""
    counts, lowest = np.zeros(2 * _OFFSET, np.int64), np.inf
    for part in _chunks(x):
        values = part if part.dtype.kind == "f" else part.astype(np.float64)
        exponents = np.frexp(values)[1]
        counts += np.bincount(exponents + _OFFSET, minlength=2 * _OFFSET)
        counts[_OFFSET] -= part.size - np.count_nonzero(part)  # 0 has the exponent of 0.5
        lowest = min(lowest, float(part.min()))
    return counts, lowest


def _first_outlier(octaves: np.ndarray, format: LnsFormat) -> int | None:
    """The exponent up to which values are no outliers; None where there are none.

    Outliers are few, and so far from all others that codes which reach them would have none for
    the typical one of the others.
    """
    held = np.flatnonzero(octaves)
    if len(held) < 2:
        return None
    total = octaves.sum()
    span = format.max_magnitude / 2**format.frac
    for below, above in reversed(list(zip(held, held[1:]))):
        if octaves[above:].sum() > RARE * total:
            return None
        rest = np.cumsum(octaves[: below + 1])
        typical = int(np.searchsorted(rest, rest[-1] / 2))
        if above - below > GAP and held[-1] - typical > span:
            return int(below) - _OFFSET
    return None


def _largest_below(x: np.ndarray, exponent: int) -> float:
    """The largest magnitude below 2^exponent."""
    limit = 2.0**exponent
    parts = (np.abs(part.astype(np.float64)) for part in _chunks(x))
    return max(float(part[part < limit].max(initial=0.0)) for part in parts)
